"""Engine states beside the journal: one file for each session's end that is kept.

    state-000000000123.rfs      the state of the epoch whose record has this seq, as one frame

What a state holds is opaque here. The record of its epoch names its SHA-256, so nothing but the
very bytes that were written then is ever taken for it. A file is written whole, synced, and only
then given its name: it is there whole or not at all. Losing one costs time, never books.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.disk import Disk, OsDisk
from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.frames import FrameKind, encode_frame, whole_frame

NAME = re.compile(r"state-(\d{12,})\.rfs")


def state_path(directory: Path, seq: int) -> Path:
    """Where the state of the epoch with record `seq` lies."""
    return directory / f"state-{seq:012d}.rfs"


def state_digest(payload: bytes) -> str:
    """What the epoch's record says of a state."""
    return sha256(payload).hexdigest()


def list_states(directory: Path) -> list[int]:
    """Record numbers of the epochs that have a state here, oldest first."""
    found = (NAME.fullmatch(path.name) for path in directory.iterdir())
    return sorted(int(match[1]) for match in found if match)


def write_state(directory: Path, seq: int, payload: bytes, *, disk: Disk | None = None) -> None:
    """Keep a state. Raises OSError as the disk does, with nothing kept."""
    disk = disk or OsDisk()
    target = state_path(directory, seq)
    partial = target.with_name(target.name + ".part")
    if partial.exists():
        disk.remove(partial)
    content = encode_frame(FrameKind.STATE, payload)
    file = disk.open_append(partial)
    try:
        while content:
            taken = file.write(content)
            if taken <= 0:
                raise OSError(f"{partial.name}: the disk takes no more")
            content = content[taken:]
        file.sync()
    finally:
        file.close()
    disk.rename(partial, target)
    disk.sync_directory(directory)


def read_state(directory: Path, mark: EpochMark) -> bytes:
    """The state that `mark` names.

    Raises JournalError, saying why, where the file is missing, damaged or another state.
    """
    path = state_path(directory, mark.seq)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JournalError(f"{path.name}: cannot be read: {error}") from error
    frame = whole_frame(content)
    if frame is None or frame.kind != FrameKind.STATE:
        raise JournalError(f"{path.name}: is damaged")
    if state_digest(frame.payload) != mark.state_digest:
        raise JournalError(f"{path.name}: is not the state that the journal names there")
    return frame.payload


def keep_states(directory: Path, seqs: Collection[int], *, disk: Disk | None = None) -> None:
    """Delete every other state, and what was cut off in writing. Raises OSError as the disk."""
    disk = disk or OsDisk()
    for seq in list_states(directory):
        if seq not in seqs:
            disk.remove(state_path(directory, seq))
    for partial in sorted(directory.glob("state-*.rfs.part")):
        disk.remove(partial)
