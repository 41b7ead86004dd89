"""F31 and F32: what is told late of a leg that a newer one has taken the place of."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import SETTLE_S, LinkedDesk, MakeDesk
from tests.faults.test_legs import end_canceled, end_expired, end_rejected, replacing
from tests.unit.core_samples import limited


def replaced(desk: LinkedDesk) -> tuple[str, c.ReplaceOrder]:
    """An order of 100 that stands as 300 under a new id."""
    order_id, command = replacing(desk)
    desk.replaced(command)
    return order_id, command


def old_leg(desk: LinkedDesk, order_id: str, status: OrderStatus) -> OrderRecord:
    """The first leg as a venue lists it that ends one leg and begins another."""
    leg = ClientOrderId(order_id)
    return desk.record(order_id, client_order_id=leg, quantity=Decimal(100), status=status)


def end_answered(desk: LinkedDesk, order_id: str) -> None:
    desk.answer(order_id, old_leg(desk, order_id, OrderStatus.CANCELED))


def end_listed(desk: LinkedDesk, order_id: str) -> None:
    standing = desk.record(order_id)
    desk.sweep(orders=(old_leg(desk, order_id, OrderStatus.CANCELED), standing))


ENDS = [end_canceled, end_expired, end_rejected, end_answered, end_listed]
End = Callable[[LinkedDesk, str], None]


@pytest.mark.parametrize("end", ENDS)
def test_f31_late_end_under_an_old_id_ends_that_leg_alone(end: End, desk: LinkedDesk) -> None:
    order_id, command = replaced(desk)
    end(desk, order_id)
    order = desk.order(order_id)
    assert (order.status, order.in_doubt, desk.may_fill()) == (OrderStatus.NEW, False, 300)
    desk.fill(command.client_order_id, 300)
    assert (desk.order(order_id).status, desk.held()) == (OrderStatus.FILLED, 300)
    assert not desk.kinds()


@pytest.mark.parametrize("end", ENDS)
def test_f31_late_end_under_an_old_id_makes_no_room_under_a_limit(
    end: End, make_desk: MakeDesk
) -> None:
    desk = make_desk(policy=limited(max_position=300))
    order_id, _ = replaced(desk)
    end(desk, order_id)
    assert desk.try_to_buy(1) == "C05"


@pytest.mark.parametrize("end", ENDS)
def test_f31_late_end_under_an_old_id_settles_no_doubt_about_the_new_one(
    end: End, desk: LinkedDesk
) -> None:
    order_id, command = replaced(desk)
    desk.cancel(order_id)
    desk.lose(command.client_order_id, e.RequestKind.CANCEL)
    end(desk, order_id)
    assert (desk.order(order_id).is_open, desk.may_fill()) == (True, 300)
    desk.answer(command.client_order_id, desk.record(order_id, status=OrderStatus.CANCELED))
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)


def test_f31_old_terms_in_a_late_answer_accuse_nobody(desk: LinkedDesk) -> None:
    order_id, command = replaced(desk)
    desk.cancel(order_id)
    desk.lose(command.client_order_id, e.RequestKind.CANCEL)
    desk.answer(order_id, old_leg(desk, order_id, OrderStatus.NEW))
    assert (desk.order(order_id).in_doubt, desk.may_fill()) == (True, 300)
    assert not desk.kinds()


def test_f31_repeated_acknowledgement_of_an_old_leg_keeps_the_new_venue_id(
    desk: LinkedDesk,
) -> None:
    order_id, command = replaced(desk)
    desk.accept(order_id)
    desk.fill(order_id, 40)
    desk.cancel(order_id)
    sent = desk.outputs(c.CancelOrder)[-1]
    assert (sent.client_order_id, sent.broker_order_id) == (
        command.client_order_id,
        f"b-{command.client_order_id}",
    )


def test_f31_order_that_only_its_old_leg_is_listed_for_is_asked_after(desk: LinkedDesk) -> None:
    order_id, command = replaced(desk)
    desk.lapse(SETTLE_S + 1)
    desk.sweep(orders=(old_leg(desk, order_id, OrderStatus.NEW),))
    assert desk.order(order_id).in_doubt
    assert desk.outputs(c.QueryOrder)[-1].client_order_id == command.client_order_id
    assert desk.may_fill() == 300


def test_f31_old_leg_that_works_beside_the_new_one_is_told(desk: LinkedDesk) -> None:
    order_id, _ = replaced(desk)
    standing = desk.record(order_id)
    desk.sweeps(3, orders=(old_leg(desk, order_id, OrderStatus.NEW), standing))
    assert desk.kinds() == ["order_terms"]
    assert "ABC" in desk.engine.holds.symbols


def test_f32_older_answer_after_a_newer_one_does_not_bring_old_terms_back(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(100)
    desk.accept(order_id)
    older = desk.modify(order_id, quantity=114)
    desk.replaced(older)
    newer = desk.modify(order_id, quantity=300)
    desk.replaced(newer)
    standing = desk.record(order_id)
    desk.replaced(older)
    order = desk.order(order_id)
    assert (int(order.quantity), order.standing_id) == (300, newer.client_order_id)
    assert desk.may_fill() == 300
    desk.sweeps(3, orders=(standing,))
    assert not desk.kinds()


def test_f32_replacement_nobody_answers_is_asked_after_though_a_cancel_was_refused(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    working = desk.record(order_id)
    command = desk.modify(order_id, quantity=500)
    desk.cancel(order_id)
    desk.cancel_rejected(order_id)
    assert desk.order(order_id).status is OrderStatus.PENDING_REPLACE
    desk.lapse(2 * SETTLE_S + 1)
    assert desk.kinds() == ["unanswered"]
    desk.lapse(SETTLE_S + 1)
    assert desk.outputs(c.QueryOrder)[-1].client_order_id == command.client_order_id
    desk.answer(command.client_order_id, None)
    desk.sweep(orders=(working,))
    order = desk.order(order_id)
    assert (order.status, int(order.quantity), order.in_doubt) == (OrderStatus.NEW, 10, False)
    assert (desk.may_fill(), desk.engine.order_truth.doubts) == (10, {})


def test_f32_second_replacement_waits_for_the_answer_to_the_first(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.cancel(order_id)
    desk.cancel_rejected(order_id)
    desk.do(lambda ctx: ctx.modify_order(ClientOrderId(order_id), quantity=200))
    assert desk.outputs(c.ReplaceOrder) == [command]
    assert desk.outputs(c.OrderDenied)[-1].control == "STATE"
    desk.replace_rejected(command.client_order_id)
    desk.do(lambda ctx: ctx.modify_order(ClientOrderId(order_id), quantity=200))
    assert len(desk.outputs(c.ReplaceOrder)) == 2


@pytest.mark.parametrize("evidence", ["fill", "acknowledgement"])
def test_f32_news_of_the_old_leg_does_not_end_the_doubt_about_the_replacement(
    evidence: str, desk: LinkedDesk
) -> None:
    order_id, command = replacing(desk)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    if evidence == "fill":
        desk.fill(order_id, 40)
    else:
        desk.accept(order_id)
    assert desk.order(order_id).in_doubt
    desk.lapse(SETTLE_S)
    assert desk.outputs(c.QueryOrder)[-1].client_order_id == command.client_order_id
