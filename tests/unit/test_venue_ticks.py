"""What each kind of order gets from quotes and prints: known answers, worked out by hand."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.model.market import MarketEvent
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel
from tests.unit.venue_world import Run, close_ns, open_ns, quote, submit, trade

LIMIT, BUY, SELL = OrderType.LIMIT, Side.BUY, Side.SELL
QUEUE = ExecutionModel(limit_fill="queue", latency_ns=1)
THROUGH = ExecutionModel(limit_fill="through", latency_ns=1)
START = open_ns(0) + 1_000_000
S = 1_000_000_000


def at(seconds: float) -> int:
    return START + int(seconds * S)


def test_a_market_order_takes_the_next_quote_up_to_its_size_and_rests_for_more() -> None:
    run = Run(
        [
            quote(at(0), 99.99, 100.01),
            quote(at(1), 100.00, 100.02, ask_size=60),
            quote(at(2), 100.00, 100.03, ask_size=60),
        ],
        {0: [submit()]},
        model=THROUGH,
    )
    assert run.fills == [("o1", "60", "100.02"), ("o1", "40", "100.03")]


def test_two_orders_share_what_is_displayed_in_order_of_arrival() -> None:
    run = Run(
        [quote(at(0), 99.99, 100.01), quote(at(1), 100.0, 100.02, ask_size=150)],
        {0: [submit("a"), submit("b")]},
        model=THROUGH,
    )
    assert run.fills == [("a", "100", "100.02"), ("b", "50", "100.02")]


def test_a_marketable_limit_takes_the_quote_and_never_more_than_its_limit() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=100.02)
    run = Run(
        [
            quote(at(0), 99.99, 100.01),
            quote(at(1), 99.99, 100.02, ask_size=70),
            quote(at(2), 99.99, 100.05),
        ],
        {0: [order]},
        model=THROUGH,
    )
    assert run.fills == [("o1", "70", "100.02")]


def test_a_resting_limit_waits_for_what_was_displayed_before_it() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=99.99)
    prints = [trade(at(2), 99.99, 300), trade(at(3), 99.99, 250), trade(at(4), 99.99, 200)]
    first = quote(at(0), 99.99, 100.01)  # 500 displayed at our price
    run = Run([first, quote(at(1), 99.99, 100.01), *prints], {0: [order]}, model=QUEUE)
    assert run.fills == [("o1", "50", "99.99"), ("o1", "50", "99.99")]
    assert Run([first, *prints], {0: [order]}, model=THROUGH).fills == []


def test_a_shrinking_display_moves_us_up_the_queue() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=99.99)
    run = Run(
        [
            quote(at(0), 99.99, 100.01),
            quote(at(1), 99.99, 100.01, bid_size=30),
            trade(at(2), 99.99, 100),
        ],
        {0: [order]},
        model=QUEUE,
    )
    assert run.fills == [("o1", "70", "99.99")]


def test_a_print_that_lifted_the_offer_does_not_reach_a_bid() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=99.99)
    events: list[MarketEvent] = [
        quote(at(0), 99.99, 100.01, bid_size=10),
        trade(at(1), 99.99, 400, BUY),
    ]
    assert Run(events, {0: [order]}, model=QUEUE).fills == []


@pytest.mark.parametrize("model", [QUEUE, THROUGH], ids=["queue", "through"])
def test_a_trade_through_fills_the_whole_order_at_its_limit(model: ExecutionModel) -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=99.99)
    events: list[MarketEvent] = [quote(at(0), 99.99, 100.01), trade(at(1), 99.98, 1)]
    assert Run(events, {0: [order]}, model=model).fills == [("o1", "100", "99.99")]


def test_a_stop_triggers_on_a_quote_and_pays_the_quote() -> None:
    order = submit("o1", SELL, 100, OrderType.STOP, stop=99.5)
    events: list[MarketEvent] = [
        quote(at(0), 99.99, 100.01),
        quote(at(1), 99.51, 99.6),
        quote(at(2), 99.4, 99.6),
    ]
    assert Run(events, {0: [order]}, model=THROUGH).fills == [("o1", "100", "99.4")]


def test_a_stop_triggered_by_a_print_takes_the_next_quote() -> None:
    order = submit("o1", SELL, 100, OrderType.STOP, stop=99.5)
    events: list[MarketEvent] = [
        quote(at(0), 99.99, 100.01),
        trade(at(1), 99.5),
        quote(at(2), 99.45, 99.6),
    ]
    assert Run(events, {0: [order]}, model=THROUGH).fills == [("o1", "100", "99.45")]


def test_a_trailing_stop_follows_quotes() -> None:
    order = submit("o1", SELL, 100, OrderType.TRAILING_STOP, trail_amount=Decimal("0.5"))
    bids = [100.0, 101.0, 100.6, 100.4]
    events: list[MarketEvent] = [quote(at(n), bid, bid + 0.02) for n, bid in enumerate(bids)]
    assert Run(events, {0: [order]}, model=THROUGH).fills == [("o1", "100", "100.4")]


def test_without_quotes_a_market_order_takes_the_print_plus_half_a_spread() -> None:
    model = ExecutionModel(latency_ns=1, spread_bps=4.0, impact_y=0.0)
    events: list[MarketEvent] = [
        trade(at(0), 100.0),
        trade(at(1), 100.0, 60),
        trade(at(2), 100.0, 60),
    ]
    run = Run(events, {0: [submit()]}, model=model)
    assert run.fills == [("o1", "60", "100.02"), ("o1", "40", "100.02")]


def test_ioc_has_its_one_chance_at_the_next_quote_not_at_a_print() -> None:
    order = submit(tif=TimeInForce.IOC)
    events: list[MarketEvent] = [
        quote(at(0), 99.99, 100.01),
        trade(at(1), 100.0),
        quote(at(2), 99.99, 100.01, ask_size=40),
    ]
    run = Run(events, {0: [order]}, model=THROUGH)
    assert run.fills == [("o1", "40", "100.01")]
    assert run.endings == [("OrderCanceled", "o1", "ioc: the rest cannot wait")]


def test_market_on_close_takes_the_last_print_of_a_session_without_bars() -> None:
    model = ExecutionModel(latency_ns=1, impact_y=0.0)
    order = submit(order_type=OrderType.MARKET_ON_CLOSE)
    run = Run([trade(at(0), 100.0), trade(at(9), 101.5)], {0: [order]}, model=model)
    assert run.fills == [("o1", "100", "101.5")]
    assert run.venue.ledger.fills[0].ts_venue_ns == close_ns(0)


def test_a_one_sided_quote_fills_nothing() -> None:
    events: list[MarketEvent] = [
        quote(at(0), 99.99, 100.01),
        quote(at(1), 99.99, 0.0, ask_size=0.0),
    ]
    assert Run(events, {0: [submit()]}, model=THROUGH).fills == []
