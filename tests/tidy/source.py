"""The files the tidy rules look at, and how a rule reports what it found.

A rule is a function from a `SourceFile` to findings, so that each can be shown a planted mistake.
Paths are relative to the checkout and use forward slashes on every system.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
PYTHON_ROOTS = ("src/", "tests/", "benchmarks/", "tools/", "docs/", "examples/")
IGNORED_DIRECTORIES = {"__pycache__", "out", "logs", "build", "dist"}


@dataclass(frozen=True)
class Finding:
    """One broken rule: where, and what to do instead."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class SourceFile:
    """One text file of the project, parsed at most once."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.path)

    @cached_property
    def names(self) -> Names:
        return Names(self.tree)

    @property
    def package(self) -> str:
        """The part of RegimeFlow this file belongs to (`core`, `errors`), or "" outside it."""
        prefix = "src/regimeflow/"
        if not self.path.startswith(prefix):
            return ""
        return self.path.removeprefix(prefix).split("/")[0].removesuffix(".py")

    def finding(self, node: ast.AST, message: str) -> Finding:
        return Finding(self.path, getattr(node, "lineno", 1), message)


Rule = Callable[[SourceFile], Iterable[Finding]]


class Names:
    """What each imported name in a module stands for, as a full dotted path."""

    def __init__(self, tree: ast.Module) -> None:
        self._full: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    top = alias.name.split(".")[0]
                    self._full[alias.asname or top] = alias.name if alias.asname else top
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                for alias in node.names:
                    self._full[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def qualify(self, node: ast.expr) -> str:
        """The dotted path an expression names; a name nobody imported keeps its own spelling."""
        if isinstance(node, ast.Name):
            return self._full.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.qualify(node.value)}.{node.attr}"
        return "?"


def imported_modules(source: SourceFile) -> Iterator[tuple[ast.stmt, str]]:
    """Every module a file imports anywhere in it, also inside functions and type checking blocks.

    `from regimeflow import errors` counts as `regimeflow.errors`, not as the whole package.
    """
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            if module == "regimeflow":
                for alias in node.names:
                    yield node, f"regimeflow.{alias.name}"
            else:
                yield node, module


@lru_cache(maxsize=1)
def project_files() -> tuple[SourceFile, ...]:
    """Every text file git tracks or would track; binary, vendored and price files are left out."""
    files = []
    for name in sorted(listed_by_git() or found_on_disk()):
        path = CHECKOUT / name
        if "/vendor/" in name or name.endswith(".csv") or not path.is_file():
            continue
        try:
            files.append(SourceFile(name, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(files)


def python_files(*roots: str) -> list[SourceFile]:
    """The project's Python files below the given roots (all roots when none is given)."""
    chosen = roots or PYTHON_ROOTS
    return [f for f in project_files() if f.path.endswith(".py") and f.path.startswith(chosen)]


def assert_clean(check: Rule, files: Sequence[SourceFile]) -> None:
    """Fail with every finding of a rule over files, one clickable line each."""
    assert files, "no file to look at: the rule would pass for nothing"
    found = [str(finding) for file in files for finding in check(file)]
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def planted(
    check: Rule,
    text: str,
    *,
    path: str = "src/regimeflow/core/planted.py",
) -> list[str]:
    """The messages a rule gives for a text that no file of the project holds."""
    return [finding.message for finding in check(SourceFile(path, text))]


def listed_by_git() -> list[str]:
    """What git tracks and what it would track; nothing where git cannot tell."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=CHECKOUT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return [name for name in listing.stdout.decode("utf-8").split("\0") if name]


def found_on_disk() -> list[str]:
    """The same files where git or its directory is missing, as in an unpacked archive."""
    names = []
    for path in CHECKOUT.rglob("*"):
        parts = path.relative_to(CHECKOUT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        if path.is_file() and not hidden and not IGNORED_DIRECTORIES.intersection(parts):
            names.append("/".join(parts))
    return names
