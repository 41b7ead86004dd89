"""An engine that is rebuilt forgets no duty that waited: it goes on with it, or tells."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, PositionRecord
from regimeflow.model.order import OrderStatus, Side
from regimeflow.run.linked_fold import Restart
from tests.faults.desk_script import EXTERNAL, SETTLE_S, LinkedDesk, MakeDesk, foreign_order
from tests.faults.test_rebuilt import EVERY_WAY, closing_orders, come_up, rebuild
from tests.faults.test_refused_cancels import REFUSALS, cancels
from tests.faults.test_rejected_exits import bracket, exits_of

HELD_5 = (PositionRecord("ABC", Decimal(5)),)


def ban(desk: LinkedDesk) -> None:
    desk.feed(e.LinkDown(e.REQUESTS, "banned"))


def unban(desk: LinkedDesk) -> None:
    desk.feed(e.LinkUp(e.REQUESTS))


def unprotected(desk: LinkedDesk) -> list[tuple[str, str]]:
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    return [(d.detail.split()[1], d.theirs) for d in found if d.ours == "lost"]


# --- cancels that a ban withheld --------------------------------------------------------------


@pytest.mark.parametrize("command", [e.CancelAll, e.Flatten])
@EVERY_WAY
def test_cancels_of_an_operator_that_a_ban_withheld_leave_when_it_ends(
    how: Restart, command: type[e.CancelAll | e.Flatten], desk: LinkedDesk
) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    ban(desk)
    desk.feed(command("operator"))
    rebuild(desk, how)
    rebuild(desk, how)
    assert not cancels(desk)
    unban(desk)
    come_up(desk)
    assert cancels(desk) == [(order_id, "operator")]


def test_withheld_cancel_is_not_sent_for_what_ended_or_was_asked_since(desk: LinkedDesk) -> None:
    ended, asked, later = desk.buy(1), desk.buy(1, 99.0), ""
    for order_id in (ended, asked):
        desk.accept(order_id)
    ban(desk)
    desk.feed(e.CancelAll("operator"))
    desk.fill(ended, 1)
    unban(desk)
    come_up(desk)
    desk.canceled(asked)
    later = desk.buy(1, 98.0)
    desk.accept(later)
    rebuild(desk)
    come_up(desk)
    desk.lapse(60)
    assert cancels(desk) == [(asked, "operator")]
    assert desk.order(later).status is OrderStatus.NEW


def test_cancels_outside_a_ban_are_not_sent_twice(desk: LinkedDesk) -> None:
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.feed(e.CancelAll("operator"))
    ban(desk)
    desk.feed(e.CancelAll("again"))
    rebuild(desk)
    assert not desk.engine.desk.cancels.withheld


def test_adopted_order_whose_cancel_a_ban_withheld_is_cancelled(make_desk: MakeDesk) -> None:
    desk = make_desk(external="flatten")
    ban(desk)
    desk.sweeps(3, orders=(foreign_order(),))
    rebuild(desk)
    unban(desk)
    come_up(desk)
    assert cancels(desk) == [("manual-1", EXTERNAL)]


# --- flattens ---------------------------------------------------------------------------------


def adopt_in_a_ban(desk: LinkedDesk) -> None:
    ban(desk)
    cash = desk.engine.ledger.portfolio.cash
    desk.sweeps(3, positions=HELD_5, account=AccountRecord("A", "USD", cash))
    assert desk.held() == 5


@EVERY_WAY
def test_flatten_of_an_adopted_position_that_waited_is_sent(
    how: Restart, make_desk: MakeDesk
) -> None:
    desk = make_desk(external="flatten")
    adopt_in_a_ban(desk)
    rebuild(desk, how)
    rebuild(desk, how)
    unban(desk)
    come_up(desk)
    (closing,) = closing_orders(desk)
    assert (closing.side, int(closing.quantity), closing.tag) == (Side.SELL, 5, EXTERNAL)
    desk.fill(closing.client_order_id, 5)
    rebuild(desk)
    come_up(desk)
    assert (desk.held(), len(closing_orders(desk))) == (0, 1)


def test_flatten_of_an_adopted_position_that_was_rejected_is_sent_again(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(external="flatten")
    adopt_in_a_ban(desk)
    unban(desk)
    desk.reject(closing_orders(desk)[0].client_order_id, REFUSALS[0])
    rebuild(desk)
    come_up(desk)
    desk.lapse(2)
    assert [int(order.quantity) for order in closing_orders(desk)] == [5, 5]


def test_adopted_position_that_nobody_wanted_closed_is_left_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    adopt_in_a_ban(desk)
    rebuild(desk)
    unban(desk)
    come_up(desk)
    assert (desk.held(), closing_orders(desk)) == (5, [])


def test_refused_flatten_of_an_adopted_position_leaves_the_operators_due(
    make_desk: MakeDesk,
) -> None:
    """A denial names no tag: of two that wait in one symbol it could be either."""
    desk = make_desk(external="flatten")
    desk.hold(10)
    desk.accept(desk.do(lambda ctx: ctx.sell("ABC", 3, limit_price=120)))
    adopt_in_a_ban(desk)  # of the 10 somebody sold 5 short: buying them back is no exit
    desk.feed(e.Flatten("operator"))
    desk.feed(e.Halt("operator"))
    unban(desk)
    refused = [d for d in desk.outputs(c.OrderDenied) if d.strategy_id == EXTERNAL]
    assert [d.control for d in refused] == ["C25"]
    assert [order.tag for order in desk.engine.desk.closings.waiting] == ["flatten"]
    rebuild(desk)
    assert desk.engine.desk.closings.of(EXTERNAL, "ABC", "flatten") is not None


# --- exits of filled entries ------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["ban", "rejection"])
@EVERY_WAY
def test_position_whose_exits_waited_is_told_to_be_unprotected(
    how: Restart, cause: str, desk: LinkedDesk
) -> None:
    entry = bracket(desk)
    if cause == "ban":
        ban(desk)
    desk.fill(entry, 10)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.reject(leg.client_order_id, REFUSALS[0])
    assert len(desk.engine.desk.protection.waiting) == 2
    rebuild(desk, how)
    assert unprotected(desk) == [("stop_loss", "10"), ("take_profit", "10")]
    come_up(desk)
    desk.lapse(60)
    assert len(unprotected(desk)) == 2, "told once a start"


def test_only_the_exit_and_the_part_that_is_missing_are_told(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 6)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.accept(leg.client_order_id)
    desk.fill(entry, 4)
    stop, target = desk.outputs(c.SubmitOrder)[3:]
    desk.accept(target.client_order_id)
    desk.reject(stop.client_order_id, REFUSALS[0])
    rebuild(desk)
    assert unprotected(desk) == [("stop_loss", "4")]


@pytest.mark.parametrize("who", ["strategy", "operator", "flatten"])
def test_exits_that_were_cancelled_on_purpose_are_not_missed(desk: LinkedDesk, who: str) -> None:
    desk.fill(bracket(desk), 10)
    legs = [leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:]]
    for leg in legs:
        desk.accept(leg)
        if who == "strategy":
            desk.cancel(leg)
    if who != "strategy":
        desk.feed(e.CancelAll("operator") if who == "operator" else e.Flatten("operator"))
    for leg in legs:
        desk.canceled(leg)
    rebuild(desk)
    assert not unprotected(desk)


def test_exit_whose_sibling_filled_is_not_missed(desk: LinkedDesk) -> None:
    desk.fill(bracket(desk), 10)
    stop, target = (leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:])
    desk.accept(stop)
    desk.accept(target)
    desk.fill(stop, 4, 90)
    desk.canceled(target)
    rebuild(desk)
    assert not unprotected(desk)


def test_exits_of_an_entry_that_was_closed_are_not_missed(desk: LinkedDesk) -> None:
    desk.fill(bracket(desk), 10)
    for leg in desk.outputs(c.SubmitOrder)[1:]:
        desk.feed(e.OrderExpired(leg.client_order_id, "venue", desk.now_ns))
    desk.fill(desk.do(lambda ctx: ctx.sell("ABC", 10)), 10)
    desk.fill(desk.buy(7), 7)
    rebuild(desk)
    assert (desk.held(), exits_of(desk)) == (7, [("stop_loss", 10), ("take_profit", 10)])
    assert not unprotected(desk)


def test_engine_that_goes_on_tells_nothing_of_exits_that_wait(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    ban(desk)
    desk.fill(entry, 10)
    desk.feed(e.EngineStarted(2))
    unban(desk)
    desk.lapse(SETTLE_S)
    assert not unprotected(desk)
    assert len(exits_of(desk)) == 2
