"""Evidence as notices: what the broker's own lists showed that no report had said.

They are outputs of the engine, journaled, and the ledger applies them like anything else; see
`core/order_truth.py`.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.reports import CashPosted, FillBusted, OrderFilled


class OrderResolved(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Evidence (not a report) settled or unsettled the state of an order.

    `status` is what the order becomes: IN_DOUBT when nothing answers for it, NOT_FOUND when its
    absence is proved, else what the broker's own list says (`order`).
    """

    client_order_id: ClientOrderId
    status: OrderStatus
    evidence: str
    order: OrderRecord | None = None


class FillRecovered(msgspec.Struct, frozen=True, tag=True):
    """An execution that no stream delivered, found in the broker's own list and booked."""

    fill: OrderFilled
    evidence: str


class CashRecovered(msgspec.Struct, frozen=True, tag=True):
    """A cash posting that no stream delivered, found in the broker's own list and booked."""

    posting: CashPosted
    evidence: str


class BustRecovered(msgspec.Struct, frozen=True, tag=True):
    """An annulment that no stream delivered, found in the broker's own list and booked.

    `fill` is the execution as it had been.
    """

    fill: OrderFilled
    evidence: str

    @property
    def bust(self) -> FillBusted:
        """What the report would have said."""
        fill = self.fill
        return FillBusted(fill.execution_id, fill.symbol, self.evidence, fill.ts_venue_ns)


class ExternalAdopted(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What the broker has and nobody here ordered is taken into the books, by policy or operator.

    `kind` is that of the difference: `position` moves `quantity` units in at `price` without
    cash, `cash` moves `quantity` of it as an external flow, an order (`order`) counts as
    exposure from here on, valued at `price`. An order that the books hold stands on the terms of
    `order` from here on.
    """

    kind: str
    subject: str
    quantity: Decimal
    price: Decimal
    reason: str
    order: OrderRecord | None = None


def adopted_fill(adopted: ExternalAdopted) -> OrderFilled:
    """An adopted position as if it had been bought or sold at its price, under no order's id."""
    return OrderFilled(
        client_order_id=ClientOrderId(""),
        broker_order_id=BrokerOrderId(""),
        execution_id=ExecutionId(""),
        symbol=adopted.subject,
        side=Side.BUY if adopted.quantity > 0 else Side.SELL,
        quantity=abs(adopted.quantity),
        price=adopted.price,
        fee=Decimal(0),
        ts_venue_ns=0,
    )


def as_observed(body: object) -> object:
    """What observers fold: a recovered fill, posting or annulment is what it recovers."""
    if type(body) is FillRecovered:
        return body.fill
    if type(body) is BustRecovered:
        return body.bust
    return body.posting if type(body) is CashRecovered else body
