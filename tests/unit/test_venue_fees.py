"""Fees: every published example, the order of minimum and cap, dates, days and months."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from regimeflow.errors import ConfigError
from regimeflow.model.order import Side
from regimeflow.model.timestamps import ns_from_date
from regimeflow.venue.fees import (
    SCHEDULES,
    FeeSchedule,
    FeeState,
    OrderFees,
    charge_fill,
    schedule_from,
    settle_day,
)

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def fee_of(
    schedule: str | FeeSchedule,
    quantity: str,
    price: str,
    *,
    side: Side = BUY,
    on: date = date(2025, 1, 2),
    state: FeeState | None = None,
    order: OrderFees | None = None,
    is_maker: bool = False,
) -> Decimal:
    return charge_fill(
        schedule_from(schedule),
        state or FeeState(),
        order or OrderFees(),
        side=side,
        quantity=D(quantity),
        price=D(price),
        ts_ns=ns_from_date(on),
        is_maker=is_maker,
    )


@pytest.mark.parametrize(
    ("quantity", "price", "fee"),
    [
        ("100", "25", "1.00"),
        ("1000", "25", "5.00"),
        ("1000", "0.25", "2.50"),
        ("10", "0.20", "0.02"),
    ],
    ids=["minimum", "per share", "cap", "cap below the minimum"],
)
def test_ibkr_fixed_charges_what_is_published(quantity: str, price: str, fee: str) -> None:
    assert fee_of("ibkr_fixed", quantity, price) == D(fee)


def test_an_order_filled_in_parts_pays_what_it_would_in_one() -> None:
    order, state = OrderFees(), FeeState()
    parts = [
        fee_of("ibkr_fixed", quantity, "25", order=order, state=state)
        for quantity in ("100", "150", "750")
    ]
    assert parts == [D("1.00"), D("0.25"), D("3.75")]


def test_ibkr_tiered_adds_clearing_and_pass_through() -> None:
    commission = D("0.0035") * 1000
    expected = commission * (1 + D("0.00074")) + D("0.2") + D("0.000053") * 1000
    assert fee_of("ibkr_tiered", "1000", "25") == expected


def test_tiers_are_marginal_and_start_again_each_month() -> None:
    tiered = FeeSchedule(tiers=SCHEDULES["ibkr_tiered"].tiers)
    state = FeeState()
    assert fee_of(tiered, "299000", "10", state=state) == D("1046.5")
    assert fee_of(tiered, "2000", "10", state=state) == D("3.5") + D("2.0")
    assert fee_of(tiered, "1000", "10", state=state) == D("2.0")
    assert fee_of(tiered, "1000", "10", state=state, on=date(2025, 2, 3)) == D("3.5")


@pytest.mark.parametrize(
    ("on", "fee"),
    [
        (date(2001, 1, 2), "27.80"),
        (date(2025, 5, 13), "27.80"),
        (date(2025, 5, 14), "0"),
        (date(2026, 4, 3), "0"),
        (date(2026, 4, 4), "20.60"),
    ],
)
def test_the_sec_fee_is_that_of_the_day_of_sale(on: date, fee: str) -> None:
    sec = FeeSchedule(regulatory=("SEC",))
    assert fee_of(sec, "10000", "100", side=SELL, on=on) == D(fee)
    assert fee_of(sec, "10000", "100", side=BUY, on=on) == 0


@pytest.mark.parametrize(
    ("on", "quantity", "fee"),
    [
        (date(2025, 6, 2), "1000", "0.166"),
        (date(2025, 6, 2), "100000", "8.30"),
        (date(2026, 1, 1), "1000", "0.195"),
        (date(2026, 1, 1), "100000", "9.79"),
        (date(2027, 1, 1), "1000", "0.232"),
        (date(2027, 1, 1), "100000", "11.61"),
    ],
)
def test_the_trading_activity_fee_is_dated_and_capped(on: date, quantity: str, fee: str) -> None:
    assert fee_of(FeeSchedule(regulatory=("TAF",)), quantity, "10", side=SELL, on=on) == D(fee)


def test_alpaca_posts_each_fee_once_a_day_rounded_up_to_the_cent() -> None:
    state = FeeState()
    for _ in range(2):
        assert fee_of("alpaca", "5", "100", side=SELL, state=state) == 0
    # TAF 2 x 0.00083 = 0.00166, CAT 2 x 0.000265 = 0.00053, SEC 2 x 0.0139 = 0.0278.
    assert settle_day(state) == [("CAT", D("0.01")), ("SEC", D("0.03")), ("TAF", D("0.01"))]
    assert settle_day(state) == []


def test_binance_takes_a_tenth_of_a_percent_either_way() -> None:
    assert fee_of("binance", "0.5", "40000") == D("20")
    assert fee_of("binance", "0.5", "40000", is_maker=True) == D("20")


def test_a_custom_schedule_raises_to_the_minimum_then_cuts_to_the_maximum() -> None:
    own = FeeSchedule(
        per_share=D("0.01"), rate=D("0.001"), minimum=D(2), maximum_fraction=D("0.02")
    )
    assert fee_of(own, "1000", "10") == D(20)
    assert fee_of(own, "100", "5") == D(2)
    assert fee_of(own, "10", "5") == D(1)


def test_a_maker_rate_replaces_the_rate_of_passive_fills() -> None:
    own = FeeSchedule(rate=D("0.0025"), maker_rate=D("0.0015"))
    assert fee_of(own, "10", "100") == D("2.5")
    assert fee_of(own, "10", "100", is_maker=True) == D("1.5")


def test_an_unknown_schedule_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="'cheap' is not a fee schedule; use one of none, alpaca"):
        schedule_from("cheap")
