"""What a broker report sets off: books first, then the engine's own duties, then strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core.orders import Applied
from regimeflow.core.reconcile import Reconciler
from regimeflow.model import events as e
from regimeflow.model.commands import (
    DiscrepancyFound,
    HealthChanged,
    HealthStatus,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.market import ActionKind, CorporateAction

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

_STOPS_ALL = frozenset({"overfill"})
"""Discrepancies after which nothing may enter anywhere (F22)."""
_HOLDS = frozenset({"position", "cash", "order_missing_there", "order_unknown_here"})


class ReportHandler:
    """Handles order reports, cash, corporate actions and snapshots for one engine."""

    __slots__ = ("_engine", "reconciler")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.reconciler = Reconciler()

    def on_order_report(self, report: e.BrokerReport) -> None:
        """Any report about one order but a fill."""
        applied = self._engine.ledger.apply_event(self._engine.now_ns, report)
        self._follow(applied, None)

    def on_fill(self, fill: e.OrderFilled) -> None:
        """An execution: booked once, then its consequences."""
        engine = self._engine
        if engine.ledger.orders.executions.is_repeat(fill):
            return
        self._follow(engine.ledger.apply_event(engine.now_ns, fill), fill)

    def on_cash(self, posting: e.CashPosted) -> None:
        """Cash moved without a fill."""
        self._engine.ledger.apply_event(self._engine.now_ns, posting)

    def on_corporate_action(self, action: CorporateAction) -> None:
        """A split restates the books and the history; strategies rescale what they keep."""
        engine = self._engine
        engine.ledger.apply_event(engine.now_ns, action)
        if action.kind is ActionKind.SPLIT:
            ratio = float(action.value)
            engine.market.apply_split(action.symbol, ratio)
            engine.market_handler.shop.apply_split(action.symbol, ratio)
            detector = engine.regime_detector
            if detector is not None and action.symbol == engine.setup.regime_symbol:
                detector.on_split(action.value)
        engine.callbacks.broadcast("on_corporate_action", action)

    def on_snapshot(self, snapshot: e.BrokerSnapshot) -> None:
        """Compare; an agreeing snapshot changes nothing that a decision can read."""
        for discrepancy in self.reconciler.compare(snapshot, self._engine.ledger):
            self._report(discrepancy)

    def on_link(self, event: e.LinkUp | e.LinkDown) -> None:
        """A connection changed."""
        if isinstance(event, e.LinkUp):
            change = HealthChanged(f"link:{event.link}", HealthStatus.OK, event.detail)
        else:
            change = HealthChanged(f"link:{event.link}", HealthStatus.DOWN, event.reason)
        self._engine.change_health(change)

    def _follow(self, applied: Applied, fill: e.OrderFilled | None) -> None:
        engine, order = self._engine, applied.order
        if applied.discrepancy is not None:
            self._report(applied.discrepancy)
        if order is not None:
            if fill is not None:
                engine.desk.after_fill(engine.now_ns, order, fill)
            engine.callbacks.order_changed(order, fill)
        engine.callbacks.drain()
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def _report(self, discrepancy: DiscrepancyFound) -> None:
        engine = self._engine
        engine.emit(discrepancy)
        holds = discrepancy.kind in _HOLDS and engine.setup.halt_on_mismatch
        if not holds and discrepancy.kind not in _STOPS_ALL:
            return
        state = TradingState.HALTED if discrepancy.kind in _STOPS_ALL else TradingState.REDUCING
        if engine.ledger.trading.would_tighten(state):
            reason = (
                f"{discrepancy.kind} {discrepancy.subject}: ours {discrepancy.ours}, "
                f"theirs {discrepancy.theirs}"
            )
            engine.emit(TradingStateChanged(state, reason, "C23"))
