"""The error tree: whose fault, which exit code, and a docstring that draws it truthfully."""

from __future__ import annotations

import inspect
import re

import pytest

from regimeflow import errors


def deliberate_errors() -> list[type[errors.RegimeFlowError]]:
    classes = [value for _, value in inspect.getmembers(errors, inspect.isclass)]
    return [value for value in classes if issubclass(value, errors.RegimeFlowError)]


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (errors.ConfigError, 2),
        (errors.DataError, 2),
        (errors.StartRefused, 1),
        (errors.JournalError, 4),
        (errors.JournalCorrupt, 4),
        (errors.UsageError, 70),
        (errors.VenueProtocolError, 70),
        (errors.InvariantViolated, 70),
    ],
)
def test_each_error_has_the_exit_code_users_script_against(
    error: type[errors.RegimeFlowError], exit_code: int
) -> None:
    assert error("why").exit_code == exit_code


def test_exit_codes_are_distinct_and_keep_their_numbers() -> None:
    codes = {name: value for name, value in vars(errors).items() if name.startswith("EXIT_")}
    assert codes == {
        "EXIT_OK": 0,
        "EXIT_REFUSED": 1,
        "EXIT_CONFIG": 2,
        "EXIT_HALTED": 3,
        "EXIT_DISK": 4,
        "EXIT_NOTHING_SHOWN": 5,
        "EXIT_BUG": 70,
        "EXIT_SECOND_SIGNAL": 130,
    }


def test_drawn_tree_names_every_class_under_its_parent_with_its_exit_code() -> None:
    drawing = errors.__doc__ or ""
    row = re.compile(r"^ {4}((?:│   |    )*)(?:├── |└── )(\w+) .*exit (\d+)$", re.MULTILINE)
    drawn: dict[str, tuple[str, int]] = {}
    parents = ["RegimeFlowError"]
    for indent, name, code in row.findall(drawing):
        depth = len(indent) // 4
        parents[depth + 1 :] = [name]
        drawn[name] = (parents[depth], int(code))
    real = {
        error.__name__: (error.__mro__[1].__name__, error.exit_code)
        for error in deliberate_errors()
        if error is not errors.RegimeFlowError
    }
    assert drawn == real


def test_every_error_says_whose_fault_it_is() -> None:
    assert all(error.__doc__ for error in deliberate_errors())


def test_users_can_catch_everything_deliberate_with_one_class() -> None:
    for error in deliberate_errors():
        with pytest.raises(errors.RegimeFlowError, match="limit 5000 USD"):
            raise error("limit 5000 USD, order 6200 USD")


def test_deliberate_errors_are_not_caught_as_python_mistakes() -> None:
    mistakes = (ValueError, TypeError, KeyError, OSError, AssertionError)
    assert not [error for error in deliberate_errors() if issubclass(error, mistakes)]
