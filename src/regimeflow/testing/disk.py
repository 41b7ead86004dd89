"""A disk that loses what was not synced: an overlay on a real directory.

Reads see the page cache, which is the real files under `root`. Every change made through here
(or through `os` and `open` while a world runs, see `file_watch`) is followed, so that
`power_cut` can rewrite the real files to what would have survived. It implements the `Disk`
protocol of the journal. Directories themselves are durable as soon as they exist.
"""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable
from pathlib import Path

import msgspec

from regimeflow.testing.crash_image import CachedFile
from regimeflow.testing.file_names import FileNames
from regimeflow.testing.incarnation import CURRENT, Death, operate
from regimeflow.testing.raw_files import (
    CLOSE,
    OPEN,
    REPLACE,
    TRUNCATE,
    UNLINK,
    WRITE,
    make_directories,
    read_file,
    write_file,
)


class DiskFaults(msgspec.Struct, frozen=True, kw_only=True):
    """What fails; chances from 0 to 1 per call. `free_bytes` None is room without end.

    A failed sync raises EIO, drops the dirty pages, and the next one reports success. A full
    disk takes what fits and refuses the rest. `read_flip_chance` flips one bit in what a file
    opened for reading shows. `sync_s` is how long a sync blocks its process.
    """

    sync_error_chance: float = 0.0
    write_error_chance: float = 0.0
    read_flip_chance: float = 0.0
    is_read_only: bool = False
    free_bytes: int | None = None
    sync_s: float = 0.0


