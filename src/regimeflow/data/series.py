"""One file of one symbol: checked from its first row to its last, then streamed in a window.

Opening reads the whole file once, without making events, so every refusal comes before a run
starts. Streaming reads it again, from the block the window begins in.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from regimeflow.data.blocks import Block, BlockSource
from regimeflow.data.checks import bar_spacing, check_order, check_values
from regimeflow.data.csv_file import BLOCK_BYTES, CsvFile
from regimeflow.data.layouts import Kind
from regimeflow.data.merge import Chunk
from regimeflow.data.placement import DailyBars, IntradayBars, Placement, Ticks, is_daily
from regimeflow.data.price_jumps import JumpCheck
from regimeflow.data.session_times import SessionTimes
from regimeflow.errors import DataError
from regimeflow.model.market import Quote, Trade
from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns

if TYPE_CHECKING:
    from regimeflow.data.blocks import Ints

CSV_SUFFIXES = (".csv", ".txt")
PARQUET_SUFFIXES = (".parquet", ".pq")


class Window(msgspec.Struct, frozen=True):
    """What of a file is streamed: rows in `[start_ns, end_ns)`, None for no bound.

    Bars are judged by their open; up to `warmup_bars` bars before the start come first.
    """

    start_ns: int | None
    end_ns: int | None
    warmup_bars: int = 0


def open_source(path: Path, *, block_share: float = 1.0) -> BlockSource:
    """The reader for a file, by its suffix; `block_share` of the usual memory for each block."""
    suffix = path.suffix.lower()
    if suffix in CSV_SUFFIXES:
        return CsvFile(path, block_bytes=max(int(BLOCK_BYTES * block_share), 16 * 1024))
    if suffix in PARQUET_SUFFIXES:
        from regimeflow.data.parquet_file import BLOCK_ROWS, ParquetFile  # Heavy, rarely used.

        return ParquetFile(path, block_rows=max(int(BLOCK_ROWS * block_share), 512))
    known = ", ".join((*CSV_SUFFIXES, *PARQUET_SUFFIXES))
    raise DataError(f"{path}: files of this kind are not read; the kinds are {known}")


class Series:
    """The checked events of one symbol from one file, in time order.

    `first_ns` and `last_ns` are the venue times of the first and the last event streamed,
    `first_open_ns` is the open of the first; `bar_size_ns` is None unless the rows are bars.
    """

    __slots__ = (
        "_begin",
        "_end",
        "_marks",
        "_placement",
        "_source",
        "bar_size_ns",
        "first_ns",
        "first_open_ns",
        "kind",
        "last_ns",
        "symbol",
        "warmup_available",
    )

    def __init__(
        self,
        *,
        symbol: str,
        source: BlockSource,
        sessions: SessionTimes,
        window: Window,
        bar_size_ns: int | None,
        jumps: JumpCheck,
    ) -> None:
        """Read and check the whole file. Raises DataError for its first fault."""
        self.symbol = symbol
        self.kind = source.layout.kind
        self._source = source
        self._placement = _placement(symbol, source, sessions, bar_size_ns)
        scan = _Scan(source, self._placement, window, jumps)
        self._marks = scan.marks
        self._begin, self._end = scan.rows_in_window()
        self.warmup_available = max(scan.before_start - self._begin, 0)
        self.bar_size_ns = _bar_size_ns(self._placement)
        first = next(self._rows(self._begin, self._begin + 1))
        last = next(self._rows(self._end - 1, self._end))
        self.first_open_ns = int(self._placement.opens(first)[0])
        self.first_ns = int(self._placement.times(first)[0])
        self.last_ns = int(self._placement.times(last)[0])
        jumps.refuse_since(self.first_open_ns)

    @property
    def event_count(self) -> int:
        """How many events `chunks` yields."""
        return self._end - self._begin

    def chunks(self) -> Iterator[Chunk]:
        """The events, a block at a time; each call starts again."""
        for block in self._rows(self._begin, self._end):
            yield Chunk(self._placement.times(block), self._placement.events(block))

    def _rows(self, begin: int, end: int) -> Iterator[Block]:
        """Blocks cut to the rows `[begin, end)` of the file."""
        starts = [rows_before for _, _, rows_before in self._marks]
        mark, first_row, position = self._marks[int(np.searchsorted(starts, begin, "right")) - 1]
        for block in self._source.blocks(mark, first_row):
            rows = len(block.times)
            low, high = max(begin - position, 0), min(end - position, rows)
            if low == 0 and high == rows:
                yield block
            elif low < high:
                yield Block(
                    block.mark,
                    block.first_row + low,
                    block.times[low:high],
                    tuple(column[low:high] for column in block.values),
                )
            position += rows
            if position >= end:
                return


class _Scan:
    """One pass over a file: every check, and where the window lies."""

    __slots__ = (
        "_placement",
        "_source",
        "_span_ns",
        "_window",
        "before_end",
        "before_known",
        "before_start",
        "marks",
        "through_known",
    )

    def __init__(
        self, source: BlockSource, placement: Placement, window: Window, jumps: JumpCheck
    ) -> None:
        self._source = source
        self._placement = placement
        self._window = window
        self.marks: list[tuple[int, int, int]] = []
        self.before_start = self.before_end = self.before_known = self.through_known = 0
        self._span_ns = (0, 0)
        rows = spacing_ns = divisor_ns = 0
        previous_time: int | None = None
        previous_open: int | None = None
        is_bars = source.layout.kind is Kind.BARS
        for block in source.blocks():
            check_values(block, source)
            check_order(block, source, previous=previous_time, allow_equal=not is_bars)
            opens = placement.opens(block)
            if is_bars:
                step_ns, common_ns = bar_spacing(opens, previous_open)
                spacing_ns = min(spacing_ns or step_ns, step_ns or spacing_ns)
                divisor_ns = gcd(divisor_ns, common_ns)
            self._span_ns = (self._span_ns[0] if rows else int(opens[0]), int(opens[-1]))
            self.marks.append((block.mark, block.first_row, rows))
            rows += len(opens)
            self._count(opens)
            self._watch_jumps(opens, block, jumps)
            previous_time, previous_open = int(block.times[-1]), int(opens[-1])
        placement.settle(spacing_ns=spacing_ns, divisor_ns=divisor_ns, rows=rows)

    def rows_in_window(self) -> tuple[int, int]:
        """First row of the warm-up, and the row after the last of the window."""
        begin = max(self.before_start - self._window.warmup_bars, self.before_known)
        if self._source.layout.kind is not Kind.BARS:
            begin = self.before_start
        if self.before_start >= self.before_end:
            first, last = (date_from_ns(ts_ns) for ts_ns in self._span_ns)
            raise DataError(
                f"{self._source.place(1)}: no row lies in {self._shown_window()}; the file holds "
                f"{first} to {last}"
            )
        if self.before_start < self.before_known or self.before_end > self.through_known:
            raise DataError(
                f"{self._source.place(1)}: rows in {self._shown_window()} lie outside the "
                "calendar that was loaded; choose start and end dates inside it"
            )
        return begin, self.before_end

    def _count(self, opens: Ints) -> None:
        known_ns, rows = self._placement.known_ns, len(opens)
        start_ns, end_ns = self._window.start_ns, self._window.end_ns
        self.before_start += 0 if start_ns is None else _rows_before(opens, start_ns)
        self.before_end += rows if end_ns is None else _rows_before(opens, end_ns)
        self.before_known += 0 if known_ns is None else _rows_before(opens, known_ns[0])
        self.through_known += rows if known_ns is None else _rows_before(opens, known_ns[1])

    def _watch_jumps(self, opens: Ints, block: Block, jumps: JumpCheck) -> None:
        kind, end_ns = self._source.layout.kind, self._window.end_ns
        if kind is Kind.QUOTES:
            return
        cut = len(opens) if end_ns is None else _rows_before(opens, end_ns)
        prices = block.values[3] if kind is Kind.BARS else block.values[0]
        jumps.feed(opens[:cut], prices[:cut])

    def _shown_window(self) -> str:
        start_ns, end_ns = self._window.start_ns, self._window.end_ns
        first = "its beginning" if start_ns is None else str(date_from_ns(start_ns))
        last = "its end" if end_ns is None else str(date_from_ns(end_ns - 1))
        return f"{first} to {last}"


def _placement(
    symbol: str, source: BlockSource, sessions: SessionTimes, bar_size_ns: int | None
) -> Placement:
    kind = source.layout.kind
    if kind is Kind.BARS:
        if is_daily(source, bar_size_ns):
            return DailyBars(symbol, source, sessions)
        return IntradayBars(symbol, source, sessions, bar_size_ns)
    if source.has_dates:
        raise DataError(f"{source.place(1)}: {kind.value} need a time of day, not only a date")
    return Ticks(symbol, Quote if kind is Kind.QUOTES else Trade)


def _bar_size_ns(placement: Placement) -> int | None:
    if isinstance(placement, IntradayBars):
        return placement.size_ns
    return NS_PER_DAY if isinstance(placement, DailyBars) else None


def _rows_before(opens: Ints, ts_ns: int) -> int:
    return int(np.searchsorted(opens, ts_ns, side="left"))
