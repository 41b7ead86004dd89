"""The epochs of a journal, found without decoding the facts between them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from regimeflow.journal.records import EpochOpened
from regimeflow.journal.segments import SegmentKind, list_segments
from regimeflow.journal.walk import FactsWalk


class EpochMark(NamedTuple):
    """Where an epoch was opened, why, and which state of the engine was kept then, if one was."""

    seq: int
    reason: str
    state_digest: str


def epoch_marks(directory: Path) -> list[EpochMark]:
    """Every epoch of a journal, in order. Raises JournalCorrupt for damaged facts."""
    walk = FactsWalk(list_segments(directory, SegmentKind.FACTS))
    return [
        mark_of(record.seq, record.body)
        for block in walk
        if b"EpochOpened" in block.rows
        for record in block.records()
        if isinstance(record.body, EpochOpened)
    ]


def mark_of(seq: int, epoch: EpochOpened) -> EpochMark:
    """The mark of the epoch in record `seq`."""
    return EpochMark(seq, epoch.reason, epoch.state_digest)
