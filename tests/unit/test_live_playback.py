"""Wishes of an operator in a playback: each gets an instant of its own, in the order they came."""

from __future__ import annotations

from regimeflow.live.playback import WISHES_MAX, OperatorWishes
from regimeflow.model import events as e


class Taken:
    """A pump as far as wishes see it: the time of the data, and what it was given."""

    def __init__(self) -> None:
        self.ts_ns = 0
        self.events: list[tuple[int, e.Event]] = []

    def take(self, ts_ns: int, event: e.Event) -> None:
        self.events.append((ts_ns, event))

    def commit(self) -> None:
        pass


def test_resume_that_waits_behind_its_halt_comes_an_instant_later() -> None:
    wishes, pump, done = OperatorWishes(), Taken(), list[str]()
    halt, resume = e.Halt("stop"), e.Resume("go on")
    wishes.put(halt, lambda: done.append("halt"))
    wishes.put(resume, lambda: done.append("resume"))
    for pump.ts_ns in (10, 10, 11, 12):
        wishes.carry_out(pump)  # type: ignore[arg-type]
    assert pump.events == [(10, halt), (11, resume)]
    assert done == ["halt", "resume"]


def test_wishes_past_the_bound_are_not_taken() -> None:
    wishes = OperatorWishes()
    for _ in range(WISHES_MAX + 5):
        wishes.put(e.Halt("stop"), lambda: None)
    assert len(wishes.waiting) == WISHES_MAX
