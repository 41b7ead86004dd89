"""Real file systems that fail under a running engine: one that fills up, one that turns read-only.

Both need the right to mount, and the second ext4 on a loop device with the kernel's own switch
for errors (`trigger_fs_error`): a tmpfs refuses to be remounted read-only while a file is open
for writing, and a journal always is.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_DISK_BYTES = 16 * 2**20
_PAGE_BYTES = 4_096


class Unavailable(Exception):
    """This machine cannot do it; the message says what is missing."""


class DyingDisk:
    """A file system mounted at `directory`; `says` are the system's words for its failure."""

    says: tuple[str, ...] = ()

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def die(self) -> None:
        """Fail from now on; dying again makes sure of it."""

    def mend(self) -> None:
        """Take writes again; what was there is still there."""


class SmallTmpfs(DyingDisk):
    """Fills up to the last byte."""

    says = ("No space left",)

    def die(self) -> None:
        """Somebody else writes until nothing more fits."""
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as filler:
            while True:
                filler.write(bytes(_PAGE_BYTES))

    def mend(self) -> None:
        """Free the space."""
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.directory / "filler"


class FragileExt4(DyingDisk):
    """Turns read-only at an error, whatever is open, as servers are set up to."""

    says = ("Read-only file system", "Input/output error")

    def __init__(self, directory: Path, image: Path) -> None:
        super().__init__(directory)
        self._image = image

    def mount(self) -> None:
        """Mount the image on a free loop device."""
        _run("mount", "-o", "loop,errors=remount-ro", self._image, self.directory)

    def die(self) -> None:
        """Make the kernel find an error; it finds the first one only."""
        device = _run("findmnt", "-n", "-o", "SOURCE", self.directory).strip()
        self._switch(device).write_text("planted", encoding="ascii")

    def mend(self) -> None:
        """Unmount, repair, mount again: the only way back after an error."""
        _run("umount", self.directory)
        repaired = subprocess.run(["e2fsck", "-fy", str(self._image)], capture_output=True)
        assert repaired.returncode <= 1, repaired.stdout
        self.mount()

    def check_switch(self) -> None:
        """Raises Unavailable where the kernel has no switch for errors."""
        device = _run("findmnt", "-n", "-o", "SOURCE", self.directory).strip()
        if not self._switch(device).exists():
            raise Unavailable(f"{self._switch(device)} is not there")

    @staticmethod
    def _switch(device: str) -> Path:
        return Path("/sys/fs/ext4") / Path(device).name / "trigger_fs_error"


@contextlib.contextmanager
def small_tmpfs(directory: Path) -> Iterator[SmallTmpfs]:
    """A tmpfs of 16 MiB at `directory`; raises Unavailable without the right to mount."""
    directory.mkdir()
    _try("mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", directory)
    with _unmounted_at_the_end(directory):
        yield SmallTmpfs(directory)


@contextlib.contextmanager
def fragile_ext4(directory: Path) -> Iterator[FragileExt4]:
    """An ext4 of 16 MiB at `directory`; raises Unavailable where it cannot be made to fail."""
    directory.mkdir()
    image = directory.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(_DISK_BYTES)
    _try("mkfs.ext4", "-q", image)
    disk = FragileExt4(directory, image)
    _try("mount", "-o", "loop,errors=remount-ro", image, directory)
    with _unmounted_at_the_end(directory):
        disk.check_switch()
        yield disk


@contextlib.contextmanager
def _unmounted_at_the_end(directory: Path) -> Iterator[None]:
    try:
        yield
    finally:
        # Lazily: whatever a failed test left open there must not keep the mount.
        subprocess.run(["umount", "--lazy", str(directory)], capture_output=True, check=False)


def _try(*command: object) -> None:
    if sys.platform != "linux" or shutil.which(str(command[0])) is None:
        raise Unavailable(f"{command[0]} is not there")
    try:
        _run(*command)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"{' '.join(map(str, command))}: {error.stderr.strip()}") from None


def _run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return done.stdout
