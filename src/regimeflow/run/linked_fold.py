"""Both folds of a journal whose engine may have been rebuilt on the way.

An engine behind a link is rebuilt when its decisions cannot be continued: other code, lost
market data, or a change the user accepted. The books go on; the strategies come back in one of
four ways, which the epoch opened then names; from there on decisions are folded anew.
"""

from __future__ import annotations

from enum import StrEnum

from regimeflow.core.engine import Engine
from regimeflow.core.ledger import Ledger
from regimeflow.core.ledger_state import restore_ledger
from regimeflow.core.market_state import MarketState
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model.commands import StrategyStateSaved
from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.ids import StrategyId
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.run.folds import DecisionFold, fold_record, is_output
from regimeflow.run.plan import RunPlan

REBUILD_PREFIX = "rebuilt: "
"""Reason of an epoch from which decisions are folded anew, followed by how."""


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
    """Both folds in one pass, and what a rebuilt engine would start from."""

    def __init__(self, plan: RunPlan) -> None:
        engine = plan.new_engine()
        self._plan = plan
        self._books = engine.setup.books()
        self.ledger = Ledger(self._books)
        self.decisions = DecisionFold(engine)
        self.last_event_seq = 0
        self._saved: dict[StrategyId, bytes] = {}
        self._market = MarketState()

    def take(self, record: Record) -> None:
        """Take the next record in order of seq."""
        body = record.body
        if type(body) is EpochOpened:
            if body.reason.startswith(REBUILD_PREFIX):
                how = Restart(body.reason.removeprefix(REBUILD_PREFIX))
                self.decisions = DecisionFold(
                    self.rebuild(how, body.carry_over), after_seq=record.seq
                )
            else:
                self.decisions.take(record)
            return
        self.decisions.take(record)
        fold_record(self.ledger, record)
        if is_output(record):
            if type(body) is StrategyStateSaved:
                self._saved[body.strategy_id] = body.state
            return
        self.last_event_seq = record.seq
        self._observe(body)

    def rebuild(self, how: Restart, carry_over: bytes) -> Engine:
        """An engine on carried-over books, its strategies brought back as `how` says."""
        ledger = restore_ledger(self._books, carry_over)
        # Carried-over books remember a week of fills; a venue may repeat those of the whole run.
        ledger.orders.executions.booked = self.ledger.orders.executions.booked.copy()
        engine = Engine(self._plan.setup(), ledger=ledger, market=self._market.copy())
        engine.session_handler.session = self._market.session
        if how is not Restart.WARMUP:
            for strategy_id, seat in engine.callbacks.seats.items():
                if strategy_id in self._saved:
                    seat.load(self._saved[strategy_id])
                seat.warmup_left.clear()
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
