"""F21 for entries with exits: what was annulled leaves no exit that could open a position."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import Order, Side
from tests.faults.desk_script import LinkedDesk, cash_after, fill_record


def bracket(desk: LinkedDesk, *fills: int) -> str:
    """An entry of 100 with stop and target, filled in these parts, its exits accepted."""
    order_id = str(
        desk.do(
            lambda ctx: ctx.submit_order(
                "ABC", Side.BUY, 100, limit_price=100, stop_loss=90, take_profit=120
            )
        )
    )
    desk.accept(order_id)
    for number, quantity in enumerate(fills):
        desk.fill(order_id, quantity, execution_id=f"E{number}")
    for leg in working_exits(desk):
        desk.accept(leg.client_order_id)
    return order_id


def working_exits(desk: LinkedDesk) -> list[Order]:
    return [order for order in desk.engine.ledger.orders.open.values() if order.parent_id]


def may_sell(desk: LinkedDesk) -> int:
    return int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity)


def bust(desk: LinkedDesk, execution_id: str) -> None:
    desk.feed(e.FillBusted(ExecutionId(execution_id), "ABC", "erroneous", desk.now_ns))


def correct(desk: LinkedDesk, order_id: str, quantity: int) -> None:
    """The first execution is replaced by one of this quantity."""
    fill = e.OrderFilled(
        client_order_id=ClientOrderId(order_id),
        broker_order_id=BrokerOrderId(f"b-{order_id}"),
        execution_id=ExecutionId("E0b"),
        symbol="ABC",
        side=Side.BUY,
        quantity=Decimal(quantity),
        price=Decimal(100),
        fee=Decimal(0),
        ts_venue_ns=desk.now_ns,
    )
    desk.feed(e.FillCorrected(ExecutionId("E0"), fill, desk.now_ns))


def answer_cancels(desk: LinkedDesk) -> None:
    for command in desk.outputs(c.CancelOrder):
        desk.canceled(command.client_order_id)


@pytest.mark.parametrize("is_listed", [False, True])
def test_f21_annulled_entry_takes_its_exits_with_it(desk: LinkedDesk, is_listed: bool) -> None:
    order_id = bracket(desk, 100)
    exits = working_exits(desk)
    if is_listed:
        fill = fill_record("E0", order_id, 100, ts_venue_ns=desk.now_ns)
        listing = desk.listing(positions=(), account=None)
        desk.feed(msgspec.structs.replace(listing, annulled=(fill,)))
    else:
        bust(desk, "E0")
    cancelled = [command.client_order_id for command in desk.outputs(c.CancelOrder)]
    assert cancelled == [leg.client_order_id for leg in exits]
    answer_cancels(desk)
    assert (desk.held(), may_sell(desk), working_exits(desk)) == (0, 0, [])
    assert desk.engine.ledger.portfolio.cash == cash_after()


def test_f21_annulled_part_of_an_entry_takes_only_its_own_exits(desk: LinkedDesk) -> None:
    bracket(desk, 60, 40)
    bust(desk, "E1")
    answer_cancels(desk)
    assert (desk.held(), may_sell(desk)) == (60, 60)
    assert [int(leg.quantity) for leg in working_exits(desk)] == [60, 60]


def test_f21_exits_that_have_filled_are_not_taken_off_twice(desk: LinkedDesk) -> None:
    bracket(desk, 50, 30, 20)
    stop, target = working_exits(desk)[:2]
    desk.fill(stop.client_order_id, 50, 90)
    desk.canceled(target.client_order_id)
    bust(desk, "E2")
    answer_cancels(desk)
    assert (desk.held(), may_sell(desk)) == (30, 30)


def test_f21_exits_of_what_a_correction_leaves_are_placed_anew(desk: LinkedDesk) -> None:
    order_id = bracket(desk, 100)
    correct(desk, order_id, 70)
    assert may_sell(desk) == 100, "until the cancels are answered the old ones may fill"
    answer_cancels(desk)
    assert (desk.held(), may_sell(desk)) == (70, 70)
    stop, target = working_exits(desk)
    assert (stop.stop_price, target.limit_price) == (Decimal(90), Decimal(120))
    assert stop.oco_group == target.oco_group


def test_f21_exit_that_fills_before_its_cancel_is_not_placed_anew(desk: LinkedDesk) -> None:
    order_id = bracket(desk, 100)
    correct(desk, order_id, 70)
    stop, target = working_exits(desk)
    desk.fill(stop.client_order_id, 70, 90)
    desk.canceled(stop.client_order_id)
    desk.canceled(target.client_order_id)
    assert (desk.held(), may_sell(desk), working_exits(desk)) == (0, 0, [])


def test_f21_correction_to_more_is_protected_too(desk: LinkedDesk) -> None:
    order_id = bracket(desk, 40)
    correct(desk, order_id, 50)
    assert (desk.held(), may_sell(desk)) == (50, 50)
    assert not desk.outputs(c.CancelOrder)
