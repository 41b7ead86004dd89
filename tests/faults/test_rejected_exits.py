"""F76, F21: the exits of a filled entry that the venue rejects, or whose entry it annuls."""

from __future__ import annotations

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, Side
from tests.faults.desk_script import (
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
)
from tests.faults.test_flatten import WAIT_S
from tests.faults.test_refused_cancels import REFUSALS, cancels, closings_of, refuse
from tests.unit.core_samples import puppet


def exits_of(desk: LinkedDesk) -> list[tuple[str, int]]:
    sent = desk.outputs(c.SubmitOrder)
    return [(leg.tag, int(leg.quantity)) for leg in sent if leg.parent_id]


def bracket(desk: LinkedDesk) -> str:
    wish = {"limit_price": 100, "stop_loss": 90, "take_profit": 120}
    order_id = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 10, **wish)))
    desk.accept(order_id)
    return order_id


def test_f76_rejected_exits_are_placed_again(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 10)
    desk.drop_link()
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.reject(leg.client_order_id, REFUSALS[0])
    desk.raise_link()
    assert exits_of(desk) == [("stop_loss", 10), ("take_profit", 10)] * 2
    told = [breach.message for breach in desk.outputs(c.RiskBreached)]
    assert len(told) == 2
    assert "ABC is unprotected" in told[0]
    assert int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity) == 10


@pytest.mark.parametrize("is_filled", [False, True])
def test_f76_rejected_stop_is_placed_again_while_its_target_works(
    desk: LinkedDesk, is_filled: bool
) -> None:
    entry = bracket(desk)
    desk.fill(entry, 10)
    stop, target = desk.outputs(c.SubmitOrder)[1:]
    desk.accept(target.client_order_id)
    desk.reject(stop.client_order_id, REFUSALS[1])
    if is_filled:
        desk.fill(target.client_order_id, 10, 120)
    desk.lapse(2)
    assert exits_of(desk)[2:] == ([] if is_filled else [("stop_loss", 10)])
    working_quantity = desk.engine.ledger.orders.exposure.of("ABC").sell_quantity
    assert int(working_quantity) == (0 if is_filled else 10)


def test_f76_exits_that_are_rejected_again_and_again_are_told_in_the_end(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 10)
    rejected = 1
    for _ in range(2 * WAIT_S):
        for leg in desk.outputs(c.SubmitOrder)[rejected:]:
            desk.reject(leg.client_order_id, "insufficient margin")
            rejected += 1
        desk.lapse(1)
    assert rejected < 34
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    assert [(d.subject, d.ours, d.theirs) for d in found] == [("ABC", "rejected", "10")] * 2
    assert not desk.engine.desk.protection.waiting


def test_f76_exits_wait_out_an_outage_without_trying_and_leave_when_it_ends(
    desk: LinkedDesk,
) -> None:
    entry = bracket(desk)
    desk.drop_link()
    desk.fill(entry, 10)
    desk.lapse(2 * WAIT_S)
    desk.quote(100.0)
    assert exits_of(desk) == []
    assert [breach.control for breach in desk.outputs(c.RiskBreached)] == ["C22"]
    desk.raise_link()
    assert exits_of(desk) == [("stop_loss", 10), ("take_profit", 10)]
    assert "not_protected" not in desk.kinds()


def test_f76_exits_that_an_answer_shows_rejected_are_placed_again(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 10)
    legs = [leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:]]
    for leg_id in legs:
        desk.lose(leg_id)
    for leg_id in legs:
        desk.answer(leg_id, desk.record(leg_id, status=OrderStatus.REJECTED))
    desk.lapse(5)
    assert exits_of(desk) == [("stop_loss", 10), ("take_profit", 10)] * 2
    assert int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity) == 10


def test_f76_exit_that_never_arrived_is_told(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 10)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.lose(leg.client_order_id)
    desk.lapse(SETTLE_S + 1)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.answer(leg.client_order_id, None)
    desk.sweep(orders=())
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    assert {(d.subject, d.ours, d.theirs) for d in found} == {("ABC", "ended", "10")}
    assert len(found) == 2


# --- part of it filled ------------------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 1])
def test_exit_that_part_filled_before_it_was_rejected_is_placed_again_for_the_rest(
    desk: LinkedDesk, which: int
) -> None:
    desk.fill(bracket(desk), 10)
    legs = [leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:]]
    for leg in legs:
        desk.accept(leg)
    desk.fill(legs[which], 4, 90)
    desk.canceled(legs[1 - which])
    desk.reject(legs[which], REFUSALS[0])
    desk.lapse(2)
    assert exits_of(desk)[2:] == [(("stop_loss", "take_profit")[which], 6)]


def test_rejected_exit_is_placed_again_though_its_sibling_ended_by_itself(
    desk: LinkedDesk,
) -> None:
    desk.fill(bracket(desk), 10)
    stop, target = (leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:])
    desk.accept(stop)
    desk.reject(target, REFUSALS[0])
    desk.feed(e.OrderExpired(stop, "end of day", desk.now_ns))
    desk.lapse(2)
    assert exits_of(desk)[2:] == [("take_profit", 10)]


def test_exit_whose_sibling_was_cancelled_on_purpose_is_not_placed_again(desk: LinkedDesk) -> None:
    desk.fill(bracket(desk), 10)
    stop, target = (leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:])
    desk.accept(stop)
    desk.reject(target, REFUSALS[0])
    desk.cancel(stop)
    desk.canceled(stop)
    desk.lapse(600)
    assert len(exits_of(desk)) == 2


# --- others that are being cancelled ------------------------------------------------------------


