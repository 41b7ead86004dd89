"""Recovery: make a journal that a process left behind ready to be continued.

The torn tail of each file is cut at its first bad frame; the bytes cut stay in a file beside it.
Nothing that `commit()` returned for can be cut after a kill, because a commit is whole in the
file before it returns. Facts behind the last mark of a sync are written again and synced: after
a failed sync they can still be read, although the disk never had them. Running recovery twice,
or being killed inside it, changes nothing.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from regimeflow.errors import JournalCorrupt, JournalError
from regimeflow.journal.disk import Disk, OsDisk
from regimeflow.journal.epochs import EpochMark, mark_of
from regimeflow.journal.frames import FrameReader
from regimeflow.journal.records import (
    GENESIS_HASH,
    EpochOpened,
    FactsBlock,
    Record,
    decode_span,
)
from regimeflow.journal.segments import (
    Segment,
    SegmentKind,
    decode_header,
    list_segments,
    open_segment,
)
from regimeflow.journal.walk import FactsWalk, Tear, market_tear
from regimeflow.model.events import EngineStarted


class Recovered(msgspec.Struct, kw_only=True):
    """Where a journal ends, and what was found on the way.

    `market_lost_from_seq`: market records from this seq on were lost with an unsynced tail, so
    parity cannot be verified from there; None where this boot found none missing. `boot` is the
    highest boot number used so far. `last_epoch` is the record of the newest `EpochOpened`,
    `marks` has every epoch.
    """

    next_seq: int = 1
    head_hash: str = GENESIS_HASH
    last_ts_ns: int = 0
    facts_last_ts_ns: int = 0
    boot: int = 0
    epochs: int = 0
    last_epoch: Record | None = None
    marks: list[EpochMark] = []
    facts_cut_bytes: int = 0
    market_cut_bytes: int = 0
    market_lost_from_seq: int | None = None


def recover(directory: Path, *, disk: Disk | None = None) -> Recovered:
    """Cut the torn tails of the journal in `directory` and say how to go on.

    A missing or empty directory is a new journal. Reads every fact once, in constant memory.
    Raises JournalCorrupt for damage before the end of facts, naming file and offset: trading on
    it is refused. Raises JournalError where the disk or the journal's version does not allow it.
    """
    disk = disk or OsDisk()
    recovered = Recovered()
    try:
        _recover_market(directory, disk, recovered)
        last_fact_seq = _recover_facts(directory, disk, recovered)
        if recovered.next_seq > last_fact_seq + 1:
            _cut_market_after_lost_facts(directory, disk, recovered, last_fact_seq)
    except OSError as error:
        raise JournalError(f"{directory}: the journal cannot be recovered: {error}") from error
    return recovered


def _recover_market(directory: Path, disk: Disk, recovered: Recovered) -> None:
    """Cut every uncompressed segment at its first bad frame; only the end is looked at.

    What a killed process wrote and did not sync is synced: facts that follow will be.
    """
    segments = list_segments(directory, SegmentKind.MARKET)
    for segment in segments:
        if segment.is_compressed:
            continue
        tear, last_batch = market_tear(segment)
        if last_batch is not None:
            last = last_batch.records()[-1]
            recovered.next_seq = last.seq + 1
            recovered.last_ts_ns = last.ts_ns
        if tear is not None:
            recovered.market_cut_bytes += tear.size_bytes
            _cut(tear, disk)
        elif segment is segments[-1]:
            disk.rewrite(segment.path, segment.path.stat().st_size)


def _recover_facts(directory: Path, disk: Disk, recovered: Recovered) -> int:
    """Check every block, take the last epoch and boot, cut the torn tail; the last seq."""
    segments = list_segments(directory, SegmentKind.FACTS)
    walk = FactsWalk(segments)
    last_block: FactsBlock | None = None
    last_seq = 0
    for block in walk:
        for seq in block.seqs():
            if seq <= last_seq:
                raise JournalCorrupt(f"{directory}: record {seq} follows record {last_seq}")
            last_seq = seq
            if seq == recovered.next_seq:
                recovered.next_seq += 1
            elif seq > recovered.next_seq and recovered.market_lost_from_seq is None:
                recovered.market_lost_from_seq = recovered.next_seq
        _note_starts(block, recovered)
        last_block = block
    if last_block is not None:
        recovered.facts_last_ts_ns = last_block.records()[-1].ts_ns
        recovered.last_ts_ns = max(recovered.last_ts_ns, recovered.facts_last_ts_ns)
    recovered.next_seq = max(recovered.next_seq, last_seq + 1)
    recovered.head_hash = walk.head.hex()
    if walk.tear is not None:
        recovered.facts_cut_bytes = walk.tear.size_bytes
        _cut(walk.tear, disk)
    if segments and segments[-1].path.stat().st_size > walk.synced_bytes:
        disk.rewrite(segments[-1].path, walk.synced_bytes)
    return last_seq


def _cut_market_after_lost_facts(
    directory: Path, disk: Disk, recovered: Recovered, last_fact_seq: int
) -> None:
    """Cut the market's tail where it goes on behind facts that never reached the disk.

    Market is written first, so a process killed between the two writes leaves observations with
    holes between them where facts were. Nothing was sent after them: the end is at the first
    hole, as if the commit had not begun. Only the newest segment can hold one.
    """
    next_seq = last_fact_seq + 1
    last_ts_ns = recovered.facts_last_ts_ns
    for segment in _segments_holding(directory, next_seq):
        with open_segment(segment) as stream:
            for frame in FrameReader(stream):
                if frame.offset == 0:
                    continue
                span = decode_span(frame.payload)
                behind = [seq for seq in span.seqs() if seq > last_fact_seq]
                if behind != list(range(next_seq, next_seq + len(behind))):
                    size_bytes = segment.path.stat().st_size - frame.offset
                    recovered.market_cut_bytes += size_bytes
                    _cut(Tear(segment, frame.offset, size_bytes), disk)
                    recovered.last_ts_ns = last_ts_ns
                    recovered.next_seq = next_seq
                    return
                next_seq += len(behind)
                last_ts_ns = max(last_ts_ns, span.last_ts_ns)
    recovered.next_seq = next_seq


def _segments_holding(directory: Path, seq: int) -> list[Segment]:
    """The market segments from the one that may hold `seq` on: they begin at or before it."""
    found: list[Segment] = []
    for segment in reversed(list_segments(directory, SegmentKind.MARKET)):
        found.insert(0, segment)
        with open_segment(segment) as stream:
            header = next(iter(FrameReader(stream)), None)
        if header is not None and decode_header(segment, header.payload).first_seq <= seq:
            break
    return found


def _note_starts(block: FactsBlock, recovered: Recovered) -> None:
    """Only blocks that can hold a start are decoded: they are few."""
    if b"EngineStarted" not in block.rows and b"EpochOpened" not in block.rows:
        return
    for record in block.records():
        if isinstance(record.body, EngineStarted):
            recovered.boot = max(recovered.boot, record.body.boot)
        elif isinstance(record.body, EpochOpened):
            recovered.boot = max(recovered.boot, record.body.boot)
            recovered.epochs += 1
            recovered.last_epoch = record
            recovered.marks.append(mark_of(record.seq, record.body))


def _cut(tear: Tear, disk: Disk) -> None:
    """Keep the torn bytes beside the segment, then cut it."""
    path = tear.segment.path
    with path.open("rb") as stream:
        stream.seek(tear.offset)
        torn = stream.read()
    path.with_name(f"{path.name}.cut-{tear.offset}").write_bytes(torn)
    disk.truncate(path, tear.offset)
