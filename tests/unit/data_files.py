"""Small data files for the tests of readers and feeds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from regimeflow.data.feed import Feed, open_feed
from regimeflow.data.session_table import load_calendar
from regimeflow.model.market import MarketEvent
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import ns_from_date

DAILY_HEADER = "Date,Open,High,Low,Close,Volume"


def write(directory: Path, name: str, *lines: str) -> Path:
    path = directory / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return path


def ns(day: str) -> int:
    return ns_from_date(date.fromisoformat(day))


def xnys(first: str = "2000-01-01", last: str = "2013-12-31") -> SessionCalendar:
    return load_calendar("XNYS", ns(first), ns(last))


def always(first: str = "2000-01-01", last: str = "2013-12-31") -> SessionCalendar:
    return load_calendar("24/7", ns(first), ns(last))


def feed_of(
    directory: Path,
    symbols: Sequence[str] = ("X",),
    *,
    calendar: SessionCalendar | None = None,
    file_pattern: str | Sequence[str] = "{symbol}.csv",
    start_ns: int | None = None,
    end_ns: int | None = None,
    warmup_bars: int = 0,
    bar_size_ns: int | None = None,
    allow_price_jumps: Sequence[str] = (),
) -> Feed:
    return open_feed(
        symbols=symbols,
        data_directory=directory,
        file_pattern=file_pattern,
        start_ns=start_ns,
        end_ns=end_ns,
        calendar=calendar or xnys(),
        warmup_bars=warmup_bars,
        bar_size_ns=bar_size_ns,
        allow_price_jumps=allow_price_jumps,
    )


def events_of(feed: Feed) -> list[MarketEvent]:
    return [event for chunk in feed.chunks() for event in chunk]
