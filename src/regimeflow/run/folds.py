"""Two folds over a journal, on purpose separate.

The *ledger fold* takes events, commands and notices and never runs user code: books as they
were, whatever the strategies are today. The *decision fold* feeds events alone to an engine
with strategies and compares what it decides with what the journal says was decided; it rebuilds
strategy state and finds the first divergence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from regimeflow.core.approved import EngineOutput, plain
from regimeflow.core.engine import Engine
from regimeflow.core.ledger import Books, Ledger
from regimeflow.core.ledger_state import LedgerState, decode_ledger, take_values
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model.commands import Output, RequestSnapshot

_encode = msgspec.msgpack.Encoder().encode


class Divergence(NamedTuple):
    """The first event whose outputs differ: what was journaled and what is decided now."""

    seq: int
    ts_ns: int
    event: object
    journaled: tuple[Output, ...]
    decided: tuple[Output, ...]


class Parity(NamedTuple):
    """Result of a decision fold."""

    events: int
    outputs: int
    divergence: Divergence | None
    lost_market_before_seq: int | None


def ledger_fold(books: Books, records: Iterable[Record]) -> Ledger:
    """The books after `records`, without running a strategy."""
    fold = LedgerFold(books)
    for record in records:
        fold.take(record)
    return fold.ledger


class LedgerFold:
    """Books from records, one by one, in order of seq.

    Where numbers are missing (market data that was lost or pruned), prices and loss anchors are
    unknown until the next epoch, which carries them over. Orders, positions and cash come from
    facts alone and are always whole.
    """

    __slots__ = ("_has_gap", "_last_seq", "ledger")

    def __init__(self, books: Books) -> None:
        self.ledger = Ledger(books)
        self._last_seq = 0
        self._has_gap = False

    def take(self, record: Record) -> None:
        """Take the next record."""
        self._has_gap |= record.seq != self._last_seq + 1
        self._last_seq = record.seq
        if type(record.body) is EpochOpened:
            if self._has_gap:
                self.value_as(decode_ledger(record.body.carry_over))
        else:
            fold_record(self.ledger, record)

    def value_as(self, state: LedgerState) -> None:
        """Take over what market data would have said up to here."""
        take_values(self.ledger, state)
        self._has_gap = False


def fold_record(ledger: Ledger, record: Record) -> None:
    """Take one record into the books; an epoch changes none."""
    if is_output(record):
        ledger.apply_output(record.ts_ns, record.body)  # type: ignore[arg-type]
    elif type(record.body) is not EpochOpened:
        ledger.apply_event(record.ts_ns, record.body)  # type: ignore[arg-type]


def is_output(record: Record) -> bool:
    """Whether a record is a command or notice: the engine's, or a poll of the shell's."""
    return bool(record.cause_seq) or type(record.body) is RequestSnapshot


class DecisionFold:
    """Feeds records to an engine one by one and compares as it goes, from `from_seq` on."""

    __slots__ = (
        "_decided",
        "_event",
        "_journaled",
        "_last_seq",
        "_outputs",
        "divergence",
        "engine",
        "events",
        "from_seq",
        "lost_before_seq",
        "outputs",
    )

    def __init__(self, engine: Engine, *, after_seq: int = 0) -> None:
        self.engine = engine
        self.events = 0
        self.outputs = 0
        self.divergence: Divergence | None = None
        self.lost_before_seq: int | None = None
        self._event: Record | None = None
        self._outputs: Sequence[EngineOutput] = ()
        self._decided: list[Output] = []
        self._journaled: list[Output] = []
        self._last_seq = after_seq
        self.from_seq = after_seq + 1

    @classmethod
    def resumed(cls, engine: Engine, event: Record, *, after_seq: int) -> DecisionFold:
        """Go on with a restored engine in the middle of `event`, a session's roll.

        `after_seq` is the last output of it that the restored state has behind it.
        """
        fold = cls(engine, after_seq=after_seq)
        fold._event = event
        fold._outputs = engine.resume_roll()
        fold._decided = [plain(output) for output in fold._outputs]
        return fold

    def take(self, record: Record) -> None:
        """Take the next record in order of seq; nothing happens after a divergence."""
        if self.divergence is not None:
            return
        if record.seq != self._last_seq + 1 and self.lost_before_seq is None:
            self.lost_before_seq = record.seq
        self._last_seq = record.seq
        body = record.body
        is_poll = type(body) is RequestSnapshot and not record.cause_seq
        if is_poll or type(body) is EpochOpened:
            return
        if record.cause_seq:
            self.outputs += 1
            self._journaled.append(body)  # type: ignore[arg-type]
            return
        self._process(record)

    def take_lost(self, record: Record) -> None:
        """Take an event that the journal lost and its source gave again."""
        self._last_seq = record.seq
        self._process(record)

    def unwritten(self) -> Sequence[EngineOutput]:
        """What the last event led to, if the journal holds nothing of it."""
        return self._outputs if self._outputs and not self._journaled else ()

    def _process(self, record: Record) -> None:
        self._compare()
        if self.divergence is None:
            self.events += 1
            self._event = record
            self._outputs = self.engine.process(record.ts_ns, record.body)  # type: ignore[arg-type]
            if self._outputs:
                self._decided = [plain(output) for output in self._outputs]

    def finish(self, *, is_last_cut: bool = False) -> Parity:
        """Compare the last event too; `is_last_cut` forgives outputs a crash did not write."""
        if not (is_last_cut and not self._journaled):
            self._compare()
        return Parity(self.events, self.outputs, self.divergence, self.lost_before_seq)

    def _compare(self) -> None:
        event, journaled, decided = self._event, self._journaled, self._decided
        if event is None or not (journaled or decided):
            return
        self._journaled, self._decided = [], []
        if len(journaled) == len(decided) and _encode(journaled) == _encode(decided):
            return
        self.divergence = Divergence(
            event.seq, event.ts_ns, event.body, tuple(journaled), tuple(decided)
        )
