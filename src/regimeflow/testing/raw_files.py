"""The system's own file functions, as they were before a guard put others in their place.

The disk and the guard work with these: what they do is the machine's doing, not the process's.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

OPEN, WRITE, CLOSE = os.open, os.write, os.close
REPLACE, RENAME, UNLINK, TRUNCATE = os.replace, os.rename, os.unlink, os.truncate
FSYNC, FTRUNCATE, MKDIR, RMDIR = os.fsync, os.ftruncate, os.mkdir, os.rmdir
OPEN_STREAM = io.open
DUP2 = os.dup2
if sys.platform == "darwin":
    import fcntl

    FCNTL = fcntl.fcntl


def read_file(path: str, offset: int = 0) -> bytes:
    """Content from `offset` on."""
    with OPEN_STREAM(path, "rb", buffering=0) as stream:
        stream.seek(offset)
        return stream.read()


def write_file(path: str, content: bytes) -> None:
    """Replace the content, making the directory where it is missing."""
    parent = Path(path).parent
    if not parent.is_dir():
        make_directories(parent)
    with OPEN_STREAM(path, "wb") as stream:
        stream.write(content)


def make_directories(path: Path) -> None:
    """`path` and whatever is missing above it."""
    for part in (*reversed(path.parents), path):
        if not part.is_dir():
            MKDIR(part)
