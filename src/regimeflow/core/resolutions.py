"""What evidence means to the books: pure values from the broker's own words.

The ledger applies them; see `OrderResolved`, `ExternalAdopted` and the fills that no book takes.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.core.applied import Applied
from regimeflow.core.order_table import Happening
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.order import OrderStatus

RESOLUTIONS = {
    OrderStatus.IN_DOUBT: Happening.LOST_SIGHT,
    OrderStatus.NOT_FOUND: Happening.ABSENCE_PROVED,
    OrderStatus.NEW: Happening.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED: Happening.ACCEPTED,
    OrderStatus.REJECTED: Happening.REJECTED,
    OrderStatus.CANCELED: Happening.CANCELED,
    OrderStatus.EXPIRED: Happening.EXPIRED,
    OrderStatus.FILLED: Happening.ACCEPTED,
}


def replaced_as(record: OrderRecord, ts_ns: int) -> e.OrderReplaced:
    """What the answer to a replacement would have said, from the broker's own list."""
    return e.OrderReplaced(
        client_order_id=record.client_order_id,
        orig_client_order_id=record.client_order_id,
        broker_order_id=record.broker_order_id,
        quantity=record.quantity,
        limit_price=record.limit_price,
        stop_price=record.stop_price,
        ts_venue_ns=ts_ns,
    )


def is_positive(number: Decimal) -> bool:
    """Whether a quantity or price can be that of an execution."""
    return number.is_finite() and number > 0


def unbooked(fill: e.OrderFilled, kind: str, why: str) -> Applied:
    """A fill that cannot be booked: told, never guessed at."""
    return Applied(
        None,
        c.DiscrepancyFound(
            kind=kind,
            subject=fill.execution_id,
            ours="not booked",
            theirs=f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}",
            detail=why,
        ),
    )
