"""F27 to F36: cancels and replacements that cross, get lost, or are refused."""

from __future__ import annotations

import pytest

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, Side
from tests.faults.desk_script import QUERY_S, SETTLE_S, LinkedDesk, MakeDesk, fill_record
from tests.unit.core_samples import BARS_OLD_NS

SESSION_TIMERS = {"end_of_day", "session_end"}


def working(desk: LinkedDesk, quantity: int = 10) -> str:
    order_id = desk.buy(quantity)
    desk.accept(order_id)
    return order_id


def cancels(desk: LinkedDesk) -> int:
    return len(desk.outputs(c.CancelOrder))


def test_f27_cancel_refused_because_filled_waits_for_the_fill(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    outputs = desk.cancel_rejected(order_id)
    assert [type(o) for o in outputs] == [c.QueryOrder]
    assert desk.may_fill() == 10
    desk.fill(order_id, 10)
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert not desk.kinds()


def test_f28_cancel_of_an_order_the_venue_does_not_know_ends_without_a_loop(
    desk: LinkedDesk,
) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    outputs = desk.feed(
        e.CancelRejected(
            ClientOrderId(order_id), e.RequestKind.CANCEL, "unknown order", desk.now_ns
        )
    )
    assert [type(o) for o in outputs] == [c.QueryOrder]
    desk.answer(order_id, desk.record(order_id, status=OrderStatus.CANCELED))
    assert desk.order(order_id).status is OrderStatus.CANCELED
    desk.lapse(600)
    assert cancels(desk) == 1


def test_f28_cancel_of_an_order_nobody_knows_any_more_ends_not_found(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    desk.cancel_rejected(order_id)
    desk.answer(order_id, None)
    assert desk.order(order_id).in_doubt
    desk.lapse(SETTLE_S + 1)
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    assert cancels(desk) == 1


def test_f28_refused_cancel_does_not_end_the_doubt_about_its_order(make_desk: MakeDesk) -> None:
    policy = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, max_in_doubt=0)
    desk = make_desk(policy=policy)
    order_id = desk.buy(10)
    desk.lose(order_id)
    assert desk.try_to_buy(symbol="XYZ") == "C24"
    desk.feed(e.Flatten("operator"))
    for _ in range(2):
        outputs = desk.cancel_rejected(order_id)
        assert [type(o) for o in outputs if not isinstance(o, c.SetTimer)] == [c.QueryOrder]
        assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.IN_DOUBT, 10)
        assert desk.order(order_id).in_doubt
        assert desk.try_to_buy(symbol="XYZ") == "C24"
    desk.lapse(SETTLE_S + 1)
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert (desk.order(order_id).status, desk.may_fill()) == (OrderStatus.NOT_FOUND, 0)
    assert not desk.try_to_buy(symbol="XYZ")
    assert not [kind for kind in desk.kinds() if kind == "order_state"]


def test_f32_refused_replacement_does_not_end_the_doubt_about_its_order(desk: LinkedDesk) -> None:
    order_id = working(desk)
    command = desk.modify(order_id, quantity=16)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    outputs = desk.replace_rejected(command.client_order_id)
    assert [o.client_order_id for o in outputs if isinstance(o, c.QueryOrder)] == [order_id]
    assert (desk.may_fill(), desk.order(order_id).in_doubt) == (10, True)
    desk.answer(order_id, desk.record(order_id))
    order = desk.order(order_id)
    assert (order.status, order.in_doubt) == (OrderStatus.NEW, False)
    assert not desk.engine.order_truth.doubts


def test_f29_cancel_without_an_answer_counts_and_is_repeated_in_measure(
    desk: LinkedDesk,
) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    for attempt in range(1, 4):
        outputs = desk.lose(order_id, e.RequestKind.CANCEL)
        assert [type(o) for o in outputs] == [c.QueryOrder, c.SetTimer]
        assert desk.order(order_id).in_doubt
        assert desk.may_fill() == 10
        assert not any(isinstance(o, c.CancelOrder) for o in desk.lapse(QUERY_S / 2))
        desk.answer(order_id, desk.record(order_id))
        assert cancels(desk) == attempt + 1
    desk.canceled(order_id)
    assert desk.may_fill() == 0


