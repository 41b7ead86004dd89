"""Whether orders took legal steps only: an end is final, but for what proves it wrong.

An order may live again that was proved absent, or whose replacement is taken after its end. The
engine then has to tell it *and* to cancel it; either alone is a finding, as is any other return.
"""

from __future__ import annotations

from dataclasses import dataclass

from regimeflow.core.orders import Orders
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import TERMINAL_STATUSES, OrderStatus

REPLACEABLE = frozenset({OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED})
"""Ends after which a replacement that was asked for before may prove to live."""


@dataclass
class _Return:
    """One order that was over and lives again."""

    step: str
    is_possible: bool
    is_told: bool = False
    is_cancelled: bool = False

    @property
    def problem(self) -> str:
        """What speaks against it; empty where nothing does."""
        if not self.is_possible:
            return self.step
        done = (("told", self.is_told), ("cancelled", self.is_cancelled))
        missing = " or ".join(what for what, is_done in done if not is_done)
        return f"{self.step}, and was not {missing}" if missing else ""


class OrderSteps:
    """Watches a fold of the journal, record by record."""

    __slots__ = ("_returns", "_statuses")

    def __init__(self) -> None:
        self._statuses: dict[ClientOrderId, OrderStatus] = {}
        self._returns: dict[ClientOrderId, list[_Return]] = {}

    def watch(self, orders: Orders, body: object) -> None:
        """`orders` are the books after this record was folded."""
        for root, order in orders.by_root.items():
            before = self._statuses.get(root)
            if before is order.status:
                continue
            self._statuses[root] = order.status
            if before in TERMINAL_STATUSES and order.status not in TERMINAL_STATUSES:
                step = f"{root} went from {before} to {order.status} by {type(body).__name__}"
                is_replaced = before in REPLACEABLE and isinstance(body, e.OrderReplaced)
                is_possible = before is OrderStatus.NOT_FOUND or is_replaced
                self._returns.setdefault(root, []).append(_Return(step, is_possible))
        self._note(orders, body)

    def problems(self) -> list[str]:
        """Every step that was not legal."""
        returns = [found for by_order in self._returns.values() for found in by_order]
        return [found.problem for found in returns if found.problem]

    def _note(self, orders: Orders, body: object) -> None:
        """What is told or cancelled after an order came back counts for its last return."""
        for order_id, found in self._returns.items():
            order = orders.by_root.get(order_id)
            ids = () if order is None else order.client_order_ids
            if isinstance(body, c.DiscrepancyFound) and body.kind == "late_order":
                found[-1].is_told |= body.subject in ids
            elif isinstance(body, c.CancelOrder):
                found[-1].is_cancelled |= body.client_order_id in ids
