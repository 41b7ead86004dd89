"""Counting orders: a fold over commands and reports, shared by report, drift and health.

An execution counts once, and no longer once it is annulled; `on_record` hands on what became of
executions, for whoever keeps positions.

It follows client order ids through replacements, so that every fill is credited to the
strategy whose order it was, and knows which orders could still fill. It judges nothing: an
order it never saw sent (a manual one) belongs to `EXTERNAL`, as in the books.

Memory: open orders, and the newest `ENDED_ORDERS_MAX` ended ones for what is reported of them
later; of one older than those it is as if it had never been seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec

from regimeflow.backtest.execution_fold import Booking, ExecutionFold
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model.commands import OrderDenied, ReplaceOrder, SubmitOrder
from regimeflow.model.events import (
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OutcomeUnknown,
    RequestKind,
)
from regimeflow.model.evidence import OrderResolved
from regimeflow.model.ids import ClientOrderId, StrategyId
from regimeflow.model.order import OrderStatus

ZERO = Decimal(0)
ENDED_ORDERS_MAX = 20_000


class TalliedOrder(msgspec.Struct):
    """What the tally keeps of one order; shared by all client ids it has had.

    `filled_quantity` includes what was annulled since: the order has used it up.
    """

    client_order_id: ClientOrderId
    strategy_id: StrategyId
    symbol: str
    quantity: Decimal
    submitted_ns: int
    acknowledged_ns: int | None = None
    filled_ns: int | None = None
    filled_quantity: Decimal = ZERO
    in_doubt: bool = False
    is_absent: bool = False
    later_ids: list[str] = []


class OrderTally:
    """Orders, fills and refusals counted; who owns which order; what is still open."""

    __slots__ = (
        "_ended",
        "_executions",
        "_handlers",
        "_open",
        "_orders",
        "canceled",
        "denied",
        "expired",
        "fees",
        "fills",
        "orders",
        "rejected",
        "replaced",
    )

    def __init__(self) -> None:
        self.orders = self.fills = self.denied = self.rejected = 0
        self.canceled = self.expired = self.replaced = 0
        self.fees = ZERO
        self._orders: dict[str, TalliedOrder] = {}
        self._open: dict[str, TalliedOrder] = {}
        self._ended: deque[TalliedOrder] = deque()
        self._executions = ExecutionFold()
        self._handlers: dict[type, Callable[[int, object], None]] = {
            SubmitOrder: self._on_submit,
            OrderDenied: self._on_denied,
            OrderAccepted: self._on_accepted,
            OrderRejected: self._on_rejected,
            OrderCanceled: self._on_canceled,
            OrderExpired: self._on_expired,
            ReplaceOrder: self._on_replace,
            OrderReplaced: self._on_replaced,
            OutcomeUnknown: self._on_unknown,
            OrderResolved: self._on_resolved,
        }

    def on_record(self, ts_ns: int, body: object) -> tuple[Booking, ...]:
        """Take one journal record; says what it did to positions, which is mostly nothing."""
        handler = self._handlers.get(type(body))
        if handler is not None:
            handler(ts_ns, body)
            return ()
        bookings = self._executions.bookings(body)
        for booking in bookings:
            self._on_booking(ts_ns, booking)
        return bookings

    def order(self, client_order_id: str) -> TalliedOrder | None:
        """The order that has, or has had, this id."""
        return self._orders.get(client_order_id)

    def strategy_of(self, client_order_id: str) -> StrategyId:
        """The strategy that sent the order; `EXTERNAL` for someone else's order."""
        order = self._orders.get(client_order_id)
        return order.strategy_id if order else EXTERNAL

    def is_closing(self, client_order_id: str) -> bool:
        """Whether the engine sent it for an operator, to close what strategies hold."""
        order = self._orders.get(client_order_id)
        return order is not None and order.strategy_id == EXTERNAL

    @property
    def open_orders(self) -> int:
        """Orders that could still fill."""
        return len(self._open)

    @property
    def in_doubt(self) -> int:
        """Open orders whose fate is unknown."""
        return sum(order.in_doubt for order in self._open.values())

    def _on_submit(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, SubmitOrder)
        self.orders += 1
        order = TalliedOrder(
            body.client_order_id, body.strategy_id, body.symbol, body.quantity, ts_ns
        )
        self._orders[body.client_order_id] = self._open[body.client_order_id] = order

    def _on_denied(self, _ts_ns: int, _body: object) -> None:
        self.denied += 1

    def _on_accepted(self, ts_ns: int, body: object) -> None:
        assert isinstance(body, OrderAccepted)
        order = self._orders.get(body.client_order_id)
        if order is not None:
            self._find_alive(order)
            if order.acknowledged_ns is None:
                order.acknowledged_ns = ts_ns

    def _on_rejected(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, OrderRejected)
        self.rejected += 1
        self._close(self._orders.get(body.client_order_id))

    def _on_canceled(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, OrderCanceled)
        self.canceled += 1
        self._close(self._orders.get(body.client_order_id))

    def _on_expired(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, OrderExpired)
        self.expired += 1
        self._close(self._orders.get(body.client_order_id))

    def _on_booking(self, ts_ns: int, booking: Booking) -> None:
        fill, order = booking.fill, self._orders.get(booking.fill.client_order_id)
        if booking.is_reversal:
            self.fills -= 1
            self.fees -= fill.fee
            if order is not None and not booking.uses_up:
                order.filled_quantity -= fill.quantity
            return
        self.fills += 1
        self.fees += fill.fee
        if order is None:
            return
        self._find_alive(order)
        order.filled_quantity += fill.quantity
        if order.filled_ns is None:
            order.filled_ns = ts_ns
        if order.filled_quantity >= order.quantity:
            self._close(order)

    def _on_replace(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, ReplaceOrder)
        order = self._orders.get(body.orig_client_order_id)
        if order is not None:
            self._name(order, body.client_order_id)

    def _on_replaced(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, OrderReplaced)
        self.replaced += 1
        order = self._orders.get(body.orig_client_order_id)
        if order is None:
            return
        self._name(order, body.client_order_id)
        order.in_doubt = False
        order.quantity = body.quantity
        if order.filled_quantity >= order.quantity:
            self._close(order)

    def _on_unknown(self, _ts_ns: int, body: object) -> None:
        assert isinstance(body, OutcomeUnknown)
        order = self._orders.get(body.client_order_id)
        if order is not None and body.request is RequestKind.SUBMIT:
            order.in_doubt = True

    def _on_resolved(self, _ts_ns: int, body: object) -> None:
        """Evidence instead of a report: how it ended, or that nobody can say."""
        assert isinstance(body, OrderResolved)
        order = self._orders.get(body.client_order_id)
        if order is None:
            return
        if body.status.is_terminal:
            order.is_absent = body.status is OrderStatus.NOT_FOUND
            self._close(order)
        elif body.status is OrderStatus.IN_DOUBT:
            order.in_doubt = True
        else:
            self._find_alive(order)

    def _find_alive(self, order: TalliedOrder) -> None:
        """The venue has it: it is in no doubt, and open again if its absence was proved."""
        order.in_doubt = False
        if order.is_absent:
            order.is_absent = False
            self._open[order.client_order_id] = order

    def _name(self, order: TalliedOrder, client_order_id: str) -> None:
        """One more id under which it is reported on."""
        if client_order_id not in self._orders:
            self._orders[client_order_id] = order
            order.later_ids.append(client_order_id)

    def _close(self, order: TalliedOrder | None) -> None:
        if order is None or self._open.pop(order.client_order_id, None) is None:
            return
        self._ended.append(order)
        if len(self._ended) > ENDED_ORDERS_MAX:
            oldest = self._ended.popleft()
            if oldest.client_order_id not in self._open:
                for client_order_id in (oldest.client_order_id, *oldest.later_ids):
                    self._orders.pop(client_order_id, None)
