"""The books of a venue that links exits: what works, what has filled, and what it says of it.

Of a one-cancels-other group a part fill takes as much off the siblings, a whole one ends them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import FillRecord, OrderRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, Side

PRICE = Decimal(100)
Request = c.SubmitOrder | c.CancelOrder | c.ReplaceOrder
REQUEST_KINDS: dict[type, e.RequestKind] = {
    c.SubmitOrder: e.RequestKind.SUBMIT,
    c.CancelOrder: e.RequestKind.CANCEL,
    c.ReplaceOrder: e.RequestKind.REPLACE,
}


@dataclass
class Working:
    """An order as the venue has it."""

    client_order_id: ClientOrderId
    command: c.SubmitOrder
    quantity: int
    stop_price: Decimal | None
    filled: int = 0
    status: OrderStatus = OrderStatus.NEW

    @property
    def is_open(self) -> bool:
        return self.status is OrderStatus.NEW

    @property
    def leaves(self) -> int:
        return self.quantity - self.filled

    def record(self) -> OrderRecord:
        """The order as the venue tells it."""
        return OrderRecord(
            client_order_id=self.client_order_id,
            broker_order_id=_broker_id(self.client_order_id),
            symbol="ABC",
            side=self.command.side,
            order_type=self.command.order_type,
            quantity=Decimal(self.quantity),
            filled_quantity=Decimal(self.filled),
            status=OrderStatus.PARTIALLY_FILLED if self.is_open and self.filled else self.status,
            limit_price=self.command.limit_price,
            stop_price=self.stop_price,
        )


class ExitsBook:
    """See the module's docstring. `say` takes each report as it is made."""

    def __init__(self, say: Callable[[e.Event], None]) -> None:
        self._say = say
        self.orders: dict[ClientOrderId, Working] = {}
        self.fills: list[FillRecord] = []

    def held(self) -> int:
        return sum(int(fill.quantity) * fill.side.sign for fill in self.fills)

    def working(self) -> list[Working]:
        return [order for order in self.orders.values() if order.is_open]

    def may_sell(self) -> int:
        """How much the working exits could sell: of a group only one leg can."""
        groups: dict[str, int] = {}
        for order in self.working():
            if order.command.side is Side.SELL:
                group = order.command.oco_group or order.client_order_id
                groups[group] = max(groups.get(group, 0), order.leaves)
        return sum(groups.values())

    def stopped(self) -> int:
        """How much the working stops protect."""
        return sum(o.leaves for o in self.working() if o.stop_price is not None)

    def refuse(self, command: Request, reason: str, ts_ns: int) -> None:
        """A definite no."""
        self._say(refusal(command, reason, ts_ns))

    def submit(self, command: c.SubmitOrder, ts_ns: int) -> None:
        """A new order works; of a group that has filled it may take what is left."""
        order_id = command.client_order_id
        assert order_id not in self.orders, f"{order_id} came twice"
        order = Working(order_id, command, int(command.quantity), command.stop_price)
        siblings = self._group_of(order)
        if any(other.status is OrderStatus.FILLED for other in siblings):
            self.refuse(command, "the other leg has filled", ts_ns)
            return
        self.orders[order_id] = order
        self._say(e.OrderAccepted(order_id, _broker_id(order_id), ts_ns))
        most = max((other.quantity - other.filled for other in siblings), default=order.quantity)
        if any(other.filled for other in siblings) and order.quantity > most:
            self._shrink(order, order.quantity - most, ts_ns)

    def cancel(self, command: c.CancelOrder, ts_ns: int) -> None:
        """End an order that works."""
        order = self.orders.get(command.client_order_id)
        if order is None or not order.is_open:
            self.refuse(command, "not working", ts_ns)
        else:
            self._end(order, "cancel", ts_ns)

    def replace(self, command: c.ReplaceOrder, ts_ns: int) -> None:
        """The order goes on under its new id with the new terms."""
        order = self.orders.get(command.orig_client_order_id)
        if order is None or not order.is_open or command.quantity <= order.filled:
            self.refuse(command, "too late", ts_ns)
            return
        del self.orders[order.client_order_id]
        order.client_order_id, order.quantity = command.client_order_id, int(command.quantity)
        order.stop_price = command.stop_price
        self.orders[order.client_order_id] = order
        self._tell_terms(order, command.orig_client_order_id, ts_ns)

    def fill(self, order: Working, quantity: int, ts_ns: int) -> None:
        """Execute part or all of an order; its siblings follow."""
        order.filled += quantity
        if not order.leaves:
            order.status = OrderStatus.FILLED
        fill = FillRecord(
            execution_id=ExecutionId(f"x{len(self.fills)}"),
            client_order_id=order.client_order_id,
            broker_order_id=_broker_id(order.client_order_id),
            symbol="ABC",
            side=order.command.side,
            quantity=Decimal(quantity),
            price=PRICE,
            fee=Decimal(0),
            ts_venue_ns=ts_ns,
        )
        self.fills.append(fill)
        self._say(e.OrderFilled(*(getattr(fill, name) for name in e.OrderFilled.__struct_fields__)))
        for other in self._group_of(order):
            if other.is_open and (not order.is_open or other.leaves <= quantity):
                self._end(other, "oco", ts_ns)
            elif other.is_open:
                self._shrink(other, quantity, ts_ns)

    def list_all(self, request_id: str, ts_ns: int) -> None:
        """What works, and all executions."""
        records = tuple(order.record() for order in self.working())
        self._say(e.BrokerSnapshot(request_id, records, tuple(self.fills), None, None, ts_ns))

    def query(self, order_id: ClientOrderId, ts_ns: int) -> None:
        """One order, or that there is none."""
        order = self.orders.get(order_id)
        record = None if order is None else order.record()
        self._say(e.OrderStatusReported(order_id, record, ts_ns))

    # --- inside -------------------------------------------------------------------------

    def _group_of(self, order: Working) -> list[Working]:
        group = order.command.oco_group
        if group is None:
            return []
        others = (o for o in self.orders.values() if o is not order)
        return [other for other in others if other.command.oco_group == group]

    def _end(self, order: Working, reason: str, ts_ns: int) -> None:
        order.status = OrderStatus.CANCELED
        filled = Decimal(order.filled)
        self._say(e.OrderCanceled(order.client_order_id, reason, ts_ns, filled))

    def _shrink(self, order: Working, quantity: int, ts_ns: int) -> None:
        order.quantity -= quantity
        self._tell_terms(order, order.client_order_id, ts_ns)

    def _tell_terms(self, order: Working, before: ClientOrderId, ts_ns: int) -> None:
        self._say(
            e.OrderReplaced(
                order.client_order_id,
                before,
                _broker_id(order.client_order_id),
                Decimal(order.quantity),
                order.command.limit_price,
                order.stop_price,
                ts_ns,
            )
        )


def refusal(command: Request, reason: str, ts_ns: int) -> e.Event:
    """The report of a definite no."""
    if isinstance(command, c.SubmitOrder):
        return e.OrderRejected(command.client_order_id, reason, ts_ns)
    kind = REQUEST_KINDS[type(command)]
    return e.CancelRejected(command.client_order_id, kind, reason, ts_ns)


def _broker_id(order_id: ClientOrderId) -> BrokerOrderId:
    return BrokerOrderId(f"b-{order_id}")
