"""Reading a journal: both files as one stream of records, in constant memory.

A jump in `seq` means that market records are not there: pruned, or lost with an unsynced tail.
Parity cannot be verified across it; facts are complete all the same.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

from regimeflow.journal.frames import FrameReader
from regimeflow.journal.records import Record, decode_span
from regimeflow.journal.segments import SegmentKind, list_segments, open_segment, segments_from
from regimeflow.journal.walk import FactsWalk, walk_market


def read_records(
    directory: Path, *, from_seq: int = 0, market_from_seq: int = 0
) -> Iterator[Record]:
    """Every record with `seq >= from_seq`, of both files, by `seq`; of the market's only those
    with `seq >= market_from_seq` as well.

    Stops at a torn tail, and at a hole in the market data behind the last fact: a process was
    killed before it wrote the facts in between, and recovery cuts there. Raises JournalCorrupt
    for damage anywhere else, JournalError for a record or format of a newer version; both name
    the file.
    """
    facts = read_facts(directory, from_seq=from_seq)
    fact = next(facts, None)
    last_seq = 0
    for record in read_market(directory, from_seq=max(from_seq, market_from_seq)):
        while fact is not None and fact.seq < record.seq:
            last_seq = fact.seq
            yield fact
            fact = next(facts, None)
        if fact is None and last_seq and record.seq != last_seq + 1:
            return
        last_seq = record.seq
        yield record
    if fact is not None:
        yield fact
    yield from facts


def read_facts(directory: Path, *, from_seq: int = 0) -> Iterator[Record]:
    """Only the facts with `seq >= from_seq`; their hash chain is checked on the way."""
    segments = list_segments(directory, SegmentKind.FACTS)
    for block in FactsWalk(segments_from(segments, from_seq)):
        for record in block.records():
            if record.seq >= from_seq:
                yield record


def read_market(directory: Path, *, from_seq: int = 0) -> Iterator[Record]:
    """Only the market records with `seq >= from_seq`."""
    segments = list_segments(directory, SegmentKind.MARKET)
    for batch in walk_market(segments_from(segments, from_seq)):
        for record in batch.records():
            if record.seq >= from_seq:
                yield record


def last_missing_seq(directory: Path) -> int:
    """The last record that is not there (market data, pruned or lost); 0 where none is missing.

    Only numbers are decoded, which is several times cheaper than reading the records.
    """
    facts = FactsWalk(list_segments(directory, SegmentKind.FACTS))
    fact_seqs = (seq for block in facts for seq in block.seqs())
    last_seq = missing_seq = 0
    for seq in heapq.merge(fact_seqs, _market_seqs(directory)):
        if seq != last_seq + 1:
            missing_seq = seq - 1
        last_seq = seq
    return missing_seq


def _market_seqs(directory: Path) -> Iterator[int]:
    for segment in list_segments(directory, SegmentKind.MARKET):
        with open_segment(segment) as stream:
            for frame in FrameReader(stream):
                if frame.offset:
                    yield from decode_span(frame.payload).seqs()


class JournalRecords:
    """The records of a journal as something that can be iterated more than once."""

    __slots__ = ("directory", "from_seq")

    def __init__(self, directory: Path, *, from_seq: int = 0) -> None:
        self.directory = directory
        self.from_seq = from_seq

    def __iter__(self) -> Iterator[Record]:
        return read_records(self.directory, from_seq=self.from_seq)
