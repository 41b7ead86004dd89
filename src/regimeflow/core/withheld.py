"""What must leave, while the broker takes no requests: cancels are kept, new orders are denied.

A request that is sent during a ban is refused, and may prolong it. A cancel stays wanted, and
leaves when requests are taken again, if its order still works. Bounded by the orders that work when
the ban begins, since none can be added. An order is a wish, and stale when it waits: it is denied.
The engine's own duties (exits of a filled entry, closing orders) wait where they are worked out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core.closings import FLATTEN
from regimeflow.core.ledger import Ledger
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.risk.proposal import Denial
from regimeflow.model.events import CancelRejected, OrderRejected, RequestKind
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import Order

if TYPE_CHECKING:
    from regimeflow.core.desk import Desk
    from regimeflow.core.holds import Holds


class Withheld:
    """`cancels` are the first ids of orders to cancel, with the reason, oldest wish first."""

    __slots__ = ("_desk", "_holds", "_ledger", "cancels")

    def __init__(self, desk: Desk, ledger: Ledger, holds: Holds) -> None:
        self._desk = desk
        self._ledger = ledger
        self._holds = holds
        self.cancels: dict[ClientOrderId, str] = {}

    @property
    def because(self) -> str:
        """Why nothing may leave; empty when it may."""
        return self._holds.suspension

    def keep(self, order: Order, reason: str) -> bool:
        """Keep a cancel where it may not leave; whether it was kept."""
        if self.because:
            self.cancels.setdefault(order.client_order_ids[0], reason)
        return bool(self.because)

    def denial(self) -> Denial | None:
        """C22: no order leaves while the broker takes no requests, not even an exit."""
        because = self.because
        if not because:
            return None
        return Denial(
            "C22",
            "a broker that takes requests",
            because,
            f"the broker takes no requests ({because}); nothing is sent, exits included, until it "
            "does; cancels and exits of filled entries wait and leave first",
        )

    def take_back(self, refused: OrderRejected | CancelRejected, order: Order) -> bool:
        """Whether a request was refused because the broker takes none at all.

        Then every cancel, and what was no strategy's wish, leaves again when it does.
        """
        if not self.because:
            return False
        if isinstance(refused, CancelRejected):
            if refused.response_to is RequestKind.CANCEL and order.is_open:
                self.keep(order, "refused in a ban")
        elif order.tag == FLATTEN and order.strategy_id == EXTERNAL:
            self._desk.flatten(order.symbol)
        elif order.parent_id is not None:
            self._desk.protection.place_again(order)
        return True

    def send(self, ts_ns: int) -> None:
        """The broker takes requests again: cancels leave, then exits and closing orders."""
        cancels, self.cancels = self.cancels, {}
        for order_id, reason in cancels.items():
            order = self._ledger.orders.get(order_id)
            if order is not None:
                self._desk.cancel(order, reason)
        self._desk.close_what_can(ts_ns)
