"""Timers on the loop: what the engine set, armed in real time, delivered as events.

Pending timers are state of the books, so they survive a restart: `rearm` fires what is overdue
once, in order of due time and id, and arms the rest. When the clock is adjusted, every alarm is
set anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from regimeflow.live.clock import EngineClock
from regimeflow.model.commands import CancelTimer, SetTimer
from regimeflow.model.events import Event, TimerFired
from regimeflow.model.ids import TimerId

LONGEST_SLEEP_S = 3_600.0
"""A far timer is looked at again this often, since speeds and clocks change."""


class TimerService:
    """Arms timers on one loop; at most one alarm per owner and id."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: EngineClock,
        deliver: Callable[[Event], None],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._deliver = deliver
        self._alarms: dict[tuple[str, str], tuple[int, asyncio.TimerHandle]] = {}
        clock.listeners.append(self._rearm_all)

    def set(self, command: SetTimer) -> None:
        """Arm a timer; setting it again moves it."""
        self._arm(command.owner, command.timer_id, command.due_ns)

    def cancel(self, command: CancelTimer) -> None:
        """Disarm a timer."""
        self._drop(command.owner, command.timer_id)

    def rearm(self, pending: Mapping[tuple[str, str], int]) -> None:
        """Arm what the books say is pending, overdue ones first."""
        for (owner, timer_id), due_ns in sorted(pending.items(), key=lambda t: (t[1], t[0])):
            self._arm(owner, timer_id, due_ns)

    def close(self) -> None:
        """Disarm everything."""
        for _, handle in self._alarms.values():
            handle.cancel()
        self._alarms.clear()

    def _rearm_all(self) -> None:
        self.rearm({key: due_ns for key, (due_ns, _) in self._alarms.items()})

    def _arm(self, owner: str, timer_id: str, due_ns: int) -> None:
        self._drop(owner, timer_id)
        delay_s = min(self._clock.delay_s(due_ns), LONGEST_SLEEP_S)
        handle = self._loop.call_later(delay_s, self._fire, owner, timer_id, due_ns)
        self._alarms[owner, timer_id] = (due_ns, handle)

    def _fire(self, owner: str, timer_id: str, due_ns: int) -> None:
        now_ns = self._clock.now_ns()
        if now_ns < due_ns:
            self._arm(owner, timer_id, due_ns)
            return
        del self._alarms[owner, timer_id]
        self._deliver(TimerFired(TimerId(timer_id), owner, due_ns, now_ns - due_ns))

    def _drop(self, owner: str, timer_id: str) -> None:
        alarm = self._alarms.pop((owner, timer_id), None)
        if alarm is not None:
            alarm[1].cancel()
