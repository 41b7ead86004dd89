"""The life of every order, record by record: each change has to be an edge of the order table.

A record may lead along the edges of its own kind of happening only. Two edges lie in one record
only where the books really take two steps: new terms that may have filled already, an order whose
replacement is refused after its standing leg had ended, and what a list says of such an order.
"""

from __future__ import annotations

from collections.abc import Sequence

from regimeflow.core.ledger import Ledger
from regimeflow.core.order_table import ORDER_TABLE, Happening
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.evidence import as_observed
from regimeflow.model.order import OrderStatus

H, S = Happening, OrderStatus
ENDED_LEG = (H.REJECTED, H.CANCELED, H.EXPIRED)
"""How an order ends whose standing leg had ended, once its replacement is refused,
or the fills that its end counted are booked."""
HAPPENINGS: dict[type, Sequence[Sequence[Happening]]] = {
    c.SubmitOrder: ((H.SENT,),),
    c.OrderDenied: ((H.DENIED,),),
    c.CancelOrder: ((H.CANCEL_SENT,),),
    c.ReplaceOrder: ((H.REPLACE_SENT,),),
    e.OrderAccepted: ((H.ACCEPTED,),),
    e.OrderRejected: ((H.REJECTED, H.REPLACE_REJECTED, H.LEG_ENDED), ENDED_LEG),
    e.OrderFilled: ((H.PART_FILLED, H.FILLED), ENDED_LEG),
    e.FillCorrected: ((H.PART_FILLED, H.FILLED), ENDED_LEG),
    e.OrderCanceled: ((H.CANCELED, H.LEG_ENDED, H.LOST_SIGHT),),
    e.OrderExpired: ((H.EXPIRED, H.LEG_ENDED, H.LOST_SIGHT),),
    e.OutcomeUnknown: ((H.LOST_SIGHT,),),
    e.OrderReplaced: ((H.REPLACED,), (H.FILLED,)),
    e.CancelRejected: (
        (
            H.CANCEL_REJECTED,
            H.CANCEL_REJECTED_IN_DOUBT,
            H.REPLACE_REJECTED,
            H.LEG_ENDED,
        ),
        (H.FILLED, *ENDED_LEG),
    ),
    c.BustRecovered: ((H.PART_FILLED, H.FILLED), ENDED_LEG),
    c.OrderResolved: (
        (
            H.ACCEPTED,
            H.REJECTED,
            H.CANCELED,
            H.EXPIRED,
            H.LOST_SIGHT,
            H.ABSENCE_PROVED,
            H.REPLACED,
            H.REPLACE_REJECTED,
        ),
        (H.FILLED, *ENDED_LEG, H.ACCEPTED, H.LEG_ENDED),
    ),
}
"""What a record may mean to an order: one step of the first kind, then at most one of the next."""
ADOPTED = (S.NEW, S.PARTIALLY_FILLED)
"""How an order begins that nobody here sent."""


class StatusWatch:
    """Follows every order through the records; `illegal` names the changes without an edge.

    Whether a return from an end was told and cancelled is the business of `order_steps`.
    """

    def __init__(self) -> None:
        self._statuses: dict[str, OrderStatus] = {}
        self.illegal: list[str] = []

    def see(self, record: Record, ledger: Ledger) -> None:
        """Take the next record; `ledger` has just taken it."""
        for root, order in ledger.orders.by_root.items():
            before, after = self._statuses.get(root, S.CREATED), order.status
            if before is after:
                continue
            self._statuses[root] = after
            if not is_legal(before, after, record.body):
                kind = type(record.body).__name__
                self.illegal.append(f"{root} went from {before} to {after} by {kind}")


def is_legal(before: OrderStatus, after: OrderStatus, body: object) -> bool:
    """Whether this record may lead from one state to the other."""
    if isinstance(body, c.ExternalAdopted):
        return before is S.CREATED and after in ADOPTED
    reached = {before}
    kind = type(body) if type(body) in HAPPENINGS else type(as_observed(body))
    for happenings in HAPPENINGS.get(kind, ()):
        reached |= {
            following
            for status in reached
            for happening in happenings
            for following in _following(status, happening)
        }
    return after in reached


def _following(status: OrderStatus, happening: Happening) -> Sequence[OrderStatus]:
    """The row of the table; what it lets work again may be part filled, or be being replaced."""
    found = ORDER_TABLE.get((status, happening))
    if found in ADOPTED:
        return (*ADOPTED, S.PENDING_REPLACE) if found is S.NEW else (found, S.PENDING_REPLACE)
    return () if found is None else (found,)
