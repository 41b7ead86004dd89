"""Proofs about a journal: that nothing was changed since, and that two journals are equal."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import msgspec

from regimeflow.errors import JournalCorrupt
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import encode_record
from regimeflow.journal.segments import SegmentKind, list_segments
from regimeflow.journal.walk import FactsWalk


class ChainReport(msgspec.Struct, frozen=True, kw_only=True):
    """What verification found. `problem` is empty when the chain is intact.

    `anchor_found` is None where no anchor was given. `torn_bytes` is a torn tail that recovery
    has not cut yet; it is what a kill leaves, not a problem.
    """

    is_intact: bool
    blocks: int
    records: int
    head_hash: str
    anchor_found: bool | None
    torn_bytes: int
    problem: str


def journal_digest(directory: Path) -> str:
    """SHA-256 over every record of both files, in order; equal digests mean equal records.

    Commit boundaries, rotation and compression do not enter, pruned market data does.
    """
    digest = sha256()
    for record in read_records(directory):
        digest.update(encode_record(record))
    return digest.hexdigest()


def verify_chain(directory: Path, anchor: str | None = None) -> ChainReport:
    """Check the hash chain of the facts from the first block to the last.

    Finds flipped, cut, moved and added records. What the chain alone cannot show is that its
    newest blocks are gone, or that all of it was rewritten: `anchor`, a head that was printed or
    sent elsewhere earlier, has to be among the heads seen.
    """
    walk = FactsWalk(list_segments(directory, SegmentKind.FACTS))
    records = 0
    anchor_found = None if anchor is None else anchor == walk.head.hex()
    problem = ""
    try:
        for block in walk:
            records += len(block.seqs())
            if anchor is not None and block.head.hex() == anchor:
                anchor_found = True
    except JournalCorrupt as error:
        problem = str(error)
    if not problem and anchor_found is False:
        problem = (
            f"no block has the head {anchor}: blocks at the end are missing, the journal was"
            " rewritten, or the anchor belongs to another journal"
        )
    return ChainReport(
        is_intact=not problem,
        blocks=walk.blocks,
        records=records,
        head_hash=walk.head.hex(),
        anchor_found=anchor_found,
        torn_bytes=walk.tear.size_bytes if walk.tear else 0,
        problem=problem,
    )
