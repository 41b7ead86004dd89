"""Pairs trading: the regression against numpy, and entries, raises, exits and broken legs."""

from __future__ import annotations

import math
import random
from decimal import Decimal

import numpy as np
import pytest

from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.order import OrderStatus, Side
from regimeflow.strategy.base import Parameter
from regimeflow.strategy.builtin.pairs_trading import PairsTrading
from regimeflow.strategy.builtin.rolling_regression import RollingRegression
from tests.unit.fake_context import FakeContext, bars_of, feed, start

LOOKBACK = 20


def pairs_trader(**params: Parameter) -> tuple[PairsTrading, FakeContext]:
    strategy = PairsTrading()
    settings: dict[str, Parameter] = {
        "symbol_a": "A",
        "symbol_b": "B",
        "lookback": LOOKBACK,
        "cooldown_bars": 2,
    }
    return strategy, start(strategy, FakeContext(("A", "B"), {**settings, **params}))


def pair_bars(gaps: list[float], *, seed: int = 2, first_day: int = 0) -> list[Bar]:
    """log A = log 4 + log B + gap; B wanders around 25."""
    rng = random.Random(seed)
    logs = [math.log(25.0) + rng.gauss(0.0, 0.05) for _ in gaps]
    side_a = bars_of(
        "A", [4 * math.exp(x + gap) for x, gap in zip(logs, gaps, strict=True)], first_day=first_day
    )
    side_b = bars_of("B", [math.exp(x) for x in logs], first_day=first_day)
    return [bar for pair in zip(side_a, side_b, strict=True) for bar in pair]


def quiet(count: int) -> list[float]:
    return [0.001 * (-1) ** n for n in range(count)]


def test_slope_and_z_equal_plain_least_squares_over_every_window() -> None:
    rng = random.Random(9)
    regression = RollingRegression(30)
    xs: list[float] = []
    ys: list[float] = []
    for _ in range(500):
        xs.append(3.0 + 0.1 * len(xs) ** 0.5 + rng.gauss(0.0, 0.02))
        ys.append(1.0 + 0.7 * xs[-1] + rng.gauss(0.0, 0.01))
        regression.add(xs[-1], ys[-1])
        fit = regression.slope_and_z()
        if len(xs) < 30:
            assert fit is None
            continue
        slope, constant = np.polyfit(xs[-30:], ys[-30:], 1)
        residuals = np.array(ys[-30:]) - constant - slope * np.array(xs[-30:])
        assert fit == pytest.approx((slope, residuals[-1] / residuals.std()), rel=1e-6, abs=1e-8)


def test_constant_or_exactly_linear_series_have_no_z() -> None:
    for points in ([(1.0, float(n)) for n in range(10)], [(float(n), 2.0 * n) for n in range(10)]):
        regression = RollingRegression(5)
        for x, y in points:
            regression.add(x, y)
        assert regression.slope_and_z() is None


def test_dear_leg_is_sold_cheap_leg_bought_and_both_closed_at_the_mean() -> None:
    strategy, ctx = pairs_trader()
    feed(strategy, pair_bars([*quiet(40), 0.05]))
    sold, bought = ctx.orders
    assert (sold.symbol, sold.side) == ("A", Side.SELL)
    assert (bought.symbol, bought.side) == ("B", Side.BUY)
    # A costs four times B and the slope is near one: four shares of B for one of A.
    assert float(bought.quantity / sold.quantity) == pytest.approx(4.0, rel=0.1)
    feed(strategy, pair_bars([0.0], first_day=41))
    assert {symbol: p.quantity for symbol, p in ctx.positions.items()} == {"A": 0, "B": 0}


def test_cheap_leg_is_bought_when_the_spread_falls() -> None:
    strategy, ctx = pairs_trader()
    feed(strategy, pair_bars([*quiet(40), -0.05]))
    assert [(o.symbol, o.side) for o in ctx.orders] == [("A", Side.BUY), ("B", Side.SELL)]


