"""Exits that follow fills, orders of which one cancels the other, and how they are counted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.errors import UsageError
from regimeflow.model import commands as c
from regimeflow.model.order import OrderType, Side, TimeInForce
from tests.unit.core_samples import World, limited


def bracket(ctx: Any) -> Any:
    return ctx.submit_order("ABC", Side.BUY, 100, take_profit=110, stop_loss=95)


def exits(world: World) -> list[c.SubmitOrder]:
    return [order for order in world.outputs(c.SubmitOrder) if order.parent_id is not None]


def test_every_fill_of_an_entry_gets_its_own_stop_and_target() -> None:
    world = World()
    entry = world.do(bracket)
    world.fill(entry, 30)
    world.fill(entry, 70)
    legs = exits(world)
    assert [(leg.order_type, leg.quantity) for leg in legs] == [
        (OrderType.STOP, Decimal(30)),
        (OrderType.LIMIT, Decimal(30)),
        (OrderType.STOP, Decimal(70)),
        (OrderType.LIMIT, Decimal(70)),
    ]
    for leg in legs:
        assert (leg.side, leg.time_in_force) == (Side.SELL, TimeInForce.GTC)
        assert leg.reduce_only
        assert leg.parent_id == entry
    assert legs[0].oco_group == legs[1].oco_group != legs[2].oco_group == legs[3].oco_group


def test_the_two_exits_count_once() -> None:
    world = World()
    world.fill(world.do(bracket), 100)
    assert world.engine.ledger.orders.exposure.of("ABC").sell_quantity == 100
    assert world.engine.ledger.orders.exposure.order_count == 2
    assert (
        world.try_to(lambda ctx: ctx.submit_order("ABC", Side.SELL, 1, reduce_only=True)) == "C01"
    )


def test_a_lone_stop_has_no_sibling() -> None:
    world = World()
    entry = world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 10, stop_loss=95))
    world.fill(entry, 10)
    assert [leg.oco_group for leg in exits(world)] == [None]


def test_exits_leave_past_limits_on_entering() -> None:
    world = World(policy=limited(max_open_orders=1, max_order_quantity=100, max_position=100))
    world.fill(world.do(bracket), 100)
    assert len(exits(world)) == 2


def test_a_fill_that_comes_after_the_entry_was_cancelled_gets_its_exits() -> None:
    world = World()
    entry = world.do(bracket)
    world.canceled(entry)
    world.fill(entry, 40)
    assert [leg.quantity for leg in exits(world)] == [40, 40]


def test_exits_of_a_short_entry_buy() -> None:
    world = World()
    entry = world.do(
        lambda ctx: ctx.submit_order("ABC", Side.SELL, 10, take_profit=90, stop_loss=105)
    )
    world.fill(entry, 10)
    assert [(leg.side, leg.stop_price, leg.limit_price) for leg in exits(world)] == [
        (Side.BUY, 105, None),
        (Side.BUY, None, 90),
    ]


@pytest.mark.parametrize(("at_broker", "cancels"), [(True, 0), (False, 1)])
def test_the_engine_drops_the_sibling_where_the_broker_does_not(
    at_broker: bool, cancels: int
) -> None:
    world = World(oco_at_broker=at_broker)
    world.fill(world.do(bracket), 100)
    stop, target = exits(world)
    for leg in (stop, target):
        world.accept(leg.client_order_id)
    world.fill(target.client_order_id, 100, 110)
    cancelled = [cancel.client_order_id for cancel in world.outputs(c.CancelOrder)]
    assert cancelled == [stop.client_order_id] * cancels
    world.canceled(stop.client_order_id)
    assert world.engine.ledger.orders.exposure.of("ABC").sell_quantity == 0
    assert world.engine.ledger.portfolio.position("ABC").quantity == 0


def test_a_pair_of_orders_counts_as_its_larger_leg() -> None:
    world = World()
    pair = world.do(
        lambda ctx: ctx.submit_oco(
            {"symbol": "ABC", "side": Side.BUY, "quantity": 10, "limit_price": 95},
            {"symbol": "ABC", "side": Side.BUY, "quantity": 30, "stop_price": 105},
        )
    )
    exposure = world.engine.ledger.orders.exposure
    assert exposure.of("ABC").buy_quantity == 30
    world.canceled(pair[1])
    assert exposure.of("ABC").buy_quantity == 10
    world.canceled(pair[0])
    assert exposure.of("ABC").buy_quantity == 0


def test_a_pair_must_share_symbol_and_side() -> None:
    world = World()
    world.do(
        lambda ctx: ctx.submit_oco(
            {"symbol": "ABC", "side": Side.BUY, "quantity": 10, "limit_price": 95},
            {"symbol": "ABC", "side": Side.SELL, "quantity": 10, "limit_price": 105},
        )
    )
    fault = world.outputs(c.StrategyFaulted)[0]
    assert fault.error.startswith(UsageError.__name__)
    assert not world.outputs(c.SubmitOrder)
