"""Orders and a small market for the conformance suite: one quote a second, both sides 100."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from regimeflow.model.commands import (
    CancelOrder,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SnapshotScope,
    SubmitOrder,
)
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import MarketEvent, Quote
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_MS, NS_PER_S
from regimeflow.venue import ExecutionModel

START_NS = 19_724 * NS_PER_DAY
QUOTES = 20_000
CASH = Decimal(1_000_000)
BID, ASK = Decimal("99.99"), Decimal("100.01")
STEP = Decimal("0.00000001")
INSTRUMENTS = {
    "ABC": Instrument("ABC"),
    "COIN": Instrument("COIN", tick_size=STEP, lot_size=STEP),
}
CALENDAR = SessionCalendar("TEST", [Session("TEST", "2024-01-02", START_NS, START_NS + NS_PER_DAY)])
MODEL = ExecutionModel(
    spread_bps=0.0, participation=None, impact_y=0.0, latency_ns=NS_PER_MS, fees="none"
)


def quotes() -> Iterator[list[MarketEvent]]:
    """The data, a hundred quotes at a time."""
    for first in range(1, QUOTES, 100):
        yield [
            Quote("ABC", START_NS + k * NS_PER_S, float(BID), float(ASK), 100.0, 100.0)
            for k in range(first, first + 100)
        ]


def submit(
    name: str,
    quantity: object = 100,
    *,
    side: Side = Side.BUY,
    limit: object = None,
    tif: TimeInForce = TimeInForce.DAY,
    symbol: str = "ABC",
) -> SubmitOrder:
    """A market order, or a limit order."""
    return SubmitOrder(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("s"),
        symbol=symbol,
        side=side,
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        quantity=Decimal(str(quantity)),
        limit_price=None if limit is None else Decimal(str(limit)),
        time_in_force=tif,
        intent_id=IntentId(StrategyId("s"), symbol, 0, 0, 0),
        worst_price=Decimal(110),
    )


def cancel(name: str) -> CancelOrder:
    """A request to end an order."""
    return CancelOrder(ClientOrderId(name), None, "ABC", "asked to")


def replace(name: str, new_name: str, quantity: object, limit: object) -> ReplaceOrder:
    """A request for new terms."""
    return ReplaceOrder(
        client_order_id=ClientOrderId(new_name),
        orig_client_order_id=ClientOrderId(name),
        broker_order_id=None,
        symbol="ABC",
        quantity=Decimal(str(quantity)),
        limit_price=Decimal(str(limit)),
        stop_price=None,
        worst_price=Decimal(110),
    )


def query(name: str) -> QueryOrder:
    """What became of an order?"""
    return QueryOrder(ClientOrderId(name), "ABC")


def snapshot(request_id: str) -> RequestSnapshot:
    """What does the account hold?"""
    return RequestSnapshot(request_id, SnapshotScope.ALL)
