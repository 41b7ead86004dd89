"""The engine behind a link killed at every step of a window in which it trades.

The window is placed by what happens in it: a run that is not killed tells at which steps orders
left, were acknowledged and filled. The default takes steps spread over the window, `slow` all.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from regimeflow.config import load_config
from regimeflow.journal.writer import JournalWriter
from regimeflow.model.commands import SubmitOrder
from regimeflow.model.events import OrderAccepted, OrderFilled
from regimeflow.testing import Death
from regimeflow.testing.incarnation import CURRENT
from regimeflow.testing.rehearsal.director import Verdict, rehearse
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.simulation.rehearsed import EVERY_CALL, told

SEED = 2
LASTS_S = 10
EACH_MIN = 10
"""So many orders, acknowledgements and fills lie in the window."""
WATCHED = (SubmitOrder, OrderAccepted, OrderFilled)
SEEDS = int(os.environ.get("REGIMEFLOW_SIM_SEEDS", "4"))
SAMPLES = 6


@cache
def happenings() -> list[tuple[int, str]]:
    """The step of every order, acknowledgement and fill, in a run that nobody kills."""
    found: list[tuple[int, str]] = []

    def noting(append: Callable[..., int]) -> Callable[..., int]:
        def noted(writer: JournalWriter, *arguments: Any) -> int:
            incarnation = CURRENT.get()
            if isinstance(arguments[-1], WATCHED) and incarnation is not None:
                found.append((incarnation.steps, type(arguments[-1]).__name__))
            return append(writer, *arguments)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        for name in ("append_event", "append_output"):
            patch.setattr(JournalWriter, name, noting(getattr(JournalWriter, name)))
        verdict = _run(0, Death.KILL)
    assert verdict.kills == 0
    return found


def window() -> tuple[int, int]:
    """From the first order to the step by which ten of each have happened."""
    seen: Counter[str] = Counter()
    found = happenings()
    first = next(step for step, name in found if name == SubmitOrder.__name__)
    for step, name in found:
        seen[name] += 1
        if all(seen[kind.__name__] >= EACH_MIN for kind in WATCHED):
            return first - 1, step + 2
    raise AssertionError(f"too little happens: {dict(seen)}")


def test_window_holds_orders_acknowledgements_and_fills() -> None:
    first, last = window()
    inside = Counter(name for step, name in happenings() if first <= step < last)
    assert all(inside[kind.__name__] >= EACH_MIN for kind in WATCHED), inside


@pytest.mark.parametrize("death", list(Death))
def test_engine_killed_where_orders_are_in_flight_loses_nothing(death: Death) -> None:
    first, last = window()
    busy = sorted({step for step, _ in happenings() if first <= step < last})
    for step in busy[:: max(len(busy) // SAMPLES, 1)]:
        # In the middle of what it set off: the write, the sync, the request that leaves.
        verdict = _run(step + 1, death)
        assert verdict.kills == 1, step
        assert verdict.is_ok, told(verdict)


@pytest.mark.slow
@pytest.mark.parametrize("death", list(Death))
def test_engine_killed_at_every_step_of_the_window_loses_nothing(death: Death) -> None:
    first, last = window()
    for step in range(first, last, 1 if SEEDS >= 100 else 10):
        verdict = _run(step, death)
        assert verdict.kills == 1, step
        assert verdict.is_ok, told(verdict)


def _run(kill_step: int, death: Death) -> Verdict:
    """A run whose engine dies before this step of its first life; 0: it does not."""
    story = f"{death.value} before step {kill_step}"
    scenario = Scenario(
        f"kill at {kill_step}", story, lasts_s=LASTS_S, first_kill=(kill_step, death)
    )
    return rehearse(load_config(EVERY_CALL, environ={}), scenario, SEED)
