"""Outputs of the engine: commands cause I/O, notices only inform. Both are journaled."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from regimeflow.model.evidence import BustRecovered as BustRecovered
from regimeflow.model.evidence import CashRecovered as CashRecovered
from regimeflow.model.evidence import ExternalAdopted as ExternalAdopted
from regimeflow.model.evidence import FillRecovered as FillRecovered
from regimeflow.model.evidence import OrderResolved as OrderResolved
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, IntentId, StrategyId, TimerId
from regimeflow.model.order import OrderType, Side, TimeInForce

# --- commands ---------------------------------------------------------------------------


class SubmitOrder(
    msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True, omit_defaults=True
):
    """Send a new order. Only the risk gate may make one.

    `worst_price` is the price at which the gate valued it (its exposure until it ends).
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
    worst_price: Decimal


class CancelOrder(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Ask the venue to cancel; repeating it is harmless."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId | None
    symbol: str
    reason: str


class ReplaceOrder(msgspec.Struct, frozen=True, gc=False, tag=True, kw_only=True):
    """Change an order's terms under a new client id. Only the risk gate may make one.

    `quantity` is the new total (FIX tag 38), including what has already filled.
    """

    client_order_id: ClientOrderId
    orig_client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId | None
    symbol: str
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    worst_price: Decimal


class QueryOrder(msgspec.Struct, frozen=True, tag=True):
    """Ask the venue what became of one order."""

    client_order_id: ClientOrderId
    symbol: str


class SnapshotScope(StrEnum):
    """Which parts of the account to read."""

    ORDERS = "orders"
    POSITIONS = "positions"
    ACCOUNT = "account"
    ALL = "all"


class RequestSnapshot(msgspec.Struct, frozen=True, tag=True):
    """Ask the broker to list a part of the account."""

    request_id: str
    scope: SnapshotScope


class SetTimer(msgspec.Struct, frozen=True, tag=True):
    """Fire `TimerFired(timer_id, owner)` at `due_ns`; setting again moves it."""

    timer_id: TimerId
    owner: str
    due_ns: int


class CancelTimer(msgspec.Struct, frozen=True, tag=True):
    """Forget a pending timer."""

    timer_id: TimerId
    owner: str


# --- notices ----------------------------------------------------------------------------


class TradingState(StrEnum):
    """What may leave: ACTIVE all; REDUCING cancels and reducing orders; HALTED cancels."""

    ACTIVE = "active"
    REDUCING = "reducing"
    HALTED = "halted"


class HealthStatus(StrEnum):
    """How a part of the system is doing."""

    OK = "ok"
    WARMING = "warming"
    STALE = "stale"
    DOWN = "down"


class OrderDenied(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """An order was refused here and never left. `message` says what to change."""

    client_order_id: ClientOrderId
    strategy_id: StrategyId
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    intent_id: IntentId
    control: str
    limit: str
    observed: str
    message: str


class RiskBreached(msgspec.Struct, frozen=True, tag=True):
    """A control tripped on the state of the account rather than on one order."""

    control: str
    limit: str
    observed: str
    message: str


class TradingStateChanged(msgspec.Struct, frozen=True, tag=True):
    """What may leave has changed, for all (`strategy_id` None) or for one strategy."""

    state: TradingState
    reason: str
    control: str
    strategy_id: StrategyId | None = None


class HealthChanged(msgspec.Struct, frozen=True, tag=True):
    """A feed, link or component changed its status."""

    component: str
    status: HealthStatus
    detail: str


class DiscrepancyFound(msgspec.Struct, frozen=True, tag=True):
    """The broker and the books differ, or a report made no sense."""

    kind: str
    subject: str
    ours: str
    theirs: str
    detail: str


class StrategyFaulted(msgspec.Struct, frozen=True, tag=True):
    """A strategy raised or ran away; it is halted and the others go on."""

    strategy_id: StrategyId
    callback: str
    error: str


class StrategyLogged(msgspec.Struct, frozen=True, tag=True):
    """A line the strategy wrote with `ctx.log`."""

    strategy_id: StrategyId
    message: str


class RegimeChanged(msgspec.Struct, frozen=True, tag=True):
    """The regime of a symbol changed; `probability` is that of the new label."""

    symbol: str
    previous: str
    current: str
    probability: float
    model_id: str
    ts_venue_ns: int


class MarkKind(StrEnum):
    """Why the account was valued."""

    INTERVAL = "interval"
    SESSION = "session"
    FINAL = "final"


class AccountMarked(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The account valued at the latest prices. Equity is cash plus positions at market."""

    kind: MarkKind
    session: str
    equity: Decimal
    cash: Decimal
    gross_exposure: Decimal
    net_exposure: Decimal
    realized_pnl: Decimal
    fees: Decimal
    cash_flows: Decimal
    regime: str
    bars: int


class StrategyStateSaved(msgspec.Struct, frozen=True, tag=True):
    """A strategy's state at a session roll, encoded with its types; restored from these bytes."""

    strategy_id: StrategyId
    session: str
    state: bytes


Command = (
    SubmitOrder | CancelOrder | ReplaceOrder | QueryOrder | RequestSnapshot | SetTimer | CancelTimer
)
Notice = (
    OrderDenied
    | RiskBreached
    | TradingStateChanged
    | HealthChanged
    | DiscrepancyFound
    | StrategyFaulted
    | StrategyLogged
    | RegimeChanged
    | AccountMarked
    | OrderResolved
    | FillRecovered
    | CashRecovered
    | BustRecovered
    | ExternalAdopted
    | StrategyStateSaved
)
Output = Command | Notice
