"""CSV files as blocks of columns, with flat memory and exact line numbers.

A block is a few hundred kilobytes cut at a line end, parsed by Arrow in one call. When Arrow
refuses a block it is read again line by line, only to name the line, the column and the value.
The file is opened for each block, so many symbols do not need as many open files.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from regimeflow.data.blocks import Block
from regimeflow.data.layouts import Layout, detect_layout
from regimeflow.data.time_column import (
    ACCEPTED,
    arrow_type,
    form_of_text,
    integers,
    matches_form,
)
from regimeflow.errors import DataError

# Arrow would take SIGINT over while it parses; signals belong to the program that reads.
pa.enable_signal_handlers(False)

BLOCK_BYTES = 256 * 1024
LINE_BYTES_MAX = 16 * 1024
DELIMITERS = ",;\t"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.I)


class CsvFile:
    """One CSV file whose header was understood."""

    __slots__ = (
        "_block_bytes",
        "_data_end",
        "_data_start",
        "_delimiter",
        "_form",
        "_identity",
        "_path",
        "layout",
    )

    def __init__(self, path: Path, *, block_bytes: int = BLOCK_BYTES) -> None:
        """Read the header and the first row; DataError when the file is missing or empty."""
        self._path = path
        self._block_bytes = block_bytes
        head, self._identity, self._data_end = _look_at(path)
        header, _, rest = head.partition(b"\n")
        self._data_start = len(header) + 1
        header_text = _decoded(header, self.place(1))
        self._delimiter = max(DELIMITERS, key=header_text.count)
        self.layout: Layout = detect_layout(self._cells(header_text), self.place(1))
        first = _decoded(rest.partition(b"\n")[0], self.place(2))
        if self._data_start >= self._data_end or not first.strip():
            raise DataError(f"{self.place(2)}: no row follows the header; the file is empty")
        cells = self._cells(first)
        if len(cells) <= self.layout.time_column:
            raise self._wrong_count(2, len(cells))
        self._form = form_of_text(
            cells[self.layout.time_column],
            is_dated=self.layout.is_dated,
            where=self.place(2),
        )

    @property
    def has_dates(self) -> bool:
        """Whether rows carry a date rather than a moment."""
        return self._form.is_date

    def place(self, row: int) -> str:
        """`file:line`; the header is line 1."""
        return f"{self._path}:{row}"

    def blocks(self, mark: int | None = None, row: int | None = None) -> Iterator[Block]:
        """Blocks from the start, or from `mark`, whose first line is `row`."""
        position = self._data_start if mark is None else mark
        line = 2 if row is None else row
        while position < self._data_end:
            text = self._read_lines(position, line)
            block = self._parsed(text, position, line)
            yield block
            position += len(text)
            line += len(block.times)

    def _read_lines(self, position: int, line: int) -> bytes:
        length = min(self._block_bytes, self._data_end - position)
        with self._path.open("rb") as stream:
            if _identity(os.fstat(stream.fileno())) != self._identity:
                raise DataError(f"{self._path}: changed while it was being read; start again")
            stream.seek(position)
            text = stream.read(length)
            if position + length < self._data_end and not text.endswith(b"\n"):
                cut = text.rfind(b"\n") + 1
                text = text[:cut] if cut else text + stream.readline(LINE_BYTES_MAX)
        if position + len(text) < self._data_end and not text.endswith(b"\n"):
            raise DataError(f"{self.place(line)}: a line is longer than {LINE_BYTES_MAX} bytes")
        return text

    def _parsed(self, text: bytes, position: int, line: int) -> Block:
        layout = self.layout
        names = [str(index) for index in range(len(layout.names))]
        wanted = [names[layout.time_column], *(names[index] for index in layout.columns)]
        types = dict.fromkeys(wanted, pa.float64())
        types[wanted[0]] = arrow_type(self._form)
        try:
            table = arrow_csv.read_csv(
                pa.BufferReader(text),
                arrow_csv.ReadOptions(
                    column_names=names, block_size=len(text) + 1, use_threads=False
                ),
                arrow_csv.ParseOptions(delimiter=self._delimiter, ignore_empty_lines=False),
                arrow_csv.ConvertOptions(
                    column_types=types, include_columns=wanted, null_values=[""]
                ),
            )
            columns = [column.combine_chunks() for column in table.columns]
            if any(column.null_count for column in columns):
                raise ValueError("a value is missing")
            times = integers(columns[0], self._form)
        except (pa.ArrowInvalid, ValueError) as reason:
            raise self._explained(text, line, reason) from None
        return Block(position, line, times, tuple(column.to_numpy() for column in columns[1:]))

    def _explained(self, text: bytes, first_line: int, reason: Exception) -> DataError:
        """The same block read line by line, for the first line that is wrong."""
        layout = self.layout
        for line, raw in enumerate(text.splitlines(), start=first_line):
            content = _decoded(raw, self.place(line))
            cells = self._cells(content)
            if not content.strip():
                return DataError(f"{self.place(line)}: the line is empty; remove it")
            if len(cells) != len(layout.names):
                return self._wrong_count(line, len(cells))
            if not matches_form(cells[layout.time_column], self._form):
                return self._wrong_time(line, cells[layout.time_column])
            for index in layout.columns:
                if not _NUMBER.fullmatch(cells[index].strip()):
                    return DataError(
                        f"{self.place(line)}: column {layout.names[index]!r} needs a number, "
                        f"saw {cells[index]!r}; correct or remove the row"
                    )
        return DataError(f"{self.place(first_line)}: the rows from here are not read: {reason}")

    def _wrong_time(self, line: int, seen: str) -> DataError:
        name = self.layout.names[self.layout.time_column]
        return DataError(
            f"{self.place(line)}: column {name!r} holds {self._form.value} values so far, "
            f"saw {seen!r}; one form a file, of {ACCEPTED}"
        )

    def _wrong_count(self, line: int, seen: int) -> DataError:
        return DataError(
            f"{self.place(line)}: {seen} columns, the header has {len(self.layout.names)}"
        )

    def _cells(self, line: str) -> Sequence[str]:
        return next(csv.reader([line], delimiter=self._delimiter), [])


def _look_at(path: Path) -> tuple[bytes, tuple[int, int], int]:
    """The head of a file, its identity, and where its data ends (blank lines left out)."""
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            head = stream.read(2 * LINE_BYTES_MAX)
            stream.seek(max(status.st_size - LINE_BYTES_MAX, 0))
            tail = stream.read(LINE_BYTES_MAX)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not head.strip():
        raise DataError(f"{path}: the file is empty; it needs a header and rows")
    return head, _identity(status), status.st_size - len(tail) + len(tail.rstrip(b"\r\n \t"))


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def _decoded(line: bytes, where: str) -> str:
    try:
        return line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError:
        raise DataError(f"{where}: the text is not UTF-8; save the file as UTF-8") from None
