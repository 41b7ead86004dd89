"""Events: everything that can influence the engine, and nothing else can.

Each event is processed with the sequencer's `ts_ns`; the venue's own time, where it has one,
is a field. Tags are the class names and never change once a release has written them.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from regimeflow.model.account import AccountRecord, FillRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, StrategyId, TimerId
from regimeflow.model.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    CorporateAction,
    MarketEvent,
    Quote,
    Trade,
)
from regimeflow.model.order import Side
from regimeflow.model.session import Session

# --- broker reports ---------------------------------------------------------------------


class OrderAccepted(msgspec.Struct, frozen=True, tag=True):
    """The venue works the order."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId
    ts_venue_ns: int


class OrderRejected(msgspec.Struct, frozen=True, tag=True):
    """The venue refused the order; nothing of it can fill."""

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int


class OrderFilled(msgspec.Struct, frozen=True, tag=True):
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


class OrderCanceled(msgspec.Struct, frozen=True, tag=True):
    """The order is dead; what had filled stays filled."""

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int


class OrderReplaced(msgspec.Struct, frozen=True, tag=True):
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


class OrderExpired(msgspec.Struct, frozen=True, tag=True):
    """Its time in force ran out; what had filled stays filled."""

    client_order_id: ClientOrderId
    reason: str
    ts_venue_ns: int


class RequestKind(StrEnum):
    """Which of our requests a report answers."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"


class CancelRejected(msgspec.Struct, frozen=True, tag=True):
    """A cancel or replace was refused; the order is as it was (FIX 35=9).

    For a replace, `client_order_id` is the new id that was refused.
    """

    client_order_id: ClientOrderId
    response_to: RequestKind
    reason: str
    ts_venue_ns: int


class OutcomeUnknown(msgspec.Struct, frozen=True, tag=True):
    """A request left and its fate is unknown; only evidence may resolve it."""

    client_order_id: ClientOrderId
    request: RequestKind
    reason: str


class CashPosted(msgspec.Struct, frozen=True, tag=True):
    """Cash moved without a fill: dividend, fee, interest, deposit, withdrawal."""

    activity_id: str
    kind: str
    symbol: str
    amount: Decimal
    ts_venue_ns: int


class BrokerSnapshot(msgspec.Struct, frozen=True, tag=True):
    """What the broker lists. A part that is None was not read, which is not the same as empty."""

    request_id: str
    orders: tuple[OrderRecord, ...] | None
    fills: tuple[FillRecord, ...] | None
    positions: tuple[PositionRecord, ...] | None
    account: AccountRecord | None
    ts_venue_ns: int


class SnapshotFailed(msgspec.Struct, frozen=True, tag=True):
    """A poll failed. It says nothing about the account and changes no book."""

    request_id: str
    reason: str


# --- links, feeds and time --------------------------------------------------------------


class LinkUp(msgspec.Struct, frozen=True, tag=True):
    """A connection is usable again."""

    link: str
    detail: str = ""


class LinkDown(msgspec.Struct, frozen=True, tag=True):
    """A connection was lost."""

    link: str
    reason: str


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """A link, or one symbol on it, proved that it is alive."""

    link: str
    symbol: str = ""


class FeedGap(msgspec.Struct, frozen=True, tag=True):
    """Trades or bars of a symbol are known to be missing."""

    symbol: str
    ts_from_ns: int
    ts_to_ns: int


class DataConflated(msgspec.Struct, frozen=True, tag=True):
    """`count` quotes of a symbol were replaced by newer ones before the engine saw them."""

    symbol: str
    count: int


class EngineStarted(msgspec.Struct, frozen=True, tag=True):
    """First event of a run: strategies are initialised and started. `boot` counts starts."""

    boot: int


class EngineStopped(msgspec.Struct, frozen=True, tag=True):
    """Last event of an orderly run: strategies are told to stop."""

    reason: str


class TimerFired(msgspec.Struct, frozen=True, tag=True):
    """A pending timer is due; `late_ns` is how far past it the engine was."""

    timer_id: TimerId
    owner: str
    due_ns: int
    late_ns: int = 0


class SessionOpened(msgspec.Struct, frozen=True, tag=True):
    """The venue's session begins."""

    session: Session


class SessionClosed(msgspec.Struct, frozen=True, tag=True):
    """The venue's session ends."""

    session: Session


class ClockAdjusted(msgspec.Struct, frozen=True, tag=True):
    """The live clock was re-anchored by `delta_ns`."""

    delta_ns: int


# --- operator ---------------------------------------------------------------------------


class Halt(msgspec.Struct, frozen=True, tag=True):
    """Stop trading until `Resume`: only cancels and an operator's flatten may leave."""

    reason: str
    strategy_id: StrategyId | None = None


class Resume(msgspec.Struct, frozen=True, tag=True):
    """The only way back from REDUCING or HALTED."""

    reason: str
    strategy_id: StrategyId | None = None


class CancelAll(msgspec.Struct, frozen=True, tag=True):
    """Cancel every working order."""

    reason: str


class Flatten(msgspec.Struct, frozen=True, tag=True):
    """Cancel every working order and close every position."""

    reason: str


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
)
FactEvent = (
    BrokerReport
    | LinkUp
    | LinkDown
    | Heartbeat
    | FeedGap
    | DataConflated
    | EngineStarted
    | EngineStopped
    | TimerFired
    | SessionOpened
    | SessionClosed
    | ClockAdjusted
    | Halt
    | Resume
    | CancelAll
    | Flatten
)
"""Events of the `facts` journal; market events have a file of their own."""
Event = MarketEvent | FactEvent
MARKET_EVENT_TYPES = frozenset({Bar, Quote, Trade, BookSnapshot, BookDelta})


class EventClass:
    """Rank of an event among those of equal `ts_ns`: lower is processed first."""

    OPERATOR = 0
    BROKER = 1
    TIMER = 2
    SESSION = 3
    MARKET = 4
