"""What all built-in strategies share: names, parameters, and a night that changes nothing."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from importlib import import_module
from itertools import chain
from typing import cast

import pytest

from regimeflow.errors import ConfigError
from regimeflow.model.market import Bar
from regimeflow.strategy import Context, Strategy
from regimeflow.strategy.base import Parameter
from regimeflow.strategy.builtin import BUILTIN
from regimeflow.strategy.builtin.buy_and_hold import BuyAndHold
from regimeflow.strategy.state import check_storable, encode_state, restore_state
from tests.unit.fake_context import FakeContext, bars_of, feed, start

PARAMS: dict[str, dict[str, Parameter]] = {
    "buy_and_hold": {"symbol": "B", "warmup_bars": 3},
    "moving_average_cross": {"fast_period": 3, "slow_period": 7, "quantity": 2},
    "pairs_trading": {"symbol_a": "A", "symbol_b": "B", "lookback": 20, "cooldown_bars": 1},
    "harmonic_pattern": {
        "symbol": "A",
        "min_bars": 60,
        "tolerance": 0.4,
        "min_confidence": 0.1,
        "allow_short": True,
        "pivot_threshold_pct": 0.02,
        "use_limit": False,
    },
}


def made(name: str) -> Strategy:
    module_name, _, class_name = BUILTIN[name].partition(":")
    strategy = getattr(import_module(module_name), class_name)()
    assert isinstance(strategy, Strategy)
    return strategy


def two_symbols(count: int) -> list[Bar]:
    """B walks; A follows it, with an error that comes and goes."""
    rng = random.Random(5)
    level, gap, closes_a, closes_b = 50.0, 0.0, [], []
    for _ in range(count):
        level *= math.exp(rng.gauss(0.0, 0.015))
        gap = 0.8 * gap + rng.gauss(0.0, 0.01)
        closes_b.append(level)
        closes_a.append(2.0 * level * math.exp(gap))
    pairs = zip(bars_of("A", closes_a), bars_of("B", closes_b), strict=True)
    return list(chain.from_iterable(pairs))


@pytest.mark.parametrize("name", BUILTIN)
def test_every_state_can_be_saved_and_a_restart_after_every_bar_changes_no_order(
    name: str,
) -> None:
    bars = two_symbols(1_500)
    whole = made(name)
    start(whole, FakeContext(("A", "B"), PARAMS[name]))
    check_storable(whole)
    feed(whole, bars)

    world = FakeContext(("A", "B"), PARAMS[name])
    strategy = made(name)
    start(strategy, world)
    for bar in bars:
        feed(strategy, [bar])
        saved = encode_state(strategy)
        strategy = made(name)
        strategy.ctx = cast("Context", world)
        strategy.initialize(strategy.ctx)
        restore_state(strategy, saved)
        strategy.on_start()
        assert encode_state(strategy) == saved
    expected = whole.__dict__["ctx"].orders
    assert world.orders == expected
    assert len(expected) >= (1 if name == "buy_and_hold" else 6)


@pytest.mark.parametrize("name", BUILTIN)
def test_no_order_is_wished_during_warmup(name: str) -> None:
    strategy = made(name)
    start(strategy, FakeContext(("A", "B"), PARAMS[name]))
    bars = two_symbols(1_500)
    ctx = feed(strategy, bars, warmup_bars=len(bars))
    assert ctx.orders == []


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("moving_average_cross", {"fast_period": 30}, r"less than slow_period \(30\)"),
        ("moving_average_cross", {"fast_period": 0}, "at least 1"),
        ("moving_average_cross", {"fast_period": True}, "a whole number"),
        ("moving_average_cross", {"quantity": 0}, "a number above 0"),
        ("moving_average_cross", {"quantity": math.nan}, "a number, at least 0"),
        ("moving_average_cross", {"slow": 3}, "one of fast_period, slow_period, quantity"),
        ("buy_and_hold", {"symbol": "C"}, r"one of the run's symbols \(A, B\)"),
        ("buy_and_hold", {"warmup_bars": -1}, "at least 0"),
        ("pairs_trading", {"symbol_a": "A"}, "symbol_b is ''"),
        ("pairs_trading", {"symbol_a": "A", "symbol_b": "A"}, "another symbol"),
        ("pairs_trading", {**PARAMS["pairs_trading"], "exit_z": 2.0}, "less than entry_z"),
        ("pairs_trading", {**PARAMS["pairs_trading"], "max_z": 1.0}, "at least entry_z"),
        ("pairs_trading", {**PARAMS["pairs_trading"], "max_qty_scale": 0.1}, "min_qty_scale"),
        ("pairs_trading", {**PARAMS["pairs_trading"], "allow_short": 1}, "true or false"),
        ("harmonic_pattern", {"pivot_threshold_pct": 0}, "as 0.03"),
        ("harmonic_pattern", {"min_confidence": 2}, "0-1"),
        ("harmonic_pattern", {"min_qty_scale": 2.0}, "min_qty_scale"),
        ("harmonic_pattern", {"venue_switch_confidence": 0.6}, "routing is not supported yet"),
    ],
)
def test_parameter_out_of_bounds_is_refused_with_what_to_change(
    name: str, params: dict[str, Parameter], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as refusal:
        start(made(name), FakeContext(("A", "B"), params))
    assert "change strategy.params." in str(refusal.value)


def test_defaults_are_the_documented_ones() -> None:
    assert made("moving_average_cross").parameters == {
        "fast_period": 10,
        "slow_period": 30,
        "quantity": 1,
    }
    assert made("buy_and_hold").parameters == {"symbol": "", "quantity": 1, "warmup_bars": 0}
    assert made("pairs_trading").parameters == {
        "symbol_a": "",
        "symbol_b": "",
        "lookback": 120,
        "entry_z": 2.0,
        "exit_z": 0.5,
        "max_z": 4.0,
        "allow_short": True,
        "base_qty": 10,
        "min_qty_scale": 0.5,
        "max_qty_scale": 2.0,
        "cooldown_bars": 5,
    }
    assert made("harmonic_pattern").parameters == {
        "symbol": "",
        "pivot_threshold_pct": 0.03,
        "tolerance": 0.1,
        "min_bars": 120,
        "cooldown_bars": 5,
        "use_limit": True,
        "limit_offset_bps": 2.0,
        "vol_threshold_pct": 0.01,
        "min_confidence": 0.45,
        "min_qty_scale": 0.5,
        "max_qty_scale": 1.5,
        "aggressive_confidence_threshold": 0.7,
        "allow_short": False,
        "order_qty": 10,
    }


def test_buy_and_hold_buys_the_first_symbol_once_after_its_warmup() -> None:
    strategy = BuyAndHold()
    start(strategy, FakeContext(("B", "A"), {"quantity": 3, "warmup_bars": 2}))
    ctx = feed(strategy, two_symbols(10))
    (order,) = ctx.orders
    assert (order.symbol, order.quantity) == ("B", Decimal(3))
    assert order.created_ns == bars_of("B", [1.0] * 3)[2].ts_close_ns


def test_buy_and_hold_does_not_repeat_a_denied_order() -> None:
    strategy = BuyAndHold()
    start(strategy, FakeContext(("A", "B"), deny={"A"}))
    ctx = feed(strategy, two_symbols(10))
    assert len(ctx.orders) == 1
    assert ctx.lines == ["A: the order was denied: denied by the test"]
