"""Planted bugs about time: clocks that go back or are never compared, pauses not noticed."""

from __future__ import annotations

from typing import Any

import pytest

from regimeflow.core import holds
from regimeflow.core.on_time import TimeHandler
from regimeflow.core.risk.clock import ClockGuard
from regimeflow.live.clock import EngineClock
from regimeflow.live.clock_watch import ClockWatch
from regimeflow.model.events import ClockMeasured
from tests.faults.mutant import Mutant, nothing, replaced


def _never_compare(patch: pytest.MonkeyPatch) -> None:
    on_measured = ClockGuard.on_measured

    def blind(self: ClockGuard, ts_ns: int, measured: ClockMeasured) -> Any:
        return on_measured(self, ts_ns, ClockMeasured(measured.link, ts_ns, 0))

    patch.setattr(ClockGuard, "on_measured", blind)


def _tell_the_pause_afterwards(self: ClockWatch, event: Any) -> None:
    self._deliver(event)
    self.look()


def _follow_any_wall(self: ClockWatch, wall_ns: Any) -> None:
    self._adjust(self._wall_ahead(wall_ns)[0], "wall")


TIME = "test_time.py"

CLOCK_MUTANTS: dict[str, Mutant] = {
    "BACKWARDS": Mutant(
        "lets the clock go backwards",
        replaced(EngineClock, "now_ns", EngineClock.aim_ns),
        (f"{TIME}::test_f46_engine_clock",),
    ),
    "OFFSET": Mutant(
        "never compares its clock", _never_compare, (f"{TIME}::test_f46_clock_beyond",)
    ),
    "TRUSTING": Mutant(
        "follows a wall that the broker contradicts",
        replaced(ClockWatch, "_follow_wall", _follow_any_wall),
        (f"{TIME}::test_f46_wall_that_steps_by_an_hour",),
    ),
    "PAUSE": Mutant(
        "trades on after a pause",
        replaced(TimeHandler, "on_stalled", nothing),
        (f"{TIME}::test_f74_engine_that_stood_still",),
    ),
    "WOKEN": Mutant(
        "tells a pause after what woke it",
        replaced(ClockWatch, "deliver", _tell_the_pause_afterwards),
        (f"{TIME}::test_f74_pause_is_journaled",),
    ),
    "BUFFERED": Mutant(
        "takes an answer from before a pause for proof",
        replaced(holds, "_number_of", lambda request_id: 10**9),
        (f"{TIME}::test_f74_engine_that_stood_still",),
    ),
}
