"""F76, F27: a cancel that the engine or an operator asked for, and that the venue refuses."""

from __future__ import annotations

from itertools import pairwise

import pytest

from regimeflow.core.ledger_state import ledger_state
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.linked_fold import Restart
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    foreign_order,
)
from tests.faults.test_rebuilt import fold_of
from tests.unit.core_samples import BARS_OLD_NS

REFUSALS = ("not sent: no connection to the venue", "rate_limited: slow down", "banned: too many")


def working(desk: LinkedDesk, price: float = 90.0) -> str:
    order_id = desk.buy(5, price)
    desk.accept(order_id)
    return order_id


def refuse(desk: LinkedDesk, order_id: str, why: str = REFUSALS[0]) -> None:
    refused = e.CancelRejected(ClientOrderId(order_id), e.RequestKind.CANCEL, why, desk.now_ns)
    desk.feed(refused)
    desk.answer(order_id, desk.record(order_id, status=OrderStatus.NEW))


def cancels(desk: LinkedDesk) -> list[tuple[str, str]]:
    return [(sent.client_order_id, sent.reason) for sent in desk.outputs(c.CancelOrder)]


def closings_of(desk: LinkedDesk) -> list[c.SubmitOrder]:
    return [sent for sent in desk.outputs(c.SubmitOrder) if sent.strategy_id == EXTERNAL]


def test_two_refused_cancels_of_an_order_that_is_being_replaced_are_no_difference(
    desk: LinkedDesk,
) -> None:
    order_id = working(desk)
    desk.modify(order_id, limit_price=89.0)
    desk.cancel(order_id)
    desk.feed(e.CancelAll("operator"))
    desk.cancel_rejected(order_id)
    desk.cancel_rejected(order_id)
    assert desk.order(order_id).status is OrderStatus.PENDING_REPLACE
    assert not desk.kinds()


def test_late_refusal_of_a_cancel_of_an_order_that_was_proved_absent_is_no_difference(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(10)
    desk.feed(e.CancelAll("operator"))
    desk.lose(order_id)
    desk.lose(order_id, e.RequestKind.CANCEL)
    desk.lapse(SETTLE_S + 2)
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    desk.cancel_rejected(order_id)
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    assert not desk.kinds()


@pytest.mark.parametrize("why", REFUSALS)
def test_f76_flatten_whose_cancel_is_refused_goes_on_when_it_is_granted(
    desk: LinkedDesk, why: str
) -> None:
    desk.hold(10)
    order_id = working(desk)
    desk.feed(e.Flatten("operator"))
    refuse(desk, order_id, why)
    assert desk.order(order_id).status is OrderStatus.NEW
    desk.lapse(2)
    assert cancels(desk) == [(order_id, "operator")] * 2
    desk.canceled(order_id)
    (closing,) = closings_of(desk)
    assert (closing.side, int(closing.quantity)) == (Side.SELL, 10)
    desk.fill(closing.client_order_id, 10)
    assert desk.held() == 0


def test_f76_refused_cancel_is_repeated_ever_later_for_as_long_as_the_order_works(
    desk: LinkedDesk,
) -> None:
    order_id = working(desk)
    desk.feed(e.Halt("operator"))
    desk.feed(e.CancelAll("operator"))
    sent_s: list[int] = []
    for _ in range(1200):
        if len(desk.outputs(c.CancelOrder)) > len(sent_s):
            sent_s.append(desk.now_ns // NS_PER_S)
            refuse(desk, order_id)
        desk.lapse(1)
    pauses = [after - before for before, after in pairwise(sent_s)]
    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert set(pauses[5:]) == {16}
    told = [breach for breach in desk.outputs(c.RiskBreached) if breach.control == "C25"]
    assert len(told) == 2
    assert "asked again" in told[0].message
    desk.canceled(order_id)
    count = len(cancels(desk))
    desk.lapse(600)
    assert len(cancels(desk)) == count


def test_f76_refused_cancel_is_repeated_at_once_when_a_link_is_back(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.drop_link()
    desk.feed(e.CancelAll("operator"))
    for _ in range(4):
        refuse(desk, order_id)
        desk.lapse(8)
    sent = len(cancels(desk))
    refuse(desk, order_id)
    desk.lapse(2)
    assert len(cancels(desk)) == sent, "the pause has a while to go"
    desk.raise_link()
    assert len(cancels(desk)) == sent + 1
    desk.canceled(order_id)
    desk.drop_link()
    desk.raise_link()
    assert len(cancels(desk)) == sent + 1


def test_f76_link_that_flaps_does_not_outdo_the_pauses_between_cancels(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.feed(e.CancelAll("operator"))
    for _ in range(100):
        if desk.order(order_id).status is OrderStatus.PENDING_CANCEL:
            refuse(desk, order_id)
        desk.drop_link()
        desk.lapse(0.1)
        desk.raise_link()
    assert 8 <= len(cancels(desk)) <= 11, "one a second, the first pause"


def test_f76_repeated_cancel_waits_for_the_order_rate(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=RiskPolicy(max_orders_per_minute=5, reference_age_ns_max=BARS_OLD_NS))
    order_ids = [working(desk, 90 - number) for number in range(4)]
    desk.feed(e.CancelAll("operator"))
    for order_id in order_ids:
        refuse(desk, order_id)
    desk.lapse(55)
    assert len(cancels(desk)) == 4
    desk.lapse(10)
    assert len(cancels(desk)) == 8


def test_f27_refused_cancel_of_a_strategy_is_its_own_business(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    refuse(desk, order_id)
    desk.lapse(3600)
    assert len(cancels(desk)) == 1
    desk.cancel(order_id)
    assert len(cancels(desk)) == 2


def test_f76_operators_cancel_counts_where_the_strategy_had_asked_first(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.cancel(order_id)
    desk.feed(e.CancelAll("operator"))
    refuse(desk, order_id)
    refuse(desk, order_id)
    assert "order_state" not in desk.kinds()
    desk.lapse(5)
    assert cancels(desk) == [(order_id, "strategy"), (order_id, "operator"), (order_id, "operator")]


def test_f03_refused_cancel_of_a_late_order_is_repeated(desk: LinkedDesk) -> None:
    order_id = desk.buy(5, 90.0)
    desk.lose(order_id)
    desk.lapse(SETTLE_S + 1)
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    desk.accept(order_id)
    refuse(desk, order_id)
    desk.lapse(5)
    assert cancels(desk) == [(order_id, "late_order")] * 2


def test_f38_refused_cancel_of_a_foreign_order_is_repeated(make_desk: MakeDesk) -> None:
    desk = make_desk(external="flatten")
    desk.sweeps(2, orders=(foreign_order("manual-1"),))
    assert cancels(desk) == [("manual-1", "external")]
    refuse(desk, "manual-1")
    desk.lapse(5)
    assert cancels(desk) == [("manual-1", "external")] * 2


def test_f76_refused_cancel_is_known_to_an_engine_that_facts_rebuilt(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.feed(e.CancelAll("operator"))
    refuse(desk, order_id)
    fold = fold_of(desk)
    rebuilt = fold.rebuild(Restart.CARRY, ledger_state(fold.ledger))
    outputs = rebuilt.process(desk.now_ns + 2 * NS_PER_S, e.LinkUp("sim"))
    again = [o for o in outputs if isinstance(o, c.CancelOrder)]
    assert [(o.client_order_id, o.reason) for o in again] == [(order_id, "operator")]
