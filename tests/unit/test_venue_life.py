"""Life of an order at the venue: time in force, groups, reducing, cancels, replaces, refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.model.commands import CancelOrder, Command, ReplaceOrder, SubmitOrder
from regimeflow.model.events import CancelRejected, OrderAccepted, OrderReplaced, RequestKind
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, MarketEvent
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel
from tests.unit.venue_world import FRICTIONLESS, Run, close_ns, daily, minute, open_ns, submit

LIMIT, STOP, BUY, SELL = OrderType.LIMIT, OrderType.STOP, Side.BUY, Side.SELL
GTC, GTD, IOC, FOK = TimeInForce.GTC, TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK
TENTH = ExecutionModel(
    fill_model="frictionless", participation=Decimal("0.1"), latency_ns=1, impact_y=0.0
)
FLAT = (100.0, 101.0, 99.0, 100.0)


def cancel(name: str = "o1") -> CancelOrder:
    return CancelOrder(ClientOrderId(name), None, "ABC", "on request")


def replace(name: str, orig: str, quantity: int, limit: object = None) -> ReplaceOrder:
    return ReplaceOrder(
        client_order_id=ClientOrderId(name),
        orig_client_order_id=ClientOrderId(orig),
        broker_order_id=None,
        symbol="ABC",
        quantity=Decimal(quantity),
        limit_price=None if limit is None else Decimal(str(limit)),
        stop_price=None,
        worst_price=Decimal(110),
    )


def minutes(*numbers: int, volume: float = 10_000.0) -> list[MarketEvent]:
    return [minute(0, number, FLAT, volume=volume) for number in numbers]


# --- time in force ----------------------------------------------------------------------


def test_a_day_order_sent_overnight_expires_at_the_next_close_after_the_range() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90)
    run = Run([daily(0), daily(1), daily(2, (89.0,) * 4)], {0: [order]})
    assert run.fills == []
    assert run.endings == [("OrderExpired", "o1", "day: time is over")]
    expired_ns = next(ts for ts, event in run.log if type(event).__name__ == "OrderExpired")
    assert expired_ns == close_ns(1) + 1


def test_a_gtc_order_works_until_it_fills() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTC)
    run = Run([daily(0), daily(1), daily(2, (95.0, 96.0, 89.0, 90.0))], {0: [order]})
    assert run.fills == [("o1", "100", "90")]


def test_a_gtd_order_does_not_fill_in_a_bar_that_outlasts_it() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTD, expire_ns=open_ns(1) + 1_000)
    run = Run([daily(0), daily(1, (95.0, 96.0, 89.0, 90.0))], {0: [order]})
    assert run.fills == []
    assert run.endings == [("OrderExpired", "o1", "gtd: time is over")]


def test_ioc_takes_the_first_opening_and_cancels_the_rest() -> None:
    run = Run(minutes(0, 1, 2), {0: [submit("o1", BUY, 1500, tif=IOC)]}, model=TENTH)
    assert run.fills == [("o1", "1000", "100.0")]
    assert run.endings == [("OrderCanceled", "o1", "ioc: the rest cannot wait")]


def test_fok_takes_all_or_nothing() -> None:
    run = Run(
        minutes(0, 1, 2),
        {0: [submit("o1", BUY, 1500, tif=FOK)], 1: [submit("o2", BUY, 1000, tif=FOK)]},
        model=TENTH,
    )
    assert run.fills == [("o2", "1000", "100.0")]
    assert run.endings == [("OrderCanceled", "o1", "fok: only 1000 of 1500 available")]


def test_an_immediate_order_is_refused_while_the_market_is_closed() -> None:
    run = Run([daily(0), daily(1)], {0: [submit(tif=IOC)]})
    assert run.endings == [("OrderRejected", "o1", "market closed: ioc cannot wait for a session")]


def test_what_a_bar_cannot_give_works_on_in_the_next() -> None:
    run = Run(minutes(0, 1, 2, 3), {0: [submit("o1", BUY, 2500)]}, model=TENTH)
    assert [quantity for _, quantity, _ in run.fills] == ["1000", "1000", "500"]


def test_a_bar_without_volume_fills_nothing() -> None:
    bars = [*minutes(0), *minutes(1, volume=0.0), *minutes(2)]
    run = Run(bars, {0: [submit()]}, model=TENTH)
    assert [fill.ts_venue_ns for fill in run.venue.ledger.fills] == [open_ns(0) + 120 * 10**9 + 1]


# --- one cancels other, reduce only -----------------------------------------------------


def bracket(quantity: int = 100) -> list[Command]:
    return [
        submit("stop", SELL, quantity, STOP, stop=95, tif=GTC, oco_group="exit"),
        submit("goal", SELL, quantity, LIMIT, limit=105, tif=GTC, oco_group="exit"),
    ]


def test_stop_and_target_in_one_bar_is_the_stop_and_is_counted() -> None:
    run = Run([daily(0), daily(1, (100.0, 106.0, 94.0, 100.0))], {0: bracket()})
    assert run.fills == [("stop", "100", "95.0")]
    assert run.endings == [("OrderCanceled", "goal", "oco")]
    assert run.venue.ambiguous_bars == 1


def test_the_target_alone_cancels_the_stop() -> None:
    run = Run([daily(0), daily(1, (100.0, 106.0, 96.0, 100.0))], {0: bracket()})
    assert run.fills == [("goal", "100", "105")]
    assert run.endings == [("OrderCanceled", "stop", "oco")]
    assert run.venue.ambiguous_bars == 0


def test_a_partial_fill_of_one_leg_shrinks_the_other() -> None:
    thin = daily(1, (100.0, 106.0, 96.0, 100.0), volume=300.0)
    run = Run([daily(0), thin], {0: bracket()}, model=TENTH)
    assert run.fills == [("goal", "30", "105")]
    (report,) = run.of(OrderReplaced)
    assert (report.client_order_id, report.orig_client_order_id) == ("stop", "stop")
    assert report.quantity == 70


def test_the_other_leg_of_a_partly_filled_stop_does_not_fill_in_the_same_bar() -> None:
    wide = daily(1, (100.0, 106.0, 94.0, 100.0), volume=300.0)
    more = daily(2, (100.0, 106.0, 96.0, 100.0), volume=300.0)
    run = Run([daily(0), wide, more], {0: bracket(20)}, model=TENTH)
    assert run.fills == [("stop", "20", "95.0")]
    part = Run([daily(0), wide], {0: bracket()}, model=TENTH)
    assert part.fills == [("stop", "30", "95.0")]


def test_orders_share_the_volume_of_a_bar_in_order_of_arrival() -> None:
    run = Run(minutes(0, 1), {0: [submit("a", BUY, 700), submit("b", BUY, 700)]}, model=TENTH)
    assert run.fills == [("a", "700", "100.0"), ("b", "300", "100.0")]


def test_a_leg_that_arrives_after_the_other_filled_is_refused() -> None:
    slow = ExecutionModel(fill_model="frictionless", participation=None, latency_ns=90 * 10**9)
    first = submit("a", BUY, 100, oco_group="g")
    second = submit("b", BUY, 100, oco_group="g")
    # `b` leaves a minute later, before the fill of `a` (minute 2, known 90 s on) is known.
    run = Run(minutes(0, 1, 2, 3, 4, 5), {0: [first], 1: [second]}, model=slow)
    assert [name for name, _, _ in run.fills] == ["a"]
    assert run.endings == [("OrderRejected", "b", "oco: the other leg has filled")]


def test_a_group_name_can_be_used_again() -> None:
    again = submit("c", BUY, 100, oco_group="g")
    run = Run(minutes(0, 1, 2, 3), {0: [submit("a", BUY, 100, oco_group="g")], 2: [again]})
    assert [name for name, _, _ in run.fills] == ["a", "c"]


def test_a_reducing_order_never_flips_the_position() -> None:
    run = Run(
        minutes(0, 1, 2, 3),
        {0: [submit("in", BUY, 100)], 1: [submit("out", SELL, 300, reduce_only=True)]},
    )
    assert run.fills == [("in", "100", "100.0"), ("out", "100", "100.0")]
    assert run.endings == [("OrderCanceled", "out", "nothing is left to reduce")]
    assert run.venue.ledger.positions == {}


# --- cancel and replace -----------------------------------------------------------------


def test_a_cancel_ends_the_order_and_a_second_one_is_refused() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTC)
    run = Run(minutes(0, 1, 2), {0: [order], 1: [cancel(), cancel(), cancel("what")]})
    assert run.endings == [("OrderCanceled", "o1", "on request")]
    refused = [(r.client_order_id, r.reason) for r in run.of(CancelRejected)]
    assert refused == [
        ("o1", "the order is already canceled"),
        ("what", "unknown order"),
    ]


def test_a_replaced_order_goes_by_both_ids_and_fills_at_its_new_limit() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTC)
    run = Run(
        [*minutes(0, 1, 2), minute(0, 3, (100.0, 100.0, 98.0, 99.0))],
        {0: [order], 1: [replace("o2", "o1", 60, 98.5)]},
    )
    assert run.fills == [("o2", "60", "98.5")]
    for name in ("o1", "o2"):
        ended = Run(minutes(0, 1, 2), {0: [order], 1: [replace("o2", "o1", 60), cancel(name)]})
        assert ended.endings == [("OrderCanceled", "o2", "on request")]


def test_a_replaced_price_does_not_meet_the_range_of_a_bar_that_had_opened() -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTC)
    wide = Bar("ABC", open_ns(0) + 3 * 60 * 10**9, close_ns(0), 100.0, 101.0, 94.0, 100.0, 1e6)
    early = Run([*minutes(0, 1, 4), wide], {0: [order], 2: [replace("o2", "o1", 100, 95)]})
    assert [report.client_order_id for report in early.of(OrderReplaced)] == ["o2"]
    assert early.fills == []


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (replace("o1", "o1", 60), "duplicate client order id o1"),
        (replace("o2", "what", 60), "unknown order"),
        (replace("o2", "o1", 60, 98.005), "limit price 98.005 is not a positive multiple of tick"),
    ],
)
def test_a_replace_that_cannot_be_is_refused_under_its_new_id(
    command: ReplaceOrder, reason: str
) -> None:
    order = submit("o1", BUY, 100, LIMIT, limit=90, tif=GTC)
    (refused,) = Run(minutes(0, 1, 2), {0: [order], 1: [command]}).of(CancelRejected)
    assert refused.client_order_id == command.client_order_id
    assert refused.response_to is RequestKind.REPLACE
    assert refused.reason.startswith(reason)


def test_a_replace_to_what_has_filled_already_is_refused() -> None:
    run = Run(
        minutes(0, 1, 2, 3),
        {0: [submit("o1", BUY, 2500)], 1: [replace("o2", "o1", 1000)]},
        model=TENTH,
    )
    (refused,) = run.of(CancelRejected)
    assert refused.reason == "quantity 1000 is not above the 1000 filled"


# --- refusals ---------------------------------------------------------------------------

STRICT = Instrument("ABC", lot_size=Decimal(10), min_notional=Decimal(1000), is_shortable=False)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (submit(symbol="XYZ"), "unknown symbol XYZ"),
        (submit(quantity=15), "quantity 15 is not a positive multiple of lot 10"),
        (submit(order_type=LIMIT, limit="90.001"), "limit price 90.001 is not a positive multiple"),
        (submit(order_type=LIMIT, limit=90, quantity=10), "value 900 is below the minimum 1000"),
        (submit(side=SELL), "ABC cannot be sold short: 0 held, 100 offered"),
        (submit(order_type=LIMIT), "a limit order takes a limit price"),
        (submit(limit=90), "a market order takes no limit price"),
        (submit(order_type=STOP), "a stop order takes a stop price"),
        (submit(order_type=OrderType.TRAILING_STOP), "a trailing stop takes a trail amount or"),
        (submit(order_type=STOP, stop=105, tif=IOC), "ioc is for market and limit orders"),
        (submit(reduce_only=True), "reduce-only: the position of 0 is not reduced"),
        (submit(tif=GTD, expire_ns=1), "gtd: expire_ns 1 is not in the future"),
    ],
)
def test_an_unsound_order_is_refused_with_the_reason(order: SubmitOrder, reason: str) -> None:
    run = Run(minutes(0, 1), {0: [order]}, instrument=STRICT)
    assert run.of(OrderAccepted) == []
    ((how, name, said),) = run.endings
    assert (how, name) == ("OrderRejected", "o1")
    assert said.startswith(reason)


def test_a_client_order_id_is_used_once_for_ever() -> None:
    run = Run(minutes(0, 1, 2, 3), {0: [submit()], 2: [submit()]}, model=FRICTIONLESS)
    assert run.fills == [("o1", "100", "100.0")]
    assert run.endings == [("OrderRejected", "o1", "duplicate client order id o1")]


def test_buying_power_is_limited_only_when_asked_for() -> None:
    model = ExecutionModel(fill_model="frictionless", latency_ns=1, leverage_max=Decimal(1))
    run = Run(minutes(0, 1, 2), {0: [submit("o1", BUY, 1000)]}, model=model)
    assert run.endings == [
        ("OrderRejected", "o1", "insufficient buying power: 110000 needed, 100000 available")
    ]
