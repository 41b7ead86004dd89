"""What became of an operator's commands, by the journal: none may get lost.

A flatten ends with its symbol flat, or with its closing order filled, or somebody is told that it
is not; strategies may trade on once the closing order has left. A cancel-all leaves none of the
orders that were open when it came.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from regimeflow.core.closing_orders import FLATTEN
from regimeflow.core.closings import WAITS
from regimeflow.core.ledger import Ledger
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus


@dataclass
class _Flatten:
    """One symbol of one flatten: the orders that were open then, and its own since.

    Where others have left since (`is_traded_on`) a flat position proves nothing about it.
    """

    seq: int
    symbol: str
    before: list[ClientOrderId]
    closing: list[ClientOrderId] = field(default_factory=list)
    is_traded_on: bool = False

    def is_over(self, ledger: Ledger) -> bool:
        """Whether it is flat, or what left to close it has filled."""
        orders = ledger.orders
        if any(root in orders.open for root in self.before):
            return False
        if not self.is_traded_on and not ledger.portfolio.position(self.symbol).quantity:
            return True
        sent = [orders.get(root) for root in self.closing]
        return any(order is not None and order.status is OrderStatus.FILLED for order in sent)

    def is_on_its_way(self, ledger: Ledger) -> bool:
        """Whether its closing order still works."""
        return any(root in ledger.orders.open for root in self.closing)


class OperatorWatch:
    """Watches a fold of the journal, record by record."""

    def __init__(self) -> None:
        self._flattens: list[_Flatten] = []
        self._cancels: list[tuple[int, list[ClientOrderId]]] = []

    def see(self, record: Record, ledger: Ledger) -> None:
        """Take the next record, which `ledger` has just taken."""
        body, working = record.body, ledger.orders.open
        if isinstance(body, e.CancelAll | e.Flatten):
            self._cancels.append((record.seq, list(working)))
        if isinstance(body, e.CancelAll):  # closing orders included: the newest command counts
            self._flattens = [found for found in self._flattens if not found.is_on_its_way(ledger)]
        if isinstance(body, e.Flatten):
            symbols = {*ledger.portfolio.held, *(order.symbol for order in working.values())}
            self._flattens += [
                _Flatten(record.seq, s, [root for root, o in working.items() if o.symbol == s])
                for s in sorted(symbols)
            ]
        elif isinstance(body, c.DiscrepancyFound):
            is_given_up = body.kind == "not_flattened" and body.ours != WAITS
            self._flattens = [
                f for f in self._flattens if not is_given_up or f.symbol != body.subject
            ]
        elif isinstance(body, c.SubmitOrder):
            is_closing = (body.strategy_id, body.tag) == (EXTERNAL, FLATTEN)
            for found in self._flattens:
                if found.symbol == body.symbol and is_closing:
                    found.closing.append(body.client_order_id)
                found.is_traded_on |= found.symbol == body.symbol and not is_closing
        if self._flattens:
            self._flattens = [found for found in self._flattens if not found.is_over(ledger)]

    def problems(self, ledger: Ledger) -> list[str]:
        """What was commanded and neither done nor told, by the books at the journal's end."""
        found = [
            f"{flatten.symbol} is not flat, nothing closes it and nobody was told: the flatten of "
            f"record {flatten.seq} was lost"
            for flatten in self._flattens
            if not flatten.is_on_its_way(ledger)
        ]
        return found + [
            f"{root} still works: record {seq} had it cancelled"
            for seq, roots in self._cancels
            for root in roots
            if root in ledger.orders.open
        ]
