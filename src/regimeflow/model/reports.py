"""Broker reports: what a venue says about our orders, our cash and the account.

Tags are the class names and never change once a release has written them; fields may only be
appended, with a default, so that older journals stay readable.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from regimeflow.model.account import AccountRecord, FillRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.market import CorporateAction
from regimeflow.model.order import Side


class OrderAccepted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The venue works the order."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    ts_venue_ns: int


class OrderRejected(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The venue refused the order; nothing of it can fill."""

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int


class OrderFilled(msgspec.Struct, frozen=True, gc=False, tag=True):
    """One execution. `fee` is positive when it costs us, in the account's currency."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    execution_id: ExecutionId
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    ts_venue_ns: int


class OrderCanceled(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The order is dead; what had filled stays filled.

    `filled_quantity` is all that had filled by then, as the venue counts it; None: it does not say.
    """

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int
    filled_quantity: Decimal | None = None


class OrderReplaced(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The order now stands under `client_order_id` with these terms.

    A venue that changes an order unasked (a split) repeats the same id in both id fields.
    """

    client_order_id: ClientOrderId
    orig_client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    ts_venue_ns: int


class OrderExpired(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Its time in force ran out; what had filled stays filled (see `OrderCanceled`)."""

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int
    filled_quantity: Decimal | None = None


class RequestKind(StrEnum):
    """Which of our requests a report answers."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"


class CancelRejected(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A cancel or replace was refused; the order is as it was (FIX 35=9).

    For a replace, `client_order_id` is the new id that was refused.
    """

    client_order_id: ClientOrderId
    response_to: RequestKind
    reason: str
    ts_venue_ns: int


class OutcomeUnknown(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A request left and its fate is unknown; only evidence may resolve it."""

    client_order_id: ClientOrderId
    request: RequestKind
    reason: str


class CashPosted(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Cash moved without a fill: dividend, fee, interest, deposit, withdrawal."""

    activity_id: str
    kind: str
    symbol: str
    amount: Decimal
    ts_venue_ns: int


class BrokerSnapshot(msgspec.Struct, frozen=True, tag=True):
    """What the broker lists. A part that is None was not read, which is not the same as empty.

    `activities` are the newest cash postings that belong to `account`, `annulled` the executions
    that were taken out of `fills`; both oldest first.
    """

    request_id: str
    orders: tuple[OrderRecord, ...] | None
    fills: tuple[FillRecord, ...] | None
    positions: tuple[PositionRecord, ...] | None
    account: AccountRecord | None
    ts_venue_ns: int
    activities: tuple[CashPosted, ...] = ()
    annulled: tuple[FillRecord, ...] = ()


class SnapshotFailed(msgspec.Struct, frozen=True, tag=True):
    """A poll failed. It says nothing about the account and changes no book."""

    request_id: str
    reason: str


class OrderStatusReported(msgspec.Struct, frozen=True, tag=True):
    """The answer to a query about one order; `order` None means: the venue knows no such order.

    "Not known" proves nothing by itself: it becomes final only after the venue's settle window
    and a second negative by another route.
    """

    client_order_id: ClientOrderId
    order: OrderRecord | None
    ts_venue_ns: int


class FillBusted(msgspec.Struct, frozen=True, tag=True):
    """The venue annulled an execution: it is reversed, never deleted."""

    execution_id: ExecutionId
    symbol: str
    reason: str
    ts_venue_ns: int


class FillCorrected(msgspec.Struct, frozen=True, tag=True):
    """The venue replaced the terms of `corrects` by those of `fill` (a new execution id)."""

    corrects: ExecutionId
    fill: OrderFilled
    ts_venue_ns: int


class ReportNotUnderstood(msgspec.Struct, frozen=True, tag=True):
    """A report of a kind, status or reason that the adapter does not know, kept as it came.

    `client_order_id` and `symbol` are empty where the report does not name them.
    """

    client_order_id: ClientOrderId
    symbol: str
    raw: str
    ts_venue_ns: int


BrokerReport = (
    OrderAccepted
    | OrderRejected
    | OrderFilled
    | OrderCanceled
    | OrderReplaced
    | OrderExpired
    | CancelRejected
    | OutcomeUnknown
    | CashPosted
    | CorporateAction
    | BrokerSnapshot
    | SnapshotFailed
    | OrderStatusReported
    | FillBusted
    | FillCorrected
    | ReportNotUnderstood
)
