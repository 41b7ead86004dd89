"""Records: what the journal holds, and how records become payloads and back.

Two payloads. A facts block is `sha256(head of the block before + rows) + rows`, where rows is
a msgpack array of `[seq, ts_ns, cause_seq, body]`; the hash makes every commit depend on all
before it. A market batch is one array of up to 64 events with their sequence numbers and times
as differences, because observations are nine tenths of the volume and are never signed.

Bodies are tagged by class name. Fields may only be appended, with a default: an older journal
stays readable, and an unknown tag is refused rather than skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate, starmap

import msgspec

from regimeflow.errors import JournalError
from regimeflow.model.commands import Output
from regimeflow.model.events import FactEvent
from regimeflow.model.market import MarketEvent

HASH_BYTES = 32
GENESIS_HASH = "0" * 2 * HASH_BYTES
"""Head of an empty journal."""
MARKET_BATCH_MAX = 64
"""Market events in one frame: past this the bytes saved no longer pay for what a kill loses."""


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """What produced an epoch's decisions: parity holds only where all of it is equal.

    Hashes are SHA-256 in hex; an empty one means that the part was absent.
    """

    code: str
    strategies: str
    lock: str
    config: str
    venue: str
    baseline: str = ""
    interpreter: str
    seed: int


class EpochOpened(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A new epoch: parity is verified inside one, and boot folds from the last one.

    `carry_over` are the books in their own encoding, opaque to the journal. `state_digest` is the
    SHA-256 of the whole engine's state where one was kept in a file beside the journal (see
    `journal/state_files.py`): the chain vouches for the file.
    """

    epoch: int
    reason: str
    session: str
    boot: int
    fingerprint: Fingerprint
    carry_over: bytes
    state_digest: str = ""


FactBody = FactEvent | Output | EpochOpened
Body = FactBody | MarketEvent


class Record(msgspec.Struct, frozen=True):
    """One line of the journal.

    `seq` increases by one from record to record over both files, starting at 1. `ts_ns` is the
    engine's time. `cause_seq` is 0 for an event, and for an output the seq of its event.
    """

    seq: int
    ts_ns: int
    cause_seq: int
    body: Body


class MarketBatch(msgspec.Struct, frozen=True, array_like=True):
    """Up to 64 market events. `skips` names, once for each fact in between, the event behind it.

    The time of event i is `first_ts_ns` plus the sum of the first i differences; its seq is
    `first_seq` plus i plus the number of skips up to i.
    """

    first_seq: int
    first_ts_ns: int
    ts_deltas_ns: list[int]
    skips: list[int]
    events: list[MarketEvent]

    def records(self) -> list[Record]:
        """The events as records, in order."""
        times_ns = accumulate(self.ts_deltas_ns, initial=self.first_ts_ns)
        return [
            Record(seq, ts_ns, 0, event)
            for seq, ts_ns, event in zip(
                _seqs(self.first_seq, len(self.events), self.skips),
                times_ns,
                self.events,
                strict=True,
            )
        ]


class MarketSpan(msgspec.Struct, frozen=True, array_like=True):
    """A market batch without its events, which is several times cheaper to read."""

    first_seq: int
    first_ts_ns: int
    ts_deltas_ns: list[int]
    skips: list[int]

    @property
    def last_ts_ns(self) -> int:
        """Time of the last event."""
        return self.first_ts_ns + sum(self.ts_deltas_ns)

    def seqs(self) -> Sequence[int]:
        """Only the sequence numbers."""
        return _seqs(self.first_seq, len(self.ts_deltas_ns) + 1, self.skips)


def _seqs(first_seq: int, count: int, skips: Sequence[int]) -> Sequence[int]:
    """The numbers of a batch: consecutive, but for one skipped before each index in `skips`."""
    if not skips:
        return range(first_seq, first_seq + count)
    skipped = Counter(skips)
    behind = accumulate(skipped[index] for index in range(count))
    return [first_seq + index + skip for index, skip in enumerate(behind)]


class FactsBlock(msgspec.Struct, frozen=True):
    """One commit of facts: its head and its encoded rows."""

    head: bytes
    rows: bytes

    def records(self) -> list[Record]:
        """The records of the block, in order. Raises JournalError for an unknown kind."""
        try:
            return list(starmap(Record, _DECODE_ROWS(self.rows)))
        except msgspec.MsgspecError as error:
            raise _unknown_content(error) from error

    def seqs(self) -> list[int]:
        """Only the sequence numbers, which is several times cheaper than the records."""
        return [row[0] for row in _DECODE_SEQS(self.rows)]


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE_ROWS = msgspec.msgpack.Decoder(list[tuple[int, int, int, FactBody]]).decode
_DECODE_SEQS = msgspec.msgpack.Decoder(list[tuple[int, int, int, msgspec.Raw]]).decode
_DECODE_MARKET = msgspec.msgpack.Decoder(MarketBatch).decode
_DECODE_SPAN = msgspec.msgpack.Decoder(MarketSpan).decode


def encode_block(head: bytes, records: list[Record]) -> tuple[bytes, bytes]:
    """`(new head, payload)` of a facts block that follows the block whose head is `head`."""
    rows = _ENCODE(
        [(record.seq, record.ts_ns, record.cause_seq, record.body) for record in records]
    )
    new_head = sha256(head + rows).digest()
    return new_head, new_head + rows


def decode_block(payload: bytes) -> FactsBlock:
    """The parts of a facts payload; the hash is not checked here."""
    return FactsBlock(payload[:HASH_BYTES], payload[HASH_BYTES:])


def block_head(head: bytes, block: FactsBlock) -> bytes:
    """What the head of `block` has to be when it follows `head`."""
    return sha256(head + block.rows).digest()


def encode_market(batch: MarketBatch) -> bytes:
    """The payload of a market frame."""
    return _ENCODE(batch)


def decode_market(payload: bytes) -> MarketBatch:
    """The batch of a market payload. Raises JournalError for an unknown kind."""
    try:
        return _DECODE_MARKET(payload)
    except msgspec.MsgspecError as error:
        raise _unknown_content(error) from error


def decode_span(payload: bytes) -> MarketSpan:
    """The numbers and times of a market payload."""
    return _DECODE_SPAN(payload)


def encode_record(record: Record) -> bytes:
    """One record by itself; the same bytes wherever and however it was stored."""
    return _ENCODE((record.seq, record.ts_ns, record.cause_seq, record.body))


def _unknown_content(error: Exception) -> JournalError:
    return JournalError(
        f"the journal holds a record this version does not know ({error}); it was written by a "
        "newer version: run that version, or start with a journal of its own"
    )
