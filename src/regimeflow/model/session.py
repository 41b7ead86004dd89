"""Trading sessions, and the calendar that answers questions about them by binary search."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

import msgspec


class Session(msgspec.Struct, frozen=True, gc=False):
    """One trading day of one calendar: open to close, UTC nanoseconds, close exclusive."""

    calendar: str
    date: str
    open_ns: int
    close_ns: int


class SessionCalendar:
    """Sessions of one venue in time order.

    Raises ValueError when the sessions overlap or are not in order: a damaged table.
    """

    __slots__ = ("_opens", "name", "sessions")

    def __init__(self, name: str, sessions: Sequence[Session]) -> None:
        for earlier, later in pairwise(sessions):
            if later.open_ns < earlier.close_ns:
                raise ValueError(f"{name}: session {later.date} overlaps {earlier.date}")
        self.name = name
        self.sessions = tuple(sessions)
        self._opens = [session.open_ns for session in self.sessions]

    def at(self, ts_ns: int) -> Session | None:
        """The session open at `ts_ns`, or None when the venue is closed."""
        index = bisect_right(self._opens, ts_ns) - 1
        if index >= 0 and ts_ns < self.sessions[index].close_ns:
            return self.sessions[index]
        return None

    def next_after(self, ts_ns: int) -> Session | None:
        """The first session that opens strictly after `ts_ns`; None past the table's end."""
        index = bisect_right(self._opens, ts_ns)
        return self.sessions[index] if index < len(self.sessions) else None

    def between(self, start_ns: int, end_ns: int) -> tuple[Session, ...]:
        """Sessions that overlap `[start_ns, end_ns)`, in order."""
        first = max(bisect_right(self._opens, start_ns) - 1, 0)
        return tuple(
            session
            for session in self.sessions[first : bisect_right(self._opens, end_ns)]
            if session.close_ns > start_ns and session.open_ns < end_ns
        )
