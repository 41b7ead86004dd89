"""The documentation says what is so: generated pages are current, and what is named exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from docs.generate import DOCS, PAGES, command_names
from regimeflow.config import load_config

CHECKOUT = DOCS.parent
PACKAGE = CHECKOUT / "src" / "regimeflow"
WRITTEN = sorted(
    path.relative_to(CHECKOUT).as_posix()
    for path in (CHECKOUT / "README.md", *DOCS.rglob("*.md"))
    if path.name != "performance.md"
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]*)#([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE_NAME = re.compile(r"`((?:[a-z_]+/)*[a-z_]+\.py)(?::([A-Za-z_.]+))?`")
TEST_NAME = re.compile(r"(tests/[a-z0-9_/]+\.py)::([a-z0-9_]+)")
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^(regimeflow(?:_live)?)((?: [a-z-]+)*)", re.MULTILINE)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_generated_page_is_what_the_code_would_write_today(name: str) -> None:
    written = (DOCS / name).read_text(encoding="utf-8")
    assert written == PAGES[name](), f"docs/{name} is old: run make docs"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_link_to_a_heading_finds_it(page: str) -> None:
    path = CHECKOUT / page
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        linked = (path.parent / target).resolve() if target else path
        anchors = {_anchor(title) for title in HEADING.findall(linked.read_text(encoding="utf-8"))}
        assert anchor in anchors, f"{page} links to #{anchor}, {linked.name} has no such heading"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_file_and_function_named_on_a_page_exists(page: str) -> None:
    missing = []
    for file, name in CODE_NAME.findall((CHECKOUT / page).read_text(encoding="utf-8")):
        if "/" not in file:
            continue  # a file of the reader's own, such as my_strategy.py
        source = next((s for s in (PACKAGE / file, CHECKOUT / file) if s.is_file()), None)
        if source is None or (name and name not in _names_in(source)):
            missing.append(f"{file}:{name}")
    assert not missing, f"{page} names what does not exist: {missing}"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_test_named_on_a_page_exists(page: str) -> None:
    for file, name in TEST_NAME.findall((CHECKOUT / page).read_text(encoding="utf-8")):
        source = CHECKOUT / file
        assert source.is_file(), f"{page} names {file}"
        assert name in _names_in(source), f"{page} names {file}::{name}"


@pytest.mark.parametrize("page", WRITTEN)
def test_every_command_shown_on_a_page_is_one_that_exists(page: str) -> None:
    known = set(command_names())
    for language, block in FENCED.findall((CHECKOUT / page).read_text(encoding="utf-8")):
        if language:
            continue
        for program, words in COMMAND.findall(block):
            shown = f"{program}{words}".split()
            assert any(tuple(shown[: len(name)]) == name for name in known), (page, shown)


@pytest.mark.parametrize("page", WRITTEN)
def test_every_configuration_on_a_page_is_valid(page: str, tmp_path: Path) -> None:
    for language, block in FENCED.findall((CHECKOUT / page).read_text(encoding="utf-8")):
        if language == "yaml":
            path = tmp_path / "shown.yaml"
            path.write_text(block, encoding="utf-8")
            assert load_config(path, environ={}, cwd=tmp_path).symbols, page


def test_the_pages_name_enough_for_these_tests_to_mean_something() -> None:
    text = "".join((CHECKOUT / page).read_text(encoding="utf-8") for page in WRITTEN)
    assert len(CODE_NAME.findall(text)) > 80
    assert len(TEST_NAME.findall(text)) > 30
    assert len([1 for language, _ in FENCED.findall(text) if language == "yaml"]) > 1


@cache
def _names_in(source: Path) -> frozenset[str]:
    """Functions, classes, methods and constants of a file, as `name` or `Class.name`."""
    names: set[str] = set()
    for node in ast.parse(source.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            names |= {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    names.add(f"{node.name}.{inner.name}")
    return frozenset(names)


def _anchor(title: str) -> str:
    """The anchor that code hosts make of a heading."""
    plain = re.sub(r"[`*\[\]()]", "", title).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
