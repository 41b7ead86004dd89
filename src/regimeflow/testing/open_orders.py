"""Open orders of the books beside those of the venue, both ways: which there are, and their terms.

A phantom in the books counts as exposure for ever; one that works with other terms than the books
have fills more, or at another price, than any limit knows of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import NamedTuple

from regimeflow.model.order import Order, OrderStatus
from regimeflow.venue.orders import WorkingOrder

UNSETTLED = frozenset(
    {
        OrderStatus.PENDING_NEW,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_REPLACE,
        OrderStatus.IN_DOUBT,
    }
)


class Working(NamedTuple):
    """An order's terms, and what of it counts as done: an annulled execution is not undone."""

    quantity: Decimal
    filled: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None


def working_at(venue_orders: Iterable[WorkingOrder]) -> dict[str, Working]:
    """The orders that work at the venue, by the id that each goes by."""
    return {
        o.client_order_id: Working(o.quantity, o.filled_quantity, o.limit_price, o.stop_price)
        for o in venue_orders
        if not o.is_done
    }


def astray(ours: Iterable[Order], theirs: Mapping[str, Working]) -> list[str]:
    """Orders that work on one side alone; one of ours that is not settled may end yet."""
    ours = list(ours)
    known = {order_id for order in ours for order_id in order.client_order_ids}
    strays = sorted(theirs.keys() - known)
    found = [f"{name} works at the venue and not in the books" for name in strays]
    return found + [
        f"{order.standing_id} works in the books and not at the venue"
        for order in ours
        if order.status not in UNSETTLED and theirs.keys().isdisjoint(order.client_order_ids)
    ]


def altered(ours: Iterable[Order], theirs: Mapping[str, Working]) -> list[str]:
    """Orders that work on both sides with different terms."""
    found = []
    for order in ours:
        mine = Working(order.quantity, order.used_quantity, order.limit_price, order.stop_price)
        for name in order.client_order_ids:
            its = theirs.get(name, mine)
            if its != mine and order.status not in UNSETTLED:
                found.append(f"{name}: ours {_told(mine)}, venue {_told(its)}")
    return found


def _told(terms: Working) -> str:
    return ", ".join(f"{name} {value}" for name, value in terms._asdict().items())
