"""Boot is recovery: bring engine, venue and observers to where the journal ends.

In a playback the in-process venue is rebuilt from the same data and the journaled commands, so
the schedule yields again what the journal holds. Every record is checked on the way: an event
the schedule does not repeat, or a decision the strategies do not repeat, means that code, data
or strategy changed since, and resuming is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from regimeflow.core.approved import EngineOutput
from regimeflow.core.engine import Engine
from regimeflow.core.ledger import Ledger
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.errors import InvariantViolated, StartRefused
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.journal.recovery import Recovered, recover
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.observe.describe import describe
from regimeflow.run.folds import DecisionFold, Divergence, fold_record, is_output
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Observer
from regimeflow.venue.schedule import SimSchedule

SHELL_EVENTS: tuple[type, ...] = (
    e.EngineStarted,
    e.EngineStopped,
    e.LinkUp,
    e.LinkDown,
    e.Heartbeat,
    e.ClockMeasured,
    e.ClockStepped,
    e.ClockAdjusted,
    e.LoopStalled,
    e.SnapshotFailed,
    e.Halt,
    e.Resume,
    e.CancelAll,
    e.Flatten,
    e.Adopt,
)
"""Events that the shell makes; every other event of a playback comes from the schedule."""
COMMANDS: tuple[type, ...] = (
    c.SubmitOrder,
    c.CancelOrder,
    c.ReplaceOrder,
    c.QueryOrder,
    c.RequestSnapshot,
    c.SetTimer,
    c.CancelTimer,
)


class Booted(NamedTuple):
    """Where a run begins. `unwritten` are outputs of the last event that a crash cut off.

    `schedule` is the rebuilt venue of a playback; None behind a link. `quarantine` says why
    strategies could not be verified; empty when they were. `rebuilt_as` is the reason of the
    epoch that the engine was rebuilt for (see `live/boot_linked.py`); empty when it goes on.
    """

    engine: Engine
    schedule: SimSchedule | None
    recovered: Recovered
    is_resumed: bool
    last_event_seq: int
    unwritten: Sequence[EngineOutput]
    quarantine: str = ""
    rebuilt_as: str = ""


def boot(plan: RunPlan, journal_dir: Path, observers: Sequence[Observer]) -> Booted:
    """Recover the journal, fold it into a fresh engine and venue, and verify both.

    Raises JournalCorrupt for damage in the middle, StartRefused when what the journal holds is
    not repeated, InvariantViolated when the two folds disagree on the books (our bug).
    """
    recovered = recover(journal_dir)
    engine, schedule = plan.new_engine(), plan.new_schedule()
    if recovered.next_seq == 1:
        return Booted(engine, schedule, recovered, False, 0, ())
    ledger = Ledger(engine.setup.books())
    rebuild = _Rebuild(engine, schedule, ledger)
    for record in read_records(journal_dir):
        rebuild.take(record)
        for observer in observers:
            observer(record)
    unwritten = rebuild.finish()
    if not unwritten and ledger_digest(ledger) != ledger_digest(engine.ledger):
        raise InvariantViolated("the ledger fold and the decision fold disagree on the books")
    return Booted(engine, schedule, recovered, True, rebuild.last_event_seq, unwritten)


class _Rebuild:
    """One pass over the journal that rebuilds books, strategies and venue, and compares."""

    def __init__(self, engine: Engine, schedule: SimSchedule, ledger: Ledger) -> None:
        self._schedule = schedule
        self._ledger = ledger
        self._fold = DecisionFold(engine)
        self._last_seq = 0
        self.last_event_seq = 0

    def take(self, record: Record) -> None:
        for lost_seq in range(self._last_seq + 1, record.seq):
            self._draw_again(lost_seq, record)
        body = record.body
        kind = type(body)
        if kind is EpochOpened:
            pass
        elif is_output(record):
            if kind in COMMANDS:
                self._schedule.execute(record.ts_ns, body)  # type: ignore[arg-type]
        else:
            if kind not in SHELL_EVENTS:
                self._repeat(record)
            self.last_event_seq = record.seq
        fold_record(self._ledger, record)
        self._fold.take(record)
        self._last_seq = record.seq
        if self._fold.divergence is not None:
            raise _diverged(self._fold.divergence)

    def finish(self) -> Sequence[EngineOutput]:
        unwritten = self._fold.unwritten()
        parity = self._fold.finish(is_last_cut=True)
        if parity.divergence is not None:
            raise _diverged(parity.divergence)
        return unwritten

    def _repeat(self, record: Record) -> None:
        """Draw the same event from the schedule."""
        item = self._schedule.next()
        if item != (record.ts_ns, record.body):
            raise _not_repeated(record, item)

    def _draw_again(self, seq: int, before: Record) -> None:
        """An unsynced tail of market data was lost: every number missing is an observation."""
        item = self._schedule.next()
        if item is None or type(item[1]) not in e.MARKET_EVENT_TYPES:
            raise _not_repeated(before, item)
        self._ledger.apply_event(item[0], item[1])
        self._fold.take_lost(Record(seq, item[0], 0, item[1]))
        self.last_event_seq = seq


def _not_repeated(record: Record, item: tuple[int, e.Event] | None) -> StartRefused:
    seen = "the end of the data" if item is None else describe(item[1])
    return StartRefused(
        f"the journal cannot be resumed: at record {record.seq} it holds "
        f"{describe(record.body)}, the data now gives {seen}. Data or code changed since; move the "
        "log_dir away to begin anew"
    )


def _diverged(divergence: Divergence) -> StartRefused:
    journaled = "; ".join(describe(o) for o in divergence.journaled) or "nothing"
    decided = "; ".join(describe(o) for o in divergence.decided) or "nothing"
    return StartRefused(
        f"the journal cannot be resumed: after record {divergence.seq} it holds {journaled}, the "
        f"strategy now decides {decided}. Strategy or code changed since; move the log_dir away "
        "to begin anew"
    )
