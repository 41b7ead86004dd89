"""Sizes and names: hitting a limit means that a concept lacks a name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

from tests.tidy.source import Finding, SourceFile

LINES_PER_FILE_MAX = 300
LINES_PER_FUNCTION_MAX = 60
CHARACTERS_PER_LINE_MAX = 100

VAGUE_NAMES = frozenset(
    {"common", "helper", "helpers", "misc", "miscellaneous", "stuff", "util", "utils"}
)
SUITES = ("unit", "property", "conformance", "faults", "simulation", "e2e", "tidy")
TEST_FILE = re.compile(r"test_[a-z0-9]+(_[a-z0-9]+)*\.py")
TEST_FUNCTION = re.compile(r"test(_[a-z0-9]+){3,}")
CHECKING_CALLS = ("assert", "check", "expect", "verify", "run_state_machine")
CHECKING_METHODS = frozenset({"raises", "warns", "fail"})


def check_sizes(source: SourceFile) -> Iterator[Finding]:
    """Files, functions and lines beyond their limit; a function counts with its docstring."""
    lines = source.text.splitlines()
    if len(lines) > LINES_PER_FILE_MAX:
        message = f"{len(lines)} lines, at most {LINES_PER_FILE_MAX}; split by subject"
        yield Finding(source.path, len(lines), message)
    for number, line in enumerate(lines, start=1):
        if len(line) > CHARACTERS_PER_LINE_MAX:
            message = f"{len(line)} characters, at most {CHARACTERS_PER_LINE_MAX}"
            yield Finding(source.path, number, message)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            size = (node.end_lineno or node.lineno) - node.lineno + 1
            if size > LINES_PER_FUNCTION_MAX:
                message = f"{node.name} has {size} lines, at most {LINES_PER_FUNCTION_MAX}"
                yield source.finding(node, message)


def check_file_name(source: SourceFile) -> Iterator[Finding]:
    """Files and directories named for nothing in particular."""
    for part in source.path.split("/"):
        words = part.split(".")[0].lower().split("_")
        vague = VAGUE_NAMES.intersection(words)
        if vague:
            message = f"'{part}' says nothing; name it for what it holds, in trading terms"
            yield Finding(source.path, 1, message)


def check_test_names(source: SourceFile) -> Iterator[Finding]:
    """Tests in no suite, and test names that do not state a behaviour."""
    if not source.path.startswith("tests/"):
        return
    parts = source.path.split("/")
    tests = [node for node in ast.walk(source.tree) if _is_test(node)]
    in_test_file = parts[-1].startswith("test_")
    if in_test_file and (len(parts) < 3 or parts[1] not in SUITES):
        yield Finding(source.path, 1, f"not in a suite; move it under tests/: {', '.join(SUITES)}")
    if in_test_file and not TEST_FILE.fullmatch(parts[-1]):
        yield Finding(source.path, 1, f"'{parts[-1]}' is not test_<subject>.py in lower case")
    for node in tests:
        if not in_test_file:
            yield source.finding(node, f"{node.name} is never collected; move it to a test_ file")
        elif not TEST_FUNCTION.fullmatch(node.name):
            yield source.finding(
                node, f"{node.name} states no behaviour; as in test_fill_after_cancel_is_counted"
            )


def check_tests_can_fail(source: SourceFile) -> Iterator[Finding]:
    """Tests that check nothing, so that nothing could ever make them fail."""
    if not source.path.startswith("tests/"):
        return
    for test in ast.walk(source.tree):
        if _is_test(test) and not any(_is_a_check(node) for node in ast.walk(test)):
            yield source.finding(test, f"{test.name} checks nothing; state what must hold")


def _is_test(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return isinstance(node, functions) and node.name.startswith("test_")


def _is_a_check(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute):
        return called.attr in CHECKING_METHODS or called.attr.startswith(CHECKING_CALLS)
    return isinstance(called, ast.Name) and called.id.lstrip("_").startswith(CHECKING_CALLS)
