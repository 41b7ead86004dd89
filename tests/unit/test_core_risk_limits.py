"""Each limit one step below, at, and one step above: what fits leaves, what does not is denied.

The price is 100 bid and ask throughout, so that a limit buy of n at 100 is worth 100 n exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model.order import Side
from tests.unit.core_samples import BARS_OLD_NS, World, limited, puppet


def trading(side: Side, quantity: int, price: int | None = 100) -> Callable[[Any], Any]:
    """A wish for one order; at market where no price is given."""
    return lambda ctx: ctx.submit_order("ABC", side, quantity, limit_price=price)


# control, limits, what is held, and quantities that fit and that do not (limit buys at 100).
CASES = [
    ("C01", {"max_order_quantity": 50}, 0, (49, 50), 51),
    ("C02", {"max_order_value": 5_000}, 0, (49, 50), 51),
    ("C06", {"max_notional": 5_000}, 0, (49, 50), 51),
    ("C06", {"max_notional": 5_000}, 20, (29, 30), 31),
    ("C05", {"max_position": 50}, 0, (49, 50), 51),
    ("C05", {"max_position": 50}, 20, (29, 30), 31),
    ("C05", {"max_position_pct": "0.05"}, 0, (49, 50), 51),
    ("C06", {"max_gross_exposure": 5_000}, 20, (29, 30), 31),
    ("C06", {"max_net_exposure": 5_000}, 20, (29, 30), 31),
    ("C06", {"max_leverage": "0.05"}, 20, (29, 30), 31),
    ("C08", {"max_open_order_value": 5_000}, 20, (49, 50), 51),
]


@pytest.mark.parametrize(("control", "limits", "held", "fits", "over"), CASES)
def test_a_limit_admits_what_reaches_it_and_denies_the_next_lot(
    control: str, limits: dict[str, object], held: int, fits: tuple[int, ...], over: int
) -> None:
    for quantity in (*fits, over):
        world = World(policy=limited(**limits))
        if held:
            world.hold(held)
        world.quote(100.0)
        seen = world.try_to(trading(Side.BUY, quantity))
        assert seen == ("" if quantity in fits else control), quantity


@pytest.mark.parametrize(("control", "limits", "held", "fits", "over"), CASES[4:9])
def test_limits_on_positions_bind_shorts_as_they_bind_longs(
    control: str, limits: dict[str, object], held: int, fits: tuple[int, ...], over: int
) -> None:
    for quantity in (fits[-1], over):
        world = World(policy=limited(**limits))
        if held:
            world.hold(-held)
        seen = world.try_to(trading(Side.SELL, quantity))
        assert seen == ("" if quantity in fits else control), quantity


def test_buying_power_is_equity_over_the_margin_ratio() -> None:
    policy = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, initial_margin_ratio=Decimal("0.5"))
    for quantity, control in ((1_999, ""), (2_000, ""), (2_001, "C07")):
        world = World(policy=policy)
        seen = world.try_to(trading(Side.BUY, quantity))
        assert seen == control


def test_the_last_room_goes_to_the_strategy_that_asks_first() -> None:
    world = World(puppet(), puppet(), policy=limited(max_gross_exposure=5_000))
    for who in (0, 1):
        world.seat(who).strategy.todo.append(lambda ctx: ctx.buy("ABC", 30, limit_price=100))
    world.quote(100.0)
    first, second = (world.seat(who).strategy.done[0] for who in (0, 1))
    assert (world.denial(first), world.denial(second)) == ("", "C06")


def test_open_orders_count_while_their_cancel_is_pending() -> None:
    world = World(policy=limited(max_open_orders=2))
    first = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90))
    world.accept(first)
    assert world.try_to(lambda ctx: ctx.buy("ABC", 2, limit_price=90)) == ""
    world.do(lambda ctx: ctx.cancel_order(first))
    assert world.try_to(lambda ctx: ctx.buy("ABC", 3, limit_price=90)) == "C08"
    world.canceled(first)
    assert world.try_to(lambda ctx: ctx.buy("ABC", 3, limit_price=90)) == ""


def test_a_replacement_is_no_additional_open_order() -> None:
    world = World(policy=limited(max_open_orders=1))
    order_id = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90))
    world.accept(order_id)
    world.do(lambda ctx: ctx.modify_order(order_id, quantity=2))
    assert [r.quantity for r in world.outputs(c.ReplaceOrder)] == [2]


@pytest.mark.parametrize(
    ("side", "price", "control"),
    [
        (Side.BUY, "95.00", ""),
        (Side.BUY, "105.00", ""),
        (Side.BUY, "105.01", "C03"),
        (Side.BUY, "94.99", "C03"),
        (Side.SELL, "95.00", ""),
        (Side.SELL, "94.99", "C03"),
        (Side.SELL, "105.01", "C03"),
    ],
)
def test_the_collar_admits_what_lies_on_it(side: Side, price: str, control: str) -> None:
    world = World(policy=limited(price_collar_pct="0.05"))
    assert world.try_to(lambda ctx: ctx.submit_order("ABC", side, 1, limit_price=price)) == control


def test_a_short_sale_needs_leave_and_working_sales_count() -> None:
    policy = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, allow_short=False)
    world = World(policy=policy)
    world.hold(10)
    assert world.try_to(lambda ctx: ctx.sell("ABC", 11)) == "C17"
    assert world.try_to(lambda ctx: ctx.sell("ABC", 6, limit_price=120)) == ""
    assert world.try_to(lambda ctx: ctx.sell("ABC", 5)) == "C17"
    assert world.try_to(lambda ctx: ctx.sell("ABC", 4)) == ""


def test_a_restricted_symbol_is_denied() -> None:
    world = World(
        policy=RiskPolicy(reference_age_ns_max=BARS_OLD_NS, restricted=frozenset({"XYZ"}))
    )
    world.quote(50.0, symbol="XYZ")
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == "C17"


def test_a_market_order_is_valued_at_the_worst_plausible_price() -> None:
    for quantity, control in ((47, ""), (48, "C02")):  # 48 at 105 are 5,040
        world = World(policy=limited(max_order_value=5_000))
        assert world.try_to(trading(Side.BUY, quantity, None)) == control


def test_a_price_is_fresh_up_to_its_age_and_not_a_nanosecond_longer() -> None:
    for late_ns, control in ((0, ""), (1, "C19")):
        world = World(policy=RiskPolicy(reference_age_ns_max=5_000_000))
        world.quote(50.0, symbol="XYZ")
        seen_ns = world.now_ns
        world.now_ns = seen_ns + 5_000_000 + late_ns - 1_000
        assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == control


@pytest.mark.parametrize(
    ("bid", "ask"),
    [(0.0, 100.0), (101.0, 100.0), (float("nan"), 100.0), (100.0, float("nan")), (-1.0, -1.0)],
)
def test_a_quote_that_is_no_price_prices_nothing(bid: float, ask: float) -> None:
    world = World()
    world.quote(bid, ask, symbol="XYZ")
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == "C19"


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 0.0, -5.0])
def test_a_bar_or_print_that_is_no_price_denies_and_does_not_stop_the_engine(price: float) -> None:
    world = World(policy=limited(max_position_pct="0.5", max_leverage=2, max_drawdown="0.5"))
    world.hold(10)
    world.bar(price, symbol="XYZ")
    world.trade(price, symbol="XYZ")
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == "C19"
    world.trade(price)
    world.bar(price)
    assert world.engine.ledger.portfolio.exact_equity == 100_000
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == ""
    assert not world.engine.poisoned


@pytest.mark.parametrize("cash", [0, -1_000])
def test_without_equity_nothing_may_enter(cash: int) -> None:
    for limits in ({"max_position_pct": 1}, {"max_leverage": 5}, {"max_drawdown": "0.5"}):
        world = World(policy=limited(**limits), cash=Decimal(cash))
        assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) in ("C05", "C06", "C14")


def test_a_regime_only_tightens_and_an_unknown_one_is_the_strictest() -> None:
    policy = RiskPolicy(
        limits=RiskLimits(max_position=Decimal(50), max_order_value=Decimal(9_000)),
        limits_by_regime={
            "calm": RiskLimits(max_position=Decimal(500)),
            "crisis": RiskLimits(max_position=Decimal(5), max_drawdown=Decimal("0.1")),
        },
        reference_age_ns_max=BARS_OLD_NS,
    )
    assert policy.limits_in("calm").max_position == 50
    assert policy.limits_in("crisis").max_position == 5
    assert policy.limits_in("crisis").max_order_value == 9_000
    assert policy.limits_in("crisis").max_drawdown == Decimal("0.1")
    assert policy.limits_in("") == policy.limits_in("crisis")
    world = World(policy=policy)
    assert world.try_to(lambda ctx: ctx.buy("ABC", 6)) == "C05"
    world.engine.gate.set_regime("calm")
    assert world.try_to(lambda ctx: ctx.buy("ABC", 6)) == ""
