"""The writer: gives every event and output its number and puts it on disk before it acts.

    append_event / append_output ...   buffered, numbered
    commit()                           market first, then facts: one write(2) each; then a sync each

What survives:
* The process is killed: every fact for which `commit` returned, whatever the durability. Market
  events are batched, up to 64 of them and those of the last commits may be lost, but never one
  that a written fact lies behind.
* The power fails: with `POWER`, every command that was sent and all before it, market data
  included, so that what was decided can be decided again. With `PROCESS`, all up to the last
  sync: `sync()` in idle time, and by itself once `UNSYNCED_BYTES_MAX` of facts are waiting.

The first failed write or sync is final: the writer refuses everything from then on and never
tries again, because nobody knows what of the failed part reached the disk.

Cost sketch for a market event: one append to three lists, no system call; a 64th of one msgpack
call and, once committed, of one write. For a fact: one msgpack call, one SHA-256 and one write
for the whole batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from regimeflow.errors import JournalError
from regimeflow.journal.disk import Disk, OsDisk
from regimeflow.journal.frames import FrameKind, encode_frame
from regimeflow.journal.market_buffer import MarketBuffer
from regimeflow.journal.records import (
    GENESIS_HASH,
    MARKET_BATCH_MAX,
    EpochOpened,
    Record,
    encode_block,
)
from regimeflow.journal.segment_file import SegmentFile
from regimeflow.journal.segments import SEGMENT_BYTES_MAX, SegmentKind
from regimeflow.model.commands import (
    CancelOrder,
    Output,
    ReplaceOrder,
    SubmitOrder,
    TradingStateChanged,
)
from regimeflow.model.events import MARKET_EVENT_TYPES, Event

SYNCED_TYPES = frozenset({SubmitOrder, CancelOrder, ReplaceOrder, EpochOpened, TradingStateChanged})
"""A batch with one of these is on stable storage before anything is sent or answered (POWER)."""
UNSYNCED_BYTES_MAX = 4 * 2**20
"""Facts written and not synced; beyond it `commit` syncs whatever the durability."""


class Durability(StrEnum):
    """What a command survives before it may be sent."""

    POWER = "power"
    """A power cut: `fdatasync` before send."""
    PROCESS = "process"
    """A killed process: written before send, synced in idle time."""


class JournalWriter:
    """Appends to the journal in `directory`, which exists and has been recovered.

    `next_seq` and `head_hash` come from `recover()`. One writer at a time: the caller holds
    whatever lock guards the directory. Every method raises JournalError from the first failure
    of the disk on.
    """

    __slots__ = (
        "_durability",
        "_facts",
        "_facts_file",
        "_failure",
        "_head",
        "_is_boot_waiting",
        "_is_command_waiting",
        "_is_epoch_waiting",
        "_market",
        "_market_file",
        "_segment_bytes_max",
        "next_seq",
    )

    def __init__(
        self,
        directory: Path,
        *,
        durability: Durability,
        next_seq: int = 1,
        head_hash: str = GENESIS_HASH,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        disk: Disk | None = None,
    ) -> None:
        disk = disk or OsDisk()
        self.next_seq = next_seq
        self._durability = durability
        self._head = bytes.fromhex(head_hash)
        self._segment_bytes_max = segment_bytes_max
        self._facts: list[Record] = []
        self._facts_file = SegmentFile(directory, SegmentKind.FACTS, disk)
        self._market = MarketBuffer()
        self._market_file = SegmentFile(directory, SegmentKind.MARKET, disk)
        self._is_command_waiting = False
        self._is_epoch_waiting = False
        self._is_boot_waiting = False
        self._failure = ""

    @property
    def head(self) -> str:
        """Head of the hash chain after the last commit, in hex; print it to anchor the journal."""
        return self._head.hex()

    @property
    def unsynced_bytes(self) -> int:
        """Facts that a power cut would take; `sync()` brings it to zero."""
        return self._facts_file.unsynced_bytes

    def append_event(self, ts_ns: int, event: Event) -> int:
        """Number an event; it is written by the next `commit`. Returns its seq."""
        if self._failure:
            raise JournalError(self._failure)
        seq = self.next_seq
        self.next_seq = seq + 1
        if type(event) in MARKET_EVENT_TYPES:
            market = self._market
            market.events.append(event)  # type: ignore[arg-type]  # told apart just above
            market.times_ns.append(ts_ns)
            if len(market.events) >= MARKET_BATCH_MAX:
                market.seal(seq + 1)
        else:
            self._market.skip()
            self._facts.append(Record(seq, ts_ns, 0, event))
        return seq

    def append_output(self, ts_ns: int, cause_seq: int, output: Output) -> int:
        """Number a command or notice of the event `cause_seq`. Returns its seq."""
        return self._append_fact(Record(self.next_seq, ts_ns, cause_seq, output))

    def append_epoch(self, ts_ns: int, epoch: EpochOpened) -> int:
        """Number the opening of an epoch; it gets a block of its own. Returns its seq.

        One that opens a start is synced whatever the durability: its number is never lost.
        """
        self._is_epoch_waiting = True
        self._is_boot_waiting = self._is_boot_waiting or epoch.boot > 0
        return self._append_fact(Record(self.next_seq, ts_ns, 0, epoch))

    def commit(self) -> Sequence[Record]:
        """Write what was appended, sync it where the durability asks; only then act on it.

        Returns the facts written, in order, for the observers. Market events alone are written
        once 64 have gathered, or with the next fact, or by `flush`.
        """
        if self._failure:
            raise JournalError(self._failure)
        records = self._facts
        if not records:
            if self._market.is_batch_ready:
                self._guarded("written", self._write_market)
            return ()
        self._facts = []
        self._market.seal(self.next_seq)
        self._guarded("written", lambda: self._write_batch(records))
        must_sync = self._is_command_waiting and self._durability is Durability.POWER
        is_late = self._facts_file.unsynced_bytes > UNSYNCED_BYTES_MAX
        if must_sync or is_late or self._is_boot_waiting:
            self.sync()
        self._is_command_waiting = self._is_boot_waiting = False
        if self._facts_file.size_bytes >= self._segment_bytes_max:
            self._guarded("closed", self._facts_file.rotate)
        return records

    def flush(self) -> Sequence[Record]:
        """As `commit`, with every market event written as well, however few."""
        self._market.seal(self.next_seq)
        records = self.commit()
        if self._market.is_batch_ready:
            self._guarded("written", self._write_market)
        return records

    def sync(self) -> None:
        """Put all that was written on stable storage; blocks for as long as the disk takes.

        With PROCESS the shell calls it in idle time; what was committed since the last call is
        what a power cut takes.
        """
        if self._failure:
            raise JournalError(self._failure)
        self._guarded("synced", self._sync_files)

    def rotate(self) -> None:
        """Commit, and begin new segments: at a session roll, so that days can be told apart."""
        self.flush()
        self._guarded("closed", self._facts_file.rotate)
        self._guarded("closed", self._market_file.rotate)

    def end_market_segment(self, bytes_min: int) -> None:
        """Begin a new market segment if this one holds so much: whole sessions can be pruned."""
        if self._failure:
            raise JournalError(self._failure)
        if self._market_file.size_bytes >= bytes_min:
            self._guarded("closed", self._market_file.rotate)

    def close(self) -> None:
        """Write and sync everything and release the files. After a failure it only releases."""
        try:
            if not self._failure:
                self.flush()
                self.sync()
        finally:
            self._facts_file.close()
            self._market_file.close()
            self._failure = self._failure or "the journal is closed"

    def _append_fact(self, record: Record) -> int:
        if self._failure:
            raise JournalError(self._failure)
        if type(record.body) in SYNCED_TYPES:
            self._is_command_waiting = True
        self.next_seq = record.seq + 1
        self._market.skip()
        self._facts.append(record)
        return record.seq

    def _write_batch(self, records: list[Record]) -> None:
        """Market before facts, so that no written fact lies behind an unwritten observation."""
        if self._market.is_batch_ready:
            self._write_market()
        head = self._head
        frames = b""
        for block in _blocks(records, is_split=self._is_epoch_waiting):
            new_head, payload = encode_block(head, block)
            frames += encode_frame(FrameKind.FACTS, payload)
            head = new_head
        self._facts_file.append(
            frames,
            first_seq=records[0].seq,
            first_ts_ns=records[0].ts_ns,
            prev_hash=self._head.hex(),
        )
        self._head = head
        self._is_epoch_waiting = False

    def _sync_files(self) -> None:
        """Market before facts, here too: no durable fact without what it follows from."""
        self._market_file.sync()
        self._facts_file.sync()

    def _write_market(self) -> None:
        frames, first_seq, first_ts_ns = self._market.take()
        self._market_file.append(frames, first_seq=first_seq, first_ts_ns=first_ts_ns, prev_hash="")
        if self._market_file.size_bytes >= self._segment_bytes_max:
            self._market_file.rotate()

    def _guarded(self, verb: str, action: Callable[[], None]) -> None:
        """Run one disk operation; its failure is the last thing this writer does."""
        self._failure = f"an operation of the journal did not end ({verb})"
        try:
            action()
        except OSError as error:
            self._failure = (
                f"the journal cannot be {verb}: {error}. Nothing more is sent but cancels; free or"
                " replace the disk and start again: recovery continues from the last whole record"
            )
            raise JournalError(self._failure) from error
        self._failure = ""


def _blocks(records: list[Record], *, is_split: bool) -> list[list[Record]]:
    """The blocks of one commit: one, unless an epoch in it needs its own."""
    if not is_split:
        return [records]
    return [list(run) for _, run in groupby(records, _is_epoch)]


def _is_epoch(record: Record) -> bool:
    return type(record.body) is EpochOpened
