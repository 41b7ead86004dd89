"""Spread, impact and the estimates behind them; the checklist of what is modelled."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from regimeflow.errors import ConfigError
from regimeflow.model.order import OrderType, Side
from regimeflow.venue import ExecutionModel
from regimeflow.venue.costs import against_us
from regimeflow.venue.observed import Day, Observed, corwin_schultz, mean_volume, volatility
from tests.unit.venue_world import Run, daily, minute, submit

BUY, SELL, LIMIT = Side.BUY, Side.SELL, OrderType.LIMIT
FLAT = (100.0, 100.0, 100.0, 100.0)
FIXED = ExecutionModel(latency_ns=1, spread_bps=4.0, impact_y=0.0)


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [
        (BUY, 100.005, "100.01"),
        (BUY, 100.01, "100.01"),
        (SELL, 99.995, "99.99"),
        (SELL, 0.001, "0.01"),
    ],
)
def test_a_computed_price_is_rounded_to_the_tick_against_us(
    side: Side, price: float, expected: str
) -> None:
    assert against_us(price, side, Decimal("0.01")) == Decimal(expected)


def test_a_market_order_pays_half_the_spread_and_at_least_half_a_tick() -> None:
    assert Run([daily(0), daily(1, FLAT)], {0: [submit()]}, model=FIXED).fills[0][2] == "100.02"
    tight = ExecutionModel(latency_ns=1, spread_bps=0.0, impact_y=0.0)
    assert Run([daily(0), daily(1, FLAT)], {0: [submit()]}, model=tight).fills[0][2] == "100.01"
    sold = Run([daily(0), daily(1, FLAT)], {0: [submit(side=SELL)]}, model=FIXED)
    assert sold.fills[0][2] == "99.98"


def test_a_stop_pays_half_the_spread_beyond_the_worse_of_stop_and_open() -> None:
    order = submit("o1", SELL, 100, OrderType.STOP, stop=95)
    run = Run([daily(0), daily(1, (98.0, 99.0, 94.0, 97.0))], {0: [order]}, model=FIXED)
    assert run.fills[0][2] == "94.98"


def test_a_marketable_limit_pays_the_spread_up_to_its_limit() -> None:
    bars = [daily(0), daily(1, (100.0, 101.0, 100.0, 100.5))]
    loose = Run(bars, {0: [submit("o1", BUY, 100, LIMIT, limit=101)]}, model=FIXED)
    tight = Run(bars, {0: [submit("o1", BUY, 100, LIMIT, limit="100.01")]}, model=FIXED)
    assert (loose.fills[0][2], tight.fills[0][2]) == ("100.02", "100.01")


def test_impact_follows_the_square_root_of_the_share_of_volume() -> None:
    """Volatility is unknown, hence 2 % a day; 10,000 of 1,000,000 is a tenth under the root."""
    model = ExecutionModel(latency_ns=1, spread_bps=0.0, impact_y=0.7)
    run = Run([daily(0), daily(1, FLAT)], {0: [submit(quantity=10_000)]}, model=model)
    # 0.005 + 100 * 0.7 * 0.02 * 0.1 = 0.145, rounded up to the tick.
    assert run.fills[0][2] == "100.15"


def test_impact_is_capped() -> None:
    model = ExecutionModel(latency_ns=1, spread_bps=0.0, impact_y=0.7, impact_max=0.001)
    run = Run([daily(0), daily(1, FLAT)], {0: [submit(quantity=100_000)]}, model=model)
    assert run.fills[0][2] == "100.11"


def test_volatility_and_volume_come_from_the_last_21_sessions() -> None:
    closes = [100.0 * 1.01 ** (day % 2) for day in range(40)]
    days = [Day(close, close, close, 100.0 + n) for n, close in enumerate(closes)]
    expected = math.sqrt((11 * 0.01**2 + 10 * (1 / 1.01 - 1) ** 2) / 21)
    assert volatility(days) == pytest.approx(expected, rel=1e-2)
    assert volatility(days[:3]) == 0.02
    assert mean_volume(days) == 129.0


def test_corwin_schultz_recovers_the_spread_when_ranges_are_nothing_but_spread() -> None:
    """With no volatility high is the ask and low is the bid on both days."""
    spread = 0.01
    day = Day(100.0 * (1 + spread / 2), 100.0 * (1 - spread / 2), 100.0, 1.0)
    assert corwin_schultz(day, day) == pytest.approx(spread, rel=1e-6)


def test_an_overnight_gap_does_not_count_as_a_range() -> None:
    day = Day(100.5, 99.5, 100.0, 1.0)
    moved = Day(110.5, 109.5, 110.0, 1.0)
    beside = Day(101.0, 100.0, 100.5, 1.0)
    assert corwin_schultz(day, moved) == pytest.approx(corwin_schultz(day, beside), rel=2e-2)


def test_an_estimate_uses_finished_sessions_only() -> None:
    observed = Observed()
    for number in range(390):
        observed.see_bar(minute(0, number, (100.0, 101.0, 99.0, 100.0), volume=10.0))
    assert observed.estimates("ABC").volume == 0.0
    observed.close_session()
    assert observed.estimates("ABC").volume == 3_900.0
    assert observed.days["ABC"] == [Day(101.0, 99.0, 100.0, 3_900.0)]
    observed.see_bar(minute(1, 0, (100.0, 102.0, 100.0, 101.0), volume=10.0))
    observed.close_session()
    assert observed.days["ABC"][1:] == [Day(102.0, 100.0, 101.0, 10.0)]


def test_a_split_restates_what_was_seen() -> None:
    observed = Observed()
    observed.see_bar(daily(0))
    observed.close_session()
    observed.split("ABC", 2.0)
    assert observed.days["ABC"] == [Day(50.5, 49.5, 50.0, 2_000_000.0)]


def test_the_checklist_says_what_is_missing() -> None:
    honest = ExecutionModel(fees="ibkr_fixed").checklist()
    assert len(honest.items) == 12
    assert not honest.optimistic
    free = ExecutionModel.frictionless().checklist()
    assert free.optimistic
    assert "spread: no spread is paid" in free.reasons
    assert ExecutionModel(fees="ibkr_fixed", limit_fill="touch").checklist().reasons == (
        "limit orders: a touch counts as a fill, an upper bound",
    )
    assert ExecutionModel().checklist().reasons == ("fees: no fee is charged",)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"latency_ns": 0}, "latency_ns: 0 is out of range; use at least 1 nanosecond"),
        ({"participation": Decimal(2)}, "participation: 2 is out of range"),
        ({"spread_bps": math.nan}, "spread_bps: nan is out of range; use auto"),
        ({"fill_model": "magic"}, "fill_model: magic is out of range; use realistic or"),
        ({"fees": "cheap"}, "'cheap' is not a fee schedule"),
    ],
)
def test_a_model_out_of_range_is_refused(terms: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ExecutionModel(**terms)  # type: ignore[arg-type]
