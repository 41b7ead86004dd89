"""Moving average cross against an independent computation, and its odd moments."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderStatus, Side
from regimeflow.strategy.builtin.moving_average_cross import MovingAverageCross
from tests.unit.fake_context import FakeContext, bars_of, feed, read_daily, start

GOOG = Path(__file__).parent.parent / "data" / "GOOG.csv"


def crossing(**params: int) -> tuple[MovingAverageCross, FakeContext]:
    strategy = MovingAverageCross()
    return strategy, start(strategy, FakeContext(("A",), params))


@pytest.mark.parametrize(("fast", "slow"), [(10, 30), (1, 2), (50, 200), (5, 7)])
def test_signals_on_real_prices_equal_those_of_plain_numpy(fast: int, slow: int) -> None:
    """Windows summed afresh with numpy; an order wherever fast - slow has a new sign."""
    bars = read_daily(GOOG, "A")
    closes = np.array([bar.close for bar in bars])
    windows = np.lib.stride_tricks.sliding_window_view(closes, slow)
    spread = windows[:, -fast:].mean(axis=1) - windows.mean(axis=1)
    days = np.flatnonzero(np.abs(spread) > 1e-9)  # equal averages say nothing
    expected: list[tuple[int, Side]] = []
    was_above = False
    for day in days:
        if (spread[day] > 0) != was_above:
            was_above = not was_above
            expected.append((int(day) + slow - 1, Side.BUY if was_above else Side.SELL))

    strategy, ctx = crossing(fast_period=fast, slow_period=slow, quantity=5)
    feed(strategy, bars)
    day_of = {bar.ts_close_ns: number for number, bar in enumerate(bars)}
    assert [(day_of[order.created_ns], order.side) for order in ctx.orders] == expected
    assert {order.quantity for order in ctx.orders} == {Decimal(5)}
    assert len(expected) > 5


def test_each_symbol_is_traded_by_itself() -> None:
    strategy = MovingAverageCross()
    ctx = start(strategy, FakeContext(("A", "B"), {"fast_period": 1, "slow_period": 2}))
    rising, falling = bars_of("A", [1.0, 2.0, 3.0]), bars_of("B", [3.0, 2.0, 1.0])
    unknown = bars_of("C", [1.0, 2.0, 3.0])
    feed(strategy, [bar for bars in zip(rising, falling, unknown, strict=True) for bar in bars])
    assert [order.symbol for order in ctx.orders] == ["A"]


def test_position_is_taken_on_the_first_tradable_bar_after_warmup() -> None:
    strategy, ctx = crossing(fast_period=2, slow_period=4)
    bars = bars_of("A", [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    feed(strategy, bars, warmup_bars=5)
    assert [order.created_ns for order in ctx.orders] == [bars[5].ts_close_ns]
    assert strategy.warmup_bars == 4


def test_price_that_does_not_move_never_trades_however_long() -> None:
    """0.1 is not exact in binary: without care the sums drift apart."""
    strategy, ctx = crossing(fast_period=3, slow_period=7)
    feed(strategy, bars_of("A", [0.1, 1e6, 0.3] + [0.1] * 5_000))
    assert all(order.created_ns < 20 * 86_400_000_000_000 for order in ctx.orders)


def test_split_moves_the_averages_and_is_no_signal() -> None:
    strategy, ctx = crossing(fast_period=2, slow_period=4)
    feed(strategy, bars_of("A", [10.0, 11.0, 12.0, 13.0, 14.0]))
    assert len(ctx.orders) == 1
    strategy.on_corporate_action(CorporateAction("A", 0, ActionKind.SPLIT, Decimal(2)))
    strategy.on_corporate_action(CorporateAction("A", 0, ActionKind.DIVIDEND, Decimal(9)))
    feed(strategy, bars_of("A", [7.5, 8.0, 8.5], first_day=5))
    assert len(ctx.orders) == 1


def test_order_that_expired_is_ordered_again_and_a_denied_one_is_not() -> None:
    for status, orders in ((OrderStatus.EXPIRED, 2), (OrderStatus.DENIED, 1)):
        strategy, ctx = crossing(fast_period=1, slow_period=2)
        feed(strategy, bars_of("A", [1.0, 2.0]))
        ctx.orders[0].status = status
        ctx.positions.clear()
        strategy.on_order_update(ctx.orders[0])
        feed(strategy, bars_of("A", [3.0, 4.0], first_day=2))
        assert len(ctx.orders) == orders


def test_a_crossing_while_an_order_works_cancels_it_and_the_next_bar_trades() -> None:
    """Selling what is still being bought would be denied, and the purchase would then stand."""
    strategy, ctx = crossing(fast_period=1, slow_period=2)
    feed(strategy, bars_of("A", [1.0, 2.0]))
    ctx.orders[0].status = OrderStatus.NEW
    ctx.positions["A"].quantity = Decimal(0)
    feed(strategy, bars_of("A", [1.0], first_day=2))
    assert [order.status for order in ctx.orders] == [OrderStatus.CANCELED]
    feed(strategy, bars_of("A", [3.0], first_day=3))
    assert [order.side for order in ctx.orders] == [Side.BUY, Side.BUY]


def test_changed_period_is_taken_up_when_an_old_state_is_restored() -> None:
    strategy, _ = crossing(fast_period=2, slow_period=4)
    feed(strategy, bars_of("A", [1.0, 2.0, 3.0, 4.0, 5.0]))
    strategy.fast_period = 3
    strategy.on_start()
    assert strategy.averages["A"].fast_sum == 3.0 + 4.0 + 5.0
    strategy.slow_period = 6
    strategy.on_start()
    assert strategy.averages["A"].closes == [0.0] * 6
