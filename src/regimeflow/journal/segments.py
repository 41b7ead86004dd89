"""Segments: the files of a journal, their names, headers, compression and pruning.

    facts-000001.rfj      never deleted, never compressed, numbers without a gap
    market-000001.rfj     the one being written, or closed and not yet compressed
    market-000001.rfj.gz  closed; pruned once it is older than what is kept

A segment starts with a header frame; in facts it is on stable storage before anything follows.
Its time is that of its first record: no file holds a wall clock. A segment of an older format is
read, and never continued.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

import msgspec

from regimeflow.errors import JournalCorrupt, JournalError
from regimeflow.journal.disk import Disk, OsDisk
from regimeflow.journal.frames import FrameKind, FrameReader, encode_frame

FORMAT = "regimeflow.journal/2"
UNMARKED_FORMAT = "regimeflow.journal/1"
"""Without marks: nobody knows how far such a file was synced, so every hole in it is damage."""
SEGMENT_BYTES_MAX = 64 * 2**20
COPY_BYTES = 2**20
GZIP_LEVEL = 6
NAME = re.compile(r"(facts|market)-(\d{6,})\.rfj(\.gz)?")


class SegmentKind(StrEnum):
    """The two files of the one sequence."""

    FACTS = "facts"
    MARKET = "market"


class Segment(NamedTuple):
    """One file of the journal."""

    kind: SegmentKind
    number: int
    path: Path

    @property
    def is_compressed(self) -> bool:
        """True for a closed market segment that has been compressed."""
        return self.path.suffix == ".gz"


class SegmentHeader(msgspec.Struct, frozen=True):
    """First frame of a segment. `prev_hash` is the head before it, for facts."""

    format: str
    kind: SegmentKind
    number: int
    first_seq: int
    first_ts_ns: int
    prev_hash: str = ""


_DECODE_HEADER = msgspec.msgpack.Decoder(SegmentHeader).decode
_DECODE_FORMAT = msgspec.msgpack.Decoder(dict[str, object]).decode


def segment_path(directory: Path, kind: SegmentKind, number: int) -> Path:
    """Where a segment that is being written lies."""
    return directory / f"{kind}-{number:06d}.rfj"


def list_segments(directory: Path, kind: SegmentKind) -> list[Segment]:
    """The segments of one kind by number; an uncompressed one wins over its compressed copy.

    Both exist only after a crash between compressing and removing. Raises JournalCorrupt where
    a number is missing in between.
    """
    found: dict[int, Segment] = {}
    paths = sorted(directory.iterdir()) if directory.is_dir() else []
    for path in paths:
        match = NAME.fullmatch(path.name)
        if match and match[1] == kind:
            found.setdefault(int(match[2]), Segment(kind, int(match[2]), path))
    segments = [found[number] for number in sorted(found)]
    for before, after in pairwise(segments):
        if after.number != before.number + 1:
            raise JournalCorrupt(
                f"{directory}: {kind} segment {before.number + 1:06d} is missing, but "
                f"{after.path.name} is there; restore the missing file from a backup"
            )
    return segments


@contextmanager
def open_segment(segment: Segment) -> Iterator[BinaryIO]:
    """The uncompressed bytes of a segment, as a stream. Raises JournalCorrupt for bad gzip."""
    try:
        if segment.is_compressed:
            with gzip.open(segment.path, "rb") as stream:
                yield cast("BinaryIO", stream)
        else:
            with segment.path.open("rb", buffering=COPY_BYTES) as raw:
                yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise JournalCorrupt(
            f"{segment.path}: the compressed segment is damaged ({error}); restore it from a"
            " backup, or delete it to give up replaying its market data"
        ) from error
    except OSError as error:
        raise JournalError(f"{segment.path} cannot be read: {error}") from error


def encode_header(header: SegmentHeader) -> bytes:
    """The header frame."""
    return encode_frame(FrameKind.SEGMENT, msgspec.msgpack.encode(header))


def decode_header(segment: Segment, payload: bytes) -> SegmentHeader:
    """The header of `segment`. Raises JournalError for a format this version cannot read."""
    written = _DECODE_FORMAT(payload).get("format")
    if written not in (FORMAT, UNMARKED_FORMAT):
        raise JournalError(
            f"{segment.path} has the format {written!r}, this version reads {FORMAT!r} and"
            f" {UNMARKED_FORMAT!r}; run the version that wrote it, or start with a journal of its"
            " own"
        )
    header = _DECODE_HEADER(payload)
    if (header.kind, header.number) != (segment.kind, segment.number):
        raise JournalCorrupt(
            f"{segment.path} says it is {header.kind} segment {header.number}; the file was"
            " renamed: give it its name back"
        )
    return header


def read_header(segment: Segment) -> SegmentHeader | None:
    """The header, or None where the segment was torn before it was complete."""
    with open_segment(segment) as stream:
        frame = next(iter(FrameReader(stream)), None)
    if frame is None or frame.kind != FrameKind.SEGMENT:
        return None
    return decode_header(segment, frame.payload)


def segments_from(segments: list[Segment], from_seq: int) -> list[Segment]:
    """The segments that can hold `from_seq` or anything later."""
    start = 0
    for index, segment in enumerate(segments):
        header = read_header(segment)
        if header is not None and header.first_seq <= from_seq:
            start = index
    return segments[start:]


def compress_market(directory: Path, *, disk: Disk | None = None) -> int:
    """Compress every closed market segment; returns the bytes saved.

    Takes seconds for 64 MiB, in constant memory: call it where nothing trades (a child process,
    or after a stop). A crash leaves the old file or the new one, never neither.
    """
    disk = disk or OsDisk()
    saved_bytes = 0
    for segment in list_segments(directory, SegmentKind.MARKET)[:-1]:
        if not segment.is_compressed:
            before_bytes = segment.path.stat().st_size
            saved_bytes += before_bytes - _compress(segment, disk)
    return saved_bytes


def prune_market(directory: Path, keep_from_ns: int, *, disk: Disk | None = None) -> int:
    """Delete market segments that hold nothing at or after `keep_from_ns`; returns how many.

    The segment being written stays whatever its age. Facts are never deleted.
    """
    disk = disk or OsDisk()
    segments = list_segments(directory, SegmentKind.MARKET)
    pruned = 0
    for segment, following in pairwise(segments):
        header = read_header(following)
        if header is None or header.first_ts_ns >= keep_from_ns:
            break
        disk.remove(segment.path)
        pruned += 1
    if pruned:
        disk.sync_directory(directory)
    return pruned


def _compress(segment: Segment, disk: Disk) -> int:
    """Write the compressed copy, make it durable, then remove the original."""
    target = segment.path.with_name(segment.path.name + ".gz")
    partial = target.with_name(target.name + ".part")
    partial.unlink(missing_ok=True)
    # No name and no time inside: the same segment compresses to the same bytes.
    with (
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as sink,
        segment.path.open("rb") as source,
    ):
        while chunk := source.read(COPY_BYTES):
            sink.write(chunk)
    written = disk.open_append(partial)
    written.sync()
    written.close()
    disk.rename(partial, target)
    disk.sync_directory(target.parent)
    disk.remove(segment.path)
    return target.stat().st_size
