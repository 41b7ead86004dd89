"""F32: the old leg of a replacement ends, and the new one is not answered for yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import SETTLE_S, LinkedDesk


def replacing(desk: LinkedDesk) -> tuple[str, c.ReplaceOrder]:
    """An order of 100 whose replacement by 300 is under way."""
    order_id = desk.buy(100)
    desk.accept(order_id)
    return order_id, desk.modify(order_id, quantity=300)


def new_leg(desk: LinkedDesk, order_id: str, command: c.ReplaceOrder) -> OrderRecord:
    """The replacement as the broker lists it once it has taken it."""
    return desk.record(order_id, client_order_id=command.client_order_id, quantity=command.quantity)


def end_canceled(desk: LinkedDesk, order_id: str) -> None:
    desk.feed(e.OrderCanceled(ClientOrderId(order_id), "replaced", desk.now_ns))


def end_expired(desk: LinkedDesk, order_id: str) -> None:
    desk.feed(e.OrderExpired(ClientOrderId(order_id), "day", desk.now_ns))


def end_rejected(desk: LinkedDesk, order_id: str) -> None:
    desk.feed(e.OrderRejected(ClientOrderId(order_id), "no", desk.now_ns))


def end_listed(desk: LinkedDesk, order_id: str) -> None:
    desk.answer(order_id, desk.record(order_id, status=OrderStatus.CANCELED))


ENDS = [end_canceled, end_expired, end_rejected, end_listed]


@pytest.mark.parametrize("end", ENDS)
def test_f32_old_leg_that_ends_first_leaves_the_new_one_counted_and_asked_after(
    end: Callable[[LinkedDesk, str], None], desk: LinkedDesk
) -> None:
    order_id, command = replacing(desk)
    end(desk, order_id)
    order = desk.order(order_id)
    assert (order.status, order.in_doubt) == (OrderStatus.IN_DOUBT, True)
    assert desk.may_fill() == 300
    assert desk.outputs(c.QueryOrder)[-1].client_order_id == command.client_order_id
    desk.replaced(command)
    order = desk.order(order_id)
    assert (order.status, int(order.quantity), order.in_doubt) == (OrderStatus.NEW, 300, False)
    assert (desk.may_fill(), order.standing_id) == (300, command.client_order_id)
    assert not desk.kinds()
    desk.lapse(600)
    assert not desk.engine.order_truth.doubts


@pytest.mark.parametrize("end", ENDS)
def test_f32_old_leg_that_ended_ends_its_order_when_the_new_one_is_refused(
    end: Callable[[LinkedDesk, str], None], desk: LinkedDesk
) -> None:
    order_id, command = replacing(desk)
    end(desk, order_id)
    desk.replace_rejected(command.client_order_id)
    assert desk.order(order_id).status in (OrderStatus.CANCELED, OrderStatus.EXPIRED) or (
        end is end_rejected and desk.order(order_id).status is OrderStatus.REJECTED
    )
    assert desk.may_fill() == 0
    assert not desk.kinds()


@pytest.mark.parametrize("end", ENDS)
def test_f32_old_leg_that_ended_ends_its_order_when_the_new_one_is_proved_absent(
    end: Callable[[LinkedDesk, str], None], desk: LinkedDesk
) -> None:
    order_id, command = replacing(desk)
    end(desk, order_id)
    desk.lapse(SETTLE_S + 1)
    desk.answer(command.client_order_id, None)
    assert desk.may_fill() == 300
    desk.sweep(orders=())
    assert not desk.order(order_id).is_open
    assert desk.order(order_id).status is not OrderStatus.NOT_FOUND
    assert desk.may_fill() == 0
    assert not desk.engine.order_truth.doubts


def test_f32_half_success_is_settled_by_a_list_that_holds_the_new_leg(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    end_canceled(desk, order_id)
    desk.sweep(orders=(new_leg(desk, order_id, command),))
    order = desk.order(order_id)
    assert (order.status, int(order.quantity), order.in_doubt) == (OrderStatus.NEW, 300, False)
    assert (desk.may_fill(), order.standing_id) == (300, command.client_order_id)
    assert not desk.kinds()


def test_f32_fill_of_a_leg_does_not_end_the_doubt_about_the_other(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    end_canceled(desk, order_id)
    desk.fill(order_id, 40)
    desk.accept(order_id)
    assert desk.order(order_id).in_doubt
    assert desk.may_fill() == 260
    desk.replace_rejected(command.client_order_id)
    assert desk.order(order_id).status is OrderStatus.CANCELED
    assert (desk.held(), desk.may_fill()) == (40, 0)


@pytest.mark.parametrize("is_refused", [True, False])
def test_f32_cancel_of_ours_follows_to_the_new_leg(is_refused: bool, desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.cancel(order_id)
    end_canceled(desk, order_id)
    if is_refused:
        desk.cancel_rejected(order_id)
    order = desk.order(order_id)
    assert (order.status, order.in_doubt) == (OrderStatus.PENDING_CANCEL, True)
    assert desk.may_fill() == 300
    desk.replaced(command)
    assert desk.order(order_id).status is OrderStatus.PENDING_CANCEL
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == command.client_order_id
    desk.canceled(command.client_order_id)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)
    assert not desk.kinds()


def test_f32_venue_that_answers_both_requests_ends_the_order(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.cancel(order_id)
    desk.canceled(order_id)
    desk.replace_rejected(command.client_order_id)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)
    assert len(desk.outputs(c.CancelOrder)) == 1
    assert not desk.kinds()


def test_f32_cancel_while_the_old_leg_has_ended_names_the_new_one(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    end_canceled(desk, order_id)
    desk.feed(e.CancelAll("operator"))
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == command.client_order_id


def test_f32_end_under_the_new_id_ends_the_order(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.canceled(command.client_order_id)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)


def test_f32_rejection_of_the_new_leg_leaves_the_old_one(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    end_rejected(desk, command.client_order_id)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.NEW, 100)


def absent(desk: LinkedDesk) -> tuple[str, c.ReplaceOrder]:
    """An order whose replacement was lost, and which nobody knows any more."""
    order_id, command = replacing(desk)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    desk.lapse(SETTLE_S + 1)
    desk.answer(command.client_order_id, None)
    desk.sweep(orders=())
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.NOT_FOUND, 0)
    return order_id, command


def ended(desk: LinkedDesk) -> tuple[str, c.ReplaceOrder]:
    """An order that ended, its replacement proved absent."""
    order_id, command = replacing(desk)
    end_canceled(desk, order_id)
    desk.replace_rejected(command.client_order_id)
    assert desk.order(order_id).status is OrderStatus.CANCELED
    return order_id, command


@pytest.mark.parametrize("end", [absent, ended])
def test_f32_replacement_that_is_taken_after_the_end_counts_and_is_cancelled(
    end: Callable[[LinkedDesk], tuple[str, c.ReplaceOrder]], desk: LinkedDesk
) -> None:
    order_id, command = end(desk)
    desk.replaced(command)
    order = desk.order(order_id)
    assert (order.status, int(order.quantity)) == (OrderStatus.PENDING_CANCEL, 300)
    assert (desk.may_fill(), order.standing_id) == (300, command.client_order_id)
    assert desk.kinds() == ["late_order"]
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == command.client_order_id
    assert desk.try_to_buy()


def test_f32_list_that_holds_the_absent_replacement_revives_it_on_its_own_terms(
    desk: LinkedDesk,
) -> None:
    order_id, command = absent(desk)
    record = new_leg(desk, order_id, command)
    desk.sweep(orders=(record,))
    order = desk.order(order_id)
    assert (order.status, int(order.quantity)) == (OrderStatus.PENDING_CANCEL, 300)
    assert (desk.may_fill(), order.standing_id) == (300, command.client_order_id)
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == command.client_order_id
    assert desk.kinds() == ["late_order"]


def test_f32_repeated_report_of_a_leg_that_has_ended_revives_nothing(desk: LinkedDesk) -> None:
    order_id, command = replacing(desk)
    desk.replaced(command)
    desk.canceled(command.client_order_id)
    desk.replaced(command)
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.CANCELED, 0)
    assert desk.kinds() == ["order_state"]
