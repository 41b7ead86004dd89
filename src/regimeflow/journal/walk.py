"""Walking the stored frames in order, with every check made on the way.

One rule decides between a torn tail and corruption: a frame that is not whole, in the last
segment of a kind, behind the last mark of what was synced, begins a torn tail; whatever follows
it was never promised to anybody. In facts everything else is corruption. Market data is never
synced: there the walk stops and reports, and trading goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from regimeflow.errors import JournalCorrupt
from regimeflow.journal.frames import (
    Frame,
    FrameKind,
    FrameReader,
    frames_after,
    is_mark_at,
    whole_frame,
)
from regimeflow.journal.records import (
    GENESIS_HASH,
    FactsBlock,
    MarketBatch,
    block_head,
    decode_block,
    decode_market,
)
from regimeflow.journal.segments import (
    UNMARKED_FORMAT,
    Segment,
    SegmentHeader,
    decode_header,
    open_segment,
)


class Tear(NamedTuple):
    """Bytes from `offset` to the end of a segment's file that are no whole frame."""

    segment: Segment
    offset: int
    size_bytes: int


class FactsWalk:
    """The blocks of consecutive facts segments, each checked against the hash chain.

    After iteration `head` is the head of the last block and `tear` the torn tail, if there is
    one; the last segment is known to be on stable storage up to `synced_bytes`. Raises
    JournalCorrupt, naming file and offset, for anything else that is not whole.
    """

    __slots__ = ("_format", "_segments", "blocks", "head", "synced_bytes", "tear")

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self.head = bytes.fromhex(GENESIS_HASH)
        self.blocks = 0
        self.synced_bytes = 0
        self.tear: Tear | None = None
        self._format = ""

    def __iter__(self) -> Iterator[FactsBlock]:
        for segment in self._segments:
            is_last = segment is self._segments[-1]
            self.synced_bytes = 0
            with open_segment(segment) as stream:
                frames = FrameReader(stream)
                for frame in frames:
                    if frame.offset == 0:
                        self._check_header(segment, _header_of(segment, frame))
                    elif is_mark_at(frame, frame.offset):
                        self.synced_bytes = frame.offset
                    else:
                        yield self._checked(segment, frame)
            if not frames.end and not is_last:
                raise _damaged(segment, 0)
            if frames.is_torn:
                # A header that is not whole, with frames behind it, can only have been damaged.
                has_marks = frames.end > 0 and self._format != UNMARKED_FORMAT
                self.tear = _tear(segment, frames.end, is_last=is_last, has_marks=has_marks)

    def _check_header(self, segment: Segment, header: SegmentHeader) -> None:
        self._format = header.format
        if segment is self._segments[0] and segment.number > 1:
            self.head = bytes.fromhex(header.prev_hash)
        elif header.prev_hash != self.head.hex():
            raise JournalCorrupt(
                f"{segment.path} follows a journal with the head {header.prev_hash}, but the one"
                f" before it ends with {self.head.hex()}; records were cut, added or changed"
            )

    def _checked(self, segment: Segment, frame: Frame) -> FactsBlock:
        block = decode_block(frame.payload)
        if frame.kind != FrameKind.FACTS or block_head(self.head, block) != block.head:
            raise JournalCorrupt(
                f"{segment.path}: the block at byte {frame.offset} does not follow the one before"
                " it; records were changed, moved, added or taken out: restore a backup"
            )
        self.head = block.head
        self.blocks += 1
        return block


def walk_market(segments: Sequence[Segment]) -> Iterator[MarketBatch]:
    """The batches of consecutive market segments; stops at a torn tail of the last.

    Raises JournalCorrupt for a closed segment that is damaged.
    """
    for segment in segments:
        with open_segment(segment) as stream:
            frames = FrameReader(stream)
            for frame in frames:
                if frame.offset == 0:
                    _header_of(segment, frame)
                else:
                    yield decode_market(frame.payload)
        if frames.is_torn and segment is not segments[-1]:
            raise _damaged(segment, frames.end)


def market_tear(segment: Segment) -> tuple[Tear | None, MarketBatch | None]:
    """What is not whole at the end of one segment, and the last batch before it."""
    last: Frame | None = None
    with open_segment(segment) as stream:
        frames = FrameReader(stream)
        for frame in frames:
            if frame.offset == 0:
                _header_of(segment, frame)
            else:
                last = frame
    tear = None
    if frames.is_torn:
        tear = Tear(segment, frames.end, segment.path.stat().st_size - frames.end)
    return tear, None if last is None else decode_market(last.payload)


def _header_of(segment: Segment, frame: Frame) -> SegmentHeader:
    if frame.kind != FrameKind.SEGMENT:
        raise JournalCorrupt(f"{segment.path} does not start with a header; restore a backup")
    return decode_header(segment, frame.payload)


def _tear(segment: Segment, offset: int, *, is_last: bool, has_marks: bool) -> Tear | None:
    """The torn tail at `offset`, or None where a writer completed it since it was read."""
    with segment.path.open("rb") as stream:
        stream.seek(offset)
        rest = stream.read()
    if is_last and whole_frame(rest) is not None:
        return None
    was_synced = any(
        not has_marks or is_mark_at(frame, offset + frame.offset) for frame in frames_after(rest)
    )
    if not is_last or was_synced:
        raise _damaged(segment, offset)
    return Tear(segment, offset, len(rest))


def _damaged(segment: Segment, offset: int) -> JournalCorrupt:
    return JournalCorrupt(
        f"{segment.path} is damaged at byte {offset}, and it is not the torn tail of a killed"
        " process: it had been stored safely. Trading on it is refused; keep a copy of the"
        " journal and restore the file from a backup"
    )
