"""Parquet files as the same blocks of columns as CSV, with flat memory.

Pages are read through a small buffer rather than a column of a row group at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as arrow_parquet

from regimeflow.data.blocks import Block
from regimeflow.data.layouts import Layout, detect_layout
from regimeflow.data.time_column import TimeForm, form_of_count, form_of_text, integers
from regimeflow.errors import DataError

BLOCK_ROWS = 8_192
PAGE_BUFFER_BYTES = 64 * 1024


class ParquetFile:
    """One Parquet file whose columns were understood. Rows are counted from 1."""

    __slots__ = ("_block_rows", "_form", "_identity", "_path", "layout")

    def __init__(self, path: Path, *, block_rows: int = BLOCK_ROWS) -> None:
        """Read the schema and the first row; DataError when missing, damaged or empty."""
        self._path = path
        self._block_rows = block_rows
        self._identity = self._stat()
        with self._opened() as file:
            names = [name for name in file.schema_arrow.names if not name.startswith("__")]
            self.layout: Layout = detect_layout(names, str(path))
            if not file.metadata.num_rows:
                raise DataError(f"{path}: the file has no rows")
            first = next(file.iter_batches(batch_size=1, columns=self._wanted()))
        self._form = self._detect_form(first.column(self._time_name()))

    @property
    def has_dates(self) -> bool:
        """Whether rows carry a date rather than a moment."""
        return self._form.is_date

    def place(self, row: int) -> str:
        """`file:row`; the first row is 1."""
        return f"{self._path}:{row}"

    def blocks(self, mark: int | None = None, row: int | None = None) -> Iterator[Block]:
        """Blocks from the start, or from `mark`, which counts the rows before it."""
        del row  # The mark is the row number here.
        skipped = mark or 0
        if self._stat() != self._identity:
            raise DataError(f"{self._path}: changed while it was being read; start again")
        with self._opened() as file:
            position, groups = self._groups_from(file, skipped)
            for batch in file.iter_batches(
                batch_size=self._block_rows,
                row_groups=groups,
                columns=self._wanted(),
                use_threads=False,
            ):
                begin = max(skipped - position, 0)
                if begin < batch.num_rows:
                    yield self._block(batch.slice(begin), position + begin)
                position += batch.num_rows

    def _groups_from(self, file: arrow_parquet.ParquetFile, row: int) -> tuple[int, list[int]]:
        """Row groups from the one that holds `row` on, and how many rows lie before them."""
        before, total = 0, file.metadata.num_row_groups
        for group in range(total):
            rows = file.metadata.row_group(group).num_rows
            if row < before + rows:
                return before, list(range(group, total))
            before += rows
        return before, []

    def _block(self, batch: pa.RecordBatch, rows_before: int) -> Block:
        columns = [batch.column(name) for name in self._wanted()]
        for name, column in zip(self._wanted(), columns, strict=True):
            if column.null_count:
                row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
                raise DataError(
                    f"{self.place(rows_before + row + 1)}: column {name!r} has no value; "
                    "fill it or remove the row"
                )
        try:
            times = integers(self._time_array(columns[0]), self._form)
            values = tuple(
                column.cast(pa.float64()).to_numpy(zero_copy_only=False) for column in columns[1:]
            )
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as reason:
            raise DataError(
                f"{self.place(rows_before + 1)}: the rows from here are not read: {reason}"
            ) from None
        return Block(rows_before, rows_before + 1, times, values)

    def _time_array(self, column: pa.Array) -> pa.Array:
        """The time column in the type a text column of the same form would be parsed as."""
        if pa.types.is_timestamp(column.type):
            if self._form is TimeForm.DATE:
                return column.cast(pa.date32())  # Refuses a value that is not at midnight.
            return column.cast(pa.timestamp("ns", tz="UTC"))
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            if self._form is TimeForm.DATE:
                return column.cast(pa.date32())
            if self._form is TimeForm.MOMENT:
                return column.cast(pa.timestamp("ns", tz="UTC"))
        return column

    def _detect_form(self, column: pa.Array) -> TimeForm:
        where, kind = self.place(1), column.type
        if column.null_count:
            raise DataError(f"{where}: column {self._time_name()!r} has no value")
        if pa.types.is_date(kind):
            return TimeForm.DATE
        if pa.types.is_integer(kind):
            return form_of_count(column[0].as_py(), where=where)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return form_of_text(column[0].as_py(), is_dated=self.layout.is_dated, where=where)
        if pa.types.is_timestamp(kind) and kind.tz is not None:
            return TimeForm.MOMENT
        if pa.types.is_timestamp(kind) and self.layout.is_dated:
            return TimeForm.DATE
        raise DataError(
            f"{where}: column {self._time_name()!r} is of type {kind}; it needs a date, a "
            "timestamp with a time zone, or whole s, ms, us or ns since 1970"
        )

    def _time_name(self) -> str:
        return self.layout.names[self.layout.time_column]

    def _wanted(self) -> list[str]:
        names = self.layout.names
        return [self._time_name(), *(names[index] for index in self.layout.columns)]

    def _opened(self) -> arrow_parquet.ParquetFile:
        try:
            return arrow_parquet.ParquetFile(
                self._path, buffer_size=PAGE_BUFFER_BYTES, pre_buffer=False
            )
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(f"{self._path}: is not a readable Parquet file: {error}") from None

    def _stat(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError as error:
            raise DataError(f"{self._path}: cannot be read: {error.strerror or error}") from None
        return status.st_size, status.st_mtime_ns
