"""LEAN's zip files: against real recordings, and refusals against made ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from regimeflow.data.feed import FeedKind, in_memory_feed
from regimeflow.data.lean import (
    read_minute_quotes,
    read_minute_trades,
    read_tick_quotes,
    read_tick_trades,
)
from regimeflow.errors import DataError
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS
from tests.unit.data_files import always, ns, xnys

# 7 October 2013 had daylight saving: midnight in New York is 04:00 UTC.
MIDNIGHT_NS = ns("2013-10-07") + 4 * NS_PER_HOUR


def test_minute_trades_of_a_stock(shared_dir: Path) -> None:
    path = shared_dir / "data/lean/equity/usa/minute/spy/20131007_trade.zip"
    bars = read_minute_trades(path, symbol="SPY", calendar=xnys())
    open_ns = MIDNIGHT_NS + 4 * NS_PER_HOUR
    assert len(bars) == 828
    assert bars[0] == Bar(
        "SPY",
        open_ns,
        open_ns + NS_PER_MINUTE,
        167.41,
        167.41,
        167.25,
        167.27,
        3197.0,
        NS_PER_MINUTE,
    )
    session = xnys().at(ns("2013-10-07") + 15 * NS_PER_HOUR)
    assert session is not None
    assert any(bar.ts_open_ns == session.open_ns for bar in bars)
    assert in_memory_feed(bars).kind is FeedKind.INTRADAY_BARS


def test_minute_quotes_are_known_at_the_end_of_their_minute(shared_dir: Path) -> None:
    path = shared_dir / "data/lean/equity/usa/minute/spy/20131007_quote.zip"
    quotes = read_minute_quotes(path, symbol="SPY", calendar=xnys())
    first_ns = MIDNIGHT_NS + 4 * NS_PER_HOUR + NS_PER_MINUTE
    assert len(quotes) == 908
    assert quotes[0] == Quote("SPY", first_ns, 167.25, 167.27, 300.0, 20000.0)


def test_ticks_of_a_stock(shared_dir: Path) -> None:
    directory = shared_dir / "data/lean/equity/usa/tick/ibm"
    trades = read_tick_trades(directory / "20131007_trade.zip", symbol="IBM", calendar=xnys())
    assert len(trades) == 24_293
    assert trades[0] == Trade("IBM", MIDNIGHT_NS + 14_430_270 * NS_PER_MS, 181.52, 283.0)
    quotes = read_tick_quotes(directory / "20131007_quote.zip", symbol="IBM", calendar=xnys())
    assert len(quotes) == 109_067
    assert quotes[0] == Quote("IBM", MIDNIGHT_NS + 14_400_054 * NS_PER_MS, 0, 183.63, 0, 100)


def test_crypto_is_in_utc_and_unscaled(shared_dir: Path) -> None:
    directory = shared_dir / "data/lean/crypto/coinbase/minute/btcusd"
    bars = read_minute_trades(
        directory / "20170904_trade.zip", symbol="BTC", calendar=always("2017-09-01", "2017-09-30")
    )
    assert len(bars) == 1_440
    assert (bars[0].ts_open_ns, bars[0].close, bars[0].volume) == (
        ns("2017-09-04"),
        4626.05,
        5.1629512,
    )


def test_every_recorded_day_is_read(shared_dir: Path) -> None:
    """Method: as many events as rows; nothing is refused and nothing is dropped."""
    stocks, crypto = xnys("2013-01-01", "2014-12-31"), always("2016-01-01", "2018-12-31")
    paths = sorted((shared_dir / "data/lean").glob("*/*/minute/*/*.zip"))
    assert paths
    for path in paths:
        calendar = crypto if "crypto" in path.parts else stocks
        if path.stem.endswith("_trade"):
            count = len(read_minute_trades(path, symbol="S", calendar=calendar))
        else:
            count = len(read_minute_quotes(path, symbol="S", calendar=calendar))
        with zipfile.ZipFile(path) as archive:
            assert count == len(archive.read(archive.namelist()[0]).splitlines())


def make_zip(directory: Path, *rows: str, name: str = "20131007_trade.zip") -> Path:
    path = directory / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("20131007_spy_minute_trade.csv", "\n".join(rows))
    return path


def test_half_days_keep_their_midnight(tmp_path: Path) -> None:
    path = make_zip(tmp_path, "34200000,1,2,1,2,5", name="20121123_trade.zip")
    (bar,) = read_minute_trades(path, symbol="SPY", calendar=xnys())
    assert bar.ts_open_ns == ns("2012-11-23") + 14 * NS_PER_HOUR + 30 * NS_PER_MINUTE


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1000,1,2,1,2"], ":1: 5 columns, expected 6"),
        (["1000,1,2,1,2,5", "999,1,2,1,2,5"], ":2: time 999 is earlier"),
        (["1000,1,2,1,x,5"], ":1: 'x' is not a number"),
        (["1000,1,2,1,nan,5"], ":1: 'nan' is not a number"),
        (["1000,3,2,1,2,5"], ":1: .* not possible prices"),
        (["1000,1,2,0,2,5"], ":1: .* not possible prices"),
    ],
)
def test_a_bad_row_is_refused(tmp_path: Path, rows: list[str], message: str) -> None:
    path = make_zip(tmp_path, *rows)
    with pytest.raises(DataError, match=message):
        read_minute_trades(path, symbol="SPY", calendar=xnys())


def test_a_crossed_quote_is_refused(tmp_path: Path) -> None:
    path = make_zip(tmp_path, "1000,20000,1,10000,1,P,1,0", name="20131007_quote.zip")
    with pytest.raises(DataError, match="crossed"):
        read_tick_quotes(path, symbol="SPY", calendar=xnys())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("spy.zip", "is named YYYYMMDD"),
        ("20131332_trade.zip", "no valid date"),
        ("20131005_trade.zip", "not a session of the XNYS"),
    ],
)
def test_a_wrong_name_is_refused(tmp_path: Path, name: str, message: str) -> None:
    path = make_zip(tmp_path, "1000,1,2,1,2,5", name=name)
    with pytest.raises(DataError, match=message):
        read_minute_trades(path, symbol="SPY", calendar=xnys())


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "20131007_trade.zip"
    for content in (b"not a zip", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match="cannot be read"):
            read_minute_trades(path, symbol="SPY", calendar=xnys())
