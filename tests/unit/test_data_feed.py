"""Feeds: windows, warm-up, order, identity, and the files they may touch."""

from __future__ import annotations

import os
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest

from regimeflow.data.feed import FeedKind, in_memory_feed
from regimeflow.errors import DataError, UsageError
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR
from tests.conftest import CHECKOUT
from tests.unit.data_files import DAILY_HEADER, always, events_of, feed_of, ns, write, xnys

DAYS = ("2008-01-02", "2008-01-03", "2008-01-04", "2008-01-07", "2008-01-08")
EXAMPLES = CHECKOUT / "examples" / "data"


def write_days(directory: Path, symbol: str, days: tuple[str, ...] = DAYS) -> None:
    rows = [f"{day},10,11,9,10.5,1000" for day in days]
    write(directory, f"{symbol}.csv", DAILY_HEADER, *rows)


def test_warm_up_bars_precede_the_window(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    write_days(tmp_path, "Y", DAYS[1:])
    feed = feed_of(
        tmp_path, ("X", "Y"), start_ns=ns("2008-01-04"), end_ns=ns("2008-01-08"), warmup_bars=2
    )
    assert feed.warmup_available == {"X": 2, "Y": 1}
    shown = [(e.symbol, e.ts_venue_ns // NS_PER_DAY) for e in events_of(feed)]
    days = [ns(day) // NS_PER_DAY for day in DAYS]
    assert shown == [
        ("X", days[0]),
        *[(symbol, day) for day in days[1:4] for symbol in ("X", "Y")],
    ]
    assert feed.event_count == len(shown)


def test_the_order_of_symbols_decides_between_equal_times(tmp_path: Path) -> None:
    for symbol in ("X", "Y"):
        write_days(tmp_path, symbol)
    events = events_of(feed_of(tmp_path, ("Y", "X")))
    assert [event.symbol for event in events] == ["Y", "X"] * len(DAYS)


def test_each_iteration_starts_again(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    feed = feed_of(tmp_path)
    next(feed.chunks())
    assert events_of(feed) == events_of(feed)
    assert len(events_of(feed)) == len(DAYS)


def test_a_window_without_data_says_what_the_file_holds(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    with pytest.raises(DataError, match=r"no row lies in 2009.*2008-01-02 to 2008-01-08"):
        feed_of(tmp_path, start_ns=ns("2009-01-01"))


def test_rows_outside_the_calendar_are_never_left_out_silently(tmp_path: Path) -> None:
    """Outside the window they do not matter; inside it the window is refused."""
    write_days(tmp_path, "X")
    short = xnys("2008-01-04", "2008-01-08")
    feed = feed_of(
        tmp_path, calendar=short, start_ns=ns("2008-01-07"), end_ns=ns("2008-01-08"), warmup_bars=9
    )
    assert feed.warmup_available == {"X": 1}
    with pytest.raises(DataError, match="outside the calendar"):
        feed_of(tmp_path, calendar=short, start_ns=ns("2008-01-03"), end_ns=ns("2008-01-08"))
    with pytest.raises(DataError, match="outside the calendar"):
        feed_of(tmp_path, calendar=short, start_ns=ns("2008-01-04"))


def test_the_hash_names_contents_and_names(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    write_days(tmp_path, "Y")
    alone = feed_of(tmp_path).data_hash
    assert feed_of(tmp_path).data_hash == alone
    assert feed_of(tmp_path, ("Y",)).data_hash != alone
    write(tmp_path, "X_actions.csv", "date,kind,value", "2008-01-03,dividend,0.1")
    assert feed_of(tmp_path).data_hash != alone


@pytest.mark.parametrize(
    "pattern", ["../{symbol}.csv", "/{symbol}.csv", "a/../../{symbol}.csv", "{symbol}.csv\0"]
)
def test_no_pattern_leads_out_of_the_directory(tmp_path: Path, pattern: str) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    write_days(tmp_path, "X")
    with pytest.raises(DataError, match="leads outside"):
        feed_of(inner, file_pattern=pattern)
    with pytest.raises(DataError, match="leads outside"):
        feed_of(inner, ("../X",))


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    with pytest.raises(DataError, match=r"Z: no file .*Z\.csv; .* holds X\.csv"):
        feed_of(tmp_path, ("Z",))
    with pytest.raises(DataError, match="does not exist"):
        feed_of(tmp_path / "none")
    with pytest.raises(DataError, match=r"\{name\} is unknown"):
        feed_of(tmp_path, file_pattern="{name}.csv")
    write(tmp_path, "X.json", "{}")
    with pytest.raises(DataError, match="files of this kind are not read"):
        feed_of(tmp_path, file_pattern="{symbol}.json")


def test_bars_of_different_sizes_are_refused(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    hours = [f"{ns('2008-01-02') // 10**9 + 3600 * hour},10,11,9,10,5" for hour in range(15, 18)]
    write(tmp_path, "Y.csv", "timestamp,open,high,low,close,volume", *hours)
    with pytest.raises(DataError, match=r"86400 s \(X\) and 3600 s \(Y\)"):
        feed_of(tmp_path, ("X", "Y"))


def test_a_symbol_twice_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    write_days(tmp_path, "X")
    for symbols in ((), ("X", "X")):
        with pytest.raises(UsageError, match="distinct symbols"):
            feed_of(tmp_path, symbols)


def test_the_examples_are_whole() -> None:
    feed = feed_of(
        EXAMPLES,
        ("AAPL", "MSFT", "IBM"),
        start_ns=ns("2008-01-02"),
        end_ns=ns("2013-03-02"),
        warmup_bars=30,
    )
    assert feed.kind is FeedKind.DAILY_BARS
    assert feed.event_count == 3 * (1300 + 30)
    assert feed.warmup_available == {"AAPL": 30, "MSFT": 30, "IBM": 30}
    times = [event.ts_venue_ns for event in events_of(feed)]
    assert times == sorted(times)
    assert (times[0], times[-1]) == (feed.first_ns, feed.last_ns)
    assert {action.symbol for action in feed.actions} == {"AAPL", "MSFT", "IBM"}
    assert all(a.ts_venue_ns <= b.ts_venue_ns for a, b in pairwise(feed.actions))


def test_streaming_needs_the_memory_of_a_few_blocks(tmp_path: Path) -> None:
    """Two files of 60,000 quotes are about 30 MB as events; one block of each is held."""
    for symbol in ("X", "Y"):
        rows = [f"{1199284200 + second},9,10,1,1" for second in range(60_000)]
        write(tmp_path, f"{symbol}.csv", "timestamp,bid,ask,bid_size,ask_size", *rows)
    feed = feed_of(tmp_path, ("X", "Y"), calendar=always())
    count = 0
    tracemalloc.start()
    try:
        for chunk in feed.chunks():
            count += len(chunk)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == feed.event_count == 120_000
    assert peak_bytes < 15_000_000


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="reads the resident size from /proc")
def test_five_million_events_add_less_than_ten_megabytes(tmp_path: Path) -> None:
    def resident_bytes() -> int:
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("no /proc on this system")
    with (tmp_path / "X.csv").open("w", encoding="ascii") as stream:
        stream.write("timestamp,price,size\n")
        for second in range(5_000_000):
            stream.write(f"{1199284200 + second},{100 + second % 7},{1 + second % 90}\n")
    feed = feed_of(tmp_path, calendar=always())
    count, before, peak = 0, resident_bytes(), 0
    for number, chunk in enumerate(feed.chunks()):
        count += len(chunk)
        if number % 50 == 0:
            peak = max(peak, resident_bytes())
    assert count == 5_000_000
    assert peak - before < 10_000_000


def test_events_in_memory_make_the_same_kind_of_feed() -> None:
    quote = Quote("X", 5, 1.0, 2.0, 1.0, 1.0)
    trade = Trade("Y", 5, 1.0, 1.0)
    late = Trade("X", 9, 1.0, 1.0)
    feed = in_memory_feed([late, trade, quote], symbols=["X", "Y"], chunk_events=2)
    assert list(feed.chunks()) == [[quote, trade], [late]] == list(feed.chunks())
    assert (feed.first_ns, feed.last_ns, feed.event_count) == (5, 9, 3)
    assert (feed.kind, feed.bar_size_ns) == (FeedKind.MIXED, None)
    assert in_memory_feed([late]).kind is FeedKind.TRADES
    assert in_memory_feed([late]).data_hash != feed.data_hash
    bar = Bar("X", 0, NS_PER_HOUR, 1.0, 1.0, 1.0, 1.0, 1.0, NS_PER_HOUR)
    assert in_memory_feed([bar]).kind is FeedKind.INTRADAY_BARS
    assert in_memory_feed([bar]).bar_size_ns == NS_PER_HOUR


def test_an_in_memory_feed_refuses_what_it_cannot_order() -> None:
    trade = Trade("Y", 5, 1.0, 1.0)
    with pytest.raises(UsageError, match="'Y', which is not among"):
        in_memory_feed([trade], symbols=["X"])
    with pytest.raises(UsageError, match="at least one event"):
        in_memory_feed([])
    day = Bar("X", 0, NS_PER_HOUR, 1.0, 1.0, 1.0, 1.0, 1.0)
    hour = Bar("X", 0, NS_PER_HOUR, 1.0, 1.0, 1.0, 1.0, 1.0, NS_PER_HOUR)
    with pytest.raises(UsageError, match="different sizes"):
        in_memory_feed([day, hour])
