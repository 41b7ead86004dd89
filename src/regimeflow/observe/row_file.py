"""An append-only text file of rows, bounded, that a refold writes again byte for byte.

It begins empty at every start, because observers refold the journal from its beginning. It is
never synced: the journal is the truth. Past `ROWS_MAX` rows optional rows are dropped and
counted; the others are always written.
"""

from __future__ import annotations

from pathlib import Path

from regimeflow.errors import ConfigError

ROWS_MAX = 1_000_000
BUFFERED_MAX = 64


class RowFile:
    """Rows of text with a header, flushed every `BUFFERED_MAX` rows and on demand.

    Raises ConfigError when the file cannot be written: the user's to mend.
    """

    __slots__ = ("_buffer", "_path", "_rows", "_rows_max", "rows_dropped")

    def __init__(self, path: Path, header: str, *, rows_max: int = ROWS_MAX) -> None:
        self._path = path
        self._buffer: list[str] = []
        self._rows = 0
        self._rows_max = rows_max
        self.rows_dropped = 0
        self._write(header + "\n", mode="w")

    def append(self, row: str, *, is_optional: bool = False) -> None:
        """Add one line, newline included; an optional one only while there is room."""
        if is_optional and self._rows >= self._rows_max:
            self.rows_dropped += 1
            return
        self._rows += 1
        self._buffer.append(row)
        if len(self._buffer) >= BUFFERED_MAX:
            self.flush()

    def flush(self) -> None:
        """Hand buffered rows to the operating system."""
        if self._buffer:
            self._write("".join(self._buffer), mode="a")
            self._buffer.clear()

    def _write(self, text: str, *, mode: str) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open(mode, encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError(
                f"cannot write {self._path}: {error.strerror or error}; free the space or choose "
                "another directory in metrics.live.output_dir"
            ) from error
