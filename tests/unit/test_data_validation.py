"""A file with one impossible row is refused, with the file, the line and what was seen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from regimeflow.data.csv_file import CsvFile
from regimeflow.errors import DataError
from tests.unit.data_files import DAILY_HEADER, events_of, feed_of, write

GOOD = "2008-01-02,10,11,9,10.5,1000"
QUOTE_HEADER = "timestamp,bid,ask,bid_size,ask_size"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2008-01-03,10,11,9,10.5", "5 columns, the header has 6"),
        ("2008-01-03,10,11,9,10.5,1000,7", "7 columns"),
        ("2008-01-03,10,11,9,,1000", "'Close' needs a number, saw ''"),
        ("2008-01-03,10,11,9,ten,1000", "'Close' needs a number, saw 'ten'"),
        ("2008-01-03,10,11,9,1_0,1000", "'Close' needs a number, saw '1_0'"),
        ("2008-01-03,10,11,9,nan,1000", "close is not a positive price"),
        ("2008-01-03,10,inf,9,10.5,1000", "high is not a positive price"),
        ("2008-01-03,0,11,9,10.5,1000", "open is not a positive price"),
        ("2008-01-03,10,11,-9,10.5,1000", "low is not a positive price"),
        ("2008-01-03,10,9,11,10,1000", "high is below low"),
        ("2008-01-03,8.99,11,9,10,1000", "open or close lies outside"),
        ("2008-01-03,10,11,9,11.01,1000", "open or close lies outside"),
        ("2008-01-03,10,11,9,10.5,-1", "volume is negative"),
        ("2008-01-03,10,11,9,10.5,nan", "volume is negative or not a number"),
        ("2008-01-02,10,11,9,10.5,1000", "2008-01-02 repeats the time"),
        ("2007-12-31,10,11,9,10.5,1000", "2007-12-31 is earlier than"),
        ("2008-01-05,10,11,9,10.5,1000", "2008-01-05 is not a session of XNYS"),
        ("1199370600,10,11,9,10.5,1000", "holds date values so far, saw '1199370600'"),
        ("", "the line is empty"),
    ],
)
def test_a_bad_bar_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path, "X.csv", DAILY_HEADER, GOOD, row, "2008-01-10,10,11,9,10.5,1000")
    with pytest.raises(DataError, match=message) as refusal:
        feed_of(tmp_path)
    assert str(refusal.value).startswith(f"{path}:3: ")


def test_rounding_of_adjusted_prices_is_tolerated(tmp_path: Path) -> None:
    write(tmp_path, "X.csv", DAILY_HEADER, "2008-01-02,10,11,9,11.000001,1000")
    assert len(events_of(feed_of(tmp_path))) == 1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1199284201,10.01,10,1,1", "crossed"),
        ("1199284201,-1,10,1,1", "negative or not a number"),
        ("1199284201,9,10,1,-1", "negative or not a number"),
        ("1199284201,nan,10,1,1", "negative or not a number"),
        ("1199284199,9,10,1,1", "earlier than"),
        ("1199284201000,9,10,1,1", "holds s values so far"),
    ],
)
def test_a_bad_quote_is_refused_with_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = write(tmp_path, "X.csv", QUOTE_HEADER, "1199284200,9,10,1,1", row)
    with pytest.raises(DataError, match=message) as refusal:
        feed_of(tmp_path)
    assert str(refusal.value).startswith(f"{path}:3: ")


def test_a_quote_may_be_one_sided_and_share_its_moment(tmp_path: Path) -> None:
    rows = ["1199284200,0,10,0,1", "1199284200,9,0,1,0", "1199284200,0,0,0,0"]
    write(tmp_path, "X.csv", QUOTE_HEADER, *rows)
    assert len(events_of(feed_of(tmp_path))) == 3


def test_a_trade_needs_a_price(tmp_path: Path) -> None:
    write(tmp_path, "X.csv", "timestamp,price,size", "1199284200,0,1")
    with pytest.raises(DataError, match=r"X\.csv:2: price is not a positive price"):
        feed_of(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n\n", "the file is empty"),
        (DAILY_HEADER.encode() + b"\n", "no row follows the header"),
        (DAILY_HEADER.encode() + b"\n\n\n", "no row follows the header"),
        (DAILY_HEADER.encode("utf-16"), "not UTF-8"),
    ],
)
def test_an_empty_or_foreign_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "X.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        feed_of(tmp_path)


def test_line_numbers_hold_across_blocks(tmp_path: Path) -> None:
    """Method: blocks of 64 bytes, a fault in the last line."""
    rows = [f"{1199284200 + second},9,10,1,1" for second in range(200)]
    path = write(tmp_path, "X.csv", QUOTE_HEADER, *rows, "1199284999,x,10,1,1")
    with pytest.raises(DataError, match=r"X\.csv:202: column 'bid'"):
        list(CsvFile(path, block_bytes=64).blocks())


@pytest.mark.parametrize("end", ["", "\n", "\n\n\n", "\r\n \r\n"])
def test_the_end_of_the_file_may_be_blank(tmp_path: Path, end: str) -> None:
    rows = "\n".join([DAILY_HEADER, GOOD, "2008-01-03,10,11,9,10.5,1000"])
    (tmp_path / "X.csv").write_bytes((rows + end).encode())
    assert len(events_of(feed_of(tmp_path))) == 2


def test_an_endless_line_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "X.csv", DAILY_HEADER, GOOD, "1" * 400_000, GOOD)
    with pytest.raises(DataError, match=r"X\.csv:3: a line is longer"):
        list(CsvFile(path, block_bytes=1024).blocks())


def test_a_file_changed_after_opening_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "X.csv", DAILY_HEADER, GOOD)
    feed = feed_of(tmp_path)
    write(tmp_path, "X.csv", DAILY_HEADER, GOOD.replace("10.5", "10.6"))
    os.utime(path, ns=(1, 1))
    with pytest.raises(DataError, match="changed while it was being read"):
        events_of(feed)
