"""The example strategies trade as they say, and their files are what they claim to be."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from regimeflow.config import load_config
from regimeflow.errors import ConfigError
from regimeflow.model.market import ActionKind, Bar, CorporateAction, Quote
from regimeflow.model.order import Side
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_S, date_from_ns
from regimeflow.strategy import Strategy
from regimeflow.strategy.base import Parameter
from regimeflow.strategy.state import check_storable, encode_state, restore_state
from tests.unit.fake_context import FakeContext, bars_of, feed, read_daily, start
from tools import make_demo_quotes

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


def example(name: str) -> Strategy:
    module_name, _, class_name = name.partition(":")
    strategy = getattr(importlib.import_module(module_name), class_name)()
    assert isinstance(strategy, Strategy)
    return strategy


def started(
    name: str, symbols: tuple[str, ...], params: Mapping[str, Parameter] | None = None
) -> tuple[Strategy, FakeContext]:
    """The engine gives a strategy its parameters with the defaults filled in."""
    strategy = example(name)
    ctx = FakeContext(symbols, {**strategy.parameters, **(params or {})})
    return strategy, start(strategy, ctx)


RSI = "examples.strategies.rsi_reversion:RsiReversion"
IMBALANCE = "examples.strategies.quote_imbalance:QuoteImbalance"
ROTATION = "examples.strategies.momentum_rotation:MomentumRotation"


@pytest.mark.parametrize("file_name", ["rsi.yaml", "intraday.yaml", "rotation.yaml"])
def test_example_configuration_names_a_strategy_that_takes_its_parameters(file_name: str) -> None:
    config = load_config(EXAMPLES / file_name)
    (entry,) = config.strategies
    strategy = example(entry.name)
    assert set(entry.params) <= set(strategy.parameters)
    assert config.live is not None
    given = cast("Mapping[str, Parameter]", entry.params)
    ctx = FakeContext(config.live.symbols, {**strategy.parameters, **given})
    start(strategy, ctx)
    check_storable(strategy)


def test_rsi_buys_low_and_sells_high_the_same_with_a_restart_each_night() -> None:
    bars = read_daily(EXAMPLES / "data" / "MSFT.csv", "A")[-1_000:]
    whole, whole_ctx = started(RSI, ("A",))
    feed(whole, bars, warmup_bars=280)

    strategy, ctx = started(RSI, ("A",))
    for number, bar in enumerate(bars):
        feed(strategy, [bar], warmup_bars=1 if number < 280 else 0)
        saved = encode_state(strategy)
        strategy = example(RSI)
        strategy.__dict__["ctx"] = ctx
        strategy.initialize(strategy.ctx)
        restore_state(strategy, saved)
        strategy.on_start()
    assert [(o.side, o.created_ns) for o in ctx.orders] == [
        (o.side, o.created_ns) for o in whole_ctx.orders
    ]
    sides = [order.side for order in whole_ctx.orders]
    assert sides[::2] == [Side.BUY] * len(sides[::2])
    assert sides[1::2] == [Side.SELL] * len(sides[1::2])
    assert len(sides) > 4


def test_rsi_enters_nothing_in_a_crisis() -> None:
    strategy, ctx = started(RSI, ("A",))
    ctx.current_regime = "crisis"
    feed(strategy, read_daily(EXAMPLES / "data" / "MSFT.csv", "A")[-1_000:], warmup_bars=280)
    assert ctx.orders == []


def test_rsi_reads_its_history_again_after_a_split() -> None:
    strategy, ctx = started(RSI, ("A",), {"period": 3})
    feed(strategy, bars_of("A", [10.0, 11.0, 12.0, 11.5, 12.5]))
    before = strategy.__dict__["rsi"]["A"][-1]
    ctx.bars["A"] = bars_of("A", [5.0, 5.5, 6.0, 5.75, 6.25])  # as get_bars gives it from now on
    strategy.on_corporate_action(CorporateAction("A", 0, ActionKind.SPLIT, Decimal(2)))
    assert strategy.__dict__["rsi"]["A"][-1] == pytest.approx(before)
    assert ctx.orders == []


OPEN_NS = 1_338_816_600 * NS_PER_S
TODAY = Session("XNYS", "2012-06-04", OPEN_NS, OPEN_NS + 23_400 * NS_PER_S)


def quotes(pressure: float, count: int) -> list[Quote]:
    sizes = (100.0 * (1.0 + pressure), 100.0 * (1.0 - pressure))
    return [Quote("DEMO", OPEN_NS + n * NS_PER_S, 50.0, 50.01, *sizes) for n in range(count)]


def imbalance_trader() -> tuple[Strategy, FakeContext]:
    strategy, ctx = started(IMBALANCE, ("DEMO",), {"hold_s": 60})
    ctx.session = TODAY
    ctx.current_time = OPEN_NS
    return strategy, ctx


def test_imbalance_buys_under_pressure_and_sells_when_it_turns() -> None:
    strategy, ctx = imbalance_trader()
    for quote in (*quotes(0.9, 10), *quotes(-0.9, 10)):
        strategy.on_quote(quote)
    assert [(o.side, int(o.quantity)) for o in ctx.orders] == [(Side.BUY, 100), (Side.SELL, 100)]
    assert ctx.timers == {}


def test_imbalance_is_flat_when_the_timer_fires_and_after_the_end_of_day() -> None:
    strategy, ctx = imbalance_trader()
    for quote in quotes(0.9, 10):
        strategy.on_quote(quote)
    assert ctx.timers == {"DEMO": OPEN_NS + 60 * NS_PER_S}
    strategy.on_timer("DEMO")
    assert ctx.get_position("DEMO").quantity == 0
    for quote in quotes(0.9, 1):
        strategy.on_quote(quote)
    strategy.on_end_of_day(TODAY)
    assert ctx.get_position("DEMO").quantity == 0
    before = len(ctx.orders)
    for quote in quotes(0.9, 20):
        strategy.on_quote(quote)
    assert len(ctx.orders) == before
    ctx.session = Session("XNYS", "2012-06-05", 0, 1)
    strategy.on_quote(quotes(0.9, 1)[0])
    assert len(ctx.orders) == before + 1


def test_imbalance_ignores_a_quote_without_one_side_and_times_without_session() -> None:
    strategy, ctx = imbalance_trader()
    strategy.on_quote(Quote("DEMO", OPEN_NS, 50.0, 0.0, 900.0, 0.0))
    ctx.session = None
    for quote in quotes(0.9, 20):
        strategy.on_quote(quote)
    assert ctx.orders == []


def three_symbols(count: int) -> list[Bar]:
    growth = {"UP": 1.002, "FLAT": 1.0, "DOWN": 0.998}
    series = [
        bars_of(symbol, [100.0 * rate**n for n in range(count)]) for symbol, rate in growth.items()
    ]
    return [bar for bars in zip(*series, strict=True) for bar in bars]


def test_rotation_holds_the_strongest_and_decides_once_a_month() -> None:
    strategy, ctx = started(ROTATION, ("UP", "FLAT", "DOWN"), {"lookback": 20, "skip": 5})
    feed(strategy, three_symbols(200), warmup_bars=3 * strategy.warmup_bars)
    assert {order.symbol for order in ctx.orders} == {"UP"}
    months = [date_from_ns(order.created_ns).month for order in ctx.orders]
    assert len(set(months)) == len(months)
    assert len(ctx.lines) == 7
    assert {line[9:] for line in ctx.lines} == {"UP"}


def test_rotation_sells_what_fell_out() -> None:
    strategy, ctx = started(ROTATION, ("UP", "FLAT", "DOWN"), {"lookback": 20, "skip": 5})
    ctx.buy("DOWN", 7)
    feed(strategy, three_symbols(40), warmup_bars=3 * strategy.warmup_bars)
    assert [(o.symbol, o.side) for o in ctx.orders[1:3]] == [("DOWN", Side.SELL), ("UP", Side.BUY)]
    with pytest.raises(ConfigError, match=r"change strategy\.params\.skip"):
        started(ROTATION, ("UP",), {"lookback": 5, "skip": 5})


def test_quotes_of_the_example_are_those_its_script_writes(tmp_path: Path) -> None:
    copy = tmp_path / "copy.csv"
    assert make_demo_quotes.main([str(copy)]) == 0
    assert copy.read_bytes() == (EXAMPLES / "data" / "DEMO_quotes.csv").read_bytes()
    assert copy.read_text().splitlines()[1].startswith("2012-06-04T13:30:00Z,")
