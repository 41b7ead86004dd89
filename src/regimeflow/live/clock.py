"""The live clock: the broker's time as far as it is known, never decreasing.

A broker's client says what time it is there (a real one: the wall, corrected by what the broker
says; a simulated venue in another process: its own time, which may run fast and stand still
while the venue is down). The engine lives in that time, so that freshness
(`ts_ns - ts_venue_ns`) means the same with every broker.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.model.timestamps import NS_PER_S


class EngineClock:
    """Nanoseconds UTC from a source that may step; `speed` is engine seconds per wall second."""

    __slots__ = ("_latest_ns", "_source_ns", "speed")

    def __init__(self, source_ns: Callable[[], int], *, speed: float = 1.0) -> None:
        self._source_ns = source_ns
        self._latest_ns = 0
        self.speed = speed

    def now_ns(self) -> int:
        """The engine's time now; never before an earlier answer."""
        self._latest_ns = max(self._latest_ns, self._source_ns())
        return self._latest_ns

    def not_before(self, ts_ns: int) -> None:
        """Never answer less than `ts_ns` again (what the journal holds has happened)."""
        self._latest_ns = max(self._latest_ns, ts_ns)

    def delay_s(self, due_ns: int) -> float:
        """Wall seconds until `due_ns`; zero when it is past."""
        return max((due_ns - self.now_ns()) / NS_PER_S / self.speed, 0.0)
