"""The files the rules look at are all of them, and names are seen through their aliases."""

from __future__ import annotations

import ast

import pytest

from tests.tidy.source import CHECKOUT, SourceFile, found_on_disk, listed_by_git, project_files


def test_an_unpacked_archive_is_searched_as_fully_as_a_clone() -> None:
    listed = {name for name in listed_by_git() if (CHECKOUT / name).is_file()}
    seen = {name for name in listed if name.endswith(".py")}
    assert seen <= set(found_on_disk())


def test_environments_and_caches_are_not_searched() -> None:
    searched = [file.path for file in project_files()] + found_on_disk()
    assert not [path for path in searched if path.startswith(".venv") or "__pycache__" in path]


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("import time as t\nt.time", "time.time"),
        ("from datetime import datetime as d\nd.now", "datetime.datetime.now"),
        ("import os.path\nos.path.join", "os.path.join"),
        ("import a.b as c\nc.d.e", "a.b.d.e"),
        ("self.clock.now", "self.clock.now"),
    ],
)
def test_name_is_seen_through_its_alias(text: str, full: str) -> None:
    source = SourceFile("src/regimeflow/core/planted.py", text)
    (statement,) = (node for node in source.tree.body if isinstance(node, ast.Expr))
    assert source.names.qualify(statement.value) == full
