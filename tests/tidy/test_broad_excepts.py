"""Broad handlers stay in their three places, and the rule can fail."""

from __future__ import annotations

import pytest

from tests.tidy.broad_excepts import ALLOWED, check_broad_excepts
from tests.tidy.source import assert_clean, planted, python_files


def test_broad_excepts_exist_only_in_their_named_places() -> None:
    assert_clean(check_broad_excepts, python_files())


@pytest.mark.parametrize(
    "handler",
    [
        "except: pass",
        "except Exception: pass",
        "except BaseException as error: raise",
        "except (ValueError, Exception): pass",
        "except* Exception: pass",
    ],
)
def test_planted_broad_handler_is_found(handler: str) -> None:
    assert len(planted(check_broad_excepts, f"try: f()\n{handler}")) == 1


def test_planted_suppression_of_everything_is_found() -> None:
    text = "from contextlib import suppress\nwith suppress(Exception): f()"
    assert len(planted(check_broad_excepts, text)) == 1


def test_named_place_may_hold_its_broad_handlers_and_no_more() -> None:
    once = "try: f()\nexcept Exception: report()\n"
    for path, count in ALLOWED.items():
        assert planted(check_broad_excepts, once * count, path=path) == []
        assert len(planted(check_broad_excepts, once * (count + 1), path=path)) == 1


def test_handler_of_named_errors_is_accepted() -> None:
    text = "try: f()\nexcept (OSError, ValueError): pass"
    assert planted(check_broad_excepts, text) == []
