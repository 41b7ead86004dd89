"""How the rows of a file become events in time, one class for each kind of row.

A daily bar spans its session. The timestamp of an intraday bar is its open; it closes one size
later, or with its session if that is earlier. A quote or trade is at its own moment.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from typing import TYPE_CHECKING, Protocol

import numpy as np

from regimeflow.data.blocks import Block, BlockSource
from regimeflow.data.session_times import SessionTimes
from regimeflow.errors import DataError
from regimeflow.model.market import Bar, MarketEvent
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_S

if TYPE_CHECKING:
    from regimeflow.data.blocks import Ints

# New York's midnights are 23 hours apart on one day a year.
DAILY_SPACING_NS_MIN = 23 * NS_PER_HOUR
# A weekend and a holiday leave four days between two daily bars, but never between all of them.
SPARSE_SPACING_NS_MIN = 3 * NS_PER_DAY
ROWS_TO_JUDGE_SPACING = 5


class Placement(Protocol):
    """Turns blocks of one file into events; `known_ns` bounds the times it can place."""

    @property
    def known_ns(self) -> tuple[int, int] | None:
        """Rows that open outside are in the file, but cannot be placed in time."""

    def opens(self, block: Block) -> Ints:
        """When each row begins: the time its window and warm-up are judged by."""

    def times(self, block: Block) -> Ints:
        """When each event happens (`ts_venue_ns`): the close of a bar."""

    def events(self, block: Block) -> list[MarketEvent]:
        """The events of a block whose rows are all known."""

    def settle(self, *, spacing_ns: int, divisor_ns: int, rows: int) -> None:
        """Learn the steps between all rows; DataError when bars of one size cannot have them."""


class DailyBars:
    """One bar a session."""

    __slots__ = ("_has_dates", "_sessions", "_source", "_symbol", "known_ns")

    def __init__(self, symbol: str, source: BlockSource, sessions: SessionTimes) -> None:
        self._symbol = symbol
        self._source = source
        self._sessions = sessions
        self._has_dates = source.has_dates
        self.known_ns = sessions.first_open_ns, sessions.last_close_ns

    def opens(self, block: Block) -> Ints:
        """The session opens; DataError for a day that is no session."""
        return self._spans(block)[0]

    def times(self, block: Block) -> Ints:
        """The session closes."""
        return self._spans(block)[1]

    def events(self, block: Block) -> list[MarketEvent]:
        """Bars from session open to session close."""
        return _bars(self._symbol, *self._spans(block), block, NS_PER_DAY)

    def settle(self, *, spacing_ns: int, divisor_ns: int, rows: int) -> None:
        """Refuse weekly and monthly bars, which would pass for days with most missing."""
        del divisor_ns
        if rows >= ROWS_TO_JUDGE_SPACING and spacing_ns >= SPARSE_SPACING_NS_MIN:
            raise DataError(
                f"{self._source.place(1)}: the bars are at least {spacing_ns // NS_PER_DAY} days "
                "apart; weekly and longer bars are not supported, give daily ones"
            )

    def _spans(self, block: Block) -> tuple[Ints, Ints]:
        days = block.times if self._has_dates else block.times // NS_PER_DAY
        return self._sessions.daily(block, self._source, days)


class IntradayBars:
    """Bars of one size below a day; the size is configured or the smallest step."""

    __slots__ = ("_configured_ns", "_sessions", "_source", "_symbol", "known_ns", "size_ns")

    def __init__(
        self, symbol: str, source: BlockSource, sessions: SessionTimes, size_ns: int | None
    ) -> None:
        self._symbol = symbol
        self._source = source
        self._sessions = sessions
        self._configured_ns = size_ns
        self.size_ns = size_ns or 0
        self.known_ns: tuple[int, int] | None = None

    def opens(self, block: Block) -> Ints:
        """The timestamps of the file."""
        return block.times

    def times(self, block: Block) -> Ints:
        """The closes."""
        return self._sessions.intraday_closes(block.times, self.size_ns)

    def events(self, block: Block) -> list[MarketEvent]:
        """Bars of `size_ns`."""
        return _bars(self._symbol, block.times, self.times(block), block, self.size_ns)

    def settle(self, *, spacing_ns: int, divisor_ns: int, rows: int) -> None:
        """Infer the size, or check that bars of the configured size do not overlap."""
        where = self._source.place(1)
        if self._configured_ns is not None:
            if rows > 1 and spacing_ns < self._configured_ns:
                raise DataError(
                    f"{where}: bars are {_seconds(spacing_ns)} apart, the configured bar size is "
                    f"{_seconds(self._configured_ns)}; they would overlap"
                )
            return
        if rows < 2:
            raise DataError(f"{where}: one bar has no spacing; configure the bar size")
        if divisor_ns != spacing_ns:
            raise DataError(
                f"{where}: the smallest step between bars is {_seconds(spacing_ns)}, but other "
                "steps are not whole multiples of it; configure the bar size"
            )
        self.size_ns = spacing_ns


class Ticks:
    """Quotes or trades, each at its own moment."""

    __slots__ = ("_make", "_symbol", "known_ns")

    def __init__(self, symbol: str, make: Callable[..., MarketEvent]) -> None:
        self._symbol = symbol
        self._make = make
        self.known_ns: tuple[int, int] | None = None

    def opens(self, block: Block) -> Ints:
        """The timestamps of the file."""
        return block.times

    times = opens

    def events(self, block: Block) -> list[MarketEvent]:
        """Quotes or trades."""
        columns = [column.tolist() for column in block.values]
        return list(map(self._make, repeat(self._symbol), block.times.tolist(), *columns))

    def settle(self, *, spacing_ns: int, divisor_ns: int, rows: int) -> None:
        """Nothing to learn: ticks have no spacing."""


def is_daily(source: BlockSource, bar_size_ns: int | None) -> bool:
    """Whether a file of bars has one a session: by its dates, or by the steps it begins with."""
    if source.has_dates or bar_size_ns is not None:
        return source.has_dates or bar_size_ns == NS_PER_DAY
    steps = np.diff(next(source.blocks()).times)
    return bool(len(steps)) and int(steps.min()) >= DAILY_SPACING_NS_MIN


def _bars(symbol: str, opens: Ints, closes: Ints, block: Block, size_ns: int) -> list[MarketEvent]:
    columns = [column.tolist() for column in block.values]
    spans = opens.tolist(), closes.tolist()
    return list(map(Bar, repeat(symbol), *spans, *columns, repeat(size_ns)))


def _seconds(size_ns: int) -> str:
    return f"{size_ns / NS_PER_S:g} s"
