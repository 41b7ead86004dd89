"""A disk under the journal that dies, or fills up, at a chosen write."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from regimeflow.journal import writer
from regimeflow.journal.disk import AppendFile, OsAppendFile, OsDisk
from tests.simulation.playback import Crash

Happening = Callable[["FaultyFile", bytes], int]


class FaultyFile(OsAppendFile):
    """An ordinary file until its write is the chosen one."""

    __slots__ = ("_disk", "_name")

    def __init__(self, path: Path, disk: FaultyDisk) -> None:
        super().__init__(path)
        self._disk = disk
        self._name = path.name

    def write(self, content: bytes) -> int:
        """Count writes of the kind that is watched; the chosen one goes wrong."""
        disk = self._disk
        if self._name.startswith(disk.kind):
            disk.writes += 1
            if disk.writes >= disk.at_write:
                return disk.happen(self, content)
        return super().write(content)

    def write_only(self, content: bytes) -> int:
        """The write of an ordinary file."""
        return super().write(content)


class FaultyDisk(OsDisk):
    """Every write from `at_write` on, to files of `kind`, is `happen`'s."""

    def __init__(self, kind: str, at_write: int, happen: Happening) -> None:
        self.kind = kind
        self.at_write = at_write
        self.happen = happen
        self.writes = 0

    def open_append(self, path: Path) -> AppendFile:  # type: ignore[override]
        """A file that asks this disk."""
        return FaultyFile(path, self)


def die_after(written_bytes: int) -> Happening:
    """The process is killed in the write, which leaves so many bytes (below 0: so many less)."""

    def happen(file: FaultyFile, content: bytes) -> int:
        kept = written_bytes if written_bytes >= 0 else len(content) + written_bytes
        part = content[: max(kept, 0)]
        if part:
            file.write_only(part)
        raise Crash

    return happen


def full(file: FaultyFile, content: bytes) -> int:
    """There is room for half of it."""
    if content[: len(content) // 2]:
        file.write_only(content[: len(content) // 2])
    raise OSError(errno.ENOSPC, "No space left on device")


def use_disk(patch: pytest.MonkeyPatch, disk: FaultyDisk) -> None:
    """Journals opened from now on lie on `disk`."""
    patch.setattr(writer, "OsDisk", lambda: disk)
