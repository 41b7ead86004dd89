"""Which names lead to which files, in the cache and on the disk.

A created, renamed or removed name is a change of its directory; it is durable once that
directory was synced. After a power cut the changes survive in order, up to some point, as on a
journaling file system, and each whole or not at all.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import NamedTuple

from regimeflow.testing.crash_image import CachedFile
from regimeflow.testing.raw_files import read_file


class NameChange(NamedTuple):
    """Entries taken away and put in place at once."""

    removed: tuple[str, ...]
    added: tuple[tuple[str, CachedFile], ...]

    def touches(self, directory: str) -> bool:
        """Whether an entry of `directory` changes."""
        names = (*self.removed, *(name for name, _ in self.added))
        return any(str(Path(name).parent) == directory for name in names)


class FileNames:
    """Every file under `root` that is followed; names are absolute paths."""

    __slots__ = ("_cached", "_durable", "_pending", "_root")

    def __init__(self, root: str) -> None:
        self._root = root
        self._cached: dict[str, CachedFile] = {}
        self._durable: dict[str, CachedFile] = {}
        self._pending: list[NameChange] = []
        self.adopt_unknown()

    @property
    def durable(self) -> dict[str, CachedFile]:
        """What the disk names, whatever becomes of the cache; for reading."""
        return self._durable

    def adopt_unknown(self) -> None:
        """Files that appeared without being followed count as durable as they are."""
        for directory, _, names in os.walk(self._root):
            for name in sorted(names):
                path = str(Path(directory) / name)
                if path not in self._cached:
                    file = CachedFile(path, read_file(path))
                    self._cached[path] = self._durable[path] = file

    def follow(self, name: str) -> CachedFile:
        """The file at `name`; where there is none, one that is about to be made."""
        file = self._cached.get(name)
        if file is not None:
            return file
        if Path(name).exists():
            file = self._durable[name] = CachedFile(name, read_file(name))
        else:
            file = CachedFile(name)
            self._pending.append(NameChange((), ((name, file),)))
        self._cached[name] = file
        return file

    def rename(self, source: str, target: str) -> None:
        """A file, or a directory with all its files, has a new name."""
        inside = source + os.sep
        moved = [name for name in self._cached if name == source or name.startswith(inside)]
        added = []
        for name in moved:
            file = self._cached.pop(name)
            new_name = target + name[len(source) :]
            replaced = self._cached.get(new_name)
            if replaced is not None:
                replaced.path = None
            file.path = new_name
            self._cached[new_name] = file
            added.append((new_name, file))
        self._pending.append(NameChange(tuple(moved), tuple(added)))

    def remove(self, name: str) -> None:
        """A file lost its name."""
        file = self._cached.pop(name, None)
        if file is not None:
            file.path = None
        self._pending.append(NameChange((name,), ()))

    def sync_directory(self, directory: str) -> None:
        """Every change in `directory` so far is durable."""
        waiting = []
        for change in self._pending:
            if change.touches(directory):
                self._commit(change)
            else:
                waiting.append(change)
        self._pending = waiting

    def cut(self, rng: random.Random) -> dict[str, CachedFile]:
        """Forget unsynced changes from a random point on; returns what the disk names now."""
        for change in self._pending[: rng.randint(0, len(self._pending))]:
            self._commit(change)
        self._pending.clear()
        return dict(sorted(self._durable.items()))

    def restart(self) -> list[str]:
        """Cache and disk agree again; returns the names that were cached until now."""
        names = sorted(self._cached)
        self._cached = dict(self._durable)
        for name, file in self._durable.items():
            file.path = name
        return names

    def _commit(self, change: NameChange) -> None:
        for name in change.removed:
            self._durable.pop(name, None)
        for name, file in change.added:
            self._durable[name] = file
