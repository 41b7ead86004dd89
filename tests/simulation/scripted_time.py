"""Virtual time of a desk and what travels to it: timers and messages, in order of their time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from regimeflow.model import events as e
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import LinkedDesk


class ScriptedTime:
    """What is due comes about in `lapse`; a venue says what its messages do, and what to check."""

    def __init__(self, desk: LinkedDesk) -> None:
        self.desk = desk
        self._due: list[tuple[int, int, Callable[[], Any]]] = []
        self._count = 0

    def deliver(self, event: e.Event) -> None:
        """An event reaches the engine."""
        raise NotImplementedError

    def check(self) -> None:
        """What holds after every happening; nothing where a venue does not say."""

    def lapse(self, seconds: float) -> None:
        """What is due by then comes about, timers of the engine among it, in order of time."""
        desk, end_ns = self.desk, self.desk.now_ns + int(seconds * NS_PER_S)
        while True:
            timers = [
                (due_ns, timer)
                for (owner, timer), due_ns in desk.engine.ledger.timers.pending.items()
                if owner == "engine" and timer not in ("end_of_day", "session_end")
            ]
            timer_ns, timer = min(timers, default=(end_ns + 1, ""))
            due_ns = self._due[0][0] if self._due else end_ns + 1
            if min(timer_ns, due_ns) > end_ns:
                break
            desk.now_ns = max(desk.now_ns, min(timer_ns, due_ns))
            if timer_ns < due_ns:
                self.deliver(e.TimerFired(timer, "engine", timer_ns))  # type: ignore[arg-type]
            else:
                heapq.heappop(self._due)[2]()
            self.check()
        desk.now_ns = max(desk.now_ns, end_ns)

    def _after(self, seconds: float, act: Callable[[], Any]) -> None:
        self._at(self.desk.now_ns + int(seconds * NS_PER_S), act)

    def _at(self, due_ns: int, act: Callable[[], Any]) -> None:
        self._count += 1
        heapq.heappush(self._due, (due_ns, self._count, act))
