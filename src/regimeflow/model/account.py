"""What a broker says about an account: evidence to reconcile against, never an order to obey."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, OrderType, Side


class OrderRecord(msgspec.Struct, frozen=True, gc=False):
    """One order as the broker lists it."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    filled_quantity: Decimal
    status: OrderStatus
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class FillRecord(msgspec.Struct, frozen=True, gc=False):
    """One execution as the broker lists it."""

    execution_id: ExecutionId
    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    ts_venue_ns: int


class PositionRecord(msgspec.Struct, frozen=True, gc=False):
    """One net position as the broker lists it; negative is short."""

    symbol: str
    quantity: Decimal


class AccountRecord(msgspec.Struct, frozen=True, gc=False):
    """Cash as the broker states it, in the account's currency."""

    account_id: str
    currency: str
    cash: Decimal
