"""The live clock: an anchor at boot plus monotonic time, never decreasing.

For a real broker the anchor is the wall and time runs at its own speed; a simulated venue in
another process says what its time is and how fast it runs, and the engine lives in that time,
so that freshness (`ts_ns - ts_venue_ns`) means the same with every broker.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.model.timestamps import NS_PER_S


class EngineClock:
    """Nanoseconds UTC from a monotonic source in seconds."""

    __slots__ = ("_anchor_ns", "_anchor_s", "_latest_ns", "_monotonic", "speed")

    def __init__(
        self, monotonic: Callable[[], float], anchor_ns: int, *, speed: float = 1.0
    ) -> None:
        self._monotonic = monotonic
        self._anchor_s = monotonic()
        self._anchor_ns = anchor_ns
        self._latest_ns = anchor_ns
        self.speed = speed

    def now_ns(self) -> int:
        """The engine's time now; never before an earlier answer."""
        elapsed_ns = int((self._monotonic() - self._anchor_s) * self.speed * NS_PER_S)
        self._latest_ns = max(self._latest_ns, self._anchor_ns + elapsed_ns)
        return self._latest_ns

    def not_before(self, ts_ns: int) -> None:
        """Never answer less than `ts_ns` again (what the journal holds has happened)."""
        self._latest_ns = max(self._latest_ns, ts_ns)

    def re_anchor(self, venue_ns: int) -> int:
        """Follow the venue's clock from now on; returns by how much it differs."""
        delta_ns = venue_ns - self.now_ns()
        self._anchor_s = self._monotonic()
        self._anchor_ns = venue_ns
        return delta_ns

    def delay_s(self, due_ns: int) -> float:
        """Wall seconds until `due_ns`; zero when it is past."""
        return max((due_ns - self.now_ns()) / NS_PER_S / self.speed, 0.0)
