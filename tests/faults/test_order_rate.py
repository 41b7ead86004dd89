"""F51 on our own side: what must leave although the order rate is used up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.core.throttle import Throttle
from regimeflow.live.operator import Wish, answer_of
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import PositionRecord
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S
from tests.faults.desk_script import EXTERNAL, LinkedDesk, MakeDesk
from tests.unit.core_samples import BARS_OLD_NS

TEN_A_MINUTE = RiskPolicy(max_orders_per_minute=10, reference_age_ns_max=BARS_OLD_NS)
WISH = Wish(id="flatten-001")


def closings_of(desk: LinkedDesk) -> list[c.SubmitOrder]:
    return [sent for sent in desk.outputs(c.SubmitOrder) if sent.strategy_id == EXTERNAL]


def flattened_by_many_cancels(make_desk: MakeDesk) -> LinkedDesk:
    """A desk that holds 100 and works ten orders, whose cancels have just used up the rate."""
    desk = make_desk(policy=TEN_A_MINUTE)
    desk.hold(100)
    working = [desk.buy(1, 90.0 - number) for number in range(7)]
    desk.wait(61)
    desk.quote(100.0)
    working += [desk.buy(1, 80.0 - number) for number in range(3)]
    for order_id in working:
        desk.accept(order_id)
    desk.feed(e.Flatten("operator"))
    for order_id in working:
        desk.canceled(order_id)
    return desk


def test_f51_flatten_waits_for_the_order_rate_and_says_so(make_desk: MakeDesk) -> None:
    desk = flattened_by_many_cancels(make_desk)
    assert not closings_of(desk)
    assert not desk.outputs(c.OrderDenied)
    answer = answer_of(desk.engine, "flatten", WISH)
    assert answer.ok
    assert "1 positions close; ABC waits for the order rate" in answer.text
    told = desk.outputs(c.RiskBreached)
    assert [(breach.control, breach.limit) for breach in told] == [("C09", "10")]
    desk.lapse(59)
    assert not closings_of(desk)
    desk.lapse(2)
    (closing,) = closings_of(desk)
    assert (closing.side.value, int(closing.quantity)) == ("sell", 100)
    desk.fill(closing.client_order_id, 100)
    assert desk.held() == 0
    assert desk.outputs(c.RiskBreached) == told, "told once"
    assert "waits" not in answer_of(desk.engine, "flatten", WISH).text


def test_f51_waiting_flatten_closes_what_is_held_when_it_leaves(make_desk: MakeDesk) -> None:
    desk = flattened_by_many_cancels(make_desk)
    entry = desk.outputs(c.SubmitOrder)[1].client_order_id
    desk.fill(entry, 1, 90)  # it filled before its cancel arrived
    desk.feed(e.Flatten("once more"))
    desk.lapse(62)
    assert [int(closing.quantity) for closing in closings_of(desk)] == [101]


def test_f51_flatten_does_not_wait_for_ever(
    make_desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regimeflow.core.duty_wait.WAIT_NS_MAX", 30 * NS_PER_S)
    desk = flattened_by_many_cancels(make_desk)
    desk.lapse(40)
    desk.sweep()  # whatever is reported makes it try again
    assert not closings_of(desk)
    assert [denied.control for denied in desk.outputs(c.OrderDenied)] == ["C09"]
    assert desk.kinds() == ["not_flattened"]
    assert not desk.engine.desk.closings.waiting


@pytest.mark.parametrize("has_gap", [True, False])
def test_f51_flatten_that_a_control_refuses_is_told_as_a_difference(
    make_desk: MakeDesk, has_gap: bool
) -> None:
    """Worth less than the venue takes; or the broker's books know nothing of the position."""
    smallest = Decimal(0) if has_gap else Decimal(500)
    terms = [Instrument("ABC", min_notional=smallest), Instrument("XYZ")]
    desk = make_desk(instruments=terms)
    desk.hold(10)
    if has_gap:
        desk.sweeps(2, positions=(PositionRecord("ABC", Decimal(0)),))
    desk.quote(1.0)
    desk.feed(e.Flatten("operator"))
    assert not closings_of(desk)
    found = desk.outputs(c.DiscrepancyFound)[-1]
    assert (found.kind, found.subject, found.theirs) == ("not_flattened", "ABC", "10")
    assert "close it at the broker" in found.detail
    assert "NOT closed: ABC" in answer_of(desk.engine, "flatten", WISH).text


