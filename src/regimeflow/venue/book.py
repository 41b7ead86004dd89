"""Every order the venue has ever seen, and which of them are working, by symbol.

Invariants: an id once used is known for ever; `working` holds a symbol only while at least one of
its orders works, so that `symbol in working` is the whole cost of a quiet market event; the
orders of a symbol are in order of arrival.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from regimeflow.model.order import ZERO, OrderStatus
from regimeflow.venue.orders import WorkingOrder


class OrderBook:
    """Orders by every id they have had; all are kept, about 1 KB each."""

    __slots__ = ("_by_id", "_group_filled", "_groups", "orders", "working")

    def __init__(self) -> None:
        self.orders: list[WorkingOrder] = []
        self.working: dict[str, list[WorkingOrder]] = {}
        self._by_id: dict[str, WorkingOrder] = {}
        self._groups: dict[str, list[WorkingOrder]] = {}
        self._group_filled: dict[str, tuple[Decimal, int]] = {}

    @property
    def next_number(self) -> int:
        """The number of the next order to arrive, from 1."""
        return len(self.orders) + 1

    def find(self, client_order_id: str) -> WorkingOrder | None:
        """The order that has or had this id."""
        return self._by_id.get(client_order_id)

    def knows(self, client_order_id: str) -> bool:
        """Whether the id has ever been used."""
        return client_order_id in self._by_id

    def add(self, order: WorkingOrder) -> None:
        """Record an order; it works unless it is done already (refused on arrival)."""
        self.orders.append(order)
        self._index(order)

    def rename(self, order: WorkingOrder, client_order_id: str) -> None:
        """Let the order go by a new id; the old ones keep leading to it."""
        order.client_order_ids.append(client_order_id)  # type: ignore[arg-type]
        self._by_id[client_order_id] = order

    def end(self, order: WorkingOrder, status: OrderStatus, reason: str) -> None:
        """Take a working order off the book."""
        order.status = status
        order.reason = reason
        resting = self.working[order.symbol]
        resting.remove(order)
        if not resting:
            del self.working[order.symbol]
        if order.oco_group is not None:
            self._groups[_group_of(order)].remove(order)

    def note_group_fill(self, order: WorkingOrder, quantity: Decimal, known_ns: int) -> None:
        """Remember what a leg has filled, which the engine learns at `known_ns`."""
        group = _group_of(order)
        filled, _ = self._group_filled.get(group, (ZERO, 0))
        self._group_filled[group] = (filled + quantity, known_ns)

    def group_filled(self, order: WorkingOrder, sent_ns: int) -> Decimal:
        """What the order's group filled that was unknown when the order was sent.

        An order sent later reuses the group's name for something new, and starts from zero.
        """
        if order.oco_group is None:
            return ZERO
        filled, known_ns = self._group_filled.get(_group_of(order), (ZERO, 0))
        if sent_ns < known_ns:
            return filled
        self._group_filled.pop(_group_of(order), None)
        return ZERO

    def siblings(self, order: WorkingOrder) -> list[WorkingOrder]:
        """The other working legs of its one-cancels-other group, in order of arrival."""
        if order.oco_group is None:
            return []
        return [leg for leg in self._groups[_group_of(order)] if leg is not order]

    def open_orders(self) -> list[WorkingOrder]:
        """All working orders in order of arrival."""
        resting = [order for orders in self.working.values() for order in orders]
        return sorted(resting, key=lambda order: order.number)

    def dump(self) -> tuple[list[WorkingOrder], dict[str, tuple[Decimal, int]]]:
        """What `load` needs to rebuild the book."""
        return self.orders, self._group_filled

    def load(
        self, orders: Iterable[WorkingOrder], group_filled: dict[str, tuple[Decimal, int]]
    ) -> None:
        """Replace the book's content, in place: the schedule holds on to `working`."""
        for index in (self.orders, self.working, self._by_id, self._groups):
            index.clear()
        self._group_filled = group_filled
        for order in orders:
            self.add(order)

    def _index(self, order: WorkingOrder) -> None:
        for client_order_id in order.client_order_ids:
            # A refused duplicate is recorded without taking the id from its first owner.
            self._by_id.setdefault(client_order_id, order)
        if order.is_done:
            return
        self.working.setdefault(order.symbol, []).append(order)
        if order.oco_group is not None:
            self._groups.setdefault(_group_of(order), []).append(order)


def _group_of(order: WorkingOrder) -> str:
    """Groups are named by strategies, so the name alone is not unique."""
    return f"{order.strategy_id}/{order.oco_group}"
