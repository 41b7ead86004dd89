"""Stands before the inbox and notices that time did not pass as it should.

Watched at every event, and a few times in each `pause_s`:

* our own loop: when nothing ran for longer than `pause_s`, the process was stopped (SIGSTOP, a
  paused machine, a callback that blocked). Then `LoopStalled` goes in *before* whatever woke us,
  which may have lain in a socket for as long.
* what the clock's anchor came from. A venue's time comes with `ClockMeasured` and is followed by
  `ClockAdjusted`. So is a wall that stepped by less than a pause. A longer step may be that of a
  suspended machine (whose monotonic clock stood, while its wall did not) or of a wall that was
  set wrong, and a clock that never goes back cannot take it back: `ClockStepped` goes in, and
  the next measurement of the broker's time decides whether the clock follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from regimeflow.live.clock import EngineClock
from regimeflow.model.events import (
    ClockAdjusted,
    ClockMeasured,
    ClockStepped,
    Event,
    LoopStalled,
)
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
        self._pause_ns = int(pause_s * NS_PER_S)
        self._wall_ns = wall_ns
        self._told_ns = 0
        self._seen_s = loop.time()
        self._seen_wall_ns = wall_ns() if wall_ns is not None else 0
        self._is_adjusting = False
        self._handle: asyncio.TimerHandle | None = None
        clock.listeners.append(self._adjusted)

    def start(self) -> None:
        """Look now, and regularly from now on."""
        self._seen_s = self._loop.time()
        self._look_regularly()

    def close(self) -> None:
        """Stop looking."""
        if self._handle is not None:
            self._handle.cancel()

    def deliver(self, event: Event) -> None:
        """Hand over one event from outside."""
        self.look()
        if type(event) is ClockMeasured:
            if self._wall_ns is None:
                self._follow_venue(event)
            else:
                self._decide(event, self._wall_ns)
        self._deliver(event)

    def look(self) -> None:
        """Tell what has gone wrong with time since the last look."""
        now_s = self._loop.time()
        stood_s, self._seen_s = now_s - self._seen_s, now_s
        if stood_s > self._pause_s:
            self._deliver(LoopStalled(int(stood_s * NS_PER_S)))
        if self._wall_ns is not None:
            read_ns = self._wall_ns()
            jump_ns = read_ns - self._seen_wall_ns - int(stood_s * NS_PER_S)
            self._seen_wall_ns = read_ns
            if abs(jump_ns) > TOLERANCE_NS:
                self._follow_wall(self._wall_ns)

    def _look_regularly(self) -> None:
        self.look()
        if self._wall_ns is not None:
            self._follow_wall(self._wall_ns)  # what drifts apart never jumps
        interval_s = min(self._pause_s / LOOKS_IN_A_PAUSE, LOOK_EVERY_S_MAX)
        self._handle = self._loop.call_later(interval_s, self._look_regularly)

    def _follow_wall(self, wall_ns: Callable[[], int]) -> None:
        delta_ns, blur_ns = self._wall_ahead(wall_ns)
        if abs(delta_ns) < self._pause_ns:
            self._told_ns = 0
            if abs(delta_ns) > TOLERANCE_NS + blur_ns:
                self._adjust(delta_ns, WALL)
        elif abs(delta_ns - self._told_ns) >= self._pause_ns:
            self._told_ns = delta_ns
            self._deliver(ClockStepped(delta_ns, WALL))

    def _decide(self, measured: ClockMeasured, wall_ns: Callable[[], int]) -> None:
        """Follow a wall that stepped far if it is nearer to the broker's time than we are."""
        if not self._told_ns:
            return
        delta_ns, _ = self._wall_ahead(wall_ns)
        offset_ns = measured.ts_venue_ns - self._clock.aim_ns()
        if abs(offset_ns - delta_ns) < abs(offset_ns):
            self._told_ns = 0
            self._adjust(delta_ns, WALL)

    def _wall_ahead(self, wall_ns: Callable[[], int]) -> tuple[int, int]:
        """How far the wall is ahead, and what whoever interrupted the reading left uncertain."""
        before_ns = self._clock.aim_ns()
        read_ns = wall_ns()
        after_ns = self._clock.aim_ns()
        return read_ns - (before_ns + after_ns) // 2, after_ns - before_ns

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