def test_f30_partial_fill_that_crosses_the_cancel_keeps_its_books(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    desk.fill(order_id, 4)
    assert desk.order(order_id).status is OrderStatus.PENDING_CANCEL
    assert desk.may_fill() == 6
    desk.canceled(order_id)
    assert (desk.filled(order_id), desk.may_fill(), desk.held()) == (4, 0, 4)


def test_f31_late_fill_under_an_old_id_still_finds_its_order(desk: LinkedDesk) -> None:
    order_id = working(desk)
    command = desk.modify(order_id, limit_price=99.0)
    desk.replaced(command)
    assert desk.order(order_id).standing_id == command.client_order_id
    desk.fill(order_id, 4)
    desk.fill(command.client_order_id, 6)
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert desk.held() == 10
    assert not desk.kinds()


def test_f32_both_legs_of_a_replacement_count_until_one_is_answered(desk: LinkedDesk) -> None:
    order_id = working(desk)
    command = desk.modify(order_id, quantity=16)
    assert desk.may_fill() == 16
    desk.fill(order_id, 10)
    assert desk.may_fill() == 6
    desk.replace_rejected(command.client_order_id)
    assert desk.may_fill() == 0
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert not desk.kinds()
    desk.fill(command.client_order_id, 6)
    assert desk.trading == c.TradingState.HALTED


def test_f32_replacement_without_an_answer_is_settled_by_query(desk: LinkedDesk) -> None:
    order_id = working(desk)
    command = desk.modify(order_id, quantity=16)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    assert desk.may_fill() == 16
    record = desk.record(
        order_id, client_order_id=command.client_order_id, quantity=command.quantity
    )
    desk.answer(command.client_order_id, record)
    order = desk.order(order_id)
    assert (order.status, int(order.quantity), order.in_doubt) == (OrderStatus.NEW, 16, False)
    assert desk.may_fill() == 16
    assert len(desk.outputs(c.ReplaceOrder)) == 1


def test_f35_fill_during_a_modification_wins(desk: LinkedDesk) -> None:
    order_id = working(desk)
    command = desk.modify(order_id, limit_price=99.0)
    desk.fill(order_id, 10)
    assert desk.order(order_id).status is OrderStatus.FILLED
    desk.replace_rejected(command.client_order_id)
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert (desk.held(), desk.may_fill()) == (10, 0)


@pytest.mark.parametrize("request_kind", ["new", "cancel", "replace"])
def test_f36_request_that_is_never_answered_is_asked_after_and_told(
    request_kind: str, desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    if request_kind != "new":
        desk.accept(order_id)
    if request_kind == "cancel":
        desk.cancel(order_id)
    elif request_kind == "replace":
        desk.modify(order_id, limit_price=99.0)
    assert desk.order(order_id).status.value.startswith("pending")
    outputs = desk.lapse(2 * SETTLE_S + 1)
    assert any(isinstance(o, c.QueryOrder) for o in outputs)
    assert desk.kinds() == ["unanswered"]
    assert desk.order(order_id).in_doubt
    assert desk.may_fill() == 10
    asked = desk.outputs(c.QueryOrder)[-1].client_order_id
    record = desk.record(order_id, client_order_id=asked, status=OrderStatus.CANCELED)
    desk.answer(asked, record)
    assert desk.may_fill() == 0
    desk.lapse(600)
    assert {timer for _, timer in desk.engine.ledger.timers.pending} == SESSION_TIMERS


def test_f36_answered_requests_arm_nothing_for_ever(desk: LinkedDesk) -> None:
    for _ in range(5):
        order_id = desk.buy()
        desk.fill(order_id, 10)
        desk.lapse(3)
    desk.lapse(600)
    assert {timer for _, timer in desk.engine.ledger.timers.pending} == SESSION_TIMERS
    assert not desk.kinds()


def test_f30_fill_behind_a_cancellation_is_booked(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.canceled(order_id)
    desk.feed(
        e.OrderFilled(
            ClientOrderId(order_id),
            BrokerOrderId("b"),
            ExecutionId("late"),
            "ABC",
            Side.BUY,
            desk.order(order_id).quantity,
            desk.order(order_id).worst_price,
            desk.order(order_id).fees,
            desk.now_ns,
        )
    )
    assert desk.held() == 10
    assert desk.order(order_id).status is OrderStatus.FILLED
    desk.sweep(fills=(fill_record("late", order_id, 10),))
    assert desk.held() == 10


def test_f32_replacement_that_never_arrived_is_given_up_by_evidence(desk: LinkedDesk) -> None:
    order_id = working(desk)
    old = desk.record(order_id)
    command = desk.modify(order_id, quantity=16)
    desk.lose(command.client_order_id, e.RequestKind.REPLACE)
    desk.answer(command.client_order_id, None)
    desk.sweep(orders=(old,))
    assert (desk.may_fill(), desk.order(order_id).in_doubt) == (16, True)
    desk.lapse(SETTLE_S + 1)
    desk.sweep(orders=(old,))
    assert desk.may_fill() == 16
    desk.answer(command.client_order_id, None)
    desk.sweep(orders=(old,))
    order = desk.order(order_id)
    assert (order.status, int(order.quantity), order.in_doubt) == (OrderStatus.NEW, 10, False)
    assert desk.may_fill() == 10
    assert not desk.kinds()
