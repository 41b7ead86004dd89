"""F19, F25, F30 and F47: an order is over at the venue, and some of its fills are not booked."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    cash_after,
    fill_record,
)
from tests.unit.core_samples import limited

NEVER = 20
"""Turns after which what has not ended never will."""


def turns(desk: LinkedDesk, record: OrderRecord, count: int = NEVER, **truth: Any) -> None:
    """The venue says the same whenever it is asked."""
    for _ in range(count):
        desk.lapse(SETTLE_S + 5)
        desk.quote(100.0)
        desk.sweep(orders=(), **truth)
        if desk.engine.order_truth.doubts:
            desk.answer(record.client_order_id, record)


def reused(desk: LinkedDesk) -> tuple[str, OrderRecord, dict[str, Any]]:
    """10 are held; an order of 20 is filled under an execution id that is taken."""
    first = desk.buy(10)
    desk.accept(first)
    desk.fill(first, 10, execution_id="1")
    order_id = desk.buy(20, 99.0)
    desk.accept(order_id)
    desk.fill(order_id, 20, 99, execution_id="1")
    record = desk.record(order_id, status=OrderStatus.FILLED, filled_quantity=Decimal(20))
    truth = {
        "positions": (PositionRecord("ABC", Decimal(30)),),
        "account": AccountRecord("A", "USD", cash_after((10, 100), (20, 99))),
    }
    return order_id, record, truth


def test_f47_order_whose_fill_cannot_be_booked_ends_by_evidence_and_is_told(
    desk: LinkedDesk,
) -> None:
    order_id, record, truth = reused(desk)
    turns(desk, record, **truth)
    assert (desk.order(order_id).status, desk.filled(order_id)) == (OrderStatus.FILLED, 0)
    assert (desk.held(), desk.may_fill()) == (10, 0)
    assert desk.kinds().count("fills_missing") == 1
    assert not desk.engine.order_truth.doubts
    assert desk.trading == c.TradingState.REDUCING
    assert "ABC" in desk.engine.holds.symbols


def test_f47_documented_next_steps_lead_out_of_an_unbookable_fill(desk: LinkedDesk) -> None:
    _, record, truth = reused(desk)
    turns(desk, record, **truth)
    desk.feed(e.Adopt("operator"))
    desk.feed(e.Resume("operator"))
    turns(desk, record, **truth)
    assert desk.trading == c.TradingState.ACTIVE
    assert (desk.held(), desk.may_fill()) == (30, 0)
    assert not desk.engine.reconciler.breaks
    desk.drop_link()
    desk.raise_link()
    turns(desk, record, 2, **truth)
    assert not desk.engine.holds.account
    assert not desk.try_to_buy()
    desk.feed(e.Flatten("operator"))
    for order in list(desk.engine.ledger.orders.open.values()):
        desk.canceled(order.client_order_id)
    closing = desk.outputs(c.SubmitOrder)[-1]
    assert (closing.strategy_id, int(closing.quantity)) == (EXTERNAL, 30)


@pytest.mark.parametrize("status", [OrderStatus.FILLED, OrderStatus.CANCELED])
def test_f25_impossible_fill_leaves_no_order_in_doubt_for_ever(
    status: OrderStatus, desk: LinkedDesk
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.fill(order_id, 10, 0)
    turns(desk, desk.record(order_id, status=status, filled_quantity=Decimal(10)))
    assert (desk.order(order_id).status, desk.may_fill()) == (status, 0)
    assert desk.kinds().count("fills_missing") == 1


def test_f17_end_waits_for_its_fills_through_the_window_and_a_list_of_after_it(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.lapse(SETTLE_S + 1)
    desk.sweep(orders=())
    record = desk.record(order_id, status=OrderStatus.FILLED, filled_quantity=Decimal(10))
    early_ns = desk.now_ns
    desk.answer(order_id, record)
    assert desk.may_fill() == 10
    desk.lapse(SETTLE_S + 1)
    desk.answer(order_id, record)
    assert desk.may_fill() == 10
    desk.feed(desk.listing(orders=(), ts_venue_ns=early_ns))
    desk.sweep(orders=(), fills=None)
    desk.answer(order_id, record)
    assert desk.may_fill() == 10
    desk.sweep(orders=(), fills=(fill_record("late", order_id, 10),))
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert (desk.held(), desk.may_fill()) == (10, 0)
    assert "fills_missing" not in desk.kinds()


def test_f17_fill_that_comes_after_all_is_booked(desk: LinkedDesk) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    turns(desk, desk.record(order_id, status=OrderStatus.FILLED, filled_quantity=Decimal(10)), 4)
    kinds = desk.kinds()
    assert kinds.count("fills_missing") == 1
    desk.fill(order_id, 4)
    desk.fill(order_id, 6)
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert (desk.held(), desk.filled(order_id)) == (10, 10)
    assert desk.kinds() == kinds


@pytest.mark.parametrize("filled", [0, 4])
def test_f19_acknowledged_order_that_a_list_shows_as_ended_is_settled_by_evidence(
    filled: int, desk: LinkedDesk
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    record = desk.record(order_id, status=OrderStatus.CANCELED, filled_quantity=Decimal(filled))
    outputs = desk.sweep(orders=(record,))
    assert [o.client_order_id for o in outputs if isinstance(o, c.QueryOrder)] == [order_id]
    assert (desk.order(order_id).in_doubt, desk.may_fill()) == (True, 10)
    asked = desk.answer(order_id, record)
    if filled:
        assert [o.scope for o in asked if isinstance(o, c.RequestSnapshot)] == [
            c.SnapshotScope.ORDERS
        ]
        assert desk.may_fill() == 10
        desk.sweep(orders=(record,), fills=(fill_record("x1", order_id, filled),))
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)
    assert (desk.held(), desk.kinds(), desk.engine.order_truth.doubts) == (filled, [], {})


def test_f19_list_that_lacks_fills_is_not_answered_by_asking_for_it_again(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(10)
    desk.lose(order_id)
    record = desk.record(order_id, status=OrderStatus.FILLED, filled_quantity=Decimal(10))
    assert not desk.sweep(orders=(record,))
    assert desk.may_fill() == 10


@pytest.mark.parametrize("end", [e.OrderCanceled, e.OrderExpired])
def test_f30_end_that_counts_unbooked_fills_frees_nothing_until_they_are_listed(
    end: type[e.OrderCanceled] | type[e.OrderExpired], make_desk: MakeDesk
) -> None:
    desk = make_desk(policy=limited(max_position=10))
    order_id = desk.buy(10)
    desk.accept(order_id)
    outputs = desk.feed(end(ClientOrderId(order_id), "day", desk.now_ns, Decimal(6)))
    assert [o.client_order_id for o in outputs if isinstance(o, c.QueryOrder)] == [order_id]
    assert (desk.order(order_id).in_doubt, desk.may_fill()) == (True, 10)
    assert desk.try_to_buy(10) == "C05"
    over = desk.record(order_id, status=OrderStatus.CANCELED, filled_quantity=Decimal(6))
    desk.answer(order_id, over)
    assert desk.may_fill() == 10
    desk.sweep(orders=(), fills=(fill_record("x1", order_id, 6),))
    assert (desk.order(order_id).is_open, desk.filled(order_id), desk.held()) == (False, 6, 6)
    desk.lapse(SETTLE_S)
    assert (desk.may_fill(), desk.kinds(), desk.engine.order_truth.doubts) == (0, [], {})


@pytest.mark.parametrize("is_pushed", [False, True])
def test_f30_end_that_waits_for_its_fills_comes_with_them_whatever_is_listed_meanwhile(
    desk: LinkedDesk, *, is_pushed: bool
) -> None:
    """A look into the past shows the order at work: the end that was told is newer."""
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.feed(e.OrderCanceled(ClientOrderId(order_id), "day", desk.now_ns, Decimal(6)))
    working = desk.record(order_id, status=OrderStatus.NEW, filled_quantity=Decimal(0))
    desk.answer(order_id, working)
    desk.sweep(orders=(working,))
    assert (desk.order(order_id).in_doubt, desk.may_fill()) == (True, 10)
    desk.fill(order_id, 4)
    assert (desk.order(order_id).in_doubt, desk.order(order_id).is_open) == (True, True)
    if is_pushed:
        desk.fill(order_id, 2)
    else:
        desk.sweep(orders=(), fills=(fill_record("x9", order_id, 2),))
    assert (desk.order(order_id).status, desk.filled(order_id)) == (OrderStatus.CANCELED, 6)
    assert (desk.may_fill(), desk.kinds()) == (0, [])
    desk.lapse(60)
    assert not desk.kinds()


def test_f30_end_that_counts_what_is_booked_ends_its_order(desk: LinkedDesk) -> None:
    order_id = desk.buy(10)
    desk.fill(order_id, 6)
    desk.feed(e.OrderCanceled(ClientOrderId(order_id), "day", desk.now_ns, Decimal(6)))
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)
