"""Follows what code does to files through `os` and `open` while a world runs.

Unmodified code (the journal on `OsDisk`, the audit log, status files, the lock) thereby runs on
`SimDisk`s: opens, renames, removals, `os.write` and syncs under a disk's root are that disk's
business, may fail as it says, and count as steps at which a process can die. What a Python
stream writes is not seen call by call; it is cached content until somebody syncs it. Writing
anywhere else is refused.
"""

from __future__ import annotations

import io
import os
import stat
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from regimeflow.testing import raw_files as raw
from regimeflow.testing.crash_image import CachedFile
from regimeflow.testing.disk import SimDisk
from regimeflow.testing.failures import ForbiddenCall
from regimeflow.testing.guard import caller
from regimeflow.testing.incarnation import CURRENT, Incarnation, operate

if sys.platform == "darwin":
    import fcntl

WRITE_MODES = frozenset("wax+")
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FILES_KEPT = 64
"""Open streams remembered before closed ones are dropped from the list."""


class FileWatch:
    """Replacements for file functions, over the disks of one world.

    `is_burying` refuses every change: the dead are being collected, and their `finally` blocks
    may touch nothing.
    """

    def __init__(self, allowed: Sequence[Path]) -> None:
        self.is_burying = False
        self._disks: dict[str, SimDisk] = {}
        self._allowed = [str(path.resolve()) for path in allowed]
        self._open: dict[int, tuple[SimDisk, CachedFile | str]] = {}

    def add(self, disk: SimDisk) -> None:
        """Follow the files under the disk's root."""
        self._disks[disk.root + os.sep] = disk

    def replacements(self) -> list[tuple[object, str, Callable[..., Any]]]:
        """Module, name and function of each replacement."""
        found: list[tuple[object, str, Callable[..., Any]]] = [
            (os, "open", self.open_descriptor),
            (os, "write", self.write),
            (os, "close", self.close),
            (os, "fsync", self.sync),
            (os, "replace", self.replace),
            (os, "rename", self.replace),
            (os, "unlink", self.remove),
            (os, "remove", self.remove),
            (os, "truncate", self.truncate),
            (os, "mkdir", self.make_directory),
            (io, "open", self.open_stream),
            (sys.modules["builtins"], "open", self.open_stream),
        ]
        if hasattr(os, "fdatasync"):
            found.append((os, "fdatasync", self.sync))
        if sys.platform == "darwin":
            found.append((fcntl, "fcntl", self._control))
        return found

    def fence(self, incarnation: Incarnation) -> None:
        """Turn everything a dead process has open into the null device; its locks are free."""
        streams = [ref() for ref in incarnation.files]
        open_numbers = [s.fileno() for s in streams if s is not None and not s.closed]
        null = raw.OPEN(os.devnull, os.O_RDWR)
        try:
            for number in (*incarnation.descriptors, *open_numbers):
                raw.DUP2(null, number)
                self._open.pop(number, None)
        finally:
            raw.CLOSE(null)
        incarnation.graveyard.append(streams)
        incarnation.files.clear()

    def bury(self, incarnation: Incarnation) -> None:
        """Close the descriptors that a dead process left open."""
        for number in incarnation.descriptors:
            raw.CLOSE(number)
        incarnation.descriptors.clear()

    # --- replacements -----------------------------------------------------------------------

    def open_descriptor(self, path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        """`os.open`."""
        if not flags & WRITE_FLAGS:
            number = raw.OPEN(path, flags, mode, **options)
            disk = self._disk_of(path)
            if disk is not None and stat.S_ISDIR(os.fstat(number).st_mode):
                self._open[number] = (disk, str(Path(path).resolve()))
            return number
        disk = self._writable(path)
        if disk is None:
            return raw.OPEN(path, flags, mode, **options)
        number, file = disk.open_descriptor(Path(path), flags, mode)
        self._open[number] = (disk, file)
        incarnation = CURRENT.get()
        if incarnation is not None:
            incarnation.descriptors[number] = None
        return number

    def write(self, number: int, content: Any) -> int:
        """`os.write`."""
        disk, file = self._open.get(number, (None, None))
        if disk is None or not isinstance(file, CachedFile):
            return raw.WRITE(number, content)
        return disk.write(number, content, file)

    def close(self, number: int) -> None:
        """`os.close`."""
        self._open.pop(number, None)
        incarnation = CURRENT.get()
        if incarnation is not None:
            if incarnation.is_dead:
                return
            incarnation.descriptors.pop(number, None)
        raw.CLOSE(number)

    def sync(self, file: Any) -> None:
        """`os.fsync` and `os.fdatasync`; the real disk is not asked."""
        number = file if isinstance(file, int) else file.fileno()
        entry = self._open.get(number)
        if entry is None:
            return
        disk, target = entry
        if isinstance(target, str):
            disk.sync_directory(Path(target))
        else:
            disk.sync_file(target)

    def replace(self, source: Any, target: Any, **options: Any) -> None:
        """`os.replace` and `os.rename`."""
        disk = self._writable(source)
        if disk is not self._writable(target):
            raise ForbiddenCall(f"{source} was moved to another disk ({target}); copy it instead")
        if disk is None:
            raw.REPLACE(source, target, **options)
        else:
            disk.rename(Path(source), Path(target))

    def remove(self, path: Any, **options: Any) -> None:
        """`os.unlink` and `os.remove`."""
        disk = self._writable(path)
        if disk is None:
            raw.UNLINK(path, **options)
        else:
            disk.remove(Path(path))

    def truncate(self, path: Any, length: int) -> None:
        """`os.truncate`; not synced, unlike the disk's own."""
        disk = None if isinstance(path, int) else self._writable(path)
        if disk is not None:
            operate()
            disk.note_writer(Path(path)).is_appended = False
        raw.TRUNCATE(path, length)

    def make_directory(self, path: Any, mode: int = 0o777, **options: Any) -> None:
        """`os.mkdir`; durable at once."""
        if not Path(os.fsdecode(path)).is_dir() and self._writable(path) is not None:
            operate()
        raw.MKDIR(path, mode, **options)

    def open_stream(self, file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        """`open`, `io.open` and with them `Path.open`, `Path.write_text` and so on."""
        if isinstance(file, int):
            return raw.OPEN_STREAM(file, mode, *args, **options)
        if not WRITE_MODES.intersection(mode):
            return self._open_to_read(file, mode, *args, **options)
        disk = self._writable(file)
        if disk is None:
            return raw.OPEN_STREAM(file, mode, *args, **options)
        operate()
        disk.check_room()
        cached = disk.note_writer(Path(file))
        cached.is_appended = cached.is_appended and mode.startswith("a")
        stream = raw.OPEN_STREAM(file, mode, *args, **options)
        self._open[stream.fileno()] = (disk, cached)
        incarnation = CURRENT.get()
        if incarnation is not None:
            if len(incarnation.files) >= FILES_KEPT:
                incarnation.files = [ref for ref in incarnation.files if _is_open(ref())]
            incarnation.files.append(weakref.ref(stream))
        return stream

    def _open_to_read(self, file: Any, mode: str, *args: Any, **options: Any) -> Any:
        disk = self._disk_of(file)
        if disk is not None and disk.faults.read_flip_chance and "b" in mode:
            content = raw.read_file(os.fspath(file))
            flipped = disk.flip_a_bit(content)
            if flipped is not content:
                return io.BytesIO(flipped)
        return raw.OPEN_STREAM(file, mode, *args, **options)

    if sys.platform == "darwin":

        def _control(self, number: int, command: int, argument: Any = 0) -> Any:
            """`fcntl.fcntl`, which is how macOS syncs a file."""
            if command == fcntl.F_FULLFSYNC:
                return self.sync(number)
            return raw.FCNTL(number, command, argument)

    # --- whose file ---------------------------------------------------------------------------

    def _disk_of(self, path: Any) -> SimDisk | None:
        if isinstance(path, int):
            return None
        spelled = Path(os.fsdecode(path))
        name = str(spelled.parent.resolve() / spelled.name) + os.sep
        for root, disk in self._disks.items():
            if name.startswith(root):
                return disk
        return None

    def _writable(self, path: Any) -> SimDisk | None:
        """The disk under `path`; None where plain writing is allowed."""
        if self.is_burying:
            raise ForbiddenCall(f"{path} was touched by a process that is dead")
        disk = self._disk_of(path)
        if disk is not None:
            return disk
        name = str(Path(os.fsdecode(path)).resolve())
        if name == os.devnull or any(name.startswith(root) for root in self._allowed):
            return None
        raise ForbiddenCall(
            f"{path} was to be written by {caller()} in a simulation, outside its disks; keep "
            "values in attributes of self and tell things with ctx.log"
        )


def _is_open(stream: Any) -> bool:
    return stream is not None and not stream.closed
