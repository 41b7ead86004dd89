"""No text names a registry, a machine's path or unfinished work, and the rule can fail."""

from __future__ import annotations

import pytest

from tests.tidy.source import assert_clean, planted, project_files
from tests.tidy.wording import check_wording


def test_no_text_names_registries_machines_or_unfinished_work() -> None:
    assert_clean(check_wording, project_files())


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("see https://py" + "pi.org/project/x", "registry"),
        ("--index" + "-url https://example.com", "registry"),
        ("data lies in /wo" + "rk/shared", "relative to the checkout"),
        ("open('/ro" + "ot/x')", "relative to the checkout"),
        ("# TO" + "DO: later", "finish it"),
        ("FIX" + "ME", "finish it"),
    ],
)
def test_planted_wording_is_found_in_any_text(text: str, advice: str) -> None:
    (message,) = planted(check_wording, text, path="docs/page.md")
    assert advice in message


@pytest.mark.parametrize("text", ["the framework/" + "work/shared", "AUTODOC", "todos"])
def test_wording_that_only_looks_unwanted_is_accepted(text: str) -> None:
    assert planted(check_wording, text, path="docs/page.md") == []
