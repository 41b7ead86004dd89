"""When the simulated venue is asked what time it is, and what its answers say."""

from __future__ import annotations

from regimeflow.brokers.protocol import CLOCK_TOLD_EVERY_S
from regimeflow.brokers.venue_clock import VenueClock
from regimeflow.model.events import ClockMeasured

ASK_AGAIN_S = 1.0
"""Shortest pause between two questions, however odd the time is that the venue pushes."""
LATE_S = 1.0
"""A heartbeat this much late says nothing about the clock."""
ASKED_MAX = 8


class TimeKeeper:
    """Questions, answers and the estimate.

    `due_s` is when to ask again; None without a connection. A question that is never answered
    is only forgotten.
    """

    __slots__ = ("_asked_s", "_has_news", "_sent_s", "clock", "due_s")

    def __init__(self) -> None:
        self.clock = VenueClock()
        self.due_s: float | None = None
        self._has_news = False
        self._sent_s = 0.0
        self._asked_s: dict[int, float] = {}

    def asked(self, number: int, now_s: float) -> None:
        """A request whose answer will say the time is on its way."""
        self._sent_s, self.due_s = now_s, now_s + CLOCK_TOLD_EVERY_S
        self._asked_s[number] = now_s
        if len(self._asked_s) > ASKED_MAX:
            del self._asked_s[next(iter(self._asked_s))]

    def told(self, number: int, venue_ns: int, now_s: float) -> None:
        """The answer; one to a question that is forgotten says nothing."""
        sent_s = self._asked_s.pop(number, None)
        if sent_s is not None:
            self.clock.take(sent_s, now_s, venue_ns)
            self._has_news = True

    def heard(self, venue_ns: int, now_s: float) -> None:
        """The venue pushed its time: ask soon if that cannot be."""
        if self.due_s is not None and self.clock.contradicts(now_s, venue_ns, LATE_S):
            self.due_s = min(self.due_s, max(now_s, self._sent_s + ASK_AGAIN_S))

    def forget(self) -> None:
        """The connection is gone: what was asked on it is never answered."""
        self._asked_s.clear()
        self.due_s = None

    def tell(self, link: str, now_s: float) -> ClockMeasured | None:
        """What time it is at the venue now, if an answer has come since this was last asked."""
        if not self._has_news:
            return None
        self._has_news = False
        return ClockMeasured(link, self.clock.at(now_s), self.clock.error_ns(now_s))
