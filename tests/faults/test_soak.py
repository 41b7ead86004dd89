"""F78: days and a month of trading through trouble leave nothing behind in the engine's process.

`make soak DAYS=30` runs the long one and writes what it measured to `docs/soak.md`.
"""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean

import pytest

from regimeflow.testing.venues.faults import parse_fault
from tests.simulation.soak import FAULTS, Soak, soak
from tests.simulation.soak_page import DAYS_WRITTEN_FROM, write_page
from tests.simulation.soak_samples import BUFFERS, PER_SESSION, VENUE_BOOKS, Sample, grown

DAYS = int(os.environ.get("REGIMEFLOW_SOAK_DAYS", "30"))
PENDING_TIMERS_MAX = 4
"""Questions about orders in doubt that may still be due in a quiet moment."""
MONTH = {"noise": 4.0, "size_tolerance": 1.05}
"""A collection that gains one entry in five days is found in a month."""
TWO_DAYS = {"noise": 15.0, "size_tolerance": 1.25}
"""One that gains an entry with every other order is found in two days."""
TRACED_GROWTH_MAX_BYTES = 250_000


def assert_nothing_is_left_behind(run: Soak, *, noise: float, size_tolerance: float) -> None:
    """Flat where it has to be flat, within its bound where it may grow, and right at the end."""
    assert [f"{f.invariant}: {f.problems}" for f in run.findings if not f.holds] == []
    assert (run.chain_problem, run.audit_problem) == ("", "")
    settled = run.settled
    for held in ("tasks", "descriptors", "connections"):
        assert len(set(_each(settled, held))) == 1, f"{held}: {_each(settled, held)}"
    timers = _each(settled, "timers")
    assert max(timers) <= min(timers) + PENDING_TIMERS_MAX
    assert _each(settled, lambda sample: sample.entries["Inbox._queue"]) == [0] * len(settled)
    _assert_bounded(run, noise)
    sizes, half = _each(settled, "size_bytes"), len(settled) // 2
    assert fmean(sizes[half:]) <= fmean(sizes[:half]) * size_tolerance


def _assert_bounded(run: Soak, noise: float) -> None:
    settled = run.settled
    declared = (*PER_SESSION, *BUFFERS)
    assert grown([s.entries for s in settled], noise=noise, declared=declared) == []
    for sample in settled:
        for name, bound in BUFFERS.items():
            assert sample.entries[name] <= bound
        for name in PER_SESSION:
            assert sample.entries[name] <= len(run.rolled) + 1


def assert_it_was_a_soak(run: Soak) -> None:
    """It traded between any two samples, through trouble, and its journal began new files."""
    samples = run.samples
    assert all(after.orders > before.orders for before, after in _pairs(samples))
    assert all(after.fills > before.fills for before, after in _pairs(samples))
    assert samples[-1].segments >= samples[0].segments + len(run.rolled)
    assert len(run.rolled) == len(set(run.rolled)) == round(samples[-1].day)
    assert {"reset", "mute", "partition", "venue restart"} <= run.incidents.keys()
    assert run.branches["reconnected"] > len(samples)
    assert (run.starts, run.branches["resumed"], run.branches["trading reduced"]) == (2, 1, 0)


def test_f78_two_days_of_trouble_leave_nothing_behind() -> None:
    run = soak(days=2, samples=10, settle=4, bar_s=300, heartbeat_s=60.0)
    assert_nothing_is_left_behind(run, **TWO_DAYS)
    assert_it_was_a_soak(run)


@pytest.mark.slow
def test_f78_month_of_trouble_leaves_nothing_behind_and_is_written_down() -> None:
    tracemalloc.start()
    try:
        run = soak(days=DAYS, samples=DAYS, settle=4)
    finally:
        tracemalloc.stop()
    if DAYS >= DAYS_WRITTEN_FROM:
        write_page(run)
    assert_nothing_is_left_behind(run, **MONTH)
    assert_it_was_a_soak(run)
    first, last = run.settled[0].traced_bytes, run.settled[-1].traced_bytes
    assert first is not None
    assert last is not None
    assert last - first <= TRACED_GROWTH_MAX_BYTES
    venue = [sample.venue_entries for sample in run.settled]
    assert grown(venue, noise=MONTH["noise"], declared=VENUE_BOOKS) == []
    assert {parse_fault(fault).kind.value for fault in FAULTS} <= run.faults.keys()


def _each(samples: Sequence[Sample], what: str | Callable[[Sample], int]) -> list[int]:
    return [getattr(s, what) if isinstance(what, str) else what(s) for s in samples]


def _pairs(samples: Sequence[Sample]) -> list[tuple[Sample, Sample]]:
    return list(pairwise(samples))
