"""The live clock: an anchor plus the time our own monotonic clock counts, never decreasing.

What the anchor is taken from differs. With a real broker it is the wall at boot, and the
broker's time is only compared with it. A simulated venue in another process keeps a time of its
own, which may run fast and stands still while the venue is down: the anchor is the venue's word,
and `pace` how many of its seconds pass in one of ours. Either way freshness
(`ts_ns - ts_venue_ns`) means the same.

The anchor moves by `adjust` alone, which the inbox calls for a `ClockAdjusted` it journals. When
that leaves the clock ahead of what it aims at, or a journal does, it neither jumps back nor
stands still (timers, throttles and the watch for silence need time to pass): it runs at
`SLOW` of its pace until the aim has caught up.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.model.timestamps import NS_PER_S

SLOW = 0.5
SOONEST_S = 1e-6
"""Shortest sleep until a moment that has not come: a rounding must not make a loop spin."""


class EngineClock:
    """Nanoseconds UTC. `monotonic_s` is a loop's clock; `pace` is above 0.

    `listeners` are called after each adjustment: whoever has set an alarm sets it anew.
    """

    __slots__ = (
        "_anchor_ns",
        "_anchor_s",
        "_is_ahead",
        "_latest_ns",
        "_monotonic_s",
        "_slow_ns",
        "_slow_s",
        "listeners",
        "pace",
    )

    def __init__(
        self, monotonic_s: Callable[[], float], anchor_ns: int, *, pace: float = 1.0
    ) -> None:
        self._monotonic_s = monotonic_s
        self._anchor_s = self._slow_s = monotonic_s()
        self._anchor_ns = self._slow_ns = self._latest_ns = anchor_ns
        self._is_ahead = False
        self.listeners: list[Callable[[], None]] = []
        self.pace = pace

    def now_ns(self) -> int:
        """The engine's time now; never before an earlier answer."""
        now_s = self._monotonic_s()
        now_ns = self._aim_at(now_s)
        if self._is_ahead:
            slow_ns = self._slow_ns + self._scaled_ns((now_s - self._slow_s) * SLOW)
            self._is_ahead = slow_ns > now_ns
            now_ns = max(now_ns, slow_ns)
        if now_ns > self._latest_ns:
            self._latest_ns = now_ns
        return self._latest_ns

    def aim_ns(self) -> int:
        """What the clock aims at: its anchor and the time since, whatever it has said before."""
        return self._aim_at(self._monotonic_s())

    def not_before(self, ts_ns: int) -> None:
        """Never answer less than `ts_ns` again (what the journal holds has happened)."""
        if ts_ns > self._latest_ns:
            self._latest_ns = ts_ns
            self._begin_slow()

    def adjust(self, delta_ns: int) -> None:
        """Move the anchor: forward takes effect at once, back slows the clock down."""
        self._latest_ns = self.now_ns()
        self._anchor_ns += delta_ns
        self._begin_slow()
        for listener in self.listeners:
            listener()

    def delay_s(self, due_ns: int) -> float:
        """Real seconds until `due_ns`; zero when it is past."""
        now_ns = self.now_ns()
        if now_ns >= due_ns:
            return 0.0
        a_second_ns = NS_PER_S * self.pace
        delay_s = (due_ns - self.aim_ns()) / a_second_ns
        return max(min(delay_s, (due_ns - now_ns) / (a_second_ns * SLOW)), SOONEST_S)

    def _aim_at(self, now_s: float) -> int:
        return self._anchor_ns + self._scaled_ns(now_s - self._anchor_s)

    def _begin_slow(self) -> None:
        self._slow_s, self._slow_ns = self._monotonic_s(), self._latest_ns
        self._is_ahead = True

    def _scaled_ns(self, seconds: float) -> int:
        return int(seconds * self.pace * NS_PER_S)
