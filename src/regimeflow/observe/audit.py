"""The audit log: what an auditor reads, folded from the facts of the journal.

`audit.jsonl` (or `audit.log` as CSV) is a cache of the journal: never synced, never a source.
Delete it and a refold writes the same bytes, because nothing in it comes from anywhere but the
records: no clock, host, process or environment.

So it can differ from the journal after a power cut (a page of it lost, or lines about facts that
the journal lost), after a restored backup, or when a newer version says more. A file that differs
is set aside for whoever wants to know, and written again: a cache refuses no start.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.records import Record
from regimeflow.model.events import MARKET_EVENT_TYPES
from regimeflow.model.timestamps import format_ns
from regimeflow.observe.audit_entries import AuditEntry
from regimeflow.observe.audit_fold import AuditFold
from regimeflow.observe.audit_known import KnownLines
from regimeflow.observe.audit_lines import (
    CSV_HEADER,
    AuditFormat,
    AuditVerification,
    chained,
    encode_line,
    verify_audit,
)

__all__ = ["AuditFormat", "AuditLog", "AuditVerification", "verify_audit"]

BUFFERED_LINES_MAX = 256
"""Lines held back at most; the next one writes them all."""
ASIDE_MAX = 3
"""Files kept that differed from the journal; the newest stay."""


class AuditLog:
    """Writes the audit file of one journal.

    Feed it every fact of the journal from the first one on, call `begin`, then feed those of the
    run. Lines that the file has already are recognised and not written again, so a boot after a
    crash, a boot after a normal stop and a refold from nothing are the same call. Market records
    are ignored. Raises JournalError where the file cannot be read or written.
    """

    __slots__ = (
        "_buffer",
        "_difference",
        "_fold",
        "_form",
        "_known",
        "_lines",
        "_path",
        "head",
        "last_seq",
    )

    def __init__(self, path: Path, form: AuditFormat = AuditFormat.JSONL) -> None:
        self._path = path
        self._form = form
        self._known = KnownLines(path)
        self._difference = ""
        self._fold = AuditFold()
        self._lines = 0
        self._buffer: list[str] = []
        self._start_from_the_first()

    def on_record(self, record: Record) -> None:
        """Fold one record; about 25 us where it makes a line, below 1 us where not."""
        if type(record.body) in MARKET_EVENT_TYPES or self._difference:
            return
        for entry in self._fold.entries(record):
            self._lines += 1
            if self._lines > self._known.lines:
                self._add(record, entry)
            elif not self._known.is_about(self._lines, record.seq):
                self._difference = f"line {self._lines} is not about journal record {record.seq}"
                return

    def begin(self, facts: Iterable[Record]) -> str:
        """The journal has ended; where the file differs from it, write it again from `facts`.

        `facts` are all of the journal, from the first. Says what was done, if anything was.
        """
        left = self._known.lines - self._lines
        if not self._difference and left > 0:
            self._difference = f"its last {left} lines are about nothing in the journal"
        difference = self._difference
        if not difference:
            self._known.forget()
            return ""
        aside = _set_aside(self._path)
        self._known = KnownLines(self._path)
        self._start_from_the_first()
        for record in facts:
            self.on_record(record)
        self.flush()
        return (
            f"{self._path} differed from the journal ({difference}): it was written again from the"
            f" journal, and the old one is kept as {aside.name}"
        )

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

    def _start_from_the_first(self) -> None:
        known = self._known
        self._difference, self.last_seq, self.head = known.problem, known.journal_seq, known.head
        self._fold, self._lines = AuditFold(), 0
        self._buffer.clear()
        if self._form is AuditFormat.CSV and not known.size_bytes:
            self._buffer.append(CSV_HEADER)

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


def _set_aside(path: Path) -> Path:
    """Rename the file to the first free of `ASIDE_MAX` names; without one, the oldest goes."""
    names = [path.with_name(f"{path.name}.aside-{number}") for number in range(1, ASIDE_MAX + 1)]
    try:
        free = next((name for name in names if not name.exists()), None)
        if free is None:
            free = names[-1]
            for older, newer in pairwise(names):
                newer.replace(older)
        return path.replace(free)
    except OSError as error:
        raise JournalError(
            f"{path} differs from the journal and cannot be renamed: {error}; move it away, it is"
            " written again"
        ) from error
