"""The strategy's world: every callback and every method of the context does what it says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import TimerId
from regimeflow.model.market import ActionKind, BookDelta, BookSnapshot, CorporateAction
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from regimeflow.regime.detector import RegimeState
from tests.unit.core_samples import World, puppet, scripted, session

CALLBACKS = (
    "on_bar",
    "on_tick",
    "on_quote",
    "on_order_book",
    "on_order_update",
    "on_fill",
    "on_regime_change",
    "on_timer",
    "on_end_of_day",
    "on_health",
    "on_corporate_action",
)


class Alternating:
    """A detector that calls odd bars calm and even bars crisis."""

    model_id, labels = "m", ("calm", "crisis")

    def __init__(self) -> None:
        self.state = RegimeState("", (), "m", 0, is_warm=False)

    def update(self, bar: Any) -> RegimeState:
        seq = self.state.seq + 1
        label = self.labels[1 - seq % 2]
        self.state = RegimeState(label, (0.5, 0.5), "m", seq, True, 1 - seq % 2)
        return self.state

    def on_split(self, ratio: Any) -> None: ...
    def snapshot(self) -> bytes:
        return b""

    def restore(self, data: bytes) -> None: ...


def listener(calls: list[str], **members: Any) -> Any:
    """A strategy that notes the name of every callback it gets."""

    def note(name: str) -> Any:
        return lambda self, argument: calls.append(name)

    hooks = {name: note(name) for name in CALLBACKS}
    hooks["on_start"] = lambda self: calls.append("on_start")
    hooks["on_stop"] = lambda self: calls.append("on_stop")
    return scripted(**{**hooks, **members})


def test_every_callback_is_called() -> None:
    calls: list[str] = []
    world = World(listener(calls), regime_detector=Alternating(), regime_symbol="ABC")
    seat = world.seat()
    seat.calls["on_tick"] = lambda trade: seat.strategy.ctx.buy("ABC", 1)
    world.engine.callbacks.index()
    world.engine.market_handler.index()
    seat.strategy.ctx.schedule_timer("t", after_ns=5)
    world.quote(100.0)
    world.trade(100.0)
    world.fill(world.outputs(c.SubmitOrder)[0].client_order_id, 1)
    world.bar(100.0)
    world.feed(BookSnapshot("ABC", world.now_ns, ((99.0, 1.0),), ((101.0, 1.0),)))
    world.feed(CorporateAction("ABC", world.now_ns, ActionKind.DIVIDEND, Decimal(1)))
    set_timers = {t.timer_id: t for t in world.outputs(c.SetTimer)}
    for timer_id in ("t", "end_of_day", "session_end"):
        timer = set_timers[TimerId(timer_id)]
        world.feed(e.TimerFired(timer.timer_id, timer.owner, timer.due_ns))
    world.feed(e.EngineStopped("done"))
    assert set(calls) == {*CALLBACKS, "on_start", "on_stop"} - {"on_tick"}
    assert calls.count("on_start") == 2  # once more after the roll


def test_a_bar_sets_off_regime_then_built_bars_then_the_feeds_own() -> None:
    order: list[str] = []
    feeds_own = scripted(
        on_regime_change=lambda self, change: order.append("regime"),
        on_bar=lambda self, bar: order.append("bar"),
    )
    built = scripted(on_bar=lambda self, bar: order.append("built"), bar_size="2m")
    world = World(
        feeds_own,
        built,
        regime_detector=Alternating(),
        regime_symbol="ABC",
        bar_size_ns=NS_PER_MINUTE,
    )
    world.now_ns = session().open_ns
    world.bar(100.0)
    world.bar(101.0)
    assert order == ["regime", "bar", "regime", "built", "bar"]


def test_reads_show_what_has_happened() -> None:
    world = World()
    world.bar(99.0)
    world.trade(100.5)
    world.feed(BookSnapshot("ABC", world.now_ns, ((99.0, 1.0), (98.0, 2.0)), ((101.0, 1.0),)))
    world.feed(BookDelta("ABC", world.now_ns, ((99.0, 0.0), (98.5, 4.0)), ()))
    world.hold(10, "100.50")

    def look(ctx: Any) -> None:
        assert ctx.get_latest_bar("ABC").close == 99.0
        assert ctx.get_latest_trade("ABC").price == 100.5
        assert ctx.get_latest_quote("ABC").bid == 100.0
        assert ctx.get_latest_book("ABC").bids == ((98.5, 4.0), (98.0, 2.0))
        assert [bar.close for bar in ctx.get_bars("ABC", 5)] == [99.0]
        assert ctx.get_bars("ABC", 0) == []
        assert (ctx.current_time, ctx.current_regime) == (world.now_ns, "")
        assert ctx.session == session()
        assert not ctx.is_warmup
        assert ctx.instrument("ABC").tick_size == Decimal("0.01")
        position = ctx.get_position("ABC")
        assert (position.symbol, position.quantity, position.quantity_float) == ("ABC", 10, 10.0)
        assert (position.average_price, position.market_value) == (100.5, 1000.0)
        assert (position.unrealized_pnl, position.realized_pnl) == (-5.0, 0)
        portfolio = ctx.portfolio
        assert (portfolio.cash, portfolio.equity) == (Decimal("98995.00"), 99995.0)
        assert (portfolio.gross_exposure, portfolio.net_exposure) == (1000.0, 1000.0)
        assert (portfolio.realized_pnl, portfolio.fees) == (0, 0)
        assert list(portfolio.positions) == ["ABC"]
        assert (ctx.strategy_id, ctx.symbols, dict(ctx.params)) == ("s0", ("ABC", "XYZ"), {})

    world.do(look)
    assert not world.outputs(c.StrategyFaulted)


def test_a_position_looked_at_before_the_first_fill_follows_it() -> None:
    world = World()
    seen = world.do(lambda ctx: ctx.get_position("ABC"))
    assert seen.quantity == 0
    world.hold(7)
    assert seen.quantity == 7


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({}, OrderType.MARKET),
        ({"limit_price": 99}, OrderType.LIMIT),
        ({"stop_price": 101}, OrderType.STOP),
        ({"stop_price": 101, "limit_price": 102}, OrderType.STOP_LIMIT),
        ({"trail_amount": 2}, OrderType.TRAILING_STOP),
        ({"trail_fraction": 0.1}, OrderType.TRAILING_STOP),
        ({"order_type": OrderType.MARKET_ON_CLOSE}, OrderType.MARKET_ON_CLOSE),
    ],
)
def test_the_terms_given_say_the_type(terms: dict[str, Any], kind: OrderType) -> None:
    world = World()
    world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, "10", **terms))
    assert [o.order_type for o in world.outputs(c.SubmitOrder)] == [kind]


@pytest.mark.parametrize(
    "wish",
    [
        lambda ctx: ctx.submit_order("ABC", Side.BUY),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, notional=100),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, order_type=OrderType.LIMIT),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, trail_amount=1, trail_fraction=1),
        lambda ctx: ctx.buy("ABC", -1),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, trail_fraction=5),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, 1, trail_amount=1e30),
        lambda ctx: ctx.submit_order("ABC", Side.BUY, notional=1e30),
        lambda ctx: ctx.buy("ABC", float("nan")),
        lambda ctx: ctx.buy("ABC", 1e30),
        lambda ctx: ctx.buy("ABC", 1, limit_price=1e30),
        lambda ctx: ctx.target_position("ABC", 1e30),
        lambda ctx: ctx.buy("NOPE", 1),
        lambda ctx: ctx.schedule_timer("t"),
        lambda ctx: ctx.get_bars("ABC", 1, "5x"),
        lambda ctx: ctx.get_bars("ABC", 1, "2d"),
    ],
)
def test_a_call_that_makes_no_sense_is_the_strategys_fault_and_sends_nothing(wish: Any) -> None:
    world = World(puppet(), puppet())
    world.do(lambda ctx: (ctx.buy("ABC", 1), wish(ctx)))
    assert not world.outputs(c.SubmitOrder)
    assert [fault.strategy_id for fault in world.outputs(c.StrategyFaulted)] == ["s0"]
    assert not world.engine.poisoned
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1), who=1) == ""


def test_a_notional_buys_whole_lots_at_the_latest_price() -> None:
    world = World()
    world.quote(30.0)
    order_id = world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, notional=100))
    assert world.order(order_id).quantity == 3


def test_targets_count_what_works_and_what_was_wished_before() -> None:
    world = World()
    world.hold(10)
    first = world.do(lambda ctx: ctx.buy("ABC", 5, limit_price=90))
    world.accept(first)

    def wish(ctx: Any) -> tuple[Any, Any, Any]:
        return (
            ctx.target_position("ABC", 20),
            ctx.target_position("ABC", 20),
            ctx.target_percent("ABC", 0.02),
        )

    second, nothing, nothing_more = world.do(wish)
    assert world.order(second).quantity == 5
    assert (nothing, nothing_more) == (None, None)
    assert world.order(world.do(lambda ctx: ctx.target_position("ABC", -3))).quantity == 23


def test_close_position_leaves_when_the_cancels_are_answered_and_once() -> None:
    world = World()
    world.hold(10)
    working = world.do(lambda ctx: ctx.buy("ABC", 5, limit_price=90))
    world.accept(working)
    closing = world.do(lambda ctx: ctx.close_position("ABC"))
    assert len(world.outputs(c.CancelOrder)) == 1
    assert len(world.outputs(c.SubmitOrder)) == 2
    assert world.do(lambda ctx: ctx.close_position("ABC")) == closing
    assert world.do(lambda ctx: ctx.get_order(closing)).status is OrderStatus.CREATED
    world.fill(working, 2)
    world.canceled(working)
    sent = world.outputs(c.SubmitOrder)[-1]
    assert (sent.client_order_id, sent.side, sent.quantity) == (closing, Side.SELL, 12)


def test_a_staged_order_can_be_taken_back_and_a_working_one_cancelled_once() -> None:
    world = World()
    assert world.do(lambda ctx: ctx.cancel_order(ctx.buy("ABC", 1)))
    assert not world.outputs(c.SubmitOrder)
    order_id = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90))
    assert world.do(lambda ctx: (ctx.cancel_order(order_id), ctx.cancel_order(order_id)))
    assert len(world.outputs(c.CancelOrder)) == 1
    world.canceled(order_id)
    assert world.do(lambda ctx: ctx.cancel_order(order_id)) is False
    assert world.do(lambda ctx: ctx.modify_order(order_id, quantity=2)) is False


def test_new_terms_must_fit_the_type_of_order() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 1))
    world.accept(order_id)
    world.do(lambda ctx: ctx.modify_order(order_id, limit_price=1))
    assert not world.outputs(c.ReplaceOrder)
    assert "no limit price to change" in world.outputs(c.StrategyFaulted)[0].error


def test_a_strategy_sees_its_own_orders_alone() -> None:
    world = World(puppet(), puppet())
    order_id = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90), 0)
    assert len(world.do(lambda ctx: ctx.open_orders(), 0)) == 1
    assert world.do(lambda ctx: ctx.open_orders(), 1) == []
    assert world.do(lambda ctx: ctx.get_order(order_id), 1) is None
    assert world.do(lambda ctx: ctx.cancel_order(order_id), 1) is False


def test_a_timer_moves_cancels_and_never_lies_in_the_past() -> None:
    fired: list[str] = []
    world = World(puppet(on_timer=lambda self, timer_id: fired.append(timer_id)))
    world.do(lambda ctx: ctx.schedule_timer("a", after_ns=NS_PER_S))
    first = world.outputs(c.SetTimer)[-1]
    world.do(lambda ctx: ctx.schedule_timer("a", at_ns=ctx.current_time - NS_PER_DAY))
    moved = world.outputs(c.SetTimer)[-1]
    assert moved.due_ns > first.due_ns - NS_PER_S
    world.feed(e.TimerFired(first.timer_id, first.owner, first.due_ns))
    assert fired == []
    world.feed(e.TimerFired(moved.timer_id, moved.owner, moved.due_ns))
    world.feed(e.TimerFired(moved.timer_id, moved.owner, moved.due_ns))
    assert fired == ["a"]
    world.do(lambda ctx: ctx.schedule_timer("b", after_ns=5))
    pending = world.outputs(c.SetTimer)[-1]
    world.do(lambda ctx: ctx.cancel_timer("b"))
    world.feed(e.TimerFired(pending.timer_id, pending.owner, pending.due_ns))
    assert fired == ["a"]


def test_client_order_ids_are_unique_and_fit_a_venue() -> None:
    world = World(puppet(), puppet(), id_prefix="20240102")
    ids = [world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90), who) for who in (0, 1) * 20]
    world.feed(e.EngineStarted(2))
    ids += [world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90), who) for who in (0, 1)]
    assert len(set(ids)) == len(ids)
    assert all(len(order_id) <= 32 for order_id in ids)
