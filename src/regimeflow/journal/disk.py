"""The few things the journal asks of a disk, so that tests can make each of them fail.

Only changes go through here; reading uses ordinary files. Every method raises OSError, which
the caller turns into a `JournalError` and never retries: after a failed sync the kernel may have
dropped the very pages that failed, so a second sync that succeeds proves nothing (PostgreSQL
crashes on purpose for the same reason; its setting `data_sync_retry` explains it).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Protocol

if sys.platform == "darwin":
    import fcntl


class AppendFile(Protocol):
    """A file open for appending."""

    def write(self, content: bytes) -> int:
        """One `write(2)`; returns how many bytes were taken, which may be fewer than given."""
        ...

    def sync(self) -> None:
        """Returns once everything written is on stable storage."""
        ...

    def close(self) -> None:
        """Release the file; says nothing about stable storage."""
        ...


class Disk(Protocol):
    """What the journal changes on a disk."""

    def open_append(self, path: Path) -> AppendFile:
        """Open `path` for appending, creating it empty where it is missing."""
        ...

    def truncate(self, path: Path, size_bytes: int) -> None:
        """Cut `path` to `size_bytes` and sync it."""
        ...

    def rewrite(self, path: Path, offset: int) -> None:
        """Write again what `path` holds from `offset` on, and sync it."""
        ...

    def rename(self, source: Path, target: Path) -> None:
        """Put `source` in the place of `target` at once."""
        ...

    def remove(self, path: Path) -> None:
        """Delete one file."""
        ...

    def sync_directory(self, directory: Path) -> None:
        """Make created, renamed and removed names durable, where the system can."""
        ...


class OsAppendFile:
    """An `AppendFile` of the operating system."""

    __slots__ = ("_fd",)

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._fd = os.open(path, flags, 0o644)

    def write(self, content: bytes) -> int:
        """One `write(2)`."""
        return os.write(self._fd, content)

    def sync(self) -> None:
        """`fdatasync`, or the strongest the system has."""
        _sync_fd(self._fd)

    def close(self) -> None:
        """Close the descriptor; closing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class OsDisk:
    """The `Disk` of the operating system."""

    __slots__ = ()

    def open_append(self, path: Path) -> OsAppendFile:
        """Open for appending; created with mode 0644."""
        return OsAppendFile(path)

    def truncate(self, path: Path, size_bytes: int) -> None:
        """Cut and sync."""
        with path.open("r+b") as stream:
            stream.truncate(size_bytes)
            _sync_fd(stream.fileno())

    def rewrite(self, path: Path, offset: int) -> None:
        """The same bytes in the same place: pages that a failed sync dropped are dirty again."""
        fd = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        try:
            os.lseek(fd, offset, os.SEEK_SET)
            with open(fd, "rb", closefd=False) as stream:
                content = stream.read()
            os.lseek(fd, offset, os.SEEK_SET)
            while content:
                content = content[os.write(fd, content) :]
            _sync_fd(fd)
        finally:
            os.close(fd)

    def rename(self, source: Path, target: Path) -> None:
        """`os.replace`: atomic on every supported system."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Delete one file."""
        path.unlink()

    def sync_directory(self, directory: Path) -> None:
        """A no-op on Windows, which has no such call and journals its names itself."""
        if sys.platform != "win32":
            fd = os.open(directory, os.O_RDONLY)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)


def _sync_fd(fd: int) -> None:
    if sys.platform == "darwin":
        # Here fsync leaves the content in the drive's cache; see fsync(2) of macOS.
        fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    elif sys.platform == "win32":
        os.fsync(fd)
    else:
        os.fdatasync(fd)
