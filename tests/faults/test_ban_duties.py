"""F51 and F76: what is due after a ban: whose cancel counts, what is wanted, what leaves first."""

from __future__ import annotations

from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from tests.faults.desk_script import LinkedDesk
from tests.faults.test_ban import BANNED, lift, requests, suspend
from tests.faults.test_refused_cancels import cancels


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
