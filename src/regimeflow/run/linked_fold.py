"""Both folds of a journal whose engine may have been rebuilt on the way.

An engine behind a link is rebuilt when its decisions cannot be continued: other code, lost
market data, or a change the user accepted. The books go on; the strategies come back in one of
four ways, which the epoch opened then names; from there on decisions are folded anew.

The folds may begin at a saved state of the engine. Facts before it are folded into the books all
the same; decisions and market data only from there on.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from regimeflow.core.engine import Engine
from regimeflow.core.engine_state import EngineState, restore_engine
from regimeflow.core.ledger import Ledger
from regimeflow.core.ledger_state import capture_ledger, restore_ledger
from regimeflow.core.market_state import MarketState
from regimeflow.errors import ConfigError
from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model.commands import StrategyStateSaved
from regimeflow.model.events import MARKET_EVENT_TYPES
from regimeflow.model.ids import StrategyId
from regimeflow.run.folds import DecisionFold, LedgerFold, is_output
from regimeflow.run.plan import RunPlan
from regimeflow.run.standing_fold import StandingFold
from regimeflow.run.starting_point import BEGINNING, Start

REBUILD_PREFIX = "rebuilt: "
"""Reason of an epoch from which decisions are folded anew, followed by how."""
PRUNED = "market data was pruned, and no saved engine state behind it can be read"


class Restart(StrEnum):
    """How strategies come back when their past decisions cannot be continued."""

    QUARANTINE = "quarantine"
    """Not verified: state of the last session roll; exits only, until an operator resumes."""
    CARRY = "carry"
    """Changed on purpose: the old state under the new code or configuration."""
    WARMUP = "warmup"
    """Changed on purpose: fresh strategies that warm up again."""
    EXITS_ONLY = "exits_only"
    """Changed on purpose: the old state, exits only, until an operator resumes."""


class LinkedFold:
    """Both folds in one pass, and what a rebuilt engine would start from.

    `decisions` is None where nothing can be or has to be decided again: without `decides` until
    an epoch is found for which the engine was rebuilt, and after `problem` says why not.
    """

    def __init__(self, plan: RunPlan, start: Start = BEGINNING, *, decides: bool = True) -> None:
        self._plan = plan
        self.start = start
        self._decides = decides
        self._books = plan.setup().books()
        self._ledger = LedgerFold(self._books)
        self._standing = StandingFold(self._ledger.ledger)
        self._saved: dict[StrategyId, bytes] = {}
        self._market = MarketState()
        self._event: Record | None = None
        self.decisions: DecisionFold | None = None
        self.problem = ""
        self.last_event_seq = 0
        if start.state is None and decides:
            self.decisions = DecisionFold(plan.new_engine())

    @property
    def ledger(self) -> Ledger:
        """The books so far, which no strategy had a part in."""
        return self._ledger.ledger

    def take(self, record: Record) -> None:
        """Take the next record in order of seq; market records up to the start are left out."""
        is_past = record.seq <= self.start.seq
        if not is_past and self.start.state is not None and self._event is not None:
            self._begin(self.start.state, self._event)
            self._event = None
        body = record.body
        if type(body) in MARKET_EVENT_TYPES:
            self._take_market(record)
            return
        if type(body) is EpochOpened:
            self._open_epoch(record, body, is_past=is_past)
            return
        if self.decisions is not None:
            self.decisions.take(record)
        self._standing.take(record)
        self._ledger.take(record)
        if is_output(record):
            if type(body) is StrategyStateSaved:
                self._saved[body.strategy_id] = body.state
            return
        self.last_event_seq = record.seq
        if record.seq == self.start.cause_seq:
            self._event = record
        if not is_past:
            self._market.observe(body)

    def rebuild(self, how: Restart, carry_over: bytes) -> Engine:
        """An engine on carried-over books, its strategies brought back as `how` says.

        What holds trading stands; orders in doubt are asked after from its start on.
        """
        ledger = restore_ledger(self._books, carry_over)
        # Carried-over books remember a week; a venue may tell of the whole run.
        ledger.orders.recall(self.ledger.orders)
        # Books of an older epoch do not say which sessions had opened; the facts do.
        ledger.losses.opened = dict(self.ledger.losses.opened)
        engine = Engine(self._plan.setup(), ledger=ledger, market=self._market.copy())
        engine.session_handler.session = self._market.session
        self._standing.hand_over(engine)
        if how is not Restart.WARMUP:
            for strategy_id, seat in engine.callbacks.seats.items():
                if strategy_id in self._saved:
                    seat.load(self._saved[strategy_id])
                seat.warmup_left.clear()
        return engine

    # --- inside -------------------------------------------------------------------------

    def _take_market(self, record: Record) -> None:
        """Nearly every record of a journal: no more is done with it than it can change."""
        body = record.body
        self._standing.observe(body)  # type: ignore[arg-type]  # told apart by the caller
        if self.decisions is not None:
            self.decisions.take(record)
        self._ledger.take(record)
        self._market.observe(body)
        self.last_event_seq = record.seq

    def _open_epoch(self, record: Record, body: EpochOpened, *, is_past: bool) -> None:
        if is_past:
            return  # what it carries over, the start does too
        self._ledger.take(record)
        if body.reason.startswith(REBUILD_PREFIX):
            how = Restart(body.reason.removeprefix(REBUILD_PREFIX))
            engine = self.rebuild(how, body.carry_over)
            self.decisions = DecisionFold(engine, after_seq=record.seq)
            self.problem = ""
        elif self.decisions is not None:
            self.decisions.take(record)

    def _begin(self, state: EngineState, event: Record) -> None:
        """All facts up to the start are in the books: go on from the state."""
        self._ledger.value_as(state.ledger)
        self._market.restore(state.market, built=False)
        if capture_ledger(self.ledger) != state.ledger:
            self.problem = "the saved engine state holds other books than the journal"
        elif self._decides:
            try:
                engine = restore_engine(self._plan.setup(), state, self.ledger.orders)
            except ConfigError as error:
                self.problem = str(error)
                return
            self.decisions = DecisionFold.resumed(engine, event, after_seq=self.start.seq)


def begin_fold(
    plan: RunPlan, starts: Sequence[Start], marks: Sequence[EpochMark], *, decides: bool = True
) -> tuple[LinkedFold, list[str]]:
    """A fold from the first of `starts` whose engine this plan can make, and why not from others.

    What was decided before the engine was last rebuilt is history: then, and without `decides`, any
    start will do, since no engine is made from it. Without a start no decision can be repeated.
    """
    problems: list[str] = []
    for start in starts:
        is_history = any(m.seq > start.seq and m.reason.startswith(REBUILD_PREFIX) for m in marks)
        if is_history or not decides:
            return LinkedFold(plan, start, decides=False), problems
        if start.state is None:
            return LinkedFold(plan, start), problems
        try:
            restore_engine(plan.setup(), start.state)
        except ConfigError as error:
            problems.append(f"the engine state behind record {start.seq} is not used: {error}")
        else:
            return LinkedFold(plan, start), problems
    return LinkedFold(plan, decides=False), problems
