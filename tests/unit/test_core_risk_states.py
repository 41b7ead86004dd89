"""What may leave when: trading states, losses, rates, duplicates, sessions, and who is exempt."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import StrategyId
from regimeflow.model.order import Side, TimeInForce
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from tests.unit.core_samples import BARS_OLD_NS, World, limited, puppet, session

TIGHT = RiskLimits(
    max_order_quantity=Decimal(20),
    max_order_value=Decimal(2_000),
    max_notional=Decimal(2_000),
    max_position=Decimal(20),
    max_position_pct=Decimal("0.02"),
    max_gross_exposure=Decimal(2_000),
    max_net_exposure=Decimal(2_000),
    max_leverage=Decimal("0.02"),
    max_open_orders=Decimal(1),
    max_open_order_value=Decimal(2_000),
    max_drawdown=Decimal("0.001"),
    daily_loss_limit=Decimal(1),
)


def policy_of(**members: object) -> RiskPolicy:
    members.setdefault("reference_age_ns_max", BARS_OLD_NS)
    return RiskPolicy(**members)  # type: ignore[arg-type]


def test_an_exit_is_exempt_from_every_limit_on_entering() -> None:
    world = World(policy=policy_of())
    world.hold(100)
    world.engine.gate._policy = policy_of(limits=TIGHT)
    world.engine.gate.set_regime("")
    world.trade(90.0)
    assert world.try_to(lambda ctx: ctx.sell("ABC", 60)) == ""
    assert world.try_to(lambda ctx: ctx.sell("ABC", 40, limit_price=91)) == ""
    assert world.try_to(lambda ctx: ctx.sell("ABC", 1)) != ""
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) != ""


def test_an_exit_is_not_exempt_from_collar_duplicates_and_restrictions() -> None:
    world = World(
        policy=policy_of(
            limits=RiskLimits(price_collar_pct=Decimal("0.05")),
            duplicate_order_window_ns=NS_PER_S,
        )
    )
    world.hold(100)
    assert world.try_to(lambda ctx: ctx.sell("ABC", 10, limit_price=80)) == "C03"
    assert world.try_to(lambda ctx: ctx.sell("ABC", 10)) == ""
    assert world.try_to(lambda ctx: ctx.sell("ABC", 10)) == "C12"
    world.engine.gate._policy = policy_of(restricted=frozenset({"ABC"}))
    assert world.try_to(lambda ctx: ctx.sell("ABC", 11)) == "C17"


def test_an_exit_needs_no_fresh_price_and_an_entry_does() -> None:
    world = World(policy=policy_of(reference_age_ns_max=NS_PER_S))
    world.quote(50.0, symbol="XYZ")
    order_id = world.do(lambda ctx: ctx.buy("XYZ", 10))
    world.fill(order_id, 10, 50)
    world.wait(60)
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == "C19"
    assert world.try_to(lambda ctx: ctx.sell("XYZ", 10)) == ""


def test_a_reduce_only_order_is_cut_to_what_may_still_be_closed() -> None:
    world = World()
    world.hold(100)
    world.do(lambda ctx: ctx.sell("ABC", 30, limit_price=120))
    reduce = lambda ctx: ctx.submit_order("ABC", Side.SELL, 90, reduce_only=True)  # noqa: E731
    order_id = world.do(reduce)
    assert world.order(order_id).quantity == 70
    assert world.try_to(reduce) == "C01"


def test_a_reduce_only_order_cannot_be_enlarged_past_the_position() -> None:
    world = World()
    world.hold(100)
    order_id = world.do(
        lambda ctx: ctx.submit_order("ABC", Side.SELL, 50, limit_price=120, reduce_only=True)
    )
    world.accept(order_id)
    world.do(lambda ctx: ctx.modify_order(order_id, quantity=500))
    assert [r.quantity for r in world.outputs(c.ReplaceOrder)] == [100]


def test_new_terms_that_leave_nothing_to_fill_are_denied() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=90))
    world.accept(order_id)
    world.fill(order_id, 4, 90)
    world.do(lambda ctx: ctx.modify_order(order_id, quantity=4))
    assert not world.outputs(c.ReplaceOrder)
    assert [d.control for d in world.outputs(c.OrderDenied)] == ["C01"]


def test_reducing_lets_out_only_what_reduces_the_resulting_position() -> None:
    world = World()
    world.hold(100)
    order_id = world.do(lambda ctx: ctx.sell("ABC", 30, limit_price=120))
    world.accept(order_id)
    world.feed(e.SessionOpened(session()))
    world.engine.emit(c.TradingStateChanged(c.TradingState.REDUCING, "test", "C14"))
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == "C25"
    assert world.try_to(lambda ctx: ctx.sell("ABC", 71)) == "C25"
    assert world.try_to(lambda ctx: ctx.sell("ABC", 70)) == ""
    world.do(lambda ctx: ctx.cancel_order(order_id))
    assert [o.client_order_id for o in world.outputs(c.CancelOrder)] == [order_id]


def test_halted_lets_out_cancels_and_an_operators_flatten_alone() -> None:
    world = World()
    world.hold(100)
    order_id = world.do(lambda ctx: ctx.sell("ABC", 30, limit_price=120))
    world.accept(order_id)
    world.feed(e.Halt("test"))
    assert world.try_to(lambda ctx: ctx.sell("ABC", 1)) == "C25"
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == "C25"
    world.feed(e.Flatten("test"))
    assert [o.client_order_id for o in world.outputs(c.CancelOrder)] == [order_id]
    world.canceled(order_id)
    sent = world.outputs(c.SubmitOrder)[-1]
    assert (sent.strategy_id, sent.side, sent.quantity) == ("external", Side.SELL, 100)


def test_a_halt_of_one_strategy_leaves_the_others_alone_and_resume_lifts_it() -> None:
    world = World(puppet(), puppet())
    world.feed(e.Halt("test", StrategyId("s0")))
    buy = lambda ctx: ctx.buy("ABC", 1)  # noqa: E731
    assert (world.try_to(buy, 0), world.try_to(buy, 1)) == ("C25", "")
    world.feed(e.Resume("test", StrategyId("s0")))
    assert world.try_to(buy, 0) == ""


@pytest.mark.parametrize(
    ("limits", "price_in", "price_out"),
    [
        ({"daily_loss_limit": 1_000}, "90.01", "90.00"),
        ({"daily_loss_limit_pct": "0.01"}, "90.01", "90.00"),
        ({"max_drawdown": "0.01"}, "90.01", "90.00"),
    ],
)
def test_a_loss_limit_trips_when_it_is_reached_and_only_an_operator_lifts_it(
    limits: dict[str, object], price_in: str, price_out: str
) -> None:
    world = World(policy=limited(**limits))
    world.hold(100)
    world.trade(float(price_in))
    assert not world.outputs(c.RiskBreached)
    world.trade(float(price_out))
    assert [b.control for b in world.outputs(c.RiskBreached)] == ["C14"]
    assert world.engine.ledger.trading.account is c.TradingState.REDUCING
    world.trade(100.0)
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == "C25"
    world.feed(e.Resume("reviewed"))
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == ""


def test_a_deposit_or_withdrawal_is_neither_profit_nor_loss() -> None:
    world = World(policy=limited(daily_loss_limit=1_000, max_drawdown="0.01"))
    world.hold(10)
    for kind, amount in (("withdrawal", -50_000), ("deposit", 70_000)):
        world.feed(e.CashPosted(kind, kind, "", Decimal(amount), world.now_ns))
        world.quote(100.0)
    assert not world.outputs(c.RiskBreached)
    world.feed(e.CashPosted("i", "interest", "", Decimal(-1_000), world.now_ns))
    world.quote(100.0)
    assert world.outputs(c.RiskBreached)


def test_rates_keep_a_fifth_for_cancels_and_exits_in_every_window() -> None:
    world = World(policy=policy_of(max_orders_per_minute=10))
    world.hold(5)
    ids = [world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90)) for _ in range(9)]
    assert [world.denial(order_id) for order_id in ids] == [""] * 7 + ["C09"] * 2
    assert world.try_to(lambda ctx: ctx.sell("ABC", 2)) == ""
    world.do(lambda ctx: ctx.cancel_order(ids[0]))
    assert len(world.outputs(c.CancelOrder)) == 1
    assert world.try_to(lambda ctx: ctx.sell("ABC", 3)) == "C09"
    world.do(lambda ctx: ctx.cancel_order(ids[1]))
    assert len(world.outputs(c.CancelOrder)) == 1
    assert [b.control for b in world.outputs(c.RiskBreached)] == ["C09"]
    world.feed(e.CancelAll("kill"))
    # An operator's cancels are never throttled, and repeat what a strategy had only wished.
    assert len(world.outputs(c.CancelOrder)) == 9
    world.wait(60)
    assert world.try_to(lambda ctx: ctx.sell("ABC", 3)) == ""


def test_the_same_order_again_is_a_duplicate_until_the_window_is_over() -> None:
    world = World(policy=policy_of(duplicate_order_window_ns=500 * NS_PER_MS))
    buy = lambda ctx: ctx.buy("ABC", 5, limit_price=99)  # noqa: E731
    assert world.try_to(buy) == ""
    sent_ns = world.now_ns
    assert world.try_to(buy) == "C12"
    assert world.try_to(lambda ctx: ctx.buy("ABC", 5, limit_price=98)) == ""
    world.now_ns = sent_ns + 500 * NS_PER_MS - 1_001
    assert world.try_to(buy) == "C12"
    world.now_ns = sent_ns + 500 * NS_PER_MS - 1_000
    assert world.try_to(buy) == ""


def test_equal_exits_of_two_equal_fills_are_no_duplicates() -> None:
    world = World(policy=policy_of(duplicate_order_window_ns=NS_PER_S))
    order_id = world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 20, stop_loss=95))
    world.fill(order_id, 10)
    world.fill(order_id, 10)
    assert [o.quantity for o in world.outputs(c.SubmitOrder)[1:]] == [10, 10]
    assert not world.outputs(c.OrderDenied)


def test_a_flatten_is_no_duplicate_of_the_exit_it_cancelled() -> None:
    world = World(policy=policy_of(duplicate_order_window_ns=NS_PER_S))
    world.hold(10)
    order_id = world.do(lambda ctx: ctx.sell("ABC", 10))
    world.feed(e.Flatten("test"))
    world.canceled(order_id)
    assert world.outputs(c.SubmitOrder)[-1].strategy_id == "external"


@pytest.mark.parametrize(("tif", "control"), [("ioc", "C18"), ("fok", "C18"), ("day", "")])
def test_outside_a_session_an_order_waits_or_is_denied(tif: str, control: str) -> None:
    world = World(is_open=False)
    order_id = world.do(
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, time_in_force=TimeInForce(tif))
    )
    assert world.denial(order_id) == control
    assert all(sent.for_next_open for sent in world.outputs(c.SubmitOrder))
