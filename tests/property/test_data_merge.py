"""Merging streams equals one plain sort, however the streams are cut into chunks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.data.csv_file import CsvFile
from regimeflow.data.feed import in_memory_feed
from regimeflow.data.merge import Chunk, merged
from regimeflow.model.market import MarketEvent, Trade

# Few distinct moments, so that most of them are shared, within and across streams.
moments = st.lists(st.integers(0, 12), max_size=30).map(sorted)
streams_of_moments = st.lists(moments, min_size=1, max_size=5)
cuts = st.lists(st.integers(0, 7), min_size=1, max_size=40)


def trades_of(streams: list[list[int]]) -> list[list[MarketEvent]]:
    return [
        [Trade(f"S{number}", moment, 1.0, float(row)) for row, moment in enumerate(stream)]
        for number, stream in enumerate(streams)
    ]


def chunked(events: list[MarketEvent], sizes: list[int]) -> Iterator[Chunk]:
    position = turn = 0
    while position < len(events):
        size = sizes[turn % len(sizes)] if turn < 2 * len(sizes) else len(events)
        part = events[position : position + size]
        yield Chunk(np.array([event.ts_venue_ns for event in part], np.int64), part)
        position, turn = position + size, turn + 1


@given(streams_of_moments, cuts)
def test_merging_equals_a_stable_sort(streams: list[list[int]], sizes: list[int]) -> None:
    trades = trades_of(streams)
    lists = list(merged([chunked(events, sizes) for events in trades]))
    expected = sorted((e for events in trades for e in events), key=lambda e: e.ts_venue_ns)
    assert [event for part in lists for event in part] == expected
    assert all(lists)


@given(streams_of_moments, st.integers(1, 9))
def test_a_feed_in_memory_has_the_same_order(streams: list[list[int]], size: int) -> None:
    """Method: events are handed over backwards by symbol; order within a symbol is kept."""
    trades = trades_of(streams)
    handed = [event for events in reversed(trades) for event in events]
    if not handed:
        return
    names = [f"S{number}" for number in range(len(trades))]
    feed = in_memory_feed(handed, symbols=names, chunk_events=size)
    expected = sorted((e for events in trades for e in events), key=lambda e: e.ts_venue_ns)
    assert [event for chunk in feed.chunks() for event in chunk] == expected


rows = st.lists(
    st.tuples(
        st.integers(0, 1_000_000),
        st.floats(0.01, 1e6, allow_nan=False),
        st.floats(0, 1e9, allow_nan=False),
    ),
    min_size=1,
    max_size=60,
)


@given(rows, st.integers(1, 400), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_block_size_does_not_change_what_a_csv_says(
    table: list[tuple[int, float, float]], block_bytes: int, ending: str, is_ended: bool
) -> None:
    """Values come back bit for bit, from the start and from the mark of every block."""
    table = sorted((1_199_284_200 + second, price, size) for second, price, size in table)
    lines = ["timestamp,price,size", *(f"{t},{price!r},{size!r}" for t, price, size in table)]
    text = ending.join(lines) + (ending if is_ended else "")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "X.csv"
        path.write_bytes(text.encode())
        file = CsvFile(path, block_bytes=block_bytes)
        blocks = list(file.blocks())
        seen = [
            (int(t) // 10**9, float(price), float(size))
            for block in blocks
            for t, price, size in zip(block.times, *block.values, strict=True)
        ]
        assert seen == table
        middle = blocks[len(blocks) // 2]
        again = next(file.blocks(middle.mark, middle.first_row))
        assert (again.first_row, list(again.times)) == (middle.first_row, list(middle.times))