def filled_in_two(desk: LinkedDesk, extra: int) -> ClientOrderId:
    """The stop of the first part filled, that of the second was rejected.

    Returns the target of the first part, whose cancel is under way.
    """
    if extra:
        desk.hold(extra)
    entry = bracket(desk)
    desk.fill(entry, 6)
    desk.fill(entry, 4)
    sent = desk.outputs(c.SubmitOrder)
    exits: list[ClientOrderId] = [leg.client_order_id for leg in sent if leg.parent_id]
    for leg in exits[:2] + exits[3:]:
        desk.accept(leg)
    desk.fill(exits[0], 6, 90)
    desk.reject(exits[2], REFUSALS[0])
    assert desk.order(exits[1]).status is OrderStatus.PENDING_CANCEL
    return exits[1]


def refuse_for(desk: LinkedDesk, order_id: ClientOrderId, seconds: int) -> None:
    for _ in range(seconds):
        if desk.order(order_id).status is OrderStatus.PENDING_CANCEL:
            refuse(desk, order_id)
        desk.lapse(1)


def test_exit_that_waits_long_for_a_cancel_is_told_and_leaves_when_it_is_granted(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(oco_at_broker=False)
    target = filled_in_two(desk, 0)
    refuse_for(desk, target, WAIT_S - 10)
    assert "not_protected" not in desk.kinds()
    refuse_for(desk, target, 20)
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    assert [(d.subject, d.ours, d.theirs) for d in found] == [("ABC", "waits", "4")]
    assert target in found[0].detail
    desk.canceled(target)
    assert exits_of(desk)[4:] == [("stop_loss", 4)]
    desk.lapse(2 * WAIT_S)
    assert desk.kinds().count("not_protected") == 1


def test_exit_does_not_wait_for_the_cancel_of_another_pair_where_there_is_room(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(oco_at_broker=False)
    target = filled_in_two(desk, 20)
    refuse_for(desk, target, 3)
    assert exits_of(desk)[4:] == [("stop_loss", 4)]


# --- an annulled entry ----------------------------------------------------------------------


def bust(desk: LinkedDesk, execution_id: str = "E1") -> None:
    desk.feed(e.FillBusted(ExecutionId(execution_id), "ABC", "bust", desk.now_ns))


@pytest.mark.parametrize("how", ["flatten", "close", "reduce_only"])
def test_f21_exit_of_an_annulled_entry_is_cancelled(desk: LinkedDesk, how: str) -> None:
    order_id = desk.buy(10)
    desk.fill(order_id, 10, execution_id="E1")
    if how == "flatten":
        desk.feed(e.Flatten("operator"))
    elif how == "close":
        desk.do(lambda ctx: ctx.close_position("ABC"))
    else:
        terms = {"limit_price": 120, "reduce_only": True}
        desk.do(lambda ctx: ctx.submit_order("ABC", Side.SELL, 10, **terms))
    leaving = desk.outputs(c.SubmitOrder)[-1].client_order_id
    desk.accept(leaving)
    bust(desk)
    assert cancels(desk) == [(leaving, "what it closes was annulled")]
    desk.canceled(leaving)
    desk.lapse(60)
    assert (desk.held(), len(desk.outputs(c.SubmitOrder))) == (0, 2)


def test_f21_plain_order_of_a_strategy_stays_when_its_entry_is_annulled(desk: LinkedDesk) -> None:
    order_id = desk.buy(10)
    desk.fill(order_id, 10, execution_id="E1")
    desk.do(lambda ctx: ctx.sell("ABC", 10, limit_price=120, tag="exit"))
    desk.accept(desk.outputs(c.SubmitOrder)[-1].client_order_id)
    bust(desk)
    assert not cancels(desk)


def test_f21_flatten_goes_on_for_what_an_annulment_leaves(desk: LinkedDesk) -> None:
    desk.hold(4)
    order_id = desk.buy(10)
    desk.fill(order_id, 10, execution_id="E1")
    desk.feed(e.Flatten("operator"))
    first = closings_of(desk)[0].client_order_id
    desk.accept(first)
    bust(desk)
    desk.canceled(first)
    assert [int(closing.quantity) for closing in closings_of(desk)] == [14, 4]


def test_f21_exits_of_another_entry_shrink_to_what_is_held(make_desk: MakeDesk) -> None:
    desk = make_desk(puppet(), is_up=True)
    entry = bracket(desk)
    desk.fill(entry, 10)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.accept(leg.client_order_id)
    other = desk.buy(3)
    desk.fill(other, 3, execution_id="E1")
    desk.fill(desk.do(lambda ctx: ctx.sell("ABC", 3)), 3)
    bust(desk)
    wanted_gone = [order_id for order_id, _ in cancels(desk)]
    for order_id in wanted_gone:
        refuse(desk, order_id)
    assert exits_of(desk) == [("stop_loss", 10), ("take_profit", 10)], "no room before they end"
    desk.lapse(2)
    for order_id in wanted_gone:
        desk.canceled(order_id)
    assert exits_of(desk)[2:] == [("stop_loss", 7), ("take_profit", 7)]
    assert "not_protected" not in desk.kinds()


def test_f76_nothing_closes_beside_a_flatten_that_works(desk: LinkedDesk) -> None:
    """Two closing orders for one position would turn it around."""
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    (closing,) = closings_of(desk)
    desk.accept(closing.client_order_id)
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 10)) == "C25"
    desk.do(lambda ctx: ctx.close_position("ABC"))
    assert [denied.control for denied in desk.outputs(c.OrderDenied)] == ["C25", "C25"]
    desk.fill(closing.client_order_id, 10)
    assert (desk.held(), desk.try_to_buy()) == (0, "")