FIVE_A_SECOND = RiskPolicy(max_orders_per_second=5, reference_age_ns_max=BARS_OLD_NS)


def bracket(desk: LinkedDesk, **exits: float) -> str:
    """An accepted entry of 100 with these exits."""
    wish = {"limit_price": 100, **exits}
    order_id = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 100, **wish)))
    desk.accept(order_id)
    return order_id


def legs_of(desk: LinkedDesk, tag: str) -> list[int]:
    sent = desk.outputs(c.SubmitOrder)
    return [int(leg.quantity) for leg in sent if leg.parent_id and leg.tag == tag]


def test_f51_exits_that_the_order_rate_holds_back_are_placed_as_one_pair(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=FIVE_A_SECOND)
    entry = bracket(desk, stop_loss=90, take_profit=120)
    for _ in range(10):
        desk.fill(entry, 10)
    assert (legs_of(desk, "stop_loss"), legs_of(desk, "take_profit")) == ([10, 10], [10, 10])
    assert not desk.outputs(c.OrderDenied)
    (told,) = desk.outputs(c.RiskBreached)
    assert told.control == "C09"
    assert "ABC is unprotected" in told.message
    desk.lapse(2)
    assert (legs_of(desk, "stop_loss"), legs_of(desk, "take_profit")) == (
        [10, 10, 80],
        [10, 10, 80],
    )
    stop, target = desk.outputs(c.SubmitOrder)[-2:]
    assert stop.oco_group == target.oco_group == stop.client_order_id
    assert int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity) == 100
    assert not desk.engine.desk.protection.waiting


def test_f51_target_follows_its_stop_when_the_rate_parts_them(make_desk: MakeDesk) -> None:
    policy = RiskPolicy(max_orders_per_second=1, reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(policy=policy)
    entry = bracket(desk, stop_loss=90, take_profit=120)
    desk.wait(2)
    desk.fill(entry, 60)
    assert (legs_of(desk, "stop_loss"), legs_of(desk, "take_profit")) == ([60], [])
    desk.fill(entry, 40)
    desk.lapse(5)
    assert (legs_of(desk, "stop_loss"), legs_of(desk, "take_profit")) == ([60, 40], [60, 40])
    assert int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity) == 100


@pytest.mark.parametrize("how", ["sold", "cancel_all"])
def test_f51_exits_with_nothing_left_to_protect_do_not_leave(make_desk: MakeDesk, how: str) -> None:
    desk = make_desk(policy=FIVE_A_SECOND)
    entry = bracket(desk, stop_loss=90)
    for _ in range(10):
        desk.fill(entry, 10)
    assert desk.engine.desk.protection.waiting
    if how == "sold":
        for leg in [sent for sent in desk.outputs(c.SubmitOrder) if sent.parent_id]:
            desk.fill(leg.client_order_id, int(leg.quantity), 90)
        desk.wait(2)
        desk.fill(desk.do(lambda ctx: ctx.sell("ABC", desk.held())), desk.held())
    else:
        desk.feed(e.CancelAll("operator"))
    sent = len(desk.outputs(c.SubmitOrder))
    desk.lapse(5)
    assert len(desk.outputs(c.SubmitOrder)) == sent
    assert not desk.engine.desk.protection.waiting


def test_f51_reserve_frees_as_the_oldest_message_leaves_the_window() -> None:
    throttle = Throttle(0, 10)
    assert throttle.frees_ns(5) == 5
    for second in range(12):
        throttle.note(second * NS_PER_S)
    frees_ns = throttle.frees_ns(11 * NS_PER_S)
    assert frees_ns == 2 * NS_PER_S + NS_PER_MINUTE
    assert throttle.full_window(frees_ns - 1, is_reducing=True) is throttle.per_minute
    assert throttle.full_window(frees_ns, is_reducing=True) is None
