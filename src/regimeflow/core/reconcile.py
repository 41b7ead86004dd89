"""Comparing the books with what the broker lists: pure, two-way, and slow to accuse.

A difference counts only when two successive successful snapshots show the same one: brokers
are eventually consistent, and a fill may be on its way. A part that was not read compares
nothing. The books are never "corrected" from a snapshot; a break is reported and holds
trading until it is resolved.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.core.ledger import Ledger
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import BrokerSnapshot
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import ZERO, OrderStatus

_ACKNOWLEDGED = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})

Difference = tuple[str, str, str, str]
"""kind, subject, ours, theirs"""


def differences(snapshot: BrokerSnapshot, ledger: Ledger) -> dict[str, list[Difference]]:
    """Per part that was read, every way in which the books and the broker differ."""
    found: dict[str, list[Difference]] = {}
    if snapshot.positions is not None:
        theirs = {record.symbol: record.quantity for record in snapshot.positions}
        ours = {symbol: p.quantity for symbol, p in ledger.portfolio.held.items()}
        found["positions"] = [
            ("position", symbol, str(ours.get(symbol, ZERO)), str(theirs.get(symbol, ZERO)))
            for symbol in sorted({*ours, *theirs})
            if ours.get(symbol, ZERO) != theirs.get(symbol, ZERO)
        ]
    if snapshot.account is not None:
        found["account"] = _cash_difference(ledger.portfolio.cash, snapshot.account.cash)
    if snapshot.orders is not None:
        listed = {record.client_order_id for record in snapshot.orders}
        missing: list[Difference] = [
            ("order_missing_there", order.standing_id, order.status.value, "not listed")
            for order in ledger.orders.open.values()
            if order.status in _ACKNOWLEDGED and not listed.intersection(order.client_order_ids)
        ]
        unknown: list[Difference] = [
            ("order_unknown_here", record.client_order_id, state, record.status.value)
            for record in snapshot.orders
            if not record.status.is_terminal
            and (state := _ours(ledger, record.client_order_id)) is not None
        ]
        found["orders"] = missing + unknown
    return found


def _ours(ledger: Ledger, client_order_id: ClientOrderId) -> str | None:
    """Why an order that works there does not work here; None when it does."""
    order = ledger.orders.get(client_order_id)
    if order is None:
        return "no such order"
    return None if order.is_open else order.status.value


def _cash_difference(ours: Decimal, theirs: Decimal) -> list[Difference]:
    return [] if ours == theirs else [("cash", "account", str(ours), str(theirs))]


class Reconciler:
    """Remembers the differences of the last snapshot; a repeated one becomes a break."""

    __slots__ = ("_suspected", "breaks")

    def __init__(self) -> None:
        self._suspected: dict[str, list[Difference]] = {}
        self.breaks: dict[tuple[str, str], Difference] = {}

    def compare(self, snapshot: BrokerSnapshot, ledger: Ledger) -> list[DiscrepancyFound]:
        """New breaks shown by this snapshot; breaks that have healed are forgotten."""
        new = []
        for part, now in differences(snapshot, ledger).items():
            before = self._suspected.get(part, [])
            self._suspected[part] = now
            current = {(kind, subject) for kind, subject, _, _ in now}
            for key in [k for k in self.breaks if k not in current and _part_of(k[0]) == part]:
                del self.breaks[key]
            for difference in now:
                key = (difference[0], difference[1])
                if difference in before and key not in self.breaks:
                    self.breaks[key] = difference
                    new.append(DiscrepancyFound(*difference, "seen in two successive snapshots"))
        return new


def _part_of(kind: str) -> str:
    return {"position": "positions", "cash": "account"}.get(kind, "orders")
