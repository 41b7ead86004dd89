"""The audit log: what an auditor reads, folded from the facts of the journal.

`audit.jsonl` (or `audit.log` as CSV) is a cache of the journal: never synced, never a source.
Delete it and a refold writes the same bytes, because nothing in it comes from anywhere but the
records: no clock, host, process or environment.
"""

from __future__ import annotations

from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.records import Record
from regimeflow.model.events import MARKET_EVENT_TYPES
from regimeflow.model.timestamps import format_ns
from regimeflow.observe.audit_entries import AuditEntry
from regimeflow.observe.audit_fold import AuditFold
from regimeflow.observe.audit_lines import (
    CSV_HEADER,
    AuditEnd,
    AuditFormat,
    AuditVerification,
    chained,
    encode_line,
    find_end,
    verify_audit,
)

__all__ = ["AuditFormat", "AuditLog", "AuditVerification", "verify_audit"]

BUFFERED_LINES_MAX = 256
"""Lines held back at most; the next one writes them all."""


class AuditLog:
    """Writes the audit file of one journal.

    Feed it every fact of the journal from the first one on, then those of the run. Lines that
    the file has already are recognised and not written again, so a boot after a crash, a boot
    after a normal stop and a refold from nothing are the same call. Market records are ignored.
    Raises JournalError where the file is not of this journal or cannot be written.
    """

    __slots__ = ("_buffer", "_end", "_fold", "_form", "_lines", "_path", "head", "last_seq")

    def __init__(self, path: Path, form: AuditFormat = AuditFormat.JSONL) -> None:
        self._path = path
        self._form = form
        self._end = _cut_to_whole_lines(path)
        self.last_seq = self._end.journal_seq
        self.head = self._end.head
        self._fold = AuditFold()
        self._lines = 0
        self._buffer: list[str] = []
        if form is AuditFormat.CSV and not self._end.size_bytes:
            self._buffer.append(CSV_HEADER)

    def on_record(self, record: Record) -> None:
        """Fold one record; about 25 us where it makes a line, below 1 us where not."""
        if type(record.body) in MARKET_EVENT_TYPES:
            return
        for entry in self._fold.entries(record):
            self._lines += 1
            if self._lines <= self._end.lines:
                self._recognise(record)
            else:
                self._add(record, entry)

    def flush(self) -> None:
        """Write the lines held back. Nothing is synced: the journal is what has to survive."""
        if not self._buffer:
            return
        try:
            with self._path.open("ab") as stream:
                stream.write("".join(self._buffer).encode("utf-8"))
        except OSError as error:
            raise JournalError(
                f"the audit file cannot be written: {error}; free the disk, then delete the file:"
                " it is written again from the journal"
            ) from error
        self._buffer.clear()

    @staticmethod
    def recover(path: Path) -> tuple[int, str]:
        """Cut a file to its last whole line; returns that line's journal seq and its hash."""
        end = _cut_to_whole_lines(path)
        return end.journal_seq, end.head

    def _add(self, record: Record, entry: AuditEntry) -> None:
        line = chained(
            self._lines,
            format_ns(record.ts_ns),
            entry.kind,
            entry.details,
            entry.metadata,
            self.head,
        )
        self.head = line.hash
        self.last_seq = record.seq
        self._buffer.append(encode_line(line, self._form))
        if len(self._buffer) >= BUFFERED_LINES_MAX:
            self.flush()

    def _recognise(self, record: Record) -> None:
        """A line the file has: the last of them has to be about this very record."""
        end = self._end
        is_last = self._lines == end.lines
        if record.seq > end.journal_seq or (is_last and record.seq != end.journal_seq):
            raise JournalError(
                f"{self._path}: line {end.lines} is about journal record {end.journal_seq}, the"
                f" journal has line {self._lines} at record {record.seq}; the file belongs to"
                " another journal: move it away, it is written again"
            )


def _cut_to_whole_lines(path: Path) -> AuditEnd:
    end = find_end(path)
    if path.exists() and path.stat().st_size > end.size_bytes:
        with path.open("r+b") as stream:
            stream.truncate(end.size_bytes)
    return end
