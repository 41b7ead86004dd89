"""The one segment of a kind that is being written."""

from __future__ import annotations

from pathlib import Path

from regimeflow.journal.disk import AppendFile, Disk
from regimeflow.journal.segments import (
    FORMAT,
    SegmentHeader,
    SegmentKind,
    encode_header,
    list_segments,
    segment_path,
)


class SegmentFile:
    """Appends to the last segment of one kind, and opens the next when told to.

    A segment is created by its first append, which writes the header and the first frames at
    once. Raises OSError as the disk does; the writer decides what that means.
    """

    __slots__ = ("_directory", "_disk", "_file", "_kind", "_number", "size_bytes", "unsynced_bytes")

    def __init__(self, directory: Path, kind: SegmentKind, disk: Disk) -> None:
        self._directory = directory
        self._kind = kind
        self._disk = disk
        self._file: AppendFile | None = None
        self._number = 1
        self.size_bytes = 0
        self.unsynced_bytes = 0
        segments = list_segments(directory, kind)
        if segments:
            last = segments[-1]
            self._number = last.number + last.is_compressed
            self.size_bytes = 0 if last.is_compressed else last.path.stat().st_size

    def append(self, frames: bytes, *, first_seq: int, first_ts_ns: int, prev_hash: str) -> None:
        """Write whole frames with one `write(2)`, more only where the system took a part."""
        if not self.size_bytes:
            header = SegmentHeader(
                format=FORMAT,
                kind=self._kind,
                number=self._number,
                first_seq=first_seq,
                first_ts_ns=first_ts_ns,
                prev_hash=prev_hash,
            )
            frames = encode_header(header) + frames
        if self._file is None:
            self._file = self._open()
        written = self._file.write(frames)
        while written < len(frames):
            # A short write is legal; one that takes nothing would loop for ever.
            taken = self._file.write(frames[written:])
            if taken <= 0:
                raise OSError(f"the disk took {written} of {len(frames)} bytes and then none")
            written += taken
        self.size_bytes += len(frames)
        self.unsynced_bytes += len(frames)

    def sync(self) -> None:
        """Everything appended is on stable storage when this returns."""
        if self._file is not None and self.unsynced_bytes:
            self._file.sync()
            self.unsynced_bytes = 0

    def rotate(self) -> None:
        """End this segment; the next append starts a new one. Nothing to do for an empty one."""
        if self.size_bytes:
            self.close()
            self._number += 1
            self.size_bytes = 0

    def close(self) -> None:
        """Release the file without a sync; appending opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.unsynced_bytes = 0

    def _open(self) -> AppendFile:
        path = segment_path(self._directory, self._kind, self._number)
        opened = self._disk.open_append(path)
        # A file whose name is lost with the power is lost whole, however often it was synced.
        self._disk.sync_directory(self._directory)
        return opened
