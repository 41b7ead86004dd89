"""Parquet files read as the same events as CSV."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regimeflow.data.parquet_file import ParquetFile
from regimeflow.errors import DataError
from tests.unit.data_files import DAILY_HEADER, events_of, feed_of, write

FIRST_S = 1199284200
ZONELESS = datetime(2008, 1, 2)  # noqa: DTZ001
DAYS = [date(2008, 1, 2), date(2008, 1, 3)]
PRICES = {"Open": [10, 10.0], "High": [11.0, 11], "Low": [9.0, 9], "Close": [10.5, 10.5]}


def write_parquet(path: Path, columns: dict[str, Any], row_group_size: int = 1_000) -> None:
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)


@pytest.mark.parametrize(
    "times",
    [
        pa.array(DAYS),
        pa.array([datetime(day.year, day.month, day.day) for day in DAYS]),  # noqa: DTZ001
        pa.array([day.isoformat() for day in DAYS]),
        pa.array([f"{day} 00:00:00-05:00" for day in DAYS]),
    ],
)
def test_daily_parquet_equals_daily_csv(tmp_path: Path, times: pa.Array) -> None:
    write_parquet(tmp_path / "X.parquet", {"Date": times, **PRICES, "Volume": [1, 2]})
    rows = [f"{day},10,11,9,10.5,{volume}" for day, volume in zip(DAYS, (1, 2), strict=True)]
    write(tmp_path, "X.csv", DAILY_HEADER, *rows)
    from_parquet = feed_of(tmp_path, file_pattern="{symbol}.parquet")
    assert events_of(from_parquet) == events_of(feed_of(tmp_path))


@pytest.mark.parametrize(
    "times",
    [
        pa.array([FIRST_S + step for step in range(3_000)]),
        pa.array([(FIRST_S + step) * 1_000_000 for step in range(3_000)]),
        pa.array([datetime.fromtimestamp(FIRST_S + step, UTC) for step in range(3_000)]),
    ],
)
def test_windows_reach_across_row_groups(tmp_path: Path, times: pa.Array) -> None:
    columns = {"timestamp": times, "price": [1.0] * 3_000, "size": list(range(3_000))}
    write_parquet(tmp_path / "X.parquet", columns, row_group_size=700)
    feed = feed_of(
        tmp_path,
        file_pattern="{symbol}.parquet",
        start_ns=(FIRST_S + 1_500) * 10**9,
        end_ns=(FIRST_S + 2_900) * 10**9,
    )
    sizes = [event.size for event in events_of(feed)]  # type: ignore[union-attr]
    assert sizes == list(range(1_500, 2_900))


def test_blocks_continue_from_a_mark(tmp_path: Path) -> None:
    columns = {"timestamp": [FIRST_S + s for s in range(95)], "price": [1.0] * 95, "size": [1] * 95}
    write_parquet(tmp_path / "X.parquet", columns, row_group_size=40)
    file = ParquetFile(tmp_path / "X.parquet", block_rows=16)
    blocks = list(file.blocks())
    for block in blocks:
        rest = next(file.blocks(block.mark, block.first_row))
        assert rest.first_row == block.first_row
        assert rest.times[0] == block.times[0]
    assert sum(len(block.times) for block in blocks) == 95


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"timestamp": [FIRST_S, None], "price": [1.0, 1.0]}, r":2: column 'timestamp' has no"),
        ({"timestamp": [FIRST_S, FIRST_S], "price": [1.0, None]}, r":2: column 'price' has no"),
        ({"timestamp": [FIRST_S, FIRST_S], "price": [1.0, -1.0]}, r":2: price is not a positive"),
        ({"timestamp": [FIRST_S, FIRST_S - 1], "price": [1.0, 1.0]}, r":2: .* is earlier than"),
        ({"timestamp": [1.5, 2.5], "price": [1.0, 1.0]}, r"is of type double"),
        ({"timestamp": [ZONELESS, ZONELESS], "price": [1.0, 1.0]}, "time zone"),
        ({"timestamp": [FIRST_S, FIRST_S], "price": ["a", "b"]}, "the rows from here"),
        ({"timestamp": [], "price": []}, "the file has no rows"),
    ],
)
def test_a_bad_parquet_file_is_refused(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    columns["size"] = [1.0] * len(columns["price"])
    write_parquet(tmp_path / "X.parquet", columns)
    with pytest.raises(DataError, match=message):
        feed_of(tmp_path, file_pattern="{symbol}.parquet")


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "X.parquet", DAILY_HEADER)
    with pytest.raises(DataError, match="not a readable Parquet file"):
        feed_of(tmp_path, file_pattern="{symbol}.parquet")
