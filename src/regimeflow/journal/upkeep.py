"""The upkeep of closed market segments: pruned when nobody needs them any more, else compressed.

    python -m regimeflow.journal.upkeep DIRECTORY ORDER

The live engine starts it as a child process at each session's end, because compressing 64 MiB
takes seconds and the engine's loop has none to spare. It runs at the lowest priority, one at a
time for each journal, and may be killed at any moment: every file is there whole, as it was or as
it becomes.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from regimeflow.errors import JournalError
from regimeflow.journal.disk import Disk
from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.file_lock import try_lock
from regimeflow.journal.segments import compress_market, prune_market
from regimeflow.journal.state_files import read_state

LOCK_NAME = "upkeep.lock"
NICENESS = 19


class Upkeep(msgspec.Struct, frozen=True):
    """What to do beside compressing: prune market data older than `keep_from_ns` (engine time),
    as far as nothing from record `keep_from_seq` on is touched.

    `state` is the engine's state behind the record before it, which makes older data dispensable:
    without one that is whole, nothing is pruned.
    """

    keep_from_ns: int = 0
    keep_from_seq: int = 0
    state: EpochMark | None = None


class Done(msgspec.Struct, frozen=True):
    """Segments pruned, and bytes that compressing the others saved."""

    pruned: int = 0
    saved_bytes: int = 0


def tend(directory: Path, order: Upkeep, *, disk: Disk | None = None) -> Done:
    """Do it; nothing where another process is at it.

    Raises JournalError where the state or a segment is damaged, or the disk fails.
    """
    try:
        with (directory / LOCK_NAME).open("ab") as lock:
            if not try_lock(lock):
                return Done()
            pruned = 0
            if order.state is not None:
                read_state(directory, order.state)
                pruned = prune_market(directory, order.keep_from_ns, order.keep_from_seq, disk=disk)
            return Done(pruned, compress_market(directory, disk=disk))
    except OSError as error:
        raise JournalError(f"{directory}: the upkeep failed: {error}") from error


def main(arguments: list[str]) -> int:
    """The child process; says on stderr what went wrong."""
    directory, order = arguments
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        tend(Path(directory), msgspec.json.decode(order, type=Upkeep))
    except JournalError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