class SimDisk:
    """The files under `root`, as one machine's disk; what is there already is durable.

    `faults` may be replaced at any time. `block` lets virtual time pass in a sync.
    """

    def __init__(
        self,
        root: Path,
        rng: random.Random,
        *,
        block: Callable[[float], None] = lambda _: None,
    ) -> None:
        make_directories(root)
        self.root = str(root.resolve())
        self.faults = DiskFaults()
        self._rng = rng
        self._block = block
        self._names = FileNames(self.root)

    # --- the journal's Disk -----------------------------------------------------------------

    def open_append(self, path: Path) -> SimAppendFile:
        """Open for appending, creating an empty file where there is none."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        return SimAppendFile(self, *self.open_descriptor(path, flags, 0o644))

    def truncate(self, path: Path, size_bytes: int) -> None:
        """Cut and sync."""
        operate()
        self._check_writable()
        file = self.note_writer(path)
        file.is_appended = False
        TRUNCATE(path, size_bytes)
        self.sync(file)

    def rewrite(self, path: Path, offset: int) -> None:
        """The same bytes again, as dirty pages, and a sync."""
        descriptor, file = self.open_descriptor(path, os.O_RDWR, 0o644)
        try:
            content = read_file(str(path), offset)
            os.lseek(descriptor, offset, os.SEEK_SET)
            while content:
                content = content[self.write(descriptor, content, file) :]
            self.sync_file(file)
        finally:
            CLOSE(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        """Replace at once in the cache; durable with the next sync of the directory."""
        operate()
        self._check_writable()
        REPLACE(source, target)
        self._names.rename(self._name(source), self._name(target))

    def remove(self, path: Path) -> None:
        """Delete in the cache; durable with the next sync of the directory."""
        operate()
        self._check_writable()
        UNLINK(path)
        self._names.remove(self._name(path))

    def sync_directory(self, directory: Path) -> None:
        """Every change of names in `directory` so far is durable."""
        operate()
        self._names.sync_directory(self._name(directory))

    # --- descriptors ------------------------------------------------------------------------

    def open_descriptor(self, path: Path, flags: int, mode: int) -> tuple[int, CachedFile]:
        """`os.open` of a file for writing. Raises OSError (read-only, full, or the system's)."""
        operate()
        self._check_writable()
        file = self.note_writer(path)
        if flags & os.O_TRUNC or not flags & os.O_APPEND:
            file.is_appended = False
        return OPEN(path, flags, mode), file

    def note_writer(self, path: Path) -> CachedFile:
        """Follow the file at `path` from now on; where there is none it is about to be made."""
        return self._names.follow(self._name(path))

    def write(self, descriptor: int, content: bytes, file: CachedFile) -> int:
        """One `write(2)`. A process killed inside it leaves a part of it, or nothing."""
        incarnation = CURRENT.get()
        is_last = incarnation is not None and incarnation.steps + 1 == incarnation.kill_at
        if incarnation is not None and is_last and incarnation.death is Death.KILL:
            WRITE(descriptor, content[: self._rng.randint(0, len(content))])
        operate()
        faults = self.faults
        self._check_writable()
        if faults.write_error_chance and self._rng.random() < faults.write_error_chance:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if faults.free_bytes is not None:
            content = content[: faults.free_bytes]
            if not content:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = WRITE(descriptor, content)
        file.touch(os.lseek(descriptor, 0, os.SEEK_CUR) - taken, taken)
        if faults.free_bytes is not None:
            left = faults.free_bytes - taken
            self.faults = msgspec.structs.replace(faults, free_bytes=left)
        return taken

    def sync_file(self, file: CachedFile) -> None:
        """`fdatasync` of one file: a step of its process. Raises OSError(EIO) by chance."""
        operate()
        self._block(self.faults.sync_s)
        self.sync(file)

    def sync(self, file: CachedFile) -> None:
        """Make the cached content durable, or drop the dirty pages and raise EIO."""
        chance = self.faults.sync_error_chance
        is_failing = bool(chance) and self._rng.random() < chance
        if file.path is None:
            return
        if is_failing:
            file.fail_sync(read_file(file.path))
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        offset = file.tail_offset(Path(file.path).stat().st_size)
        file.sync(read_file(file.path, offset), offset)

    # --- crashes ----------------------------------------------------------------------------

    def power_cut(self) -> None:
        """Leave in the real files what survived: synced content and names, and chance."""
        self._names.adopt_unknown()
        survivors = {
            name: file.survive(_cached_content(file), self._rng)
            for name, file in self._names.cut(self._rng).items()
        }
        for name in self._names.restart():
            if Path(name).exists():
                UNLINK(name)
        for name, content in survivors.items():
            write_file(name, content)

    def holds(self, words: bytes, *, under: str) -> bool:
        """Whether a file in the directory `under` holds these bytes after any power cut."""
        inside = self._name(Path(self.root) / under) + os.sep
        return any(
            words in file.durable
            for name, file in reversed(self._names.durable.items())
            if name.startswith(inside)
        )

    def check_room(self) -> None:
        """Whether a stream may be opened for writing: its writes cannot be refused one by one."""
        self._check_writable()
        if self.faults.free_bytes == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def flip_a_bit(self, content: bytes) -> bytes:
        """`content`, or by chance a copy with one bit wrong."""
        chance = self.faults.read_flip_chance
        if not chance or not content or self._rng.random() >= chance:
            return content
        flipped = bytearray(content)
        flipped[self._rng.randrange(len(content))] ^= 1 << self._rng.randrange(8)
        return bytes(flipped)

    def _check_writable(self) -> None:
        if self.faults.is_read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    def _name(self, path: Path) -> str:
        """One name for one file, however it was spelled."""
        parent = Path(path).parent.resolve()
        return str(parent / Path(path).name)


class SimAppendFile:
    """A file of a `SimDisk`, open for appending."""

    __slots__ = ("_descriptor", "_disk", "_file")

    def __init__(self, disk: SimDisk, descriptor: int, file: CachedFile) -> None:
        self._disk = disk
        self._descriptor = descriptor
        self._file = file
        incarnation = CURRENT.get()
        if incarnation is not None:
            incarnation.descriptors[descriptor] = None

    def write(self, content: bytes) -> int:
        """One `write(2)`."""
        return self._disk.write(self._descriptor, content, self._file)

    def sync(self) -> None:
        """`fdatasync`."""
        self._disk.sync_file(self._file)

    def close(self) -> None:
        """Close the descriptor; closing twice is harmless."""
        if self._descriptor >= 0:
            incarnation = CURRENT.get()
            if incarnation is not None:
                incarnation.descriptors.pop(self._descriptor, None)
            CLOSE(self._descriptor)
            self._descriptor = -1


def _cached_content(file: CachedFile) -> bytes:
    """What the cache holds of a file; of one without a name, what was synced."""
    if file.path is None or not Path(file.path).exists():
        return bytes(file.clean)
    return read_file(file.path)
