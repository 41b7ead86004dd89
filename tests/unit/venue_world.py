"""A small market for the tests of the simulated venue: sessions, prints, orders, one run.

Day `k` is a session from 14:30 to 21:00 UTC, `k` days after 2024-01-02.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from regimeflow.model.commands import Command, SubmitOrder
from regimeflow.model.events import Event, OrderCanceled, OrderExpired, OrderFilled, OrderRejected
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, CorporateAction, MarketEvent, Quote, Trade
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, date_from_ns
from regimeflow.venue import ExecutionModel, SimSchedule, SimVenue

DAY_ZERO_NS = 19_724 * NS_PER_DAY
SESSION_NS = 6 * NS_PER_HOUR + 30 * NS_PER_MINUTE
DAYS = 80
CASH = Decimal(100_000)
E = TypeVar("E")
FRICTIONLESS = ExecutionModel.frictionless()


def open_ns(day: int) -> int:
    return DAY_ZERO_NS + day * NS_PER_DAY + 14 * NS_PER_HOUR + 30 * NS_PER_MINUTE


def close_ns(day: int) -> int:
    return open_ns(day) + SESSION_NS


def calendar() -> SessionCalendar:
    days = range(DAYS)
    return SessionCalendar(
        "TEST",
        [
            Session("TEST", date_from_ns(open_ns(day)).isoformat(), open_ns(day), close_ns(day))
            for day in days
        ],
    )


def never_closing() -> SessionCalendar:
    """Sessions of a whole day, each beginning where the last one ends."""
    starts = [DAY_ZERO_NS + day * NS_PER_DAY for day in range(DAYS)]
    return SessionCalendar("24/7", [Session("24/7", str(ns), ns, ns + NS_PER_DAY) for ns in starts])


def daily(
    day: int,
    prices: Sequence[float] = (100.0, 101.0, 99.0, 100.0),
    *,
    volume: float = 1_000_000.0,
    symbol: str = "ABC",
) -> Bar:
    """The bar of day `day`: open, high, low, close."""
    first, high, low, last = prices
    return Bar(symbol, open_ns(day), close_ns(day), first, high, low, last, volume)


def minute(
    day: int, number: int, prices: Sequence[float], *, volume: float = 10_000.0, symbol: str = "ABC"
) -> Bar:
    """The `number`-th minute of a session, from 0."""
    start_ns = open_ns(day) + number * NS_PER_MINUTE
    end_ns = start_ns + NS_PER_MINUTE
    first, high, low, last = prices
    return Bar(symbol, start_ns, end_ns, first, high, low, last, volume, NS_PER_MINUTE)


def quote(
    ts_ns: int, bid: float, ask: float, bid_size: float = 500.0, ask_size: float = 500.0
) -> Quote:
    return Quote("ABC", ts_ns, bid, ask, bid_size, ask_size)


def trade(ts_ns: int, price: float, size: float = 100.0, aggressor: Side | None = None) -> Trade:
    return Trade("ABC", ts_ns, price, size, aggressor)


def submit(
    name: str = "o1",
    side: Side = Side.BUY,
    quantity: object = 100,
    order_type: OrderType = OrderType.MARKET,
    *,
    limit: object = None,
    stop: object = None,
    tif: TimeInForce = TimeInForce.DAY,
    symbol: str = "ABC",
    **terms: Any,
) -> SubmitOrder:
    """A submission as the risk gate would send it."""
    return SubmitOrder(
        client_order_id=ClientOrderId(name),
        strategy_id=StrategyId("s"),
        symbol=symbol,
        side=side,
        order_type=order_type,
        quantity=Decimal(str(quantity)),
        limit_price=None if limit is None else Decimal(str(limit)),
        stop_price=None if stop is None else Decimal(str(stop)),
        time_in_force=tif,
        intent_id=IntentId(StrategyId("s"), symbol, 0, 0, 0),
        worst_price=Decimal(110),
        **terms,
    )


class Run:
    """One schedule run to its end. `when` maps the n-th market event to the commands it causes;
    `react` answers any event."""

    def __init__(
        self,
        events: Iterable[MarketEvent],
        when: Mapping[int, Sequence[Command]] | None = None,
        *,
        model: ExecutionModel = FRICTIONLESS,
        actions: Sequence[CorporateAction] = (),
        react: Callable[[int, Event], list[Command]] | None = None,
        instrument: Instrument | None = None,
        chunk: int = 1_000,
        periodic_owners: tuple[str, ...] = (),
        sessions: SessionCalendar | None = None,
    ) -> None:
        stream = list(events)
        self.instrument = instrument or Instrument("ABC")
        symbols = {event.symbol for event in stream} | {"ABC"}
        self.venue = SimVenue(
            instruments={
                symbol: self.instrument if symbol == "ABC" else Instrument(symbol)
                for symbol in sorted(symbols)
            },
            model=model,
            calendar=sessions or calendar(),
            cash=CASH,
        )
        self.schedule = SimSchedule(
            chunks=iter([stream[i : i + chunk] for i in range(0, len(stream), chunk)]),
            actions=actions,
            venue=self.venue,
            calendar=sessions or calendar(),
            start_ns=0,
            end_ns=close_ns(DAYS),
            periodic_owners=periodic_owners,
        )
        self.log: list[tuple[int, Event]] = []
        seen = 0
        for ts_ns, event in self.schedule:
            self.log.append((ts_ns, event))
            commands = list(react(ts_ns, event)) if react else []
            if isinstance(event, Bar | Quote | Trade):
                commands += (when or {}).get(seen, [])
                seen += 1
            for command in commands:
                self.schedule.execute(ts_ns, command)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one type, in order."""
        return [event for _, event in self.log if isinstance(event, kind)]

    @property
    def fills(self) -> list[tuple[str, str, str]]:
        """Every fill as (client order id, quantity, price), as text."""
        return [
            (fill.client_order_id, str(fill.quantity), str(fill.price))
            for _, fill in self.log
            if isinstance(fill, OrderFilled)
        ]

    @property
    def endings(self) -> list[tuple[str, str, str]]:
        """Orders that ended otherwise, as (how, client order id, reason)."""
        return [
            (type(event).__name__, event.client_order_id, event.reason)
            for _, event in self.log
            if isinstance(event, OrderCanceled | OrderExpired | OrderRejected)
        ]
