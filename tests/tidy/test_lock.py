"""The lock files hold what the project asks for, and the rule can fail."""

from __future__ import annotations

import pytest

from tests.tidy.lock import lock_problems
from tests.tidy.source import CHECKOUT

PYPROJECT = """
[project]
dependencies = ["PyYAML>=6", "types_x[all]; os_name == 'nt'"]
optional-dependencies = { dev = ["pytest>=8"] }
"""
HASH = "    --hash=sha256:" + "0" * 64 + "\n"
RUNTIME = f"pyyaml==6.0 \\\n{HASH}types-x==1.0 ; os_name == 'nt' \\\n{HASH}"


@pytest.mark.parametrize(
    ("file_name", "extra"),
    [
        ("requirements.txt", ""),
        ("requirements-dev.txt", "dev"),
        ("requirements-calendars.txt", "calendars"),
    ],
)
def test_everything_the_project_asks_for_is_locked_with_hashes(file_name: str, extra: str) -> None:
    pyproject = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    lock = (CHECKOUT / file_name).read_text(encoding="utf-8")
    assert list(lock_problems(pyproject, lock, extra=extra)) == []


def test_the_two_locks_a_user_may_install_agree_on_every_version() -> None:
    pins = []
    for name in ("requirements.txt", "requirements-dev.txt"):
        lines = (CHECKOUT / name).read_text(encoding="utf-8").splitlines()
        pins.append({line for line in lines if "==" in line and not line.startswith(" ")})
    runtime, development = pins
    assert runtime <= development


def test_lock_that_holds_everything_is_accepted() -> None:
    assert list(lock_problems(PYPROJECT, RUNTIME)) == []


def test_planted_dependency_that_is_not_locked_is_found() -> None:
    (problem,) = lock_problems(PYPROJECT, RUNTIME, extra="dev")
    assert "pytest is asked for and not locked" in problem


def test_planted_pin_without_a_hash_is_found() -> None:
    (problem,) = lock_problems(PYPROJECT, RUNTIME + "attrs==26.1.0\n")
    assert "attrs is locked without a hash" in problem
