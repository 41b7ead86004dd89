"""An advisory lock on an open file, which dies with its process."""

from __future__ import annotations

import os
import sys
from typing import IO


def try_lock(file: IO[bytes]) -> bool:
    """Lock an open file for this process; False where another one holds it, or it was deleted."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return os.fstat(file.fileno()).st_nlink > 0
