"""The lines an audit file has when a run starts: counted, cut to whole ones, and recognised.

Recognised by their journal numbers only. That finds lost pages, lines of another journal and lines
of another version at a tenth of what checking every hash costs; `audit verify` checks those.
"""

from __future__ import annotations

import re
from array import array
from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.records import GENESIS_HASH
from regimeflow.observe.audit_lines import CSV_HEADER, decode_line, format_of

_SEQ = re.compile(rb'journal_seq"+:(\d{1,18})')


class KnownLines:
    """What the file at `path` holds; nothing for a missing one.

    `journal_seq` and `head` are those of the last line. `problem` says why the file is no audit
    file; then it counts as empty. Raises JournalError where it cannot be read or cut. Memory: 8
    bytes a line, until `forget`.
    """

    __slots__ = ("_seqs", "head", "journal_seq", "lines", "problem", "size_bytes")

    def __init__(self, path: Path) -> None:
        self.lines = self.journal_seq = self.size_bytes = 0
        self.head, self.problem = GENESIS_HASH, ""
        self._seqs = array("q")
        if not path.exists():
            return
        try:
            self._read(path)
            if path.stat().st_size > self.size_bytes:
                with path.open("r+b") as stream:
                    stream.truncate(self.size_bytes)
        except OSError as error:
            raise JournalError(
                f"{path} cannot be read or cut to whole lines: {error}; see to the file's rights or"
                " the disk, or move the file away: it is written again"
            ) from error

    def is_about(self, line: int, seq: int) -> bool:
        """Whether line number `line`, counted from 1, tells of the journal's record `seq`."""
        return self._seqs[line - 1] == seq

    def forget(self) -> None:
        """Nothing is asked about single lines any more."""
        self._seqs = array("q")

    def _read(self, path: Path) -> None:
        last = b""
        with path.open("rb") as stream:
            for raw in stream:
                if not raw.endswith(b"\n"):
                    break
                self.size_bytes += len(raw)
                if raw != CSV_HEADER.encode():
                    # The last on the line: text from outside is before it, or has escaped quotes.
                    found = _SEQ.search(raw, max(raw.rfind(b'journal_seq"'), 0))
                    self._seqs.append(int(found[1]) if found else -1)
                    last = raw
        self.lines = len(self._seqs)
        if not last:
            return
        try:
            line = decode_line(last.decode("utf-8"), format_of(path))
            self.journal_seq, self.head = int(line.metadata["journal_seq"]), line.hash
        except (ValueError, KeyError) as error:
            self.problem = f"its last line is no audit line: {error}"
