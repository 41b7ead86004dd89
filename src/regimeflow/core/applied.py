"""What applying a report did to the books, as a value: never a crash, never a frozen order."""

from __future__ import annotations

from typing import NamedTuple

from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import Order


class Applied(NamedTuple):
    """What a report did: the order it moved (None: nothing moved) and what was wrong with it."""

    order: Order | None
    discrepancy: DiscrepancyFound | None


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
