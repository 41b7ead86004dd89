"""F51 and F76: what is due after a ban: whose cancel counts, what is wanted, what leaves first."""

from __future__ import annotations

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from tests.faults.desk_script import LinkedDesk
from tests.faults.test_ban import BANNED, bracket, lift, refuse, requests, suspend
from tests.faults.test_refused_cancels import cancels, closings_of


def refuse_cancel(desk: LinkedDesk, order_id: str) -> None:
    order = ClientOrderId(order_id)
    desk.feed(e.CancelRejected(order, e.RequestKind.CANCEL, BANNED, desk.now_ns))


def test_f51_operators_cancel_in_a_ban_counts_where_the_strategy_had_asked_first(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    suspend(desk)
    desk.cancel(order_id)
    desk.feed(e.CancelAll("operator"))
    lift(desk)
    refuse_cancel(desk, order_id)
    desk.lapse(5)
    assert cancels(desk) == [(order_id, "operator")] * 2, "refused, it is repeated"


def test_f51_stray_refusal_in_a_ban_cancels_no_wanted_order(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.lose(order_id)
    suspend(desk)
    refuse_cancel(desk, order_id)
    assert "CancelOrder" not in requests(lift(desk))
    assert desk.order(order_id).is_open


def test_f51_exits_that_an_operator_cancels_in_a_ban_are_not_placed_again(
    desk: LinkedDesk,
) -> None:
    entry = bracket(desk)
    desk.fill(entry, 100)
    legs = [leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:]]
    suspend(desk)
    desk.feed(e.CancelAll("operator"))
    for order_id in legs:
        refuse(desk, order_id)
    assert requests(lift(desk)) == ["RequestSnapshot"]


def test_f51_flatten_that_an_operator_cancels_in_a_ban_is_not_sent_again(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    suspend(desk)
    desk.feed(e.CancelAll("operator"))
    refuse(desk, closings_of(desk)[0].client_order_id)
    assert requests(lift(desk)) == ["RequestSnapshot"]


def test_f51_exits_of_a_position_that_is_flattened_in_a_ban_are_not_missed(
    desk: LinkedDesk,
) -> None:
    entry = bracket(desk)
    desk.fill(entry, 100)
    legs = [leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:]]
    suspend(desk)
    desk.feed(e.Flatten("operator"))
    for order_id in legs:
        refuse(desk, order_id)
    assert requests(lift(desk)) == ["SubmitOrder", "RequestSnapshot"]
    assert "not_protected" not in desk.kinds()
