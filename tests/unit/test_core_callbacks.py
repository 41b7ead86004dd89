"""Strategies that raise, run away or warm up; consequences; the nightly roll; the end."""

from __future__ import annotations

from typing import Any

import pytest

from regimeflow.core.callbacks import CONSEQUENCES_MAX
from regimeflow.errors import ConfigError, InvariantViolated
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import StrategyId
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_MINUTE
from tests.unit.core_samples import World, puppet, scripted, session


def boom(ctx: Any) -> None:
    ctx.buy("ABC", 5)
    raise ValueError("boom")


def end_session(world: World) -> list[c.Output]:
    timer = next(t for t in world.outputs(c.SetTimer) if t.timer_id == "session_end")
    return world.feed(e.TimerFired(timer.timer_id, timer.owner, timer.due_ns))


def test_a_strategy_that_raises_sends_nothing_and_stands_alone() -> None:
    world = World(puppet(), puppet())
    entry = world.do(lambda ctx: ctx.buy("ABC", 5, limit_price=90))
    world.accept(entry)
    world.do(boom)
    assert len(world.outputs(c.SubmitOrder)) == 1
    assert [o.client_order_id for o in world.outputs(c.CancelOrder)] == [entry]
    assert world.engine.ledger.trading.of(StrategyId("s0")) is c.TradingState.REDUCING
    assert world.engine.ledger.trading.of(StrategyId("s1")) is c.TradingState.ACTIVE
    assert world.do(lambda ctx: ctx.buy("ABC", 1), 0) is None  # it is not called again
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1), 1) == ""


@pytest.mark.parametrize("error", [ValueError("boom"), SystemExit("boom")])
def test_a_strategy_that_cannot_initialize_is_a_mistake_with_its_line(error: BaseException) -> None:
    def initialize(*_: Any) -> None:
        raise error

    kind = type(error).__name__
    line = initialize.__code__.co_firstlineno + 1
    with pytest.raises(ConfigError, match=rf"{kind}: boom, at .*test_core_callbacks\.py:{line}; "):
        World(scripted(initialize=initialize))


def test_a_strategy_that_exits_is_faulted_and_ends_nothing_else() -> None:
    def leave(_: Any) -> None:
        raise SystemExit(5)

    world = World(puppet(), puppet())
    world.do(leave)
    (fault,) = world.outputs(c.StrategyFaulted)
    assert fault.error == "SystemExit: 5"
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1), 1) == ""


def test_a_faulted_strategy_keeps_its_exits_and_loses_its_entries() -> None:
    world = World()
    world.hold(100)
    stop = world.do(lambda ctx: ctx.submit_order("ABC", Side.SELL, 60, stop_price=90))
    marked = world.do(
        lambda ctx: ctx.submit_order("ABC", Side.SELL, 40, limit_price=120, reduce_only=True)
    )
    too_much = world.do(lambda ctx: ctx.sell("ABC", 70, limit_price=130))
    more = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90))
    for order_id in (stop, marked, too_much, more):
        world.accept(order_id)
    world.do(boom)
    cancelled = [o.client_order_id for o in world.outputs(c.CancelOrder)]
    assert cancelled == [too_much, more]


def test_a_fault_does_not_loosen_a_halt() -> None:
    world = World()
    world.feed(e.Halt("test", StrategyId("s0")))
    world.do(boom)
    assert world.engine.ledger.trading.of(StrategyId("s0")) is c.TradingState.HALTED


def test_a_fault_in_one_callback_keeps_the_event_from_nobody() -> None:
    heard: list[str] = []
    first = scripted(on_tick=lambda self, trade: 1 / 0)
    second = scripted(on_tick=lambda self, trade: heard.append("second"))
    world = World(first, second)
    world.trade(100.0)
    world.trade(101.0)
    assert heard == ["second", "second"]
    assert len(world.outputs(c.StrategyFaulted)) == 1


