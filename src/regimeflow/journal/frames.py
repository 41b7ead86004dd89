"""Frames: how the journal tells a whole write from a torn or a damaged one.

    magic "RF" | kind u8 | payload length u32 | crc32 u32 | payload        (little-endian)

The checksum covers kind, length and payload. A reader takes frames until the first that is not
whole. What follows decides what that means. A mark says that everything before it was on stable
storage when it was written: a bad frame before a mark is damage. Behind the last mark a killed
process or a power cut may leave anything, also whole frames with holes between them: a torn tail.
The magic makes the search for what follows a substring search instead of a checksum at every byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple
from zlib import crc32

from regimeflow.errors import JournalError

MAGIC = b"RF"
HEADER = struct.Struct("<2sBII")
CHECKED_PREFIX = struct.Struct("<BI")
MARK_PAYLOAD = struct.Struct("<Q")
PAYLOAD_BYTES_MAX = 256 * 2**20
"""Bound on one frame. The largest is an epoch's carry-over; a larger one fails the write."""


class FrameKind(IntEnum):
    """What a payload holds. Numbers never change once a release has written them."""

    SEGMENT = 1
    FACTS = 2
    MARKET = 3
    MARK = 4


KINDS = frozenset(int(kind) for kind in FrameKind)


class Frame(NamedTuple):
    """One whole frame; `offset` is where its header starts."""

    offset: int
    kind: int
    payload: bytes


def encode_frame(kind: FrameKind, payload: bytes) -> bytes:
    """The bytes of one frame. Raises JournalError for a payload beyond the bound."""
    length = len(payload)
    if length > PAYLOAD_BYTES_MAX:
        raise JournalError(
            f"a journal frame of {length} bytes is over the limit of {PAYLOAD_BYTES_MAX}; "
            "the state carried over is too large: let strategies keep less, or list it in"
            " `transient`"
        )
    checksum = crc32(payload, crc32(CHECKED_PREFIX.pack(kind, length)))
    return HEADER.pack(MAGIC, kind, length, checksum) + payload


def encode_mark(offset: int) -> bytes:
    """A mark that lies at `offset` of its file: all before it is on stable storage."""
    return encode_frame(FrameKind.MARK, MARK_PAYLOAD.pack(offset))


class FrameReader:
    """The whole frames of a stream, in order, until the first that is not.

    After iteration `end` is the offset behind the last whole frame, and `is_torn` says whether
    anything follows it. Holds one frame at a time.
    """

    __slots__ = ("_stream", "end", "is_torn")

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.end = 0
        self.is_torn = False

    def __iter__(self) -> Iterator[Frame]:
        read = self._stream.read
        while True:
            header = read(HEADER.size)
            if not header:
                return
            length = _payload_length(header)
            frame = None if length is None else _checked(header, read(length), self.end)
            if frame is None:
                self.is_torn = True
                return
            self.end += len(header) + len(frame.payload)
            yield frame


def whole_frame(content: bytes, offset: int = 0) -> Frame | None:
    """The frame that starts at `offset`, or None where none starts or it is not whole."""
    header = content[offset : offset + HEADER.size]
    length = _payload_length(header)
    if length is None:
        return None
    start = offset + HEADER.size
    return _checked(header, content[start : start + length], offset)


def frames_after(content: bytes) -> Iterator[Frame]:
    """The whole frames that start anywhere past the first byte of `content`."""
    start = content.find(MAGIC, 1)
    while start >= 0:
        frame = whole_frame(content, start)
        if frame is not None:
            yield frame
        start = content.find(MAGIC, start + 1)


def is_mark_at(frame: Frame, offset: int) -> bool:
    """Whether `frame` is a mark that was written to `offset`, not a stale block of the disk's."""
    return frame.kind == FrameKind.MARK and frame.payload == MARK_PAYLOAD.pack(offset)


def _payload_length(header: bytes) -> int | None:
    """The length a header announces; None where it cannot be a header."""
    if len(header) < HEADER.size:
        return None
    magic, kind, length, _ = HEADER.unpack(header)
    if magic != MAGIC or kind not in KINDS or length > PAYLOAD_BYTES_MAX:
        return None
    return int(length)


def _checked(header: bytes, payload: bytes, offset: int) -> Frame | None:
    """The frame, or None where its payload is short or its checksum wrong."""
    _, kind, length, checksum = HEADER.unpack(header)
    if len(payload) != length:
        return None
    if crc32(payload, crc32(CHECKED_PREFIX.pack(kind, length))) != checksum:
        return None
    return Frame(offset, kind, payload)
