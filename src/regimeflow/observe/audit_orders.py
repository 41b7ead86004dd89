"""What the audit has to remember between records: orders' terms and net positions.

Bounded: of closed orders the newest 20,000 are kept, for late reports. A report about an older
order is audited with what the report itself says.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from regimeflow.model.commands import ReplaceOrder, SubmitOrder
from regimeflow.model.order import ZERO, Side

CLOSED_ORDERS_MAX = 20_000


class OrderTotals(msgspec.Struct):
    """What all legs of one order have in common: what has filled, and which of them ended."""

    filled_quantity: Decimal = ZERO
    leg_ids: list[str] = []
    ended_legs: int = 0


class OrderLeg(msgspec.Struct):
    """One client order id: an order as sent, or as one replacement made it."""

    client_order_id: str
    strategy_id: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal | None
    totals: OrderTotals
    broker_order_id: str = ""
    orig_client_order_id: str = ""

    @property
    def is_filled(self) -> bool:
        """True when nothing of it is left to fill."""
        return self.totals.filled_quantity >= self.quantity


class AuditedOrders:
    """Terms of every order by each of its client order ids."""

    __slots__ = ("_closed", "_legs")

    def __init__(self) -> None:
        self._legs: dict[str, OrderLeg] = {}
        self._closed: deque[str] = deque()

    def get(self, client_order_id: str) -> OrderLeg | None:
        """The order, or None when it is not ours or too old."""
        return self._legs.get(client_order_id)

    def submit(self, order: SubmitOrder) -> OrderLeg:
        """Remember a new order."""
        price = order.stop_price if order.limit_price is None else order.limit_price
        leg = OrderLeg(
            order.client_order_id,
            order.strategy_id,
            order.symbol,
            order.side,
            order.quantity,
            price,
            OrderTotals(),
        )
        self._add(leg)
        return leg

    def replace(self, order: ReplaceOrder) -> OrderLeg | None:
        """Remember the leg a replacement asks for; None when its original is not known."""
        original = self._legs.get(order.orig_client_order_id)
        if original is None:
            return None
        leg = msgspec.structs.replace(
            original,
            client_order_id=order.client_order_id,
            orig_client_order_id=order.orig_client_order_id,
            quantity=order.quantity,
            price=order.stop_price if order.limit_price is None else order.limit_price,
        )
        self._add(leg)
        return leg

    def close(self, client_order_id: str) -> None:
        """The order has ended, with all its legs; they are forgotten once enough others have."""
        leg = self._legs.get(client_order_id)
        if leg is None:
            return
        totals = leg.totals
        self._closed.extend(totals.leg_ids[totals.ended_legs :])
        totals.ended_legs = len(totals.leg_ids)
        while len(self._closed) > CLOSED_ORDERS_MAX:
            self._legs.pop(self._closed.popleft(), None)

    def _add(self, leg: OrderLeg) -> None:
        self._legs[leg.client_order_id] = leg
        leg.totals.leg_ids.append(leg.client_order_id)


class NetPositions:
    """Quantity per symbol, summed from executions."""

    __slots__ = ("_quantities",)

    def __init__(self) -> None:
        self._quantities: dict[str, Decimal] = {}

    def add(self, symbol: str, quantity: Decimal) -> tuple[Decimal, Decimal]:
        """Add a signed quantity; returns the position before and after."""
        before = self._quantities.get(symbol, ZERO)
        after = before + quantity
        if after:
            self._quantities[symbol] = after
        else:
            self._quantities.pop(symbol, None)
        return before, after

    def split(self, symbol: str, ratio: Decimal) -> None:
        """A split turns each share into `ratio` shares; the position stays open."""
        if symbol in self._quantities:
            self._quantities[symbol] = (self._quantities[symbol] * ratio).normalize()
