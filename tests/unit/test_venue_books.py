"""Corporate actions, fees by the day, financing, snapshots, saved state."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.errors import DataError
from regimeflow.model.commands import (
    CancelOrder,
    Command,
    QueryOrder,
    RequestSnapshot,
    SnapshotScope,
)
from regimeflow.model.events import (
    BrokerSnapshot,
    CashPosted,
    Event,
    OrderReplaced,
    OrderStatusReported,
)
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, Bar, CorporateAction, MarketEvent
from regimeflow.model.order import OrderStatus, OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel, SimSchedule, SimVenue
from tests.unit.venue_world import (
    CASH,
    DAYS,
    FRICTIONLESS,
    Run,
    calendar,
    close_ns,
    daily,
    minute,
    open_ns,
    submit,
)

D = Decimal
BUY, SELL, LIMIT, GTC = Side.BUY, Side.SELL, OrderType.LIMIT, TimeInForce.GTC


def split(day: int, ratio: object) -> CorporateAction:
    return CorporateAction("ABC", open_ns(day), ActionKind.SPLIT, D(str(ratio)))


def dividend(day: int, value: str) -> CorporateAction:
    return CorporateAction("ABC", open_ns(day), ActionKind.DIVIDEND, D(value))


def cash_postings(run: Run) -> list[tuple[str, str, Decimal]]:
    return [
        (event.activity_id, event.kind, event.amount)
        for _, event in run.log
        if isinstance(event, CashPosted)
    ]


def test_a_split_comes_before_anything_else_and_restates_position_and_orders() -> None:
    order = submit("o2", SELL, 101, LIMIT, limit="101.01", tif=GTC)
    bars = [daily(0), daily(1), daily(2, (50.0, 50.4, 49.0, 50.0))]
    run = Run(bars, {0: [submit("o1", BUY, 101), order]}, actions=[split(2, 2)])
    assert run.venue.ledger.positions == {"ABC": D(202)}
    first = next(event for ts, event in run.log if ts == open_ns(2))
    assert first == split(2, 2)
    (report,) = run.of(OrderReplaced)
    assert report.client_order_id == report.orig_client_order_id == "o2"
    # 50.505 is between ticks: a sale is rounded up, so that it is never more aggressive.
    assert (report.quantity, report.limit_price) == (D(202), D("50.51"))


def test_fractions_of_a_reverse_split_are_paid_in_cash_at_the_previous_close() -> None:
    bars = [daily(0), daily(1), daily(2, (1000.0,) * 4)]
    run = Run(bars, {0: [submit("o1", BUY, 105)]}, actions=[split(2, "0.1")])
    assert run.venue.ledger.positions == {"ABC": D(10)}
    # Half a new share, worth 100 / 0.1 each.
    assert cash_postings(run) == [("cash_in_lieu-ABC-2024-01-04-1", "cash_in_lieu", D("500.00"))]


def test_a_split_leaves_what_an_order_has_filled_as_it_was_reported() -> None:
    tenth = ExecutionModel(fill_model="frictionless", latency_ns=1)
    order = submit("o1", BUY, 100, LIMIT, limit=95, tif=GTC)
    bars = [daily(0), daily(1, (98.0, 99.0, 94.0, 98.0), volume=300.0), daily(2, (49.0,) * 4)]
    run = Run(bars, {0: [order]}, actions=[split(2, 2)], model=tenth)
    assert run.fills == [("o1", "30", "95")]
    assert [report.quantity for report in run.of(OrderReplaced)] == [D(30 + 140)]


def test_an_order_of_less_than_a_lot_after_a_split_is_cancelled() -> None:
    order = submit("o1", BUY, 5, LIMIT, limit=90, tif=GTC)
    run = Run([daily(0), daily(1)], {0: [order]}, actions=[split(1, "0.1")])
    assert run.endings == [("OrderCanceled", "o1", "split: less than one lot is left")]


@pytest.mark.parametrize(("side", "amount"), [(BUY, "8.50"), (SELL, "-8.50")])
def test_a_dividend_is_received_by_the_holder_and_paid_by_the_short(
    side: Side, amount: str
) -> None:
    run = Run(
        [daily(0), daily(1), daily(2)], {0: [submit(side=side)]}, actions=[dividend(2, "0.085")]
    )
    assert cash_postings(run) == [("dividend-ABC-2024-01-04-1", "dividend", D(amount))]


def test_who_buys_on_the_ex_date_gets_no_dividend() -> None:
    run = Run([daily(0), daily(1)], {0: [submit()]}, actions=[dividend(1, "0.085")])
    assert cash_postings(run) == []


def test_actions_before_the_data_are_in_its_prices_already() -> None:
    run = Run([daily(5), daily(6)], actions=[split(2, 2), dividend(5, "1")])
    assert [event for _, event in run.log if isinstance(event, CorporateAction)] == [
        dividend(5, "1")
    ]


def test_daily_fees_are_posted_after_the_close() -> None:
    model = ExecutionModel(latency_ns=1, fees="alpaca", spread_bps=0.0, impact_y=0.0)
    bars = [minute(0, 0, (100.0,) * 4), minute(0, 1, (100.0,) * 4)]
    run = Run(bars, {0: [submit()]}, model=model)
    assert run.venue.ledger.fills[0].fee == 0
    assert cash_postings(run) == [("fee-CAT-2024-01-02-1", "fee", D("-0.01"))]
    posted_ns = next(ts for ts, event in run.log if isinstance(event, CashPosted))
    assert posted_ns == close_ns(0) + 1


def test_a_fill_at_the_close_is_charged_that_day() -> None:
    model = ExecutionModel(latency_ns=1, fees="alpaca", impact_y=0.0)
    order = submit(order_type=OrderType.MARKET_ON_CLOSE)
    run = Run([daily(0), daily(1), daily(2)], {0: [order]}, model=model)
    assert [name for name, _, _ in cash_postings(run)] == ["fee-CAT-2024-01-03-1"]
    assert len(run.venue.observed.days["ABC"]) == 3


def test_cash_pays_for_units_and_fees() -> None:
    model = ExecutionModel(latency_ns=1, fees="ibkr_fixed", spread_bps=0.0, impact_y=0.0)
    run = Run([daily(0), daily(1)], {0: [submit()]}, model=model)
    assert run.venue.ledger.cash == CASH - 100 * D("100.01") - 1


def test_a_cancel_travels_no_faster_than_its_order() -> None:
    model = ExecutionModel(
        fill_model="frictionless", latency_ns=1, latency_jitter_ns=30 * 10**9, seed=4
    )
    order = submit("o1", BUY, 100, LIMIT, limit=90)
    stop = CancelOrder(ClientOrderId("o1"), None, "ABC", "on request")
    run = Run([minute(0, n, (100.0,) * 4) for n in range(3)], {0: [order, stop]}, model=model)
    assert run.endings == [("OrderCanceled", "o1", "on request")]
    again = Run([minute(0, n, (100.0,) * 4) for n in range(3)], {0: [order, stop]}, model=model)
    assert again.log == run.log


def test_bars_without_their_opening_fill_the_same_a_little_later() -> None:
    venue = _venue(FRICTIONLESS)
    venue.execute(close_ns(0), submit())
    assert venue.pop_due(open_ns(1)) is not None
    venue.on_bar(daily(1, (102.0, 103.0, 101.0, 102.5)))
    (fill,) = venue.ledger.fills
    assert (fill.price, fill.ts_venue_ns) == (D("102.0"), open_ns(1) + 1)


def test_borrowed_shares_and_cash_cost_interest_by_the_day() -> None:
    model = ExecutionModel(
        latency_ns=1, participation=None, spread_bps=0.0, impact_y=0.0,
        borrow_rate=D("0.036"), margin_rate=D("0.072"),
    )  # fmt: skip
    short = Run([daily(n) for n in range(3)], {0: [submit(side=SELL)]}, model=model)
    # 100 shares at 100, one day of 360 at 3.6 %: 1.00 after each of two closes.
    assert [amount for _, _, amount in cash_postings(short)] == [D("-1.00"), D("-1.00")]
    loan = Run([daily(n) for n in range(2)], {0: [submit(quantity=2000)]}, model=model)
    # 200,020 less 100,000 borrowed, one day of 360 at 7.2 %.
    assert [amount for _, _, amount in cash_postings(loan)] == [D("-20.00")]


def test_a_snapshot_lists_only_what_was_asked_for() -> None:
    commands: list[Command] = [RequestSnapshot(scope.value, scope) for scope in SnapshotScope]
    run = Run([daily(0), daily(1), daily(2)], {0: [submit()], 1: commands})
    parts = {
        report.request_id: [
            part is not None
            for part in (report.orders, report.fills, report.positions, report.account)
        ]
        for report in run.of(BrokerSnapshot)
    }
    assert parts == {
        "orders": [True, True, False, False],
        "positions": [False, False, True, False],
        "account": [False, False, False, True],
        "all": [True, True, True, True],
    }


def test_a_query_answers_with_one_order_or_none() -> None:
    queries: list[Command] = [QueryOrder(ClientOrderId(name), "ABC") for name in ("o1", "unknown")]
    run = Run([daily(0), daily(1), daily(2)], {0: [submit()], 1: queries})
    known, unknown = run.of(OrderStatusReported)
    assert known.order is not None
    assert (known.client_order_id, known.order.status) == ("o1", OrderStatus.FILLED)
    assert (unknown.client_order_id, unknown.order) == ("unknown", None)


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_venue_restored_from_its_bytes_goes_on_exactly(cut: int) -> None:
    model = ExecutionModel(latency_ns=40_000_000_000, latency_jitter_ns=10**9, fees="alpaca")
    bars: list[MarketEvent] = [
        minute(day, n, (100.0, 100.6, 99.4, 100.1)) for day in range(2) for n in range(15)
    ]
    orders = {
        1: submit("a", BUY, 1500),
        4: submit("b", SELL, 300, LIMIT, limit="100.5", oco_group="g", tif=GTC),
        5: submit("c", SELL, 300, OrderType.STOP, stop="99.5", oco_group="g", tif=GTC),
        20: submit("d", BUY, 50, OrderType.MARKET_ON_CLOSE),
    }

    def events(is_restored: bool) -> list[tuple[int, Event]]:
        venue = _venue(model)
        schedule = SimSchedule(
            chunks=iter([list(bars)]),
            venue=venue,
            calendar=calendar(),
            start_ns=0,
            end_ns=close_ns(DAYS),
        )
        log: list[tuple[int, Event]] = []
        seen = 0
        for ts_ns, event in schedule:
            log.append((ts_ns, event))
            if is_restored and len(log) == cut:
                fresh = _venue(model)
                fresh.restore(venue.snapshot())
                assert fresh.snapshot() == venue.snapshot()
                venue.restore(fresh.snapshot())
            if isinstance(event, Bar):
                if seen in orders:
                    schedule.execute(ts_ns, orders[seen])
                seen += 1
        return log

    assert events(is_restored=True) == events(is_restored=False)


def test_bytes_that_are_not_a_snapshot_are_refused() -> None:
    with pytest.raises(DataError, match="saved state cannot be read"):
        _venue(FRICTIONLESS).restore(b"nonsense")


def _venue(model: ExecutionModel) -> SimVenue:
    return SimVenue(
        instruments={"ABC": Instrument("ABC")}, model=model, calendar=calendar(), cash=CASH
    )
