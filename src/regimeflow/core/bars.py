"""Larger bars from whatever arrives: trades, quotes or smaller bars.

A built bar covers `[start, start + size)`, aligned to the open of the session it lies in (to
00:00 UTC outside sessions), and never crosses a session's close. It is complete when an
observation at or past its end arrives, when a smaller bar ends exactly there, or when the
session ends, whichever comes first: time is data, there is no clock to wait for.
"""

from __future__ import annotations

import re

import msgspec

from regimeflow.errors import UsageError
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S

_UNITS_NS = {"s": NS_PER_S, "m": NS_PER_MINUTE, "h": NS_PER_HOUR, "d": NS_PER_DAY}
_SIZE = re.compile(r"([1-9][0-9]{0,4})([smhd])")


def bar_size_ns(size: str) -> int:
    """Nanoseconds of a size such as `30s`, `5m`, `1h`, `1d`, at most one day.

    Raises UsageError for anything else: the caller's mistake.
    """
    match = _SIZE.fullmatch(size)
    if match is None:
        raise UsageError(f"bar size {size!r} is not a number with s, m, h or d, such as '5m'")
    size_ns = int(match[1]) * _UNITS_NS[match[2]]
    if size_ns > NS_PER_DAY:
        raise UsageError(f"bar size {size!r} is more than '1d'; a bar never crosses a session")
    return size_ns


class SavedBuilder(msgspec.Struct, frozen=True, array_like=True):
    """A forming bar, and where its builder stands."""

    symbol: str
    size: str
    bar: Bar | None
    end_ns: int
    anchor_ns: int
    limit_ns: int | None
    taken_ns: int


class BarBuilder:
    """Builds the bars of one symbol and one size; feed it in time order."""

    __slots__ = (
        "_anchor_ns",
        "_bar",
        "_end_ns",
        "_limit_ns",
        "_taken_ns",
        "size",
        "size_ns",
        "symbol",
    )

    def __init__(self, symbol: str, size: str) -> None:
        self.symbol = symbol
        self.size = size
        self.size_ns = bar_size_ns(size)
        self._bar: Bar | None = None
        self._end_ns = 0
        self._anchor_ns = 0
        self._limit_ns: int | None = None
        self._taken_ns = -1

    @classmethod
    def restored(cls, saved: SavedBuilder) -> BarBuilder:
        """The builder that was captured."""
        builder = cls(saved.symbol, saved.size)
        builder._bar, builder._end_ns = saved.bar, saved.end_ns
        builder._anchor_ns, builder._limit_ns = saved.anchor_ns, saved.limit_ns
        builder._taken_ns = saved.taken_ns
        return builder

    def capture(self) -> SavedBuilder:
        """What a restored builder goes on from."""
        return SavedBuilder(
            self.symbol,
            self.size,
            self._bar,
            self._end_ns,
            self._anchor_ns,
            self._limit_ns,
            self._taken_ns,
        )

    def open_session(self, open_ns: int, close_ns: int) -> None:
        """Align to this session from now on."""
        self._anchor_ns, self._limit_ns = open_ns, close_ns

    def add_bar(self, bar: Bar) -> list[Bar]:
        """Take a smaller bar; returns the bars it completes, oldest first.

        A bar that was taken already (from history, when the builder was made) is not counted
        again.
        """
        if bar.ts_close_ns <= self._taken_ns:
            return []
        self._taken_ns = bar.ts_close_ns
        done = self._roll(bar.ts_open_ns)
        self._merge(
            Bar(
                self.symbol,
                bar.ts_open_ns,
                self._end_ns,
                bar.open,
                bar.high,
                bar.low,
                bar.close,
                bar.volume,
                self.size_ns,
            )
        )
        return done + self.close_due(bar.ts_close_ns)

    def add_price(self, ts_ns: int, price: float, size: float) -> list[Bar]:
        """Take a print or a mid price; returns the bars it completes."""
        done = self._roll(ts_ns)
        self._merge(
            Bar(self.symbol, ts_ns, self._end_ns, price, price, price, price, size, self.size_ns)
        )
        return done

    def close_due(self, ts_ns: int) -> list[Bar]:
        """The bar that is over by `ts_ns`, if any."""
        if self._bar is None or ts_ns < self._end_ns:
            return []
        return self.flush()

    def flush(self) -> list[Bar]:
        """Complete the forming bar now (the session is over)."""
        bar, self._bar = self._bar, None
        return [] if bar is None else [bar]

    def apply_split(self, ratio: float) -> None:
        """Restate the forming bar in new shares."""
        if self._bar is not None:
            self._bar = self._bar.restated(ratio)

    def _roll(self, ts_ns: int) -> list[Bar]:
        done = self.close_due(ts_ns)
        if self._bar is None:
            start_ns = self._anchor_ns + (ts_ns - self._anchor_ns) // self.size_ns * self.size_ns
            self._end_ns = start_ns + self.size_ns
            if self._limit_ns is not None and start_ns < self._limit_ns < self._end_ns:
                self._end_ns = self._limit_ns
        return done

    def _merge(self, new: Bar) -> None:
        old = self._bar
        if old is None:
            self._bar = new
            return
        self._bar = Bar(
            old.symbol,
            old.ts_open_ns,
            old.ts_close_ns,
            old.open,
            max(old.high, new.high),
            min(old.low, new.low),
            new.close,
            old.volume + new.volume,
            old.size_ns,
        )
