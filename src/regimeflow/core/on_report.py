"""What a broker report sets off: books first, then the engine's own duties, then strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core.applied import Applied
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
_HOLDS = frozenset(
    {
        "position",
        "cash",
        "order_missing_there",
        "order_unknown_here",
        "unknown_fill",  # F20: booked on the account, and nobody's
        "impossible_fill",  # F25: not booked, since it cannot be true
    }
)


class ReportHandler:
    """Handles order reports, cash, corporate actions and snapshots for one engine."""

    __slots__ = ("_engine", "reconciler")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.reconciler = Reconciler()

    def on_order_report(self, report: e.BrokerReport) -> None:
        """Any report about one order but a fill."""
        applied = self._engine.ledger.apply_event(self._engine.now_ns, report)
        if isinstance(report, e.OutcomeUnknown) and applied.order is not None:
            self._engine.order_truth.begin_doubt(applied.order)
        self._follow(applied, None)
        is_new_id = isinstance(report, e.OrderReplaced) and (
            report.client_order_id != report.orig_client_order_id
        )
        if is_new_id and applied.order is not None:
            self._engine.desk.repeat_cancel(applied.order)

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
        engine = self._engine
        engine.order_truth.on_snapshot(snapshot)
        engine.callbacks.drain()
        for discrepancy in self.reconciler.compare(snapshot, engine.ledger):
            self._report(discrepancy)
        engine.holds.on_snapshot(snapshot)
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def on_status(self, report: e.OrderStatusReported) -> None:
        """The answer to a query about one order."""
        self._engine.order_truth.on_status(report)
        self._engine.callbacks.drain()
        self._engine.desk.close_what_can(self._engine.now_ns)
        self._engine.callbacks.drain()

    def on_bust(self, bust: e.FillBusted) -> None:
        """An execution was annulled: reversed in the books, told to the operator, symbol held."""
        engine = self._engine
        if not engine.ledger.orders.executions.is_booked(bust.execution_id):
            self._report(_odd_bust(bust.execution_id, bust.symbol))
            return
        applied = engine.ledger.apply_event(engine.now_ns, bust)
        engine.holds.hold_symbol(bust.symbol, f"execution {bust.execution_id} was annulled")
        self._report(
            DiscrepancyFound(
                "bust", bust.execution_id, "booked", "annulled", f"{bust.symbol}: {bust.reason}"
            )
        )
        self._follow(applied, None)

    def on_correction(self, correction: e.FillCorrected) -> None:
        """An execution's terms were replaced: the old one is reversed, the new one booked."""
        engine = self._engine
        if engine.ledger.orders.executions.is_repeat(correction.fill):
            return
        if not engine.ledger.orders.executions.is_booked(correction.corrects):
            self._report(_odd_bust(correction.corrects, correction.fill.symbol))
        applied = engine.ledger.apply_event(engine.now_ns, correction)
        self._follow(applied, None)

    def on_link(self, event: e.LinkUp | e.LinkDown) -> None:
        """A connection changed."""
        if isinstance(event, e.LinkUp):
            change = HealthChanged(f"link:{event.link}", HealthStatus.OK, event.detail)
        else:
            change = HealthChanged(f"link:{event.link}", HealthStatus.DOWN, event.reason)
        self._engine.change_health(change)
        if isinstance(event, e.LinkUp):
            self._engine.holds.on_link_up(event)
        else:
            self._engine.holds.on_link_down(event)

    def after_fill(self, fill: e.OrderFilled) -> None:
        """The consequences of a fill that was booked from the broker's list."""
        engine = self._engine
        order = engine.ledger.orders.get(fill.client_order_id)
        if order is None:
            self._park(fill)
            return
        engine.desk.after_fill(engine.now_ns, order, fill)
        engine.callbacks.order_changed(order, fill)

    def _park(self, fill: e.OrderFilled) -> None:
        """A fill that no order of ours explains: booked on the account, its symbol held."""
        self._engine.holds.hold_symbol(
            fill.symbol, f"execution {fill.execution_id} belongs to no order of ours"
        )

    def _follow(self, applied: Applied, fill: e.OrderFilled | None) -> None:
        engine, order = self._engine, applied.order
        if applied.discrepancy is not None:
            self._report(applied.discrepancy)
        if fill is not None and order is None:
            self._park(fill)
        if order is not None:
            if fill is not None:
                engine.desk.after_fill(engine.now_ns, order, fill)
            engine.callbacks.order_changed(order, fill)
        engine.callbacks.drain()
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def _report(self, discrepancy: DiscrepancyFound) -> None:
        """C23: a difference from the broker stops new risk; an overfill stops everything."""
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


def _odd_bust(execution_id: str, symbol: str) -> DiscrepancyFound:
    return DiscrepancyFound(
        "unknown_execution",
        execution_id,
        "never booked",
        "annulled",
        f"{symbol}: the venue annuls an execution that these books do not hold",
    )
