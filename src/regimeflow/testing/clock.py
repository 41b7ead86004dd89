"""The wall clock of a virtual host: wrong in every way a real one can be.

Intervals come from the loop's time, which no host can change; only the wall is wrong.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.model.timestamps import NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
"""Wall time at virtual second 0 unless a world says otherwise: 2023-11-14 22:13:20 UTC."""


class HostClock:
    """Wall time in integer nanoseconds UTC; `rate` 1.0001 gains 100 microseconds a second."""

    __slots__ = ("_anchor_ns", "_anchor_s", "_rate", "_start_ns", "_time")

    def __init__(
        self, time: Callable[[], float], *, start_ns: int = START_NS, skew_ns: int = 0
    ) -> None:
        self._time = time
        self._start_ns = start_ns
        self._anchor_s = time()
        self._anchor_ns = start_ns + skew_ns + round(self._anchor_s * NS_PER_S)
        self._rate = 1.0

    def wall_ns(self) -> int:
        """What the host believes the time to be."""
        elapsed_s = self._time() - self._anchor_s
        return self._anchor_ns + round(elapsed_s * self._rate * NS_PER_S)

    def monotonic_ns(self) -> int:
        """Virtual time; steps and rates of the wall do not touch it."""
        return round(self._time() * NS_PER_S)

    def step(self, delta_ns: int) -> None:
        """Set the wall forward, or back by a negative amount, at once."""
        self._anchor_ns += delta_ns

    def set_rate(self, rate: float) -> None:
        """Let the wall run fast or slow from now on; 1.0 is true."""
        self._anchor_ns, self._anchor_s = self.wall_ns(), self._time()
        self._rate = rate

    def correct(self) -> None:
        """Set the wall right, and let it run true from now on."""
        self._anchor_ns, self._anchor_s = self._start_ns + self.monotonic_ns(), self._time()
        self._rate = 1.0
