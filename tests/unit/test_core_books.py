"""Positions through splits and flattening; feeds that fall silent; the broker's own view."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import StrategyId
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_S
from tests.unit.core_samples import World, puppet, session


def split(world: World, ratio: object) -> None:
    action = CorporateAction("ABC", world.now_ns, ActionKind.SPLIT, Decimal(str(ratio)))
    world.feed(action)


def quantities(world: World) -> dict[str, int]:
    """What each owner holds of ABC, and the account."""
    portfolio = world.engine.ledger.portfolio
    owned = {o: p.quantity for (o, s), p in portfolio.strategy_positions.items() if s == "ABC"}
    assert sum(owned.values()) == portfolio.position("ABC").quantity
    held = {str(owner): int(quantity) for owner, quantity in owned.items()}
    return {**held, "account": int(portfolio.position("ABC").quantity)}


@pytest.mark.parametrize(
    ("held", "ratio", "expected"),
    [
        ((10, 5), 2, {"s0": 20, "s1": 10, "account": 30}),
        ((10, -5), 2, {"s0": 20, "s1": -10, "account": 10}),
        ((15, 15), "0.1", {"s0": 1, "s1": 1, EXTERNAL: 1, "account": 3}),
        ((-15, -15), "0.1", {"s0": -1, "s1": -1, EXTERNAL: -1, "account": -3}),
        ((5, 3), "1.5", {"s0": 7, "s1": 4, EXTERNAL: 1, "account": 12}),
        ((5, 3), "0.1", {"s0": 0, "s1": 0, "account": 0}),
    ],
)
def test_a_split_restates_every_owner_and_the_parts_sum_to_the_whole(
    held: tuple[int, int], ratio: object, expected: dict[str, int]
) -> None:
    world = World(puppet(), puppet())
    for who, quantity in enumerate(held):
        world.hold(quantity, who=who)
    split(world, ratio)
    assert quantities(world) == expected
    assert world.engine.ledger.portfolio.marks["ABC"] == 100.0 / float(Decimal(str(ratio)))


def test_a_position_that_was_all_fraction_leaves_no_cost_behind() -> None:
    world = World()
    world.hold(5)
    split(world, "0.1")
    position = world.engine.ledger.portfolio.position("ABC")
    assert position.quantity == position.cost == 0
    assert position.realized_pnl == -500
    assert not world.engine.ledger.portfolio.held


def test_a_flatten_takes_from_the_strategies_that_hold() -> None:
    world = World(puppet(), puppet())
    world.hold(100, who=0)
    world.hold(-40, who=1)
    world.feed(e.Flatten("test"))
    sent = world.outputs(c.SubmitOrder)[-1]
    assert (sent.strategy_id, sent.quantity) == (EXTERNAL, 60)
    world.fill(sent.client_order_id, 60, 101, fee=3)
    assert quantities(world) == {"s0": 40, "s1": -40, "account": 0}
    assert world.engine.ledger.portfolio.cash == 100_000 - 10_000 + 4_000 + 6_060 - 3
    assert world.do(lambda ctx: ctx.get_position("ABC").quantity) == 40


def test_a_flatten_closes_what_fills_before_its_cancel_arrives() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=99))
    world.accept(order_id)
    world.feed(e.Flatten("test"))
    world.fill(order_id, 4)
    assert len(world.outputs(c.SubmitOrder)) == 1
    world.canceled(order_id)
    sent = world.outputs(c.SubmitOrder)[-1]
    assert (sent.side, sent.quantity, sent.strategy_id) == (Side.SELL, 4, EXTERNAL)


def test_flattening_nothing_sends_and_denies_nothing() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=99))
    world.feed(e.Flatten("test"))
    world.canceled(order_id)
    assert len(world.outputs(c.SubmitOrder)) == 1
    assert not world.outputs(c.OrderDenied)


def test_a_position_in_a_symbol_that_is_not_configured_is_told_and_left() -> None:
    world = World()
    world.fill("somebody", 5, symbol="OTHER")
    world.feed(e.Flatten("test"))
    assert world.outputs(c.DiscrepancyFound)[-1].kind == "not_flattened"
    assert not world.outputs(c.SubmitOrder)


# --- freshness --------------------------------------------------------------------------


def health(world: World, symbol: str) -> list[str]:
    changes = world.outputs(c.HealthChanged)
    return [change.status.value for change in changes if change.component == f"feed:{symbol}"]


def test_one_silent_symbol_is_stale_alone_and_recovers() -> None:
    world = World(stale_after_ns=10 * NS_PER_S)
    world.quote(50.0, symbol="XYZ")
    order_id = world.do(lambda ctx: ctx.buy("XYZ", 1, limit_price=50))
    world.accept(order_id)
    for _ in range(12):
        world.wait(1)
        world.quote(100.0)
    assert (health(world, "XYZ"), health(world, "ABC")) == (["ok", "stale"], ["ok"])
    assert [cancel.client_order_id for cancel in world.outputs(c.CancelOrder)] == [order_id]
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 1)) == "C19"
    assert world.try_to(lambda ctx: ctx.buy("ABC", 1)) == ""
    world.quote(50.0, symbol="XYZ")
    assert health(world, "XYZ") == ["ok", "stale", "ok"]
    assert world.try_to(lambda ctx: ctx.buy("XYZ", 2)) == ""


def test_where_staleness_does_not_halt_it_is_told_once() -> None:
    world = World(stale_after_ns=10 * NS_PER_S, halt_on_stale=False, cancel_on_stale=False)
    world.quote(50.0, symbol="XYZ")
    for _ in range(60):
        world.wait(1)
        world.quote(100.0)
    world.quote(50.0, symbol="XYZ")
    assert health(world, "XYZ") == ["ok", "stale", "ok"]


def test_nothing_grows_stale_while_the_venue_is_closed() -> None:
    world = World(stale_after_ns=10 * NS_PER_S)
    world.quote(50.0, symbol="XYZ")
    world.quote(100.0)
    world.now_ns = session().close_ns
    world.feed(e.SessionClosed(session()))
    world.now_ns += NS_PER_DAY // 2
    world.quote(100.0)
    assert health(world, "XYZ") == ["ok"]
    world.now_ns = session(1).open_ns
    world.feed(e.SessionOpened(session(1)))
    world.quote(100.0)
    assert "stale" not in health(world, "ABC")


# --- the broker's view ------------------------------------------------------------------


def snapshot(world: World, **parts: object) -> list[c.Output]:
    values: Any = {"orders": None, "fills": None, "positions": None, "account": None, **parts}
    return world.feed(e.BrokerSnapshot("r", ts_venue_ns=world.now_ns, **values))


def trading_state(world: World) -> c.TradingState:
    return world.engine.ledger.trading.account


def holds(quantity: int) -> tuple[PositionRecord, ...]:
    return (PositionRecord("ABC", Decimal(quantity)),)


def test_an_agreeing_snapshot_says_nothing() -> None:
    world = World()
    world.hold(10)
    for _ in range(3):
        account = AccountRecord("A", "USD", Decimal(99_000))
        assert snapshot(world, orders=(), positions=holds(10), account=account) == []


def test_a_difference_counts_when_two_snapshots_show_the_same_one() -> None:
    world = World()
    world.hold(10)
    for quantity in (11, 12, 10, 11):
        snapshot(world, positions=holds(quantity))
    assert not world.outputs(c.DiscrepancyFound)
    snapshot(world, positions=holds(11))
    assert [found.kind for found in world.outputs(c.DiscrepancyFound)] == ["position"]
    assert world.engine.ledger.trading.account is c.TradingState.REDUCING
    snapshot(world, positions=holds(11))
    assert len(world.outputs(c.DiscrepancyFound)) == 1


def test_a_resume_is_refused_until_the_broker_agrees() -> None:
    world = World()
    world.hold(10)
    for _ in range(2):
        snapshot(world, positions=holds(11))
    world.feed(e.Resume("please"))
    assert trading_state(world) is c.TradingState.REDUCING
    snapshot(world, positions=holds(10))
    world.feed(e.Resume("please"))
    assert trading_state(world) is c.TradingState.ACTIVE


def test_a_part_that_was_not_read_neither_accuses_nor_heals() -> None:
    world = World()
    world.hold(10)
    for _ in range(2):
        snapshot(world, positions=())
    assert len(world.outputs(c.DiscrepancyFound)) == 1
    snapshot(world)
    world.feed(e.SnapshotFailed("r", "timeout"))
    world.feed(e.Resume("please"))
    assert world.engine.ledger.trading.account is c.TradingState.REDUCING


def test_an_order_that_works_there_and_has_ended_here_is_a_difference() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=90))
    world.accept(order_id)
    world.canceled(order_id)
    order = world.order(order_id)
    assert order.broker_order_id is not None
    record = OrderRecord(
        order.client_order_id,
        order.broker_order_id,
        "ABC",
        Side.BUY,
        order.order_type,
        Decimal(10),
        Decimal(0),
        OrderStatus.NEW,
    )
    for _ in range(2):
        snapshot(world, orders=(record,))
    assert [d.kind for d in world.outputs(c.DiscrepancyFound)] == ["order_unknown_here"]


def test_sessions_anchor_losses_and_only_once_each() -> None:
    world = World()
    world.hold(100)
    world.trade(90.0)
    assert world.engine.ledger.losses.anchor == 100_000
    later = session(1)
    world.now_ns = later.open_ns
    world.feed(e.SessionOpened(Session("TEST", later.date, later.open_ns, later.close_ns)))
    assert world.engine.ledger.losses.anchor == 99_000
    assert world.engine.ledger.losses.peak == 100_000
    assert world.engine.ledger.trading.of(StrategyId("s0")) is c.TradingState.ACTIVE
