"""Orders: the FIX vocabulary, and the one record that describes an order's life so far."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from regimeflow.model.ids import BrokerOrderId, ClientOrderId, IntentId, StrategyId

ZERO = Decimal(0)
BY_STRATEGY = "strategy"
"""Reason of a cancel that a strategy asked for itself."""


class Side(StrEnum):
    """FIX tag 54."""

    BUY = "buy"
    SELL = "sell"

    sign: int
    """+1 for a buy, -1 for a sell."""

    def __init__(self, tag: str) -> None:
        self.sign = 1 if tag == "buy" else -1

    @property
    def opposite(self) -> Side:
        """The side that closes what this side opened."""
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """FIX tag 40."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"
    TRAILING_STOP = "trailing_stop"
    MARKET_ON_OPEN = "market_on_open"
    MARKET_ON_CLOSE = "market_on_close"


class TimeInForce(StrEnum):
    """FIX tag 59."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    GTD = "gtd"


class OrderStatus(StrEnum):
    """FIX tag 39, with four states of our own: CREATED, DENIED, IN_DOUBT, NOT_FOUND.

    IN_DOUBT: the venue may or may not have the order; it counts as exposure.
    NOT_FOUND: absence proved (settle window and two negatives by different routes).
    """

    CREATED = "created"
    DENIED = "denied"
    PENDING_NEW = "pending_new"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    PENDING_CANCEL = "pending_cancel"
    PENDING_REPLACE = "pending_replace"
    IN_DOUBT = "in_doubt"
    NOT_FOUND = "not_found"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def is_terminal(self) -> bool:
        """True when nothing more can happen but a late fill, a bust or a correction."""
        return self in TERMINAL_STATUSES


TERMINAL_STATUSES = frozenset(
    {
        OrderStatus.DENIED,
        OrderStatus.NOT_FOUND,
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
    }
)


class Order(msgspec.Struct, gc=False, kw_only=True, omit_defaults=True):
    """One order from wish to end. The engine owns it; strategies receive copies.

    Quantities are in units of the instrument, prices in its currency. `filled_cost` is the sum
    of quantity times price over all fills: the average price is derived, never stored.
    `client_order_ids` lists every id the order has had (one per replacement asked for), newest
    last; `current_id` is that of the last replacement that was accepted, None before the first.
    `annulled_quantity` filled once and was annulled by the venue: it is not filled and, as far as
    the venue is concerned, used up. `ended_leg` is how the leg that stood ended while a
    replacement of it is not answered and may live, or fills that its end counted
    (`counted_at_end`) are not booked.
    `take_profit_price` and `stop_loss_price` ask for a bracket: exits placed as fills arrive.
    `cancel_reason` is why it was asked to be cancelled, the engine's or an operator's before the
    strategy's own; `cancels_sent` counts how often.
    """

    client_order_id: ClientOrderId
    strategy_id: StrategyId
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_amount: Decimal | None = None
    trail_fraction: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_ns: int | None = None
    reduce_only: bool = False
    for_next_open: bool = False
    parent_id: ClientOrderId | None = None
    oco_group: str | None = None
    take_profit_price: Decimal | None = None
    stop_loss_price: Decimal | None = None
    tag: str = ""
    intent_id: IntentId
    status: OrderStatus = OrderStatus.CREATED
    filled_quantity: Decimal = ZERO
    filled_cost: Decimal = ZERO
    fees: Decimal = ZERO
    worst_price: Decimal = ZERO
    broker_order_id: BrokerOrderId | None = None
    client_order_ids: tuple[ClientOrderId, ...] = ()
    in_doubt: bool = False
    reason: str = ""
    created_ns: int = 0
    updated_ns: int = 0
    current_id: ClientOrderId | None = None
    annulled_quantity: Decimal = ZERO
    ended_leg: OrderStatus | None = None
    counted_at_end: Decimal = ZERO
    cancel_reason: str = ""
    cancels_sent: int = 0

    @property
    def root_id(self) -> ClientOrderId:
        """Its first client order id, which names it through all replacements."""
        return self.client_order_ids[0]

    @property
    def group_id(self) -> str:
        """What fills at most once: its one-cancels-other group, or the order alone."""
        return self.oco_group or self.root_id

    @property
    def standing_id(self) -> ClientOrderId:
        """The id under which the venue has it: that of its last accepted replacement."""
        return self.current_id or self.client_order_id

    @property
    def leaves_quantity(self) -> Decimal:
        """What could still fill; zero once the order is terminal (FIX tag 151)."""
        if self.status in TERMINAL_STATUSES:
            return ZERO
        leaves = self.quantity - self.filled_quantity
        return leaves if leaves > 0 else ZERO

    @property
    def used_quantity(self) -> Decimal:
        """What the venue counts as done: filled, or filled once and annulled."""
        return self.filled_quantity + self.annulled_quantity

    @property
    def is_unwanted(self) -> bool:
        """Whether the engine or an operator wants it gone: a refused cancel changes nothing."""
        return self.cancel_reason not in ("", BY_STRATEGY)

    @property
    def average_price(self) -> Decimal | None:
        """Mean price of the fills so far; None before the first (FIX tag 6)."""
        return self.filled_cost / self.filled_quantity if self.filled_quantity else None

    @property
    def is_open(self) -> bool:
        """True while the order could still fill."""
        return self.status not in TERMINAL_STATUSES
