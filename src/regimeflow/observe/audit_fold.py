"""From records to audit entries: which facts an auditor sees, under which name, with what.

Pure: the same records give the same entries. Requests to cancel, queries, timers, links and
marks have no type of their own in the audit; `audit explain` shows them from the journal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from regimeflow.backtest.execution_fold import Booking, ExecutionFold
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model import commands, events
from regimeflow.model.evidence import (
    BustRecovered,
    ExternalAdopted,
    FillRecovered,
    OrderResolved,
    adopted_fill,
)
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import Side
from regimeflow.observe.audit_entries import (
    MEMORYLESS,
    AuditEntry,
    denied_entries,
    entry_of,
    order_metadata,
    position_entry,
    unknown_order_metadata,
)
from regimeflow.observe.audit_lines import Metadata
from regimeflow.observe.audit_orders import AuditedOrders, NetPositions
from regimeflow.observe.describe import describe, plain


class AuditFold:
    """Takes the facts in order, from the first, and says what the audit has to record."""

    __slots__ = ("_epoch", "_executions", "_handlers", "_orders", "_positions")

    def __init__(self) -> None:
        self._orders = AuditedOrders()
        self._positions = NetPositions()
        self._executions = ExecutionFold()
        self._epoch: EpochOpened | None = None
        self._handlers: dict[type, Callable[[Any], list[AuditEntry]]] = {
            EpochOpened: self._on_epoch,
            events.EngineStarted: self._on_started,
            events.OrderAccepted: self._on_accepted,
            events.OrderReplaced: self._on_replaced,
            events.OrderFilled: self._on_execution,
            events.FillBusted: self._on_execution,
            events.FillCorrected: self._on_execution,
            FillRecovered: self._on_execution,
            BustRecovered: self._on_execution,
            events.OrderCanceled: lambda body: self._on_ended("OrderCancelled", body),
            events.OrderRejected: lambda body: self._on_ended("OrderRejected", body),
            events.OrderExpired: lambda body: self._on_ended("OrderExpired", body),
            events.OutcomeUnknown: self._on_in_doubt,
            CorporateAction: self._on_action,
            commands.SubmitOrder: self._on_submit,
            commands.ReplaceOrder: self._on_replace,
            commands.OrderDenied: denied_entries,
            OrderResolved: self._on_resolved,
            ExternalAdopted: self._on_adopted,
        }

    def entries(self, record: Record) -> list[AuditEntry]:
        """What the record adds to the audit, in order; often nothing."""
        body = record.body
        handler = self._handlers.get(type(body)) or MEMORYLESS.get(type(body))
        if handler is None:
            return []
        entries = handler(body)
        for entry in entries:
            entry.metadata["journal_seq"] = record.seq
            entry.metadata["cause_seq"] = record.cause_seq
        return entries

    def _on_epoch(self, body: EpochOpened) -> list[AuditEntry]:
        self._epoch = body
        return []

    def _on_started(self, body: events.EngineStarted) -> list[AuditEntry]:
        metadata: Metadata = {"boot": body.boot}
        if self._epoch is not None:
            made_by = self._epoch.fingerprint
            metadata |= {
                "epoch": self._epoch.epoch,
                "code": made_by.code,
                "strategies": made_by.strategies,
                "config": made_by.config,
            }
        return [entry_of("SystemStart", body, metadata)]

    def _on_submit(self, body: commands.SubmitOrder) -> list[AuditEntry]:
        leg = self._orders.submit(body)
        metadata = order_metadata(leg) | {
            "order_type": body.order_type.value,
            "time_in_force": body.time_in_force.value,
            "worst_price": plain(body.worst_price),
        }
        return [entry_of("OrderSubmitted", body, metadata)]

    def _on_replace(self, body: commands.ReplaceOrder) -> list[AuditEntry]:
        leg = self._orders.replace(body)
        metadata = (
            order_metadata(leg)
            if leg
            else unknown_order_metadata(body.client_order_id, body.symbol)
        )
        return [entry_of("OrderSubmitted", body, metadata)]

    def _on_accepted(self, body: events.OrderAccepted) -> list[AuditEntry]:
        leg = self._orders.get(body.client_order_id)
        if leg is not None:
            leg.broker_order_id = body.broker_order_id
        return [entry_of("OrderAcknowledged", body, self._order_of(body.client_order_id))]

    def _on_replaced(self, body: events.OrderReplaced) -> list[AuditEntry]:
        leg = self._orders.get(body.client_order_id)
        if leg is not None:
            leg.broker_order_id = body.broker_order_id
            # The venue's terms are the true ones; a split changes them unasked.
            leg.quantity = body.quantity
            leg.price = body.stop_price if body.limit_price is None else body.limit_price
        return [entry_of("OrderAcknowledged", body, self._order_of(body.client_order_id))]

    def _on_ended(
        self, kind: str, body: events.OrderCanceled | events.OrderRejected | events.OrderExpired
    ) -> list[AuditEntry]:
        metadata = self._order_of(body.client_order_id)
        self._orders.close(body.client_order_id)
        return [entry_of(kind, body, metadata)]

    def _on_resolved(self, body: OrderResolved) -> list[AuditEntry]:
        """How an order ended that no report speaks of."""
        if body.status.is_terminal:
            self._orders.close(body.client_order_id)
        return []

    def _on_adopted(self, body: ExternalAdopted) -> list[AuditEntry]:
        """A position that was taken over is a position; nothing was executed."""
        if body.kind != "position":
            return []
        fill = adopted_fill(body)
        return self._moved(fill, fill.side)

    def _on_in_doubt(self, body: events.OutcomeUnknown) -> list[AuditEntry]:
        metadata = self._order_of(body.client_order_id) | {"request": body.request.value}
        return [entry_of("OrderInDoubt", body, metadata)]

    def _on_execution(self, body: events.Event | commands.Output) -> list[AuditEntry]:
        """What an execution, an annulment or a correction did; nothing for a repeat."""
        entries = []
        for booking in self._executions.bookings(body):
            fill = booking.fill
            if booking.is_reversal:
                self._unfill(booking)
                entries += self._moved(fill, fill.side.opposite)
            else:
                entries += [self._filled(fill, body), *self._moved(fill, fill.side)]
        return entries

    def _filled(self, fill: events.OrderFilled, body: object) -> AuditEntry:
        leg = self._orders.get(fill.client_order_id)
        kind, details = "OrderFilled", describe(fill)
        if isinstance(body, FillRecovered | BustRecovered):
            details += f", {body.evidence}"
        metadata = self._order_of(fill.client_order_id)
        metadata |= {
            "symbol": fill.symbol,
            "side": fill.side.value,
            "quantity": plain(fill.quantity),
            "price": plain(fill.price),
            "fee": plain(fill.fee),
            "execution_id": fill.execution_id,
            "broker_order_id": fill.broker_order_id,
        }
        if leg is not None:
            leg.broker_order_id = fill.broker_order_id
            leg.totals.filled_quantity += fill.quantity
            metadata["order_quantity"] = plain(leg.quantity)
            metadata["filled_quantity"] = plain(leg.totals.filled_quantity)
            if leg.is_filled:
                self._orders.close(fill.client_order_id)
            else:
                kind = "OrderPartiallyFilled"
        return AuditEntry(kind, details, metadata)

    def _unfill(self, booking: Booking) -> None:
        leg = self._orders.get(booking.fill.client_order_id)
        if leg is not None and not booking.uses_up:
            leg.totals.filled_quantity -= booking.fill.quantity

    def _moved(self, fill: events.OrderFilled, side: Side) -> list[AuditEntry]:
        """Positions opened and closed by a fill or its end; one that crosses zero does both."""
        before, after = self._positions.add(fill.symbol, side.sign * fill.quantity)
        entries = []
        is_crossing = before * after < 0
        if before and (not after or is_crossing):
            entries.append(position_entry("PositionClosed", fill, before))
        if after and (not before or is_crossing):
            entries.append(position_entry("PositionOpened", fill, after))
        return entries

    def _on_action(self, body: CorporateAction) -> list[AuditEntry]:
        if body.kind is ActionKind.SPLIT:
            self._positions.split(body.symbol, body.value)
        return []

    def _order_of(self, client_order_id: str) -> Metadata:
        leg = self._orders.get(client_order_id)
        return order_metadata(leg) if leg else unknown_order_metadata(client_order_id, "")