def test_consequences_come_first_in_first_out_after_the_callback() -> None:
    world = World()
    first, second = world.do(lambda ctx: (ctx.sell("XYZ", 1), ctx.buy("XYZ", 1)))
    updates = world.seat().strategy.updates
    assert [update.client_order_id for update in updates] == [first, second]  # both denied, C19
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10))
    world.fill(order_id, 4)
    assert updates[-1].filled_quantity == 4
    assert [fill.quantity for fill in world.seat().strategy.fills] == [4]


def test_a_strategy_that_answers_its_own_denials_for_ever_is_faulted_alone() -> None:
    polite: list[str] = []
    runaway = scripted(
        on_tick=lambda self, trade: self.ctx.buy("XYZ", 1),
        on_order_update=lambda self, order: self.ctx.buy("XYZ", 1),
    )
    bystander = scripted(
        on_tick=lambda self, trade: self.ctx.buy("XYZ", 1),
        on_order_update=lambda self, order: polite.append(order.status),
    )
    world = World(runaway, bystander)
    world.trade(100.0)
    assert [fault.strategy_id for fault in world.outputs(c.StrategyFaulted)] == ["s0"]
    assert polite == ["denied"]
    assert len(world.outputs(c.OrderDenied)) == CONSEQUENCES_MAX + 2


def test_orders_changes_and_closes_are_denied_while_warming_up() -> None:
    world = World()
    world.hold(10)
    order_id = world.do(lambda ctx: ctx.buy("ABC", 1, limit_price=90))
    world.accept(order_id)
    world.seat().is_warming, world.engine.warming_count = True, 1
    world.seat().warmup_left = {"ABC": 5}
    sent = len(world.outputs(c.SubmitOrder))
    world.do(lambda ctx: ctx.buy("ABC", 1))
    world.do(lambda ctx: ctx.modify_order(order_id, quantity=9))
    world.do(lambda ctx: ctx.close_position("ABC"))
    assert [denied.control for denied in world.outputs(c.OrderDenied)] == ["WARMUP"] * 3
    assert len(world.outputs(c.SubmitOrder)) == sent
    assert not world.outputs(c.ReplaceOrder)


@pytest.mark.parametrize("bars", [0, 1, 3])
def test_warmup_lasts_as_many_bars_as_asked_for(bars: int) -> None:
    seen: list[bool] = []
    strategy = scripted(on_bar=lambda self, bar: seen.append(self.ctx.is_warmup), warmup_bars=bars)
    world = World(strategy)
    for _ in range(5):
        for symbol in ("ABC", "XYZ"):
            world.bar(100.0, symbol)
    assert seen == [True] * 2 * bars + [False] * 2 * (5 - bars)


def test_history_before_the_start_is_warmup_however_long_it_is() -> None:
    seen: list[bool] = []
    start_ns = session().open_ns + 3 * NS_PER_MINUTE
    strategy = scripted(on_bar=lambda self, bar: seen.append(self.ctx.is_warmup))
    world = World(strategy, start_ns=start_ns)
    for _ in range(5):
        world.bar(100.0)
    assert seen == [True, True, False, False, False]


def test_a_strategy_without_on_bar_ends_its_warmup_too() -> None:
    seen: list[bool] = []
    strategy = scripted(
        on_end_of_day=lambda self, day: seen.append(self.ctx.is_warmup), warmup_bars=2
    )
    world = World(strategy, is_daily=True)
    end_session(world)
    for symbol in ("ABC", "XYZ") * 3:
        world.bar(100.0, symbol)
    end_session_again = world.outputs(c.SetTimer)[0]
    world.engine.ledger.timers.set(
        end_session_again.owner, end_session_again.timer_id, end_session_again.due_ns
    )
    end_session(world)
    assert seen == [True, False]


