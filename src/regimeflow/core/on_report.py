"""What a broker report sets off: books first, then the engine's own duties, then strategies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core.applied import Applied, unknown_execution
from regimeflow.core.duties import follow_annulment, follow_end, follow_report
from regimeflow.core.exits import entries_of, room_of
from regimeflow.core.reconcile import SavedReconciler
from regimeflow.core.resolutions import impossible_cash
from regimeflow.model import events as e
from regimeflow.model.commands import (
    DiscrepancyFound,
    HealthChanged,
    HealthStatus,
    RiskBreached,
    SnapshotScope,
)
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import ZERO, Order, OrderStatus
from regimeflow.model.timestamps import NS_PER_S

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

VENUE_AHEAD_NS_MAX = 60 * NS_PER_S
"""So far ahead of ours may the venue's clock be and still date what is seen."""
OrderReport = (
    e.OrderAccepted
    | e.OrderRejected
    | e.OrderCanceled
    | e.OrderReplaced
    | e.OrderExpired
    | e.CancelRejected
    | e.OutcomeUnknown
)


class ReportHandler:
    """Handles order reports, cash, corporate actions and snapshots for one engine."""

    __slots__ = ("_engine", "_newest_ns")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest_ns = 0

    def capture(self) -> tuple[int, SavedReconciler]:
        """How far the venue's clock was seen to come, and the differences known."""
        return self._newest_ns, self._engine.reconciler.capture()

    def restore(self, saved: tuple[int, SavedReconciler]) -> None:
        """Go on from what was captured."""
        self._newest_ns = saved[0]
        self._engine.reconciler.restore(saved[1])

    def on_order_report(self, report: OrderReport) -> None:
        """Any report about one order but a fill."""
        engine, order_id = self._engine, report.client_order_id
        before = self._status_of(order_id)
        applied = engine.ledger.apply_event(engine.now_ns, report)
        order = applied.order
        if not isinstance(report, e.OutcomeUnknown):
            self._see(report.ts_venue_ns)
            engine.holds.note_truth()
        if order is not None and self._is_doubtful(order, report):
            engine.order_truth.begin_doubt(order)
        follow_report(engine.desk, engine.now_ns, report, order)
        self._follow(applied)
        if applied.discrepancy is not None and applied.discrepancy.kind == "unknown_order":
            engine.externals.note_own_id(order_id)
        elif order is not None and before is not None and before.is_terminal and order.is_open:
            engine.discrepancies.report_late(order, before)
        elif order is not None and isinstance(report, e.OrderReplaced):
            self._after_replaced(report, order)
        elif engine.setup.proves_books:
            self._ask_after_refusal(report)

    def on_fill(self, fill: e.OrderFilled) -> None:
        """An execution: booked once, then its consequences."""
        engine = self._engine
        self._see(fill.ts_venue_ns)
        engine.holds.note_truth()
        if engine.ledger.orders.executions.is_repeat(fill):
            return
        before = self._status_of(fill.client_order_id)
        applied = engine.ledger.apply_event(engine.now_ns, fill)
        if engine.discrepancies.is_quarantined(fill.execution_id):
            return
        self.settle_fill(applied, fill)
        if before is OrderStatus.NOT_FOUND and applied.order is not None:
            engine.discrepancies.report_late(applied.order, before)
        self._draw_consequences()

    def on_cash(self, posting: e.CashPosted) -> None:
        """Cash moved without a fill."""
        self._see(posting.ts_venue_ns)
        self._engine.ledger.apply_event(self._engine.now_ns, posting)
        if not posting.amount.is_finite():
            self._engine.discrepancies.report(impossible_cash(posting))

    def on_corporate_action(self, action: CorporateAction) -> None:
        """A split restates the books and the history; strategies rescale what they keep."""
        engine = self._engine
        engine.ledger.apply_event(engine.now_ns, action)
        if action.kind is ActionKind.SPLIT:
            engine.desk.protection.restate(action.symbol, action.value)
            ratio = float(action.value)
            engine.market.apply_split(action.symbol, ratio)
            engine.market_handler.shop.apply_split(action.symbol, ratio)
            detector = engine.regime_detector
            if detector is not None and action.symbol == engine.setup.regime_symbol:
                detector.on_split(action.value)
        engine.callbacks.broadcast("on_corporate_action", action)

    def on_snapshot(self, snapshot: e.BrokerSnapshot) -> None:
        """Compare; an agreeing snapshot changes nothing that a decision can read.

        One that was made before the venue's last report accuses nobody and proves nothing: only
        its fills and cash postings are taken.
        """
        engine = self._engine
        for record in snapshot.orders or ():
            engine.externals.note_own_id(record.client_order_id)
        engine.sweep.take(snapshot)
        if snapshot.ts_venue_ns >= self._newest_ns or not snapshot.ts_venue_ns:
            if snapshot.orders is not None:
                engine.holds.note_truth()
            engine.order_truth.on_orders(snapshot)
            engine.callbacks.drain()
            engine.discrepancies.compare(snapshot)
            engine.holds.on_snapshot(snapshot)
        self._draw_consequences()

    def on_status(self, report: e.OrderStatusReported) -> None:
        """The answer to a query about one order."""
        self._engine.order_truth.on_status(report)
        self._draw_consequences()

    def on_not_understood(self, report: e.ReportNotUnderstood) -> None:
        """Kept as it came; its symbol is held (all, if it names none) and the truth asked for."""
        engine = self._engine
        subject = report.client_order_id or report.symbol or "account"
        why = "a report that is not known here; the broker is asked what became of it"
        engine.discrepancies.report(
            DiscrepancyFound("unknown_report", subject, "not known", report.raw[:500], why)
        )
        order = engine.ledger.orders.get(report.client_order_id)
        symbol = report.symbol or (order.symbol if order is not None else "")
        for held in (symbol,) if symbol else engine.instruments:
            engine.holds.hold_symbol(held, f"a report about {subject} is not known here")
        if order is not None:
            engine.order_truth.ask(order)
        engine.order_truth.request(SnapshotScope.ORDERS)

    def on_bust(self, bust: e.FillBusted) -> None:
        """An execution was annulled: reversed in the books, told to the operator, symbol held."""
        engine = self._engine
        if bust.execution_id in engine.ledger.orders.executions.annulled:
            return
        was_booked = engine.ledger.orders.executions.is_booked(bust.execution_id)
        applied = engine.ledger.apply_event(engine.now_ns, bust)
        self.settle_bust(applied, bust, was_booked=was_booked)

    def settle_bust(self, applied: Applied, bust: e.FillBusted, *, was_booked: bool) -> None:
        """The consequences of an annulment, whichever way it became known."""
        engine = self._engine
        if not was_booked:
            engine.discrepancies.report(unknown_execution(bust.execution_id, bust.symbol))
            return
        engine.holds.hold_symbol(bust.symbol, f"execution {bust.execution_id} was annulled")
        engine.discrepancies.report(
            DiscrepancyFound(
                "bust", bust.execution_id, "booked", "annulled", f"{bust.symbol}: {bust.reason}"
            )
        )
        follow_annulment(engine.desk, bust.symbol, applied.order)
        self._follow(applied)

    def on_correction(self, correction: e.FillCorrected) -> None:
        """An execution's terms were replaced: the old one is reversed, the new one booked."""
        engine = self._engine
        self._see(correction.ts_venue_ns)
        executions = engine.ledger.orders.executions
        was_booked = executions.is_booked(correction.corrects)
        was_annulled = correction.corrects in executions.annulled
        is_told = correction.fill.execution_id in executions.booked
        if was_annulled and is_told:
            return  # told again, or taken from a list before
        entry = engine.ledger.orders.get(correction.fill.client_order_id)
        before = ZERO if entry is None else entry.filled_quantity
        applied = engine.ledger.apply_event(engine.now_ns, correction)
        if not was_booked and not was_annulled:
            engine.discrepancies.report(
                unknown_execution(correction.corrects, correction.fill.symbol)
            )
        if entry is not None and entry.filled_quantity < before:
            follow_annulment(engine.desk, entry.symbol, entry)
        elif entry is not None and entry.filled_quantity > before:
            more, price = entry.filled_quantity - before, correction.fill.price
            engine.desk.protection.cover(engine.now_ns, entry, more, price)
        self._follow(applied)
        if applied.order is None and not is_told:
            engine.discrepancies.take_unattributed(applied, correction.fill)

    def on_link(self, event: e.LinkUp | e.LinkDown) -> None:
        """A connection changed."""
        engine, component = self._engine, f"link:{event.link}"
        if isinstance(event, e.LinkUp):
            engine.change_health(HealthChanged(component, HealthStatus.OK, event.detail))
            engine.holds.on_link_up(event)
        else:
            engine.change_health(HealthChanged(component, HealthStatus.DOWN, event.reason))
            engine.holds.on_link_down(event)

    def settle_fill(self, applied: Applied, fill: e.OrderFilled) -> None:
        """The consequences of a fill, but for those that strategies draw."""
        engine, order = self._engine, applied.order
        if applied.discrepancy is not None:
            engine.discrepancies.report(applied.discrepancy)
        if order is None:
            engine.discrepancies.take_unattributed(applied, fill)
            return
        is_annulled = fill.execution_id in engine.ledger.orders.executions.annulled
        if not is_annulled:
            engine.desk.after_fill(engine.now_ns, order, fill)
        if applied.has_ended:
            follow_end(engine.desk, engine.now_ns, order, order.status)
        engine.callbacks.order_changed(order, None if is_annulled else fill)

    # --- inside -------------------------------------------------------------------------

    def _follow(self, applied: Applied) -> None:
        if applied.discrepancy is not None:
            self._engine.discrepancies.report(applied.discrepancy)
        if applied.order is not None:
            self._engine.callbacks.order_changed(applied.order)
        self._draw_consequences()

    def _after_replaced(self, report: e.OrderReplaced, order: Order) -> None:
        """Cancels follow the new id; what the venue changed unasked is judged anew (C01)."""
        engine = self._engine
        if report.client_order_id != report.orig_client_order_id:
            if order.status is OrderStatus.PENDING_CANCEL or order.is_unwanted:
                engine.desk.cancels.again(order)
            elif order.parent_id and room_of(engine.ledger, order) < order.leaves_quantity:
                # It crossed a fill of its sibling, and could turn the position around.
                engine.desk.protection.shrink(order.strategy_id, order.symbol)
            return
        limit, leaves = engine.gate.limits.max_order_quantity, order.leaves_quantity
        if limit is None or leaves <= limit:
            return
        if any(entry is order for entry in entries_of(engine.ledger, order.strategy_id)):
            why = f"the venue made {order.standing_id} larger than one order may be; cancelled"
            engine.emit(RiskBreached("C01", f"max_order_quantity {limit:f}", f"{leaves:f}", why))
            engine.desk.cancel(order, "over max_order_quantity")

    def _ask_after_refusal(self, report: OrderReport) -> None:
        """A refusal says what did not happen; what did has to be asked (F14, F28)."""
        engine, order = self._engine, self._engine.ledger.orders.get(report.client_order_id)
        if order is None or not isinstance(report, e.OrderRejected | e.CancelRejected):
            return
        if isinstance(report, e.OrderRejected):
            engine.order_truth.refresh_account()
        elif order.is_open:
            engine.order_truth.ask(order)

    def _draw_consequences(self) -> None:
        engine = self._engine
        engine.callbacks.drain()
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def _is_doubtful(self, order: Order, report: OrderReport) -> bool:
        """A request has no answer, or an end leaves open what has filled or may still fill."""
        if isinstance(report, e.OutcomeUnknown):
            return True
        is_end = isinstance(report, e.OrderCanceled | e.OrderExpired) and order.in_doubt
        return (is_end or order.ended_leg is not None) and self._engine.setup.proves_books

    def _status_of(self, client_order_id: ClientOrderId) -> OrderStatus | None:
        order = self._engine.ledger.orders.get(client_order_id)
        return None if order is None else order.status

    def _see(self, ts_venue_ns: int) -> None:
        """The venue's clock has come this far: an older snapshot is a look into the past.

        A time far ahead of ours is believed only so far, or one wrong stamp would make every list
        to come look old.
        """
        if ts_venue_ns > self._newest_ns:
            engine = self._engine
            ahead_ns = int(VENUE_AHEAD_NS_MAX * engine.setup.pace)
            self._newest_ns = max(self._newest_ns, min(ts_venue_ns, engine.now_ns + ahead_ns))
