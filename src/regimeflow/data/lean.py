"""QuantConnect LEAN's zip files, one day and one symbol each, as bars, quotes and trades.

Layout: `20131007_trade.zip` holds one CSV without a header; its first column is milliseconds
since midnight, of New York for stocks and of UTC for crypto; stock prices are ten thousand times
the price. Midnight of New York is nine and a half hours before the session's open, so no time
zone data is needed. Every row becomes an event: extended hours, odd lots and ticks the source
marks as suspicious included.
Source: https://github.com/QuantConnect/Lean/blob/master/Data/readme.md and the data's own rows.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from regimeflow.data.session_table import CONTINUOUS
from regimeflow.errors import DataError
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS
from regimeflow.model.timestamps import ns_from_date as midnight_utc_ns

EQUITY_PRICE_SCALE = 10_000.0
MIDNIGHT_TO_OPEN_NS = 9 * NS_PER_HOUR + 30 * NS_PER_MINUTE
MEMBER_BYTES_MAX = 512 * 1024 * 1024
MINUTE_TRADE_COLUMNS = 6
MINUTE_QUOTE_COLUMNS = 11
TICK_COLUMNS_MIN = 3
TICK_QUOTE_COLUMNS_MIN = 5
_DAY_OF_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)_(trade|quote)\.zip")


def read_minute_trades(path: Path, *, symbol: str, calendar: SessionCalendar) -> list[Bar]:
    """One-minute bars of trades; the time of a row is the bar's open.

    `calendar` is XNYS for a stock (it must hold the file's day) and 24/7 for crypto, here and
    in every reader of this module. Raises DataError, with file and row, for what is not read.
    """
    day = _Day(path, calendar)
    bars = []
    for row, cells in day.rows(MINUTE_TRADE_COLUMNS):
        open_ns = day.moment_ns(cells[0], row)
        opened, high, low, close = (day.price(text, row) for text in cells[1:5])
        if not 0 < low <= min(opened, close) or not max(opened, close) <= high:
            raise day.fault(row, f"open, high, low, close {cells[1:5]} are not possible prices")
        volume = day.number(cells[5], row)
        close_ns = open_ns + NS_PER_MINUTE
        bars.append(Bar(symbol, open_ns, close_ns, opened, high, low, close, volume, NS_PER_MINUTE))
    return bars


def read_minute_quotes(path: Path, *, symbol: str, calendar: SessionCalendar) -> list[Quote]:
    """The last quote of each minute, at the end of that minute; an absent side is zero."""
    day = _Day(path, calendar)
    quotes = []
    for row_number, cells in day.rows(MINUTE_QUOTE_COLUMNS):
        close_ns = day.moment_ns(cells[0], row_number) + NS_PER_MINUTE
        bid, ask = day.price(cells[4], row_number), day.price(cells[9], row_number)
        sizes = day.number(cells[5], row_number), day.number(cells[10], row_number)
        quotes.append(day.quote(Quote(symbol, close_ns, bid, ask, *sizes), row_number))
    return quotes


def read_tick_trades(path: Path, *, symbol: str, calendar: SessionCalendar) -> list[Trade]:
    """Every print; several may share a millisecond, in the order of the file."""
    day = _Day(path, calendar)
    trades = []
    for row_number, cells in day.rows(None, at_least=TICK_COLUMNS_MIN):
        ts_ns = day.moment_ns(cells[0], row_number)
        price = day.price(cells[1], row_number)
        if price <= 0:
            raise day.fault(row_number, f"price {cells[1]!r} is not positive")
        trades.append(Trade(symbol, ts_ns, price, day.number(cells[2], row_number)))
    return trades


def read_tick_quotes(path: Path, *, symbol: str, calendar: SessionCalendar) -> list[Quote]:
    """Every quote update. Stock rows are one exchange's side: the other side is zero."""
    day = _Day(path, calendar)
    quotes = []
    for row_number, cells in day.rows(None, at_least=TICK_QUOTE_COLUMNS_MIN):
        ts_ns = day.moment_ns(cells[0], row_number)
        bid, ask = day.price(cells[1], row_number), day.price(cells[3], row_number)
        sizes = day.number(cells[2], row_number), day.number(cells[4], row_number)
        quotes.append(day.quote(Quote(symbol, ts_ns, bid, ask, *sizes), row_number))
    return quotes


class _Day:
    """One zip file: its rows, its midnight, its price scale."""

    __slots__ = ("_midnight_ns", "_path", "_previous_ms", "_scale")

    def __init__(self, path: Path, calendar: SessionCalendar) -> None:
        named = _DAY_OF_NAME.fullmatch(path.name)
        if named is None:
            raise DataError(f"{path}: a LEAN file is named YYYYMMDD_trade.zip or _quote.zip")
        try:
            day = date(*map(int, named.groups()[:3]))
        except ValueError:
            raise DataError(f"{path}: the name holds no valid date") from None
        self._path = path
        self._previous_ms = -1
        if calendar.name == CONTINUOUS:
            self._scale, self._midnight_ns = 1.0, midnight_utc_ns(day)
            return
        sessions = calendar.between(midnight_utc_ns(day), midnight_utc_ns(day) + NS_PER_DAY)
        session = next((s for s in sessions if s.date == day.isoformat()), None)
        if session is None:
            raise DataError(f"{path}: {day} is not a session of the {calendar.name} calendar given")
        self._scale = EQUITY_PRICE_SCALE
        self._midnight_ns = session.open_ns - MIDNIGHT_TO_OPEN_NS

    def rows(
        self, columns: int | None, *, at_least: int = 0
    ) -> Iterator[tuple[int, Sequence[str]]]:
        """Numbered rows, each with `columns` cells, or with `at_least` so many."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                member = archive.infolist()[0]
                if len(archive.infolist()) != 1 or member.file_size > MEMBER_BYTES_MAX:
                    raise DataError(f"{self._path}: expected one file of at most 512 MB inside")
                with archive.open(member) as raw:
                    for number, cells in enumerate(csv.reader(io.TextIOWrapper(raw, "ascii")), 1):
                        if len(cells) < at_least or (columns and len(cells) != columns):
                            wanted = columns or f"at least {at_least}"
                            raise self.fault(number, f"{len(cells)} columns, expected {wanted}")
                        yield number, cells
        except (OSError, zipfile.BadZipFile, UnicodeDecodeError, IndexError) as error:
            raise DataError(f"{self._path}: cannot be read: {error}") from None

    def moment_ns(self, text: str, row: int) -> int:
        """The moment of a row; never earlier than the row before."""
        # Some files write whole milliseconds as `14430270.0`.
        milliseconds = self.number(text, row)
        if milliseconds < self._previous_ms:
            raise self.fault(row, f"time {text} is earlier than the row before it")
        self._previous_ms = int(milliseconds)
        return self._midnight_ns + round(milliseconds * NS_PER_MS)

    def price(self, text: str, row: int) -> float:
        """A price in currency; an empty cell is zero, no one there."""
        return self.number(text or "0", row) / self._scale

    def number(self, text: str, row: int) -> float:
        """A finite number that is not negative; an empty cell is zero."""
        try:
            value = float(text or "0")
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise self.fault(row, f"{text!r} is not a number from zero up")
        return value

    def quote(self, quote: Quote, row: int) -> Quote:
        """The quote, unless it is crossed."""
        if quote.bid > quote.ask > 0:
            raise self.fault(row, f"the quote is crossed: bid {quote.bid}, ask {quote.ask}")
        return quote

    def fault(self, row: int, problem: str) -> DataError:
        """An error that names the file and the row."""
        return DataError(f"{self._path}:{row}: {problem}")
