"""F01 to F15: an order leaves, and nobody, or the wrong answer, comes back."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.order import OrderStatus
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import SETTLE_S, LinkedDesk, MakeDesk, fill_record
from tests.faults.sim_talk import SimTalk
from tests.unit.core_samples import BARS_OLD_NS, limited, puppet


def prove_absent(desk: LinkedDesk, order_id: str) -> None:
    """Window passed, and two negatives by different routes."""
    desk.lose(order_id)
    desk.lapse(SETTLE_S + 1)
    desk.answer(order_id, None)
    desk.sweep()
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND


def test_f01_timeout_with_order_accepted_is_found_and_adopted(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    assert [type(o) for o in desk.lose(order_id)][:1] == [c.QueryOrder]
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    assert desk.may_fill() == 10
    desk.answer(order_id, desk.record(order_id))
    assert desk.order(order_id).status is OrderStatus.NEW
    assert not desk.engine.order_truth.doubts
    assert len(desk.outputs(c.SubmitOrder)) == 1


def test_f02_timeout_of_an_order_that_never_arrived_ends_not_found(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    desk.answer(order_id, None)
    desk.sweep()
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    assert desk.may_fill() == 10
    assert any(type(o) is c.QueryOrder for o in desk.lapse(SETTLE_S + 1))
    desk.answer(order_id, None)
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    desk.sweep()
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND
    assert desk.may_fill() == 0
    assert desk.seat().strategy.updates[-1].status is OrderStatus.NOT_FOUND
    desk.lapse(600)
    assert len(desk.outputs(c.SubmitOrder)) == 1


@pytest.mark.parametrize("route", ["list", "report", "query", "fill"])
def test_f03_order_accepted_after_it_was_proved_absent_is_cancelled(
    route: str, desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    prove_absent(desk, order_id)
    record = desk.record(order_id)
    if route == "list":
        desk.sweep(orders=(record,))
    elif route == "report":
        desk.accept(order_id)
    elif route == "query":
        desk.answer(order_id, record)
    else:
        desk.fill(order_id, 4)
    assert "late_order" in desk.kinds()
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == order_id
    assert desk.may_fill() == (6 if route == "fill" else 10)
    assert desk.held() == (4 if route == "fill" else 0)
    assert desk.try_to_buy() == "C22"
    desk.canceled(order_id)
    assert desk.may_fill() == 0


def test_f03_order_accepted_late_inside_the_window_is_adopted(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    desk.answer(order_id, None)
    desk.lapse(SETTLE_S - 2)
    desk.sweep(orders=(desk.record(order_id),))
    assert desk.order(order_id).status is OrderStatus.NEW
    assert not desk.outputs(c.CancelOrder)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("unknown_symbol", e.OrderRejected),
        ("server_error", e.OutcomeUnknown),
        ("overloaded", e.OutcomeUnknown),
        ("a code nobody has documented", e.OutcomeUnknown),
    ],
)
def test_f04_refusal_that_proves_nothing_leaves_the_outcome_unknown(
    code: str, expected: type
) -> None:
    talk = SimTalk()
    talk.submit("o1")
    assert [type(event) for event in talk.refuse(code)] == [expected]


def test_f05_bytes_that_never_left_fail_here_and_written_ones_are_unknown() -> None:
    talk = SimTalk()
    talk.submit("o1", is_written=False)
    (failed, _) = talk.cut()
    assert isinstance(failed, e.OrderRejected)
    talk = SimTalk()
    talk.submit("o1")
    (unknown, _) = talk.cut()
    assert isinstance(unknown, e.OutcomeUnknown)


@pytest.mark.parametrize(
    "text", ['{"type":"ack","id":', "<html><body>502 Bad Gateway</body></html>", ""]
)
def test_f06_answer_that_cannot_be_read_leaves_the_outcome_unknown(text: str) -> None:
    talk = SimTalk()
    talk.submit("o1")
    (unknown, _) = talk.receive_unreadable(text)
    assert isinstance(unknown, e.OutcomeUnknown)


def test_f07_fill_before_the_acknowledgement_is_booked_and_acknowledges(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 4)
    assert desk.order(order_id).status is OrderStatus.PARTIALLY_FILLED
    assert (desk.held(), desk.may_fill()) == (4, 6)
    desk.accept(order_id)
    assert desk.order(order_id).status is OrderStatus.PARTIALLY_FILLED
    assert not desk.kinds()


@pytest.mark.parametrize("ended", ["filled", "canceled"])
def test_f08_acknowledgement_after_the_end_never_opens_an_order_again(
    ended: str, desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    if ended == "filled":
        desk.fill(order_id, 10)
    else:
        desk.canceled(order_id)
    desk.accept(order_id)
    assert desk.order(order_id).status.value == ended
    assert desk.may_fill() == 0


def test_f09_order_whose_acknowledgement_never_comes_is_proved_by_the_sweep(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.sweep(orders=(desk.record(order_id),))
    assert desk.order(order_id).status is OrderStatus.NEW
    assert desk.order(order_id).broker_order_id == f"b-{order_id}"


def test_f10_rejection_on_the_stream_after_an_acceptance_frees_what_it_held(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.reject(order_id, "margin call")
    assert desk.order(order_id).status is OrderStatus.REJECTED
    assert desk.order(order_id).reason == "margin call"
    assert desk.may_fill() == 0
    assert not desk.kinds()


def test_f11_duplicate_id_on_the_first_send_means_that_the_order_exists(desk: LinkedDesk) -> None:
    talk = SimTalk()
    talk.submit("o1")
    (event,) = talk.refuse("duplicate_id")
    assert isinstance(event, e.OutcomeUnknown)
    order_id = desk.buy()
    desk.feed(e.OutcomeUnknown(desk.order(order_id).client_order_id, event.request, event.reason))
    desk.answer(order_id, desk.record(order_id))
    assert desk.order(order_id).status is OrderStatus.NEW
    assert [o.client_order_id for o in desk.outputs(c.SubmitOrder)] == [order_id]


def test_f12_ids_grow_across_orders_denials_and_restarts(desk: LinkedDesk) -> None:
    ids = [desk.buy()]
    assert desk.try_to_buy(0) == "C01"
    ids.append(desk.buy(price=99.0))
    desk.feed(e.EngineStarted(2))
    desk.feed(e.LinkUp("sim"))
    for order_id in ids:
        desk.accept(order_id)
    desk.sweep()
    after = desk.buy(price=98.0)
    numbers = [int(command.client_order_id.rpartition("-")[2]) for command in sent(desk)]
    assert numbers == sorted(set(numbers))
    assert "-2-" in after
    assert after not in ids


def sent(desk: LinkedDesk) -> list[c.SubmitOrder]:
    return desk.outputs(c.SubmitOrder)


def test_f13_order_off_the_grid_is_rounded_and_a_rejection_is_not_retried(
    desk: LinkedDesk,
) -> None:
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 0.4, limit_price=99.999)) == "C01"
    order_id = desk.do(lambda ctx: ctx.buy("ABC", 10.7, limit_price=99.999))
    assert (sent(desk)[-1].quantity, sent(desk)[-1].limit_price) == (Decimal(10), Decimal("99.99"))
    desk.reject(order_id, "filter failure: PRICE_FILTER")
    desk.lapse(600)
    assert len(sent(desk)) == 1


def test_f14_two_strategies_race_for_the_last_money_and_one_is_denied(
    make_desk: MakeDesk,
) -> None:
    policy = RiskPolicy(initial_margin_ratio=Decimal(1), reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(puppet(), puppet(), policy=policy, cash=Decimal(1_100))
    first = desk.buy(10)
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 10, limit_price=100.0), 1) == "C07"
    outputs = desk.reject(first, "insufficient funds")
    scopes = [o.scope for o in outputs if isinstance(o, c.RequestSnapshot)]
    assert scopes == [c.SnapshotScope.ACCOUNT]
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 10, limit_price=100.0), 1) == ""


@pytest.mark.parametrize("change", [{"quantity": Decimal(12)}, {"limit_price": Decimal(101)}])
def test_f15_order_that_the_venue_alters_is_cancelled_and_told(
    change: dict[str, Decimal], desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.sweep(orders=(desk.record(order_id, **change),))
    assert not desk.kinds()
    desk.wait(SETTLE_S + 1)
    desk.sweep(orders=(desk.record(order_id, **change),))
    assert desk.kinds() == ["order_terms"]
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == order_id
    assert desk.try_to_buy() == "C22"


def test_f15_altered_terms_are_seen_when_an_order_in_doubt_is_found(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    desk.answer(order_id, desk.record(order_id, limit_price=Decimal(105)))
    assert desk.kinds() == ["order_terms"]
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == order_id


def test_f14_exposure_in_flight_counts_until_its_end_is_proved(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=limited(max_position=10))
    order_id = desk.buy(10)
    assert desk.try_to_buy() == "C05"
    desk.lose(order_id)
    assert desk.try_to_buy() == "C05"
    desk.answer(order_id, desk.record(order_id))
    desk.cancel(order_id)
    assert desk.try_to_buy() == "C05"
    desk.sweep(fills=(fill_record("x1", order_id, 10),))
    assert desk.held() == 10
    assert desk.try_to_buy() == "C05"
    assert desk.engine.setup.settle_window_ns == SETTLE_S * NS_PER_S
