"""The one segment of a kind that is being written."""

from __future__ import annotations

from pathlib import Path

from regimeflow.journal.disk import AppendFile, Disk
from regimeflow.journal.frames import encode_mark
from regimeflow.journal.segments import (
    FORMAT,
    SegmentHeader,
    SegmentKind,
    encode_header,
    list_segments,
    read_header,
    segment_path,
)


class SegmentFile:
    """Appends to the last segment of one kind, and opens the next when told to.

    A segment is created by its first append. A segment of an older format is not continued: the
    next one begins. Raises OSError as the disk does; the writer decides what that means.
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
            header = None if last.is_compressed else read_header(last)
            is_closed = last.is_compressed or (header is not None and header.format != FORMAT)
            self._number = last.number + is_closed
            self.size_bytes = 0 if is_closed else last.path.stat().st_size

    def append(self, frames: bytes, *, first_seq: int, first_ts_ns: int, prev_hash: str) -> None:
        """Write whole frames with one `write(2)`, more only where the system took a part."""
        file = self._file
        if file is None:
            file = self._file = self._open()
        if not self.size_bytes:
            header = encode_header(
                SegmentHeader(
                    format=FORMAT,
                    kind=self._kind,
                    number=self._number,
                    first_seq=first_seq,
                    first_ts_ns=first_ts_ns,
                    prev_hash=prev_hash,
                )
            )
            if self._kind is SegmentKind.FACTS:
                # Without its header nobody could tell a hole from damage.
                self._write(file, header)
                file.sync()
            else:
                frames = header + frames
        self._write(file, frames)
        self.unsynced_bytes += len(frames)

    def sync(self) -> None:
        """Everything appended is on stable storage when this returns; in facts a mark says so.

        The mark itself is not synced: where it is lost, less is known and nothing is wrong.
        """
        if self._file is not None and self.unsynced_bytes:
            self._file.sync()
            self.unsynced_bytes = 0
            if self._kind is SegmentKind.FACTS:
                self._write(self._file, encode_mark(self.size_bytes))

    def rotate(self) -> None:
        """End this segment; the next append starts a new one. Nothing to do for an empty one.

        A closed segment is on stable storage whole, its last mark included: only the one being
        written may have a torn tail.
        """
        if self.size_bytes:
            if self._file is not None:
                self._file.sync()
            self.close()
            self._number += 1
            self.size_bytes = 0

    def close(self) -> None:
        """Release the file without a sync; appending opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.unsynced_bytes = 0

    def _write(self, file: AppendFile, content: bytes) -> None:
        written = file.write(content)
        while written < len(content):
            # A short write is legal; one that takes nothing would loop for ever.
            taken = file.write(content[written:])
            if taken <= 0:
                raise OSError(f"the disk took {written} of {len(content)} bytes and then none")
            written += taken
        self.size_bytes += len(content)

    def _open(self) -> AppendFile:
        path = segment_path(self._directory, self._kind, self._number)
        opened = self._disk.open_append(path)
        # A file whose name is lost with the power is lost whole, however often it was synced.
        self._disk.sync_directory(self._directory)
        return opened
