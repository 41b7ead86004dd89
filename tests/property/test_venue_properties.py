"""What holds at the simulated venue for any market and any orders."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.model.commands import (
    CancelOrder,
    Command,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SnapshotScope,
)
from regimeflow.model.events import (
    BrokerSnapshot,
    CashPosted,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRejected,
    OrderStatusReported,
)
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.market import ActionKind, Bar, CorporateAction, MarketEvent, Quote, Trade
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel
from tests.unit.venue_world import CASH, Run, minute, open_ns, submit

BARS = 24
PRICES = st.integers(9_500, 10_500).map(lambda cents: cents / 100)
TICKS = st.integers(9_400, 10_600).map(lambda cents: Decimal(cents) / 100)
NEEDS_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)
NEEDS_STOP = (OrderType.STOP, OrderType.STOP_LIMIT)


@st.composite
def bar_streams(draw: st.DrawFn) -> list[MarketEvent]:
    """Two sessions of a few minutes at their start, prices around 100."""
    stream: list[MarketEvent] = []
    for number in range(BARS):
        prices = draw(st.lists(PRICES, min_size=4, max_size=4))
        first, last = prices[0], prices[3]
        volume = float(draw(st.sampled_from([0, 90, 1_000, 20_000])))
        shape = (first, max(prices), min(prices), last)
        stream.append(minute(number // 12, number % 12, shape, volume=volume))
    return stream


@st.composite
def tick_streams(draw: st.DrawFn) -> list[MarketEvent]:
    """Quotes and prints a second apart."""
    stream: list[MarketEvent] = []
    for number in range(BARS * 2):
        ts_ns = open_ns(0) + number * 1_000_000_000 + 1
        price, size = draw(PRICES), float(draw(st.integers(0, 300)))
        if draw(st.booleans()):
            other = float(draw(st.integers(0, 300)))
            stream.append(Quote("ABC", ts_ns, round(price - 0.02, 2), price, size, other))
        else:
            stream.append(Trade("ABC", ts_ns, price, size + 1.0))
    return stream


@st.composite
def orders(draw: st.DrawFn, number: int) -> Command:
    """Any order, most of them sound."""
    kind = draw(st.sampled_from(OrderType))
    immediate = (TimeInForce.IOC, TimeInForce.FOK)
    lasting = (TimeInForce.DAY, TimeInForce.GTC)
    is_plain = kind in (OrderType.MARKET, OrderType.LIMIT)
    return submit(
        f"o{number}",
        draw(st.sampled_from(Side)),
        draw(st.integers(1, 3_000)),
        kind,
        limit=draw(TICKS) if kind in NEEDS_LIMIT else None,
        stop=draw(TICKS) if kind in NEEDS_STOP else None,
        tif=draw(st.sampled_from(lasting + immediate if is_plain else lasting)),
        trail_amount=Decimal("1.5") if kind is OrderType.TRAILING_STOP else None,
        reduce_only=draw(st.booleans()) and draw(st.booleans()),
        oco_group=draw(st.sampled_from([None, None, "g", "h"])),
    )


@st.composite
def scripts(draw: st.DrawFn) -> dict[int, list[Command]]:
    """Orders, cancels and replaces at any market event."""
    script: dict[int, list[Command]] = defaultdict(list)
    for number in range(draw(st.integers(1, 10))):
        at = draw(st.integers(0, BARS - 1))
        script[at].append(draw(orders(number)))
        what = draw(st.sampled_from(["keep", "keep", "cancel", "replace"]))
        name, later = ClientOrderId(f"o{number}"), min(at + 2, BARS - 1)
        if what == "cancel":
            script[later].append(CancelOrder(name, None, "ABC", "on request"))
        elif what == "replace":
            script[later].append(
                ReplaceOrder(
                    client_order_id=ClientOrderId(f"r{number}"),
                    orig_client_order_id=name,
                    broker_order_id=None,
                    symbol="ABC",
                    quantity=Decimal(draw(st.integers(1, 3_000))),
                    limit_price=None,
                    stop_price=None,
                    worst_price=Decimal(110),
                )
            )
    return script


models = st.builds(
    ExecutionModel,
    limit_fill=st.sampled_from(["through", "queue", "touch"]),
    latency_ns=st.sampled_from([1, 250_000_000, 70_000_000_000]),
    latency_jitter_ns=st.sampled_from([0, 1_000_000_000]),
    fees=st.sampled_from(["none", "alpaca", "ibkr_fixed", "ibkr_tiered", "binance"]),
)
streams = st.one_of(bar_streams(), tick_streams())


def splits(ratio: int) -> list[CorporateAction]:
    return [CorporateAction("ABC", open_ns(1), ActionKind.SPLIT, Decimal(ratio))]


@given(streams, scripts(), models, st.sampled_from([1, 2, 3]))
def test_cash_and_positions_are_the_sum_of_what_was_reported(
    stream: list[MarketEvent], script: dict[int, list[Command]], model: ExecutionModel, ratio: int
) -> None:
    run = Run(stream, script, model=model, actions=splits(ratio))
    cash, position = CASH, Decimal(0)
    for ts_ns, event in run.log:
        if isinstance(event, CorporateAction):
            position *= ratio
        elif isinstance(event, OrderFilled):
            # A fill from before the split may be reported after it only with a long latency.
            assert ts_ns > event.ts_venue_ns
            position += event.side.sign * event.quantity
            cash -= event.side.sign * event.quantity * event.price + event.fee
        elif isinstance(event, CashPosted):
            cash += event.amount
    ledger = run.venue.ledger
    assert cash == ledger.cash
    assert position == ledger.position("ABC")


@given(streams, scripts(), models)
def test_no_order_fills_more_than_its_quantity_or_beyond_its_limit(
    stream: list[MarketEvent], script: dict[int, list[Command]], model: ExecutionModel
) -> None:
    run = Run(stream, script, model=model)
    for order in run.venue.orders:
        fills = [
            fill for fill in run.venue.ledger.fills if fill.broker_order_id == order.broker_order_id
        ]
        assert sum(fill.quantity for fill in fills) == order.filled_quantity <= order.quantity
        for fill in fills:
            assert fill.price > 0
            if order.limit_price is not None:
                assert order.side.sign * (order.limit_price - fill.price) >= 0
    executions = [fill.execution_id for fill in run.venue.ledger.fills]
    assert len(set(executions)) == len(executions)


@given(streams, scripts(), models)
def test_every_order_is_answered_and_ends_once_or_is_open(
    stream: list[MarketEvent], script: dict[int, list[Command]], model: ExecutionModel
) -> None:
    run = Run(stream, script, model=model)
    first_answer = defaultdict(list)
    for _, event in run.log:
        if isinstance(event, OrderAccepted | OrderRejected):
            first_answer[event.client_order_id].append(event)
    ended = [
        event.client_order_id
        for _, event in run.log
        if isinstance(event, OrderCanceled | OrderExpired)
    ]
    assert len(set(ended)) == len(ended)
    for order in run.venue.orders:
        assert len(first_answer[order.client_order_ids[0]]) == 1
        is_full = order.filled_quantity == order.quantity
        is_ended = order.client_order_id in ended or order.status.value == "rejected"
        assert order.is_done == (is_full or is_ended)
        assert not (is_full and order.client_order_id in ended)


@given(bar_streams(), scripts(), models)
def test_a_bar_gives_no_more_than_its_participation(
    stream: list[MarketEvent], script: dict[int, list[Command]], model: ExecutionModel
) -> None:
    run = Run(stream, script, model=model)
    for bar in stream:
        assert isinstance(bar, Bar)
        inside = [
            fill.quantity
            for fill in run.venue.ledger.fills
            if bar.ts_open_ns < fill.ts_venue_ns <= bar.ts_close_ns
        ]
        assert sum(inside) <= Decimal("0.1") * Decimal(str(bar.volume))


@given(
    bar_streams(),
    st.integers(1, 3_000),
    st.tuples(TICKS, TICKS).filter(lambda pair: pair[0] != pair[1]),
    models,
)
def test_the_legs_of_a_group_never_fill_more_than_one_of_them(
    stream: list[MarketEvent],
    quantity: int,
    prices: tuple[Decimal, Decimal],
    model: ExecutionModel,
) -> None:
    gtc = TimeInForce.GTC
    low, high = sorted(prices)
    legs: list[Command] = [
        submit("stop", Side.SELL, quantity, OrderType.STOP, stop=low, tif=gtc, oco_group="x"),
        submit("goal", Side.SELL, quantity, OrderType.LIMIT, limit=high, tif=gtc, oco_group="x"),
    ]
    run = Run(stream, {0: legs}, model=model)
    assert sum(fill.quantity for fill in run.venue.ledger.fills) <= quantity


@given(streams, scripts(), models)
def test_time_never_decreases_and_every_report_takes_at_least_the_latency(
    stream: list[MarketEvent], script: dict[int, list[Command]], model: ExecutionModel
) -> None:
    run = Run(stream, script, model=model)
    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(run.log))
    for ts_ns, event in run.log:
        if isinstance(event, OrderFilled | OrderAccepted | OrderExpired):
            assert ts_ns >= event.ts_venue_ns + model.latency_ns


@given(streams, scripts(), models, st.sets(st.integers(0, BARS - 1)))
def test_reading_changes_nothing_and_equal_runs_are_equal(
    stream: list[MarketEvent],
    script: dict[int, list[Command]],
    model: ExecutionModel,
    reads: set[int],
) -> None:
    curious = {number: list(commands) for number, commands in script.items()}
    for number in sorted(reads):
        reading: list[Command] = [
            RequestSnapshot("r", SnapshotScope.ALL),
            QueryOrder(ClientOrderId("o0"), "ABC"),
        ]
        curious[number] = [*reading, *curious.get(number, [])]
    plain = Run(stream, script, model=model).log
    read = Run(stream, curious, model=model, chunk=7).log
    assert [
        entry for entry in read if not isinstance(entry[1], BrokerSnapshot | OrderStatusReported)
    ] == plain
