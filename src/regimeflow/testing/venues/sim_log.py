"""What the simulated venue must not forget, in one file: the commands it took, and its clock.

Data and commands determine everything else, so the venue rebuilds itself by playing both again.
A command is appended before it is carried out, and the clock is written before anything of that
moment leaves, so that after the process was killed no one has seen more than it remembers. The
file survives the process, not a power cut: nothing is synced. A torn last line never happened.
One process has it: a lock beside it, which ends with the process, keeps a second venue away.

The first line has a fixed place for the clock; every other line is one entry of JSON.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec

from regimeflow.errors import DataError, StartRefused
from regimeflow.journal.file_lock import try_lock
from regimeflow.model.commands import CancelOrder, ReplaceOrder, SubmitOrder

FORMAT = "regimeflow.venue/1"
_CLOCK_AT = len('{"clock_ns":"')
_CLOCK_DIGITS = 20

OrderCommand = SubmitOrder | CancelOrder | ReplaceOrder


class Taken(msgspec.Struct, frozen=True, tag=True):
    """A command as it reached the venue."""

    ts_ns: int
    command: OrderCommand


class Busted(msgspec.Struct, frozen=True, tag=True):
    """The venue annulled an execution."""

    ts_ns: int
    execution_id: str


class EpochBegun(msgspec.Struct, frozen=True, tag=True):
    """The venue began to number its reports anew."""

    ts_ns: int


Entry = Taken | Busted | EpochBegun


class _Header(msgspec.Struct, frozen=True):
    clock_ns: str
    format: str
    identity: str


class VenueLog:
    """The file. `entries` and `clock_ns` are what it held when it was opened.

    `identity` names data and rules: a file made with others is refused with StartRefused, and
    so is one that another venue has open. Raises DataError for a file that is none of ours.
    """

    def __init__(self, path: Path, *, identity: str) -> None:
        self._path = path
        self.entries: list[Entry] = []
        self.clock_ns = 0
        with contextlib.ExitStack() as on_failure:
            self._lock = on_failure.enter_context(_locked(path))
            if not path.exists():
                _create(path, identity)
            self._file: BinaryIO = on_failure.enter_context(path.open("r+b", buffering=0))
            self._load(identity)
            on_failure.pop_all()

    def __enter__(self) -> VenueLog:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, entry: Entry) -> None:
        """Remember an entry; on return it survives the process."""
        self._file.seek(0, os.SEEK_END)
        self._file.write(msgspec.json.encode(entry) + b"\n")

    def mark(self, ts_ns: int) -> None:
        """Remember that time has come this far; one small write in place, cheap when repeated."""
        if ts_ns > self.clock_ns:
            self.clock_ns = ts_ns
            self._file.seek(_CLOCK_AT)
            self._file.write(b"%0*d" % (_CLOCK_DIGITS, ts_ns))

    def close(self) -> None:
        """Close the file and give it free; harmless when repeated."""
        self._file.close()
        self._lock.close()

    def _load(self, identity: str) -> None:
        content = self._file.read()
        whole = content.rfind(b"\n") + 1
        first, *lines = content[:whole].split(b"\n")
        try:
            header = msgspec.json.decode(first, type=_Header)
            self.entries = [msgspec.json.decode(line, type=Entry) for line in lines if line]
            self.clock_ns = int(header.clock_ns)
        except (msgspec.DecodeError, ValueError) as error:
            raise DataError(
                f"{self._path} is not a venue's state ({error}); name another file with --state"
            ) from None
        if header.format != FORMAT or header.identity != identity:
            raise StartRefused(
                f"{self._path} was made with other data or rules than those given now; name "
                "another file with --state, or start with the ones it was made with"
            )
        if whole < len(content):
            self._file.truncate(whole)


def _locked(path: Path) -> BinaryIO:
    """The lock of a state file. It is a file of its own, since Windows lets nobody read a locked
    byte, and it belongs to the file that `path` leads to, however it was named.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.resolve()
    lock = whole.with_name(whole.name + ".lock").open("ab")
    if not try_lock(lock):
        lock.close()
        raise StartRefused(
            f"{path} is in use by another venue, and two on one state would mix their books; stop "
            "the other one, or name another file with --state"
        )
    return lock


def _create(path: Path, identity: str) -> None:
    """Write the header to a file of its own first, so that no half of one is ever seen."""
    header = _Header("0" * _CLOCK_DIGITS, FORMAT, identity)
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(msgspec.json.encode(header) + b"\n")
    fresh.replace(path)
