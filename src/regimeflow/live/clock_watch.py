"""Stands before the inbox and notices that time did not pass as it should.

Two things are watched, at every event and a few times in each `pause_s`:

* our own loop: when nothing ran for longer than `pause_s`, the process was stopped (SIGSTOP, a
  paused machine, a callback that blocked). Then `LoopStalled` goes in *before* whatever woke us,
  which may have lain in a socket for as long.
* what the clock's anchor came from: the wall, or the venue whose time we keep. When it has
  stepped away from the clock, `ClockAdjusted` goes in, and the clock follows. A suspended machine
  shows like this: its monotonic clock stood, its wall did not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from regimeflow.live.clock import EngineClock
from regimeflow.model.events import ClockAdjusted, ClockMeasured, Event, LoopStalled
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S

TOLERANCE_NS = 10 * NS_PER_MS
"""Smaller differences (of real time) are left alone."""
LOOKS_IN_A_PAUSE = 4
LOOK_EVERY_S_MAX = 1.0
WALL = "wall"


class ClockWatch:
    """Hands events on to `deliver`, each after what has to be known first.

    `wall_ns` is the wall, where the clock is anchored to it; None where the clock keeps the
    venue's time, which then comes with `ClockMeasured`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: EngineClock,
        deliver: Callable[[Event], None],
        *,
        pause_s: float,
        wall_ns: Callable[[], int] | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._deliver = deliver
        self._pause_s = pause_s
        self._wall_ns = wall_ns
        self._seen_s = loop.time()
        self._is_adjusting = False
        self._handle: asyncio.TimerHandle | None = None
        clock.listeners.append(self._adjusted)

    def start(self) -> None:
        """Look regularly from now on."""
        self._seen_s = self._loop.time()
        self._look_later()

    def close(self) -> None:
        """Stop looking."""
        if self._handle is not None:
            self._handle.cancel()

    def deliver(self, event: Event) -> None:
        """Hand over one event from outside."""
        self.look()
        if type(event) is ClockMeasured and self._wall_ns is None:
            self._follow_venue(event)
        self._deliver(event)

    def look(self) -> None:
        """Tell what has gone wrong with time since the last look."""
        now_s = self._loop.time()
        stood_s, self._seen_s = now_s - self._seen_s, now_s
        if stood_s > self._pause_s:
            self._deliver(LoopStalled(int(stood_s * NS_PER_S)))
        if self._wall_ns is not None:
            self._follow_wall(self._wall_ns)

    def _look_later(self) -> None:
        def look() -> None:
            self.look()
            self._look_later()

        interval_s = min(self._pause_s / LOOKS_IN_A_PAUSE, LOOK_EVERY_S_MAX)
        self._handle = self._loop.call_later(interval_s, look)

    def _follow_wall(self, wall_ns: Callable[[], int]) -> None:
        before_ns = self._clock.aim_ns()
        read_ns = wall_ns()
        after_ns = self._clock.aim_ns()
        # Whoever interrupted us between the readings made that much of it uncertain.
        delta_ns = read_ns - (before_ns + after_ns) // 2
        if abs(delta_ns) > TOLERANCE_NS + (after_ns - before_ns):
            self._adjust(delta_ns, WALL)

    def _follow_venue(self, measured: ClockMeasured) -> None:
        delta_ns = measured.ts_venue_ns - self._clock.aim_ns()
        tolerance_ns = int(TOLERANCE_NS * self._clock.pace)
        if abs(delta_ns) > tolerance_ns + measured.uncertainty_ns:
            self._adjust(delta_ns, measured.link)

    def _adjust(self, delta_ns: int, clock: str) -> None:
        """Once for each step: while an event is in hand, the adjustment waits its turn."""
        if not self._is_adjusting:
            self._is_adjusting = True
            self._deliver(ClockAdjusted(delta_ns, clock))

    def _adjusted(self) -> None:
        self._is_adjusting = False
