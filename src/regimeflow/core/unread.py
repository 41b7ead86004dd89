"""Which orders of the books may explain a difference by fills that have not been read yet.

An order that is in doubt or unanswered may have filled, and one that the broker lists with more
filled than is booked has. Taken over as nobody's, or closed, that position would come a second
time with its fills, this time as its strategy's.
"""

from __future__ import annotations

from collections.abc import Mapping

from regimeflow.core.orders import Orders
from regimeflow.core.reconcile import ACKNOWLEDGED, Difference
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus

_ANSWERED = ACKNOWLEDGED | {OrderStatus.PENDING_CANCEL}
"""States in which the venue is known to work an order as the books have it."""


def may_explain(
    difference: Difference,
    since_ns: int,
    orders: Orders,
    listed: Mapping[ClientOrderId, OrderRecord],
) -> bool:
    """Whether an order of the symbol (any symbol, for cash) may have fills that are not booked.

    An order that is younger than the difference did not make it.
    """
    kind, subject, _, _ = difference
    symbol: str | None = subject if kind == "position" else None
    record = listed.get(ClientOrderId(subject))
    if kind == "order_unknown_here" and record is not None:
        symbol = record.symbol
    for order in orders.open.values():
        is_unanswered = order.in_doubt or order.status not in _ANSWERED
        is_older = order.created_ns <= since_ns
        if is_unanswered and is_older and symbol in (None, order.symbol):
            return True
    for record in listed.values():
        known = orders.get(record.client_order_id)
        if known is None or symbol not in (None, known.symbol):
            continue
        if record.filled_quantity > known.used_quantity:
            return True
    return False
