"""Sizes and names are kept, and each limit can fail."""

from __future__ import annotations

import pytest

from tests.tidy.shape import (
    check_file_name,
    check_sizes,
    check_test_names,
    check_tests_can_fail,
)
from tests.tidy.source import assert_clean, planted, project_files, python_files


def test_files_functions_and_lines_keep_their_limits() -> None:
    assert_clean(check_sizes, python_files())


def test_no_file_is_named_for_nothing() -> None:
    assert_clean(check_file_name, project_files())


def test_every_test_is_in_a_suite_and_states_a_behaviour() -> None:
    assert_clean(check_test_names, python_files("tests/"))


def test_every_test_checks_something() -> None:
    assert_clean(check_tests_can_fail, python_files("tests/"))


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("x = 1\n" * 301, "301 lines"),
        (f"x = '{'a' * 100}'", "106 characters"),
        ("def long():\n" + "    x = 1\n" * 60, "long has 61 lines"),
        ("class A:\n  async def far(self):\n" + "    x = 1\n" * 60, "far has 61 lines"),
    ],
)
def test_planted_size_beyond_a_limit_is_found(text: str, seen: str) -> None:
    (message,) = planted(check_sizes, text)
    assert seen in message


def test_size_at_the_limit_is_accepted() -> None:
    text = "def full():\n" + "    x = 1\n" * 59 + "y = 1\n" * 240
    assert planted(check_sizes, text) == []


@pytest.mark.parametrize(
    "path",
    ["src/regimeflow/utils.py", "src/regimeflow/common/a.py", "tests/unit/order_helpers.py"],
)
def test_planted_vague_file_name_is_found(path: str) -> None:
    assert len(planted(check_file_name, "", path=path)) == 1


def test_file_name_that_holds_a_vague_word_inside_another_is_accepted() -> None:
    assert planted(check_file_name, "", path="docs/commonwealth.md") == []


@pytest.mark.parametrize(
    ("path", "text", "advice"),
    [
        ("tests/test_x.py", "", "not in a suite"),
        ("tests/integration/test_x.py", "", "not in a suite"),
        ("tests/unit/test_X.py", "", "lower case"),
        ("tests/unit/test_x.py", "def test_order(): pass", "states no behaviour"),
        ("tests/unit/test_x.py", "class TestA:\n def test_B_is_counted(self): 1", "no behaviour"),
        ("tests/unit/x.py", "def test_a_fill_is_counted(): pass", "never collected"),
    ],
)
def test_planted_bad_test_name_is_found(path: str, text: str, advice: str) -> None:
    (message,) = planted(check_test_names, text, path=path)
    assert advice in message


def test_planted_test_that_checks_nothing_is_found() -> None:
    text = "def test_a_fill_is_counted():\n    book.fill(1)\n"
    assert len(planted(check_tests_can_fail, text, path="tests/unit/test_x.py")) == 1


@pytest.mark.parametrize(
    "line",
    ["assert x", "check_books(x)", "with pytest.raises(ValueError): f()", "pytest.fail('no')"],
)
def test_test_with_a_check_is_accepted(line: str) -> None:
    text = f"def test_a_fill_is_counted():\n    {line}\n"
    assert planted(check_tests_can_fail, text, path="tests/unit/test_x.py") == []
