"""What applying a report did to the books, as a value: never a crash, never a frozen order."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from regimeflow.core.order_table import Happening
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import Order


class Applied(NamedTuple):
    """What a report did: the order it moved (None: nothing moved) and what was wrong with it.

    `has_ended`: an end that was told before, and waited for its fills, came with this one.
    """

    order: Order | None
    discrepancy: DiscrepancyFound | None
    has_ended: bool = False


NOTHING = Applied(None, None)


def unknown_order(client_order_id: ClientOrderId, what: str) -> DiscrepancyFound:
    """A report about an order that these books do not hold."""
    return DiscrepancyFound(
        kind="unknown_order",
        subject=client_order_id,
        ours="no such order",
        theirs=what,
        detail="the venue reports on an order that these books do not hold",
    )


def unknown_fill(fill: OrderFilled, order: Order | None) -> DiscrepancyFound:
    """An execution that no order of ours explains; it is real all the same."""
    return DiscrepancyFound(
        kind="unknown_fill",
        subject=fill.execution_id,
        ours="no such order" if order is None else f"{order.side} {order.symbol}",
        theirs=f"{fill.side} {fill.quantity} {fill.symbol}",
        detail=f"{fill.client_order_id}: booked on the account, attributed to no strategy",
    )


def impossible_report(order: Order, happening: Happening) -> DiscrepancyFound:
    """A report for which our state of the order has no row."""
    return DiscrepancyFound(
        kind="order_state",
        subject=order.client_order_id,
        ours=order.status.value,
        theirs=happening.value,
        detail=f"{order.symbol}: this report is not possible in our state of the order",
    )


def unknown_status(order: Order) -> DiscrepancyFound:
    """The venue lists an order in a state that nobody here knows."""
    return DiscrepancyFound(
        "unknown_status",
        order.standing_id,
        order.status.value,
        "not known",
        f"{order.symbol}: counted as working until the venue says what is known here",
    )


def overfill(order: Order, total_max: Decimal) -> DiscrepancyFound:
    """More was filled than the order could ask for."""
    return DiscrepancyFound(
        "overfill",
        order.client_order_id,
        str(total_max),
        str(order.filled_quantity),
        f"{order.symbol}: the venue filled more than was ordered",
    )


def unknown_execution(execution_id: str, symbol: str) -> DiscrepancyFound:
    """An execution is annulled that was never booked."""
    return DiscrepancyFound(
        "unknown_execution",
        execution_id,
        "never booked",
        "annulled",
        f"{symbol}: the venue annuls an execution that these books do not hold",
    )
