"""Boot behind a link: the ledger fold is the truth, the decision fold restores the strategies.

Books never depend on user code: they are folded from events, commands and notices alone. The
strategies are brought back by running their decisions again; where that repeats what the
journal holds, the engine goes on as if it had never stopped. Where it does not (other code,
lost market data), the books stand, strategies take the state saved at the last session roll,
and they are halted until an operator resumes: cancels, reconciliation and flattening go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regimeflow.core.engine import Engine
from regimeflow.core.ledger import Books, Ledger
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.core.market_state import MarketState
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.journal.recovery import recover
from regimeflow.live.boot import Booted
from regimeflow.model.commands import RequestSnapshot, StrategyStateSaved
from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.ids import StrategyId
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.run.folds import DecisionFold
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Observer


def boot_linked(plan: RunPlan, journal_dir: Path, observers: Sequence[Observer]) -> Booted:
    """Recover and fold the journal of a run with a broker behind a link.

    `Booted.quarantine` says why strategies could not be verified; empty when they were. Raises
    JournalCorrupt for damage before the end of facts: trading on it is refused.
    """
    recovered = recover(journal_dir)
    if recovered.next_seq == 1:
        return Booted(plan.new_engine(), None, recovered, False, 0, (), "")
    fold = _LinkedFold(plan)
    for record in read_records(journal_dir):
        fold.take(record)
        for observer in observers:
            observer(record)
    unwritten = fold.decisions.unwritten()
    parity = fold.decisions.finish(is_last_cut=True)
    engine, problem = fold.decisions.engine, ""
    if parity.divergence is not None:
        problem = f"decisions differ from the journal after record {parity.divergence.seq}"
    elif not unwritten and ledger_digest(fold.ledger) != ledger_digest(engine.ledger):
        problem = "the strategies' run leads to other books than the journal"
    if problem:
        engine, unwritten = fold.quarantined(plan), ()
    return Booted(engine, None, recovered, True, fold.last_event_seq, unwritten, problem)


class _LinkedFold:
    """Both folds in one pass, and what a quarantined engine would start from."""

    def __init__(self, plan: RunPlan) -> None:
        policy = plan.setup().policy
        self.ledger = Ledger(
            Books(
                plan.instruments,
                plan.cash,
                policy.max_orders_per_second,
                policy.max_orders_per_minute,
            )
        )
        self.decisions = DecisionFold(plan.new_engine())
        self.last_event_seq = 0
        self._saved: dict[StrategyId, bytes] = {}
        self._market = MarketState()

    def take(self, record: Record) -> None:
        body = record.body
        self.decisions.take(record)
        if type(body) is EpochOpened:
            return
        if record.cause_seq or type(body) is RequestSnapshot:
            self.ledger.apply_output(record.ts_ns, body)  # type: ignore[arg-type]
            if type(body) is StrategyStateSaved:
                self._saved[body.strategy_id] = body.state
            return
        self.last_event_seq = record.seq
        self.ledger.apply_event(record.ts_ns, body)  # type: ignore[arg-type]
        self._observe(body)

    def quarantined(self, plan: RunPlan) -> Engine:
        """An engine on the folded books, its strategies as the last session roll saved them."""
        engine = Engine(plan.setup(), ledger=self.ledger, market=self._market)
        engine.session_handler.session = self._market.session
        for strategy_id, seat in engine.callbacks.seats.items():
            if strategy_id in self._saved:
                seat.load(self._saved[strategy_id])
        return engine

    def _observe(self, body: object) -> None:
        market = self._market
        if type(body) is Bar:
            market.bars[body.symbol] = body
            market.keep_bar(body, None)
        elif type(body) is Quote:
            market.quotes[body.symbol] = body
        elif type(body) is Trade:
            market.trades[body.symbol] = body
        elif type(body) is SessionOpened:
            market.session = body.session
        elif type(body) is SessionClosed:
            market.close_session(body.session)
