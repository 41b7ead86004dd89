"""The sessions of a calendar as arrays, to place whole columns of bars at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from regimeflow.errors import DataError
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY

if TYPE_CHECKING:
    from regimeflow.data.blocks import Block, BlockSource, Ints


class SessionTimes:
    """Opens and closes of a calendar's sessions."""

    __slots__ = ("_closes", "_days", "_opens", "first_open_ns", "last_close_ns", "name")

    def __init__(self, calendar: SessionCalendar) -> None:
        """Raises DataError for a calendar without a session: nothing could be placed in it."""
        sessions = calendar.sessions
        if not sessions:
            raise DataError(f"calendar {calendar.name} has no session in the range asked for")
        self.name = calendar.name
        self.first_open_ns = sessions[0].open_ns
        self.last_close_ns = sessions[-1].close_ns
        self._days = np.array([s.date for s in sessions], "datetime64[D]").astype(np.int64)
        self._opens = np.array([s.open_ns for s in sessions], np.int64)
        self._closes = np.array([s.close_ns for s in sessions], np.int64)

    def daily(self, block: Block, source: BlockSource, days: Ints) -> tuple[Ints, Ints]:
        """Open and close of each row's session.

        Days before the first and after the last session cannot be placed; they get 00:00 UTC
        of the day for both, which keeps them in order. Raises DataError for a day between that
        is no session.
        """
        index = np.minimum(np.searchsorted(self._days, days), len(self._days) - 1)
        is_session = self._days[index] == days
        is_stray = ~is_session & (days > self._days[0]) & (days < self._days[-1])
        if is_stray.any():
            row = int(np.flatnonzero(is_stray)[0])
            raise DataError(
                f"{source.place(block.first_row + row)}: {np.datetime64(int(days[row]), 'D')} is "
                f"not a session of {self.name}; correct the date, remove the row, or choose the "
                "calendar the data was made for"
            )
        midnights = days * NS_PER_DAY
        # After the last session its close may lie past the next midnight of another calendar.
        midnights = np.where(
            days > self._days[-1], np.maximum(midnights, self.last_close_ns), midnights
        )
        return (
            np.where(is_session, self._opens[index], midnights),
            np.where(is_session, self._closes[index], midnights),
        )

    def intraday_closes(self, opens_ns: Ints, size_ns: int) -> Ints:
        """Open plus size, cut at the close of the session the bar opened in.

        The last hourly bar of New York opens at 15:30 and is complete at 16:00. A bar that
        opens outside every session keeps its size.
        """
        closes_ns = opens_ns + size_ns
        index = np.searchsorted(self._opens, opens_ns, side="right") - 1
        session_closes = self._closes[np.maximum(index, 0)]
        is_inside = (index >= 0) & (opens_ns < session_closes)
        return np.where(is_inside, np.minimum(closes_ns, session_closes), closes_ns)