def test_without_short_selling_only_the_bought_leg_is_traded() -> None:
    strategy, ctx = pairs_trader(allow_short=False)
    feed(strategy, pair_bars([*quiet(40), -0.05]))
    assert [(o.symbol, o.side) for o in ctx.orders] == [("A", Side.BUY)]


def test_quantity_grows_with_z_up_to_the_cap() -> None:
    strategy, _ = pairs_trader(entry_z=2.0, max_z=4.0, min_qty_scale=0.5, max_qty_scale=2.0)
    assert [strategy.scale_at(z) for z in (2.0, 3.0, 4.0, 9.0)] == [0.5, 1.25, 2.0, 2.0]
    level, _ = pairs_trader(entry_z=2.0, max_z=2.0)
    assert level.scale_at(2.0) == 2.0


def test_raise_waits_for_the_cooldown_and_the_exit_does_not() -> None:
    strategy, ctx = pairs_trader(cooldown_bars=3, min_qty_scale=0.1, max_z=50.0)
    feed(strategy, pair_bars(quiet(40)))
    for z, orders in ((2.1, 2), (3.0, 2), (3.0, 2), (3.0, 2), (4.0, 4), (2.5, 4), (0.1, 6)):
        strategy.pairs_since_signal += 1
        strategy.judge(1.0, z, 4.0)
        if not strategy.is_aimed:
            strategy.aim()
        assert len(ctx.orders) == orders
    assert strategy.side == 0


def test_slope_that_is_no_hedge_enters_nothing() -> None:
    strategy, ctx = pairs_trader()
    strategy.judge(-0.5, 5.0, 4.0)
    assert strategy.is_aimed
    assert ctx.orders == []


def test_refused_leg_closes_the_other() -> None:
    strategy, ctx = pairs_trader()
    ctx.deny = {"B"}
    feed(strategy, pair_bars([*quiet(40), 0.05]))
    assert [(o.symbol, o.side, o.status) for o in ctx.orders] == [
        ("A", Side.SELL, OrderStatus.FILLED),
        ("B", Side.BUY, OrderStatus.DENIED),
        ("A", Side.BUY, OrderStatus.FILLED),
    ]
    assert "closing the pair" in ctx.lines[0]


def test_leg_that_expired_is_ordered_again_on_the_next_pair() -> None:
    strategy, ctx = pairs_trader()
    feed(strategy, pair_bars([*quiet(40), 0.05]))
    leg = ctx.orders[1]
    leg.status = OrderStatus.EXPIRED
    ctx.positions["B"].quantity = Decimal(0)
    strategy.on_order_update(leg)
    feed(strategy, pair_bars([0.02], first_day=41))
    again = ctx.orders[2]
    assert (again.symbol, again.quantity) == ("B", leg.quantity)


def test_bars_without_their_counterpart_are_never_paired() -> None:
    strategy, _ = pairs_trader()
    feed(strategy, [bar for bar in pair_bars(quiet(60)) if bar.symbol == "A"])
    late = pair_bars(quiet(2))
    feed(strategy, [late[0], late[3]])  # A of the first day, B of the second
    assert strategy.regression.xs == []


def test_split_of_a_leg_is_no_signal_and_scales_its_target() -> None:
    strategy, ctx = pairs_trader()
    feed(strategy, pair_bars([*quiet(40), 0.05]))
    fit = strategy.regression.slope_and_z()
    assert fit is not None
    quantity_a, quantity_b = strategy.targets
    for symbol in "AB":
        strategy.on_corporate_action(CorporateAction(symbol, 0, ActionKind.SPLIT, Decimal(2)))
    assert strategy.regression.slope_and_z() == pytest.approx(fit)
    assert strategy.targets == (2 * quantity_a, 2 * quantity_b)
    assert len(ctx.orders) == 2
