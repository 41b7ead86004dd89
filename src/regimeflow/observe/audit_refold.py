"""Is an audit file what its journal says? Its own chain cannot tell: it can be rewritten whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import GENESIS_HASH
from regimeflow.model.timestamps import format_ns
from regimeflow.observe.audit_fold import AuditFold
from regimeflow.observe.audit_lines import AuditLine, chained


def refold_lines(journal: Path) -> Iterator[AuditLine]:
    """The audit lines of a journal, folded again from its facts.

    Raises JournalError where the journal is damaged or cannot be read.
    """
    fold, head, count = AuditFold(), GENESIS_HASH, 0
    for record in read_facts(journal):
        for entry in fold.entries(record):
            count += 1
            line = chained(
                count, format_ns(record.ts_ns), entry.kind, entry.details, entry.metadata, head
            )
            head = line.hash
            yield line


def disagreement(journal: Path, *, lines: int, head: str) -> str:
    """Why an audit file of `lines` lines and this head is not of the journal; empty if it is.

    A file that ends earlier than the journal agrees: the engine writes it behind the journal.
    """
    count, refolded = 0, GENESIS_HASH
    for line in refold_lines(journal):
        if count == lines:
            break
        count, refolded = line.seq, line.hash
    if count < lines:
        return f"the audit has {lines} lines, the journal gives only {count}"
    if refolded != head:
        return f"line {lines} has the hash {head}, the journal gives {refolded}"
    return ""
