"""What reaches a terminal is safe, whoever wrote it."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.cli.terminal import LINE_LENGTH_MAX, safe, write_error, write_line


@given(st.text())
def test_safe_text_is_printable_but_for_its_line_ends(text: str) -> None:
    assert safe(text).replace("\n", "").isprintable()
    assert safe(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\r", "\x07", "\u202e", "\x9b31m", "\u2028"])
def test_a_control_character_is_replaced_by_a_visible_one(hostile: str) -> None:
    assert safe(f"a{hostile}b").startswith("a\N{REPLACEMENT CHARACTER}")


def test_text_in_any_language_is_kept() -> None:
    assert safe("Ertrag: 3 € für 東京") == "Ertrag: 3 € für 東京"


def test_a_line_of_any_length_is_cut() -> None:
    out = io.StringIO()
    write_line("x" * 10 * LINE_LENGTH_MAX, stream=out)
    assert len(out.getvalue()) == LINE_LENGTH_MAX + 1


def test_every_line_of_an_error_after_the_first_is_indented(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_error("first\nsecond")
    captured = capsys.readouterr()
    assert captured.err == "error: first\n       second\n"
    assert captured.out == ""
