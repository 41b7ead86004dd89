"""A broker's time on our own monotonic clock: round trips in, an estimate and its error out.

As NTP does it: the broker read its clock somewhere between our question and its answer, so the
middle is wrong by half the round trip at most. The sharpest of the last `WINDOW` readings
counts, its error growing by `DRIFT` with age. A reading that cannot agree with the estimate is
a step: what was known before is forgotten. Pure: the owner passes the monotonic time in.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from regimeflow.model.timestamps import NS_PER_S

WINDOW = 8
DRIFT = 1e-4
"""Seconds by which two good clocks may part in a second."""


class Reading(NamedTuple):
    """One answer: the broker's time at our `at_s`, give or take `error_s` of real time."""

    at_s: float
    venue_ns: int
    error_s: float


class VenueClock:
    """The estimate. `speed` is how many seconds pass at the venue in one of ours."""

    __slots__ = ("_best", "_readings", "speed")

    def __init__(self) -> None:
        self.speed = 1.0
        self._readings: deque[Reading] = deque(maxlen=WINDOW)
        self._best: Reading | None = None

    def take(self, sent_s: float, received_s: float, venue_ns: int) -> None:
        """Take one answer to a question that was asked at `sent_s`."""
        reading = Reading((sent_s + received_s) / 2.0, venue_ns, (received_s - sent_s) / 2.0)
        if self._best is not None:
            apart_ns = abs(venue_ns - self.at(reading.at_s))
            if apart_ns > self.error_ns(reading.at_s) + self._scaled_ns(reading.error_s):
                self._readings.clear()
        self._readings.append(reading)
        self._best = min(self._readings, key=lambda known: _error_s(known, received_s))

    def at(self, now_s: float) -> int:
        """The broker's time at our `now_s`; 0 before the first answer."""
        best = self._best
        if best is None:
            return 0
        return best.venue_ns + self._scaled_ns(now_s - best.at_s)

    def error_ns(self, now_s: float) -> int:
        """How far the estimate may be off at `now_s`, in the broker's time."""
        best = self._best
        return 0 if best is None else self._scaled_ns(_error_s(best, now_s)) + 1

    def contradicts(self, now_s: float, venue_ns: int, late_s: float) -> bool:
        """Whether a time that was pushed to us, at most `late_s` ago, shows that the clock stepped.

        A push cannot come from the future; one from the past may just have been slow.
        """
        if self._best is None:
            return False
        ahead_ns = venue_ns - self.at(now_s)
        error_ns = self.error_ns(now_s)
        return ahead_ns > error_ns or -ahead_ns > error_ns + self._scaled_ns(late_s)

    def _scaled_ns(self, seconds: float) -> int:
        return int(seconds * self.speed * NS_PER_S)


def _error_s(reading: Reading, now_s: float) -> float:
    """Drift counts from the earliest moment at which the answer may have been written."""
    return reading.error_s + DRIFT * (abs(now_s - reading.at_s) + reading.error_s)
