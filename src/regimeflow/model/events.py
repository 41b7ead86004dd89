"""Events: everything that can influence the engine, and nothing else can.

Each event is processed with the sequencer's `ts_ns`; the venue's own time, where it has one,
is a field. Tags are the class names and never change once a release has written them.
"""

from __future__ import annotations

import msgspec

from regimeflow.model.ids import StrategyId, TimerId
from regimeflow.model.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    MarketEvent,
    Quote,
    Trade,
)
from regimeflow.model.reports import (
    BrokerReport,
    BrokerSnapshot,
    CancelRejected,
    CashPosted,
    FillBusted,
    FillCorrected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
    OutcomeUnknown,
    ReportNotUnderstood,
    RequestKind,
    SnapshotFailed,
)
from regimeflow.model.session import Session

__all__ = [
    "MARKET_EVENT_TYPES",
    "REQUESTS",
    "Adopt",
    "BrokerReport",
    "BrokerSnapshot",
    "CancelAll",
    "CancelRejected",
    "CashPosted",
    "ClockAdjusted",
    "ClockMeasured",
    "ClockStepped",
    "DataConflated",
    "EngineStarted",
    "EngineStopped",
    "Event",
    "EventClass",
    "FactEvent",
    "FeedGap",
    "FillBusted",
    "FillCorrected",
    "Flatten",
    "Halt",
    "Heartbeat",
    "LinkDown",
    "LinkUp",
    "LoopStalled",
    "MarketEvent",
    "OrderAccepted",
    "OrderCanceled",
    "OrderExpired",
    "OrderFilled",
    "OrderRejected",
    "OrderReplaced",
    "OrderStatusReported",
    "OutcomeUnknown",
    "ReportNotUnderstood",
    "RequestKind",
    "Resume",
    "SessionClosed",
    "SessionOpened",
    "SnapshotFailed",
    "TimerFired",
]

# --- links, feeds and time --------------------------------------------------------------

REQUESTS = "requests"
"""The link that is down while a broker takes no requests of ours, connected or not: during a ban,
or with a key that was revoked. Nothing is sent until it is up."""


class LinkUp(msgspec.Struct, frozen=True, tag=True):
    """A connection is usable again."""

    link: str
    detail: str = ""


class LinkDown(msgspec.Struct, frozen=True, tag=True):
    """A connection was lost; of the link `requests`: the broker takes none of ours."""

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
    """First event of a run: strategies are initialised and started.

    `boot` numbers the start and grows from one to the next; behind a link it is the second of
    the broker's clock (see `live/restart.py:boot_number`).
    """

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


class ClockMeasured(msgspec.Struct, frozen=True, tag=True):
    """The broker's time at this moment is `ts_venue_ns`, give or take `uncertainty_ns`.

    Half a round trip is uncertain: nobody knows when on the way the answer was written.
    """

    link: str
    ts_venue_ns: int
    uncertainty_ns: int


class ClockStepped(msgspec.Struct, frozen=True, tag=True):
    """`clock` stepped `delta_ns` away from the live clock, by as much as a pause is long.

    A suspended machine looks like this, and so does a clock that was set: the broker's time tells
    which, and whether the live clock follows (`ClockAdjusted`).
    """

    delta_ns: int
    clock: str


class ClockAdjusted(msgspec.Struct, frozen=True, tag=True):
    """The live clock was re-anchored by `delta_ns`, because `clock` had stepped away from it.

    `clock` is `wall`, or the link whose venue keeps a time of its own. Time goes on, never back.
    """

    delta_ns: int
    clock: str = ""


class LoopStalled(msgspec.Struct, frozen=True, tag=True):
    """The engine's own loop stood still for `length_ns` of real time: whatever it knows is old."""

    length_ns: int


# --- operator ---------------------------------------------------------------------------


class Halt(msgspec.Struct, frozen=True, tag=True):
    """Stop trading until `Resume`: only cancels and an operator's flatten may leave.

    With `allows_exits` orders that reduce a position may leave as well.
    """

    reason: str
    strategy_id: StrategyId | None = None
    allows_exits: bool = False


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


class Adopt(msgspec.Struct, frozen=True, tag=True):
    """Take what the broker has and the books have not into the books, as nobody's here."""

    reason: str


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
    | ClockMeasured
    | ClockStepped
    | ClockAdjusted
    | LoopStalled
    | Halt
    | Resume
    | CancelAll
    | Flatten
    | Adopt
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
