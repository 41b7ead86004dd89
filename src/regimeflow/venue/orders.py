"""An order as the venue holds it, and the moments between which it may trade.

The venue's record is its own: it is not the engine's `Order`, and shares no state with it.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import SubmitOrder
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, IntentId, StrategyId
from regimeflow.model.order import (
    TERMINAL_STATUSES,
    ZERO,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
)
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_MINUTE
from regimeflow.venue.fees import OrderFees

CLOSE_CUT_OFF_NS = 10 * NS_PER_MINUTE
"""A market-on-close order has to arrive this long before the close, as on NYSE and Nasdaq."""

STOP_TYPES = frozenset({OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP})
AUCTION_TYPES = frozenset({OrderType.MARKET_ON_OPEN, OrderType.MARKET_ON_CLOSE})
IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class WorkingOrder(msgspec.Struct, gc=False, kw_only=True):
    """One order at the venue, working or done; `number` is its place in order of arrival.

    It may trade from `active_ns` on and through `expire_ns` (0: no end). `is_triggered` is for
    stops. `is_resting` is false until a limit order has shown that it is not marketable.
    `queue_ahead` is the size displayed before ours at our price; None while unknown.
    """

    number: int
    broker_order_id: BrokerOrderId
    client_order_ids: list[ClientOrderId]
    strategy_id: StrategyId
    intent_id: IntentId
    symbol: str
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    trail_amount: Decimal | None
    trail_fraction: Decimal | None
    reduce_only: bool
    oco_group: str | None
    latency_ns: int
    active_ns: int = 0
    expire_ns: int = 0
    status: OrderStatus = OrderStatus.NEW
    reason: str = ""
    filled_quantity: Decimal = ZERO
    fees: OrderFees = msgspec.field(default_factory=OrderFees)
    is_triggered: bool = False
    is_resting: bool = False
    queue_ahead: float | None = None
    best_price: float | None = None

    @property
    def client_order_id(self) -> ClientOrderId:
        """The id it goes by now: the newest."""
        return self.client_order_ids[-1]

    @property
    def leaves_quantity(self) -> Decimal:
        """What could still fill."""
        return self.quantity - self.filled_quantity

    @property
    def is_done(self) -> bool:
        """True when nothing more can happen to it."""
        return self.status in TERMINAL_STATUSES

    @property
    def is_limit(self) -> bool:
        """True when it trades at a limit: a limit order, or a stop-limit that has triggered."""
        if self.order_type is OrderType.LIMIT:
            return True
        return self.order_type is OrderType.STOP_LIMIT and self.is_triggered

    @property
    def is_market(self) -> bool:
        """True when it takes any price: a market order, or a stop that has triggered."""
        if self.order_type is OrderType.MARKET:
            return True
        return self.is_triggered and self.order_type is not OrderType.STOP_LIMIT

    def trail_stop(self) -> float | None:
        """Where a trailing stop stands, from the best price so far; None before the first."""
        best = self.best_price
        if best is None:
            return None
        if self.trail_amount is not None:
            return best + self.side.sign * float(self.trail_amount)
        return best * (1.0 + self.side.sign * float(self.trail_fraction or ZERO))

    def ratchet(self, price: float) -> None:
        """Let the best price follow: down for a buy, up for a sell, never back."""
        best = self.best_price
        if best is None or self.side.sign * (price - best) < 0.0:
            self.best_price = price

    def record(self) -> OrderRecord:
        """The order as a broker lists it."""
        return OrderRecord(
            client_order_id=self.client_order_id,
            broker_order_id=self.broker_order_id,
            symbol=self.symbol,
            side=self.side,
            order_type=self.order_type,
            quantity=self.quantity,
            filled_quantity=self.filled_quantity,
            status=self.status,
            limit_price=self.limit_price,
            stop_price=self.stop_price,
        )


def order_from(command: SubmitOrder, *, number: int, latency_ns: int) -> WorkingOrder:
    """The venue's record of a submission that has just arrived."""
    return WorkingOrder(
        number=number,
        broker_order_id=BrokerOrderId(str(number)),
        client_order_ids=[command.client_order_id],
        strategy_id=command.strategy_id,
        intent_id=command.intent_id,
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        quantity=command.quantity,
        limit_price=command.limit_price,
        stop_price=command.stop_price,
        trail_amount=command.trail_amount,
        trail_fraction=command.trail_fraction,
        reduce_only=command.reduce_only,
        oco_group=command.oco_group,
        latency_ns=latency_ns,
    )


def trading_window(
    command: SubmitOrder, arrival_ns: int, calendar: SessionCalendar
) -> tuple[int, int] | str:
    """`(active_ns, expire_ns)` of a submission that arrives at `arrival_ns`, or why it has none.

    An order that arrives outside a session waits for the next one; a DAY order then ends at
    that session's close. Where sessions follow each other without a pause, as in crypto, the
    close is no interruption: a DAY order then lasts to the end of the following session, or an
    order decided on a daily bar would end before the opening it waits for. `expire_ns` is
    inclusive; 0 means until cancelled.
    """
    session = calendar.at(arrival_ns)
    if command.order_type is OrderType.MARKET_ON_OPEN:
        session = calendar.next_after(arrival_ns - 1)
    elif command.order_type is OrderType.MARKET_ON_CLOSE:
        if session is None or arrival_ns > session.close_ns - CLOSE_CUT_OFF_NS:
            session = calendar.next_after(arrival_ns)
    elif command.time_in_force in IMMEDIATE:
        if session is None:
            return f"market closed: {command.time_in_force.value} cannot wait for a session"
    elif session is None:
        session = calendar.next_after(arrival_ns)
    if session is None:
        return "market closed: the calendar has no later session"
    active_ns = max(arrival_ns, session.open_ns)
    if command.order_type in AUCTION_TYPES:
        return active_ns, session.close_ns
    if command.time_in_force is TimeInForce.GTC:
        return active_ns, 0
    if command.time_in_force is TimeInForce.GTD:
        if command.expire_ns is None or command.expire_ns <= arrival_ns:
            return f"gtd: expire_ns {command.expire_ns} is not in the future"
        return active_ns, command.expire_ns
    following = calendar.next_after(session.open_ns)
    if following is not None and following.open_ns == session.close_ns:
        return active_ns, following.close_ns
    return active_ns, session.close_ns
