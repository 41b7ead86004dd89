"""What each kind of order gets from bars: known answers, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.model.commands import SubmitOrder
from regimeflow.model.events import OrderAccepted, OrderFilled
from regimeflow.model.market import Bar
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel
from tests.unit.venue_world import (
    FRICTIONLESS,
    Run,
    close_ns,
    daily,
    minute,
    never_closing,
    open_ns,
    submit,
)

LIMIT, STOP, STOP_LIMIT = OrderType.LIMIT, OrderType.STOP, OrderType.STOP_LIMIT
TRAILING, MARKET = OrderType.TRAILING_STOP, OrderType.MARKET
BUY, SELL = Side.BUY, Side.SELL


def next_day(
    order: SubmitOrder, prices: tuple[float, ...], model: ExecutionModel = FRICTIONLESS
) -> Run:
    """An order decided on an ordinary day (close 100), and the day after it."""
    return Run([daily(0), daily(1, prices)], {0: [order]}, model=model)


def test_an_order_decided_on_a_bar_fills_at_the_next_open_before_that_bar_is_seen() -> None:
    run = next_day(submit(), (102.25, 103.0, 101.0, 102.0))
    kinds = [type(event).__name__ for _, event in run.log]
    assert run.fills == [("o1", "100", "102.25")]
    assert kinds == [
        "SessionOpened", "SessionClosed", "Bar", "OrderAccepted",
        "SessionOpened", "OrderFilled", "SessionClosed", "Bar",
    ]  # fmt: skip
    filled_ns = next(ts for ts, event in run.log if isinstance(event, OrderFilled))
    accepted_ns = next(ts for ts, event in run.log if isinstance(event, OrderAccepted))
    assert filled_ns == open_ns(1) + 1 + 1
    assert accepted_ns == close_ns(0) + 2


def test_a_printed_price_keeps_digits_that_are_not_on_the_tick() -> None:
    run = next_day(submit(), (27.84375, 28.0, 27.5, 27.9))
    assert run.fills == [("o1", "100", "27.84375")]


def test_an_order_that_arrives_after_an_opening_waits_for_the_next() -> None:
    slow = ExecutionModel(fill_model="frictionless", participation=None, latency_ns=30_000_000_000)
    bars = [minute(0, number, (100.0 + number,) * 4) for number in range(4)]
    run = Run(bars, {0: [submit()]}, model=slow)
    # Decided at 14:31, arrives 14:31:30: the opening of minute 1 has passed, minute 2 has not.
    assert run.fills == [("o1", "100", "102.0")]


@pytest.mark.parametrize(
    ("side", "limit", "prices", "price"),
    [
        (BUY, 95, (98.0, 99.0, 94.99, 97.0), "95"),
        (BUY, 95, (98.0, 99.0, 95.0, 97.0), None),
        (BUY, 95, (93.5, 99.0, 93.0, 97.0), "93.5"),
        (BUY, 105, (101.0, 102.0, 100.0, 101.0), "101.0"),
        (SELL, 105, (101.0, 105.01, 100.0, 101.0), "105"),
        (SELL, 105, (101.0, 105.0, 100.0, 101.0), None),
        (SELL, 105, (106.25, 107.0, 104.0, 105.0), "106.25"),
    ],
    ids=["beyond", "touch", "gap", "marketable", "sell beyond", "sell touch", "sell gap"],
)
def test_a_limit_order_needs_a_price_beyond_it_and_gains_from_a_gap(
    side: Side, limit: int, prices: tuple[float, ...], price: str | None
) -> None:
    run = next_day(submit("o1", side, 100, LIMIT, limit=limit), prices)
    assert run.fills == ([] if price is None else [("o1", "100", price)])


def test_a_touch_fills_only_in_the_optimistic_model() -> None:
    touch = ExecutionModel(fill_model="frictionless", limit_fill="touch", latency_ns=1)
    run = next_day(submit("o1", BUY, 100, LIMIT, limit=95), (98.0, 99.0, 95.0, 97.0), model=touch)
    assert run.fills == [("o1", "100", "95")]


@pytest.mark.parametrize(
    ("side", "stop", "prices", "price"),
    [
        (SELL, 95, (98.0, 99.0, 94.0, 97.0), "95.0"),
        (SELL, 95, (92.0, 99.0, 91.0, 97.0), "92.0"),
        (SELL, 95, (98.0, 99.0, 95.01, 97.0), None),
        (BUY, 105, (101.0, 105.0, 100.0, 101.0), "105.0"),
        (BUY, 105, (107.0, 108.0, 106.0, 107.0), "107.0"),
    ],
    ids=["inside", "gap", "missed", "buy inside", "buy gap"],
)
def test_a_stop_gets_the_worse_of_stop_and_open(
    side: Side, stop: int, prices: tuple[float, ...], price: str | None
) -> None:
    run = next_day(submit("o1", side, 100, STOP, stop=stop), prices)
    assert run.fills == ([] if price is None else [("o1", "100", price)])


def test_a_stop_limit_trades_at_the_stop_when_its_limit_allows() -> None:
    order = submit("o1", SELL, 100, STOP_LIMIT, stop=95, limit=94)
    assert next_day(order, (98.0, 99.0, 93.0, 97.0)).fills == [("o1", "100", "95.0")]


def test_a_stop_limit_passed_over_by_a_gap_rests_at_its_limit() -> None:
    order = submit("o1", SELL, 100, STOP_LIMIT, stop=95, limit=94, tif=TimeInForce.GTC)
    gap = (90.0, 93.0, 89.0, 92.0)
    assert next_day(order, gap).fills == []
    back = Run([daily(0), daily(1, gap), daily(2, (92.0, 94.01, 91.0, 93.0))], {0: [order]})
    assert back.fills == [("o1", "100", "94")]


def test_a_stop_limit_with_its_stop_beyond_the_limit_needs_the_close_as_proof() -> None:
    order = submit("o1", BUY, 100, STOP_LIMIT, stop=105, limit=103)
    assert next_day(order, (104.0, 106.0, 101.0, 104.0)).fills == []
    assert next_day(order, (104.0, 106.0, 101.0, 102.5)).fills == [("o1", "100", "103")]


def test_a_trailing_stop_follows_at_bar_ends_only() -> None:
    order = submit("o1", SELL, 100, TRAILING, trail_amount=Decimal(5), tif=TimeInForce.GTC)
    # Day 1 rises to 110 and falls to 104: the new high counts from day 2 on (stop 105).
    days = [
        daily(0),
        daily(1, (101.0, 110.0, 104.0, 108.0)),
        daily(2, (107.0, 108.0, 104.5, 105.0)),
    ]
    assert Run(days[:2], {0: [order]}).fills == []
    assert Run(days, {0: [order]}).fills == [("o1", "100", "105.0")]


def test_a_trailing_fraction_starts_from_the_last_price_at_arrival() -> None:
    order = submit("o1", SELL, 100, TRAILING, trail_fraction=Decimal("0.1"))
    assert next_day(order, (99.0, 99.5, 89.0, 90.0)).fills == [("o1", "100", "90.0")]
    assert next_day(order, (99.0, 99.5, 90.01, 91.0)).fills == []


def test_market_on_open_takes_the_next_session_and_no_later_bar() -> None:
    bars = [minute(0, 0, (100.0,) * 4), minute(0, 1, (101.0,) * 4), minute(1, 0, (105.0,) * 4)]
    run = Run(bars, {0: [submit("o1", BUY, 100, OrderType.MARKET_ON_OPEN)]})
    assert run.fills == [("o1", "100", "105.0")]


def test_market_on_close_takes_the_closing_price_of_the_last_bar() -> None:
    bars = [minute(0, number, (100.0 + number,) * 4) for number in (0, 1, 388, 389)]
    order = submit("o1", BUY, 100, OrderType.MARKET_ON_CLOSE)
    run = Run(bars, {0: [order]})
    assert run.fills == [("o1", "100", "489.0")]
    assert Run([daily(0), daily(1, (101.0, 103.0, 99.0, 102.5))], {0: [order]}).fills == [
        ("o1", "100", "102.5")
    ]


def test_market_on_close_after_the_cut_off_is_for_the_next_session() -> None:
    bars = [
        minute(0, 385, (100.0,) * 4),
        minute(0, 389, (101.0,) * 4),
        minute(1, 389, (102.0,) * 4),
    ]
    run = Run(bars, {0: [submit("o1", BUY, 100, OrderType.MARKET_ON_CLOSE)]})
    assert run.fills == [("o1", "100", "102.0")]


def test_an_order_does_not_meet_the_range_of_a_bar_that_had_opened_before_it_arrived() -> None:
    hourly = [minute(0, 0, (100.0,) * 4)]
    wide = Bar("ABC", open_ns(0), close_ns(0), 100.0, 120.0, 80.0, 100.0, 1e6)
    order = submit("o1", BUY, 100, LIMIT, limit=90)
    run = Run([*hourly, wide], {0: [order]}, model=FRICTIONLESS)
    assert run.fills == []
    assert run.endings == [("OrderExpired", "o1", "day: time is over")]


@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.IOC])
def test_where_the_market_never_closes_an_order_on_a_daily_bar_reaches_an_opening(
    tif: TimeInForce,
) -> None:
    """Midnight is close and open at once: an order that arrives later waits a whole session."""
    sessions = never_closing()
    bars = [
        Bar("ABC", day.open_ns, day.close_ns, 100.0 + n, 104.0, 99.0, 100.0, 1e6)
        for n, day in enumerate(sessions.sessions[:4])
    ]
    late = ExecutionModel(fill_model="frictionless", latency_ns=250_000_000)
    run = Run(bars, {0: [submit(tif=tif)]}, model=late, sessions=sessions)
    assert run.fills == [("o1", "100", "102.0")]
    resting = submit("o2", BUY, 100, LIMIT, limit=90)
    ended = Run(bars, {0: [resting]}, model=late, sessions=sessions)
    assert ended.endings == [("OrderExpired", "o2", "day: time is over")]
