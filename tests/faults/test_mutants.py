"""The mutants are real: every one names tests that exist, and planting it changes the code."""

from __future__ import annotations

from typing import cast

import pytest

from tests.faults.mutants import MUTANTS
from tests.faults.run_mutants import Verdict, judged, named_by, verdict_of


class Recorder:
    """A monkeypatch that remembers what was there before."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.before: list[tuple[object, str, object]] = []

    def setattr(self, target: object, field: str, value: object) -> None:
        """Patch, and remember."""
        self.before.append((target, field, getattr(target, field)))
        self.patch.setattr(target, field, value)


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutant_names_tests_that_exist(name: str) -> None:
    mutant = MUTANTS[name]
    assert mutant.bug
    assert mutant.killed_by
    for killer in mutant.killed_by:
        assert named_by(killer), killer


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_planting_a_mutant_changes_something_and_is_undone(name: str) -> None:
    recorder = Recorder()
    MUTANTS[name].plant(cast("pytest.MonkeyPatch", recorder))
    assert recorder.before
    assert all(getattr(t, field) is not before for t, field, before in recorder.before)
    recorder.patch.undo()
    assert all(getattr(t, field) is before for t, field, before in recorder.before)


def test_the_nine_classic_ways_to_lose_or_double_an_order_are_planted() -> None:
    assert {f"M{number}" for number in range(1, 10)} <= MUTANTS.keys()


def test_mutant_that_hangs_its_tests_is_killed_by_their_time_limit() -> None:
    killer = MUTANTS["M1"].killed_by[0]
    assert verdict_of("M1", killer, timeout_s=0.01) is Verdict.HUNG
    is_dead, line = judged("M1", {killer: Verdict.HUNG})
    assert is_dead
    assert f"killed by timeout, 180 s, in {killer}" in line


def test_every_killer_that_is_named_has_to_kill() -> None:
    is_dead, line = judged("M1", {"one": Verdict.KILLED, "other": Verdict.SURVIVED})
    assert not is_dead
    assert "SURVIVED" in line
    assert "not noticed by other" in line
