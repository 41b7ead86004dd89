"""A run that is interrupted, however often and wherever, ends as if it had not been."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from regimeflow.model.events import TimerFired
from tests.simulation.everything import FEEDS, everything
from tests.simulation.made_data import DAYS, write_minutes
from tests.simulation.playback import (
    Crash,
    RunConfiguration,
    assert_same,
    configuration,
    facts_of,
    last_mark,
    play_live,
    play_until,
    trail,
)

INTERRUPTIONS = 8
"""In a run: 32 in the quick suite, over all feeds."""


def play_with_interruptions(raw: RunConfiguration, log_dir: Path, *, orderly: bool) -> int:
    """Interrupt the run at random facts until it ends; returns how often it was interrupted."""
    rng, interruptions = random.Random(7), 0
    while interruptions < INTERRUPTIONS:
        # Facts of the boot do not count, so a small number hits the moments after a start too.
        facts = rng.choice((rng.randint(1, 12), rng.randint(1, 400)))
        try:
            if play_until(raw, log_dir, facts, orderly=orderly).reason == "end of data":
                return interruptions
        except Crash:
            pass
        interruptions += 1
    assert play_live(raw, log_dir).reason == "end of data"
    return interruptions


@pytest.mark.parametrize(
    ("feed", "orderly"),
    [
        *((feed, False) for feed in FEEDS),
        ("minutes", True),
        pytest.param("daily", True, marks=pytest.mark.slow),
        pytest.param("quotes", True, marks=pytest.mark.slow),
    ],
)
def test_interrupted_run_ends_as_if_it_had_not_been(
    feed: str, orderly: bool, tmp_path: Path
) -> None:
    raw = everything(feed, tmp_path / "data")
    play_live(raw, tmp_path / "whole")
    count = play_with_interruptions(raw, tmp_path / "broken", orderly=orderly)
    assert count == INTERRUPTIONS
    assert_same(trail(tmp_path / "broken"), trail(tmp_path / "whole"))
    assert last_mark(tmp_path / "broken") == last_mark(tmp_path / "whole")


@pytest.mark.parametrize("orderly", [False, True], ids=["crash", "stop"])
def test_what_a_strategy_asks_for_at_a_restart_can_be_resumed(
    orderly: bool, tmp_path: Path
) -> None:
    """Its timer is due before the next data, which the schedule must not have given yet."""
    raw = configuration(
        "tests.simulation.small_strategies:TimerAtStart",
        symbols=["AAA", "BBB"],
        data=write_minutes(tmp_path, step_minutes=15),
        days=DAYS,
    )
    count = play_with_interruptions(raw, tmp_path / "broken", orderly=orderly)
    assert count > INTERRUPTIONS // 2
    events = [record.body for record in facts_of(tmp_path / "broken")]
    fired = [e for e in events if isinstance(e, TimerFired) and e.timer_id == "soon"]
    assert len(fired) > count
