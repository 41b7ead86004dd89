"""The layouts and time forms a file may have, and what is refused instead of guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.data.feed import FeedKind
from regimeflow.errors import DataError
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from tests.unit.data_files import DAILY_HEADER, always, events_of, feed_of, ns, write

OPEN_NS = ns("2008-01-02") + 14 * NS_PER_HOUR + 30 * NS_PER_MINUTE
CLOSE_NS = ns("2008-01-02") + 21 * NS_PER_HOUR


@pytest.mark.parametrize(
    ("header", "row"),
    [
        (DAILY_HEADER, "2008-01-02,10,11,9,10.5,1000"),
        ("date;open;high;low;close;volume", "2008-01-02;10;11;9;10.5;1000"),
        ("DATE\tOPEN\tHIGH\tLOW\tCLOSE\tVOLUME", "2008-01-02\t10\t11\t9\t10.5\t1e3"),
        ("Date,Open,High,Low,Close,Adj Close,Volume", "2008-01-02,10,11,9,10.5,,1000"),
        ("Volume,Close,Low,High,Open,Date", "1000,10.5,9,11,10,2008-01-02"),
        ('"Date","Open","High","Low","Close","Volume"', '"2008-01-02",10,11,9,10.5,"1000"'),
        ("\ufeffDate,Open,High,Low,Close,Volume\r", "2008-01-02,10,11,9,10.5,1000\r"),
        (DAILY_HEADER, "2008-01-02 00:00:00-05:00,10,11,9,10.5,1000"),
    ],
)
def test_daily_layouts_give_the_same_bar(tmp_path: Path, header: str, row: str) -> None:
    write(tmp_path, "X.csv", header, row)
    feed = feed_of(tmp_path)
    assert events_of(feed) == [Bar("X", OPEN_NS, CLOSE_NS, 10.0, 11.0, 9.0, 10.5, 1000.0)]
    assert feed.kind is FeedKind.DAILY_BARS
    assert feed.is_daily


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("2008-01-02T14:30:00Z", "2008-01-02T14:31:00Z"),
        ("2008-01-02 09:30:00-05:00", "2008-01-02 09:31:00-05:00"),
        ("2008-01-02T14:30:00.000000+00:00", "2008-01-02T14:31:00.000000+00:00"),
        ("1199284200", "1199284260"),
        ("1199284200000", "1199284260000"),
        ("1199284200000000", "1199284260000000"),
        ("1199284200000000000", "1199284260000000000"),
    ],
)
def test_a_moment_is_the_open_of_an_intraday_bar(tmp_path: Path, first: str, second: str) -> None:
    header = "timestamp,open,high,low,close,volume"
    write(tmp_path, "X.csv", header, f"{first},10,11,9,10,5", f"{second},10,11,9,10,5")
    feed = feed_of(tmp_path)
    bars = events_of(feed)
    minute = NS_PER_MINUTE
    assert [bar.ts_venue_ns for bar in bars] == [OPEN_NS + minute, OPEN_NS + 2 * minute]
    assert feed.bar_size_ns == minute
    assert feed.kind is FeedKind.INTRADAY_BARS


def test_the_last_bar_of_a_session_closes_with_it(tmp_path: Path) -> None:
    rows = [f"{(OPEN_NS + hour * NS_PER_HOUR) // NS_PER_S},10,11,9,10,5" for hour in range(7)]
    write(tmp_path, "X.csv", "timestamp,open,high,low,close,volume", *rows)
    bars = events_of(feed_of(tmp_path))
    assert [bar.ts_venue_ns for bar in bars[-2:]] == [CLOSE_NS - NS_PER_HOUR // 2, CLOSE_NS]


def test_daily_bars_stamped_at_midnight_new_york_span_their_session(tmp_path: Path) -> None:
    rows = ["2008-01-02T05:00:00Z,10,11,9,10.5,1000", "2008-01-03T05:00:00Z,10,11,9,10.5,1000"]
    write(tmp_path, "X.csv", "timestamp,open,high,low,close,volume", *rows)
    feed = feed_of(tmp_path)
    assert feed.is_daily
    assert events_of(feed)[0].ts_venue_ns == CLOSE_NS


def test_daily_bars_of_a_continuous_market_span_the_utc_day(tmp_path: Path) -> None:
    write(tmp_path, "X.csv", DAILY_HEADER, "2008-01-05,10,11,9,10.5,0.25")
    (bar,) = events_of(feed_of(tmp_path, calendar=always()))
    assert isinstance(bar, Bar)
    assert (bar.ts_open_ns, bar.ts_close_ns) == (ns("2008-01-05"), ns("2008-01-05") + NS_PER_DAY)


def test_quotes_and_trades_are_read(tmp_path: Path) -> None:
    write(tmp_path, "X_quotes.csv", "timestamp,bid,ask,bid_size,ask_size", "1199284200,9,10,1,2")
    write(tmp_path, "X_trades.csv", "time,price,qty", "1199284200,9.5,3", "1199284200,9.6,4")
    feed = feed_of(tmp_path, file_pattern="{symbol}_{kind}.csv")
    assert events_of(feed) == [
        Quote("X", OPEN_NS, 9.0, 10.0, 1.0, 2.0),
        Trade("X", OPEN_NS, 9.5, 3.0),
        Trade("X", OPEN_NS, 9.6, 4.0),
    ]
    assert feed.kind is FeedKind.MIXED


@pytest.mark.parametrize(
    ("header", "row", "message"),
    [
        ("Day,Price", "2008-01-02,10", "header is not understood.*Accepted"),
        ("2008-01-02,10,11,9,10,5", "2008-01-03,10,11,9,10,5", "header is not understood"),
        (f"{DAILY_HEADER},Stock Splits", "2008-01-02,10,11,9,10,5,0", "'stock_splits'.*actions"),
        (f"{DAILY_HEADER},Close", "2008-01-02,10,11,9,10,5,5", "'close' more than once"),
        (DAILY_HEADER, "20080102,10,11,9,10,5", "time 20080102 is not understood"),
        (DAILY_HEADER, "01/02/2008,10,11,9,10,5", "time '01/02/2008' is not understood"),
        (DAILY_HEADER, "2008-01-02 09:30,10,11,9,10,5", "has no zone"),
        ("timestamp,price,size", "2008-01-02,10,5", "trades need a time of day"),
    ],
)
def test_what_is_not_understood_is_refused(
    tmp_path: Path, header: str, row: str, message: str
) -> None:
    write(tmp_path, "X.csv", header, row)
    with pytest.raises(DataError, match=message):
        feed_of(tmp_path)


def test_the_smallest_step_must_divide_all_others(tmp_path: Path) -> None:
    rows = [f"{1199284200 + step},10,11,9,10,5" for step in (0, 60, 150)]
    write(tmp_path, "X.csv", "timestamp,open,high,low,close,volume", *rows)
    with pytest.raises(DataError, match="not whole multiples"):
        feed_of(tmp_path)
    assert feed_of(tmp_path, bar_size_ns=30 * NS_PER_S).bar_size_ns == 30 * NS_PER_S
    with pytest.raises(DataError, match="would overlap"):
        feed_of(tmp_path, bar_size_ns=NS_PER_HOUR)


def test_weekly_bars_are_not_taken_for_days(tmp_path: Path) -> None:
    rows = [f"2008-03-{day:02},10,11,9,10,5" for day in (3, 10, 17, 24, 31)]
    write(tmp_path, "X.csv", DAILY_HEADER, *rows)
    with pytest.raises(DataError, match="weekly"):
        feed_of(tmp_path)