def test_the_state_and_the_generator_survive_a_roll_and_nothing_else_does() -> None:
    def start(self: Any) -> None:
        self.rebuilt = True

    keeper: Any = puppet(
        initialize=lambda self, ctx: setattr(self, "kept", 0), transient=("lost",), on_start=start
    )

    def wish(ctx: Any) -> float:
        keeper.kept, keeper.lost = 7, object()
        return float(ctx.rng.random())

    world, other = World(keeper), World()
    draws = [world.do(wish), other.do(lambda ctx: ctx.rng.random())]
    assert draws[0] == draws[1]
    end_session(world)
    assert (keeper.kept, hasattr(keeper, "lost"), keeper.rebuilt) == (7, False, True)
    assert world.do(lambda ctx: ctx.rng.random()) == other.do(lambda ctx: ctx.rng.random())


def test_a_state_that_cannot_be_kept_faults_its_strategy_at_the_roll_and_no_other() -> None:
    world = World(puppet(), puppet())
    world.do(lambda ctx: setattr(world.seat(0).strategy, "socket", object()), 0)
    end_session(world)
    assert [fault.strategy_id for fault in world.outputs(c.StrategyFaulted)] == ["s0"]
    assert [saved.strategy_id for saved in world.outputs(c.StrategyStateSaved)] == ["s1"]
    assert not world.engine.poisoned


def test_nothing_wished_in_initialize_leaves_at_a_roll() -> None:
    strategy = puppet()
    world = World(strategy)
    world.quote(100.0)
    type(strategy).initialize = lambda self, ctx: ctx.buy("ABC", 1)  # type: ignore[method-assign]
    end_session(world)
    world.quote(100.0)
    assert not world.outputs(c.SubmitOrder)


def test_orders_wished_at_the_end_are_denied_and_the_account_is_valued_a_last_time() -> None:
    world = World(puppet(on_stop=lambda self: self.ctx.buy("ABC", 1)))
    world.quote(100.0)
    world.feed(e.EngineStopped("done"))
    assert [denied.control for denied in world.outputs(c.OrderDenied)] == ["STOPPED"]
    assert world.outputs(c.AccountMarked)[-1].kind is c.MarkKind.FINAL


def test_end_of_day_comes_before_the_close_intraday_and_after_it_on_daily_feeds() -> None:
    for is_daily, expected in ((False, "end_of_day"), (True, "session_end")):
        days: list[str] = []
        strategy = scripted(on_end_of_day=lambda self, day, days=days: days.append(day.date))
        world = World(strategy, is_daily=is_daily)
        for timer in world.outputs(c.SetTimer):
            before = len(days)
            world.feed(e.TimerFired(timer.timer_id, timer.owner, timer.due_ns))
            assert (len(days) > before) == (timer.timer_id == expected)


def test_an_internal_error_stops_the_engine_for_good() -> None:
    world = World()
    with pytest.raises(KeyError):
        world.feed("no event")  # type: ignore[arg-type]
    with pytest.raises(InvariantViolated, match="KeyError"):
        world.quote(100.0)


def test_our_own_bug_met_in_a_callback_does_not_pass_for_the_strategys() -> None:
    world = World(id_prefix="a-prefix-that-leaves-no-room-for-a-number")
    with pytest.raises(InvariantViolated, match="too long"):
        world.do(lambda ctx: ctx.buy("ABC", 1))
    assert world.engine.poisoned


@pytest.mark.parametrize("wrong", ["external", "engine"])
def test_a_strategy_cannot_take_the_name_of_an_owner_that_is_none(wrong: str) -> None:
    good = World().engine.setup
    setup = good.strategies[0]
    taken = type(setup)(StrategyId(wrong), puppet(), {}, ("ABC",))
    for strategies in ((taken,), (setup, setup)):
        values = {name: getattr(good, name) for name in good.__struct_fields__}
        with pytest.raises(ConfigError, match="is taken"):
            type(World().engine)(type(good)(**{**values, "strategies": strategies}))
