"""F21, F56: no moment leaves what is held without its exits, or somebody is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.engine_state import decode_engine_state, engine_state, restore_engine
from regimeflow.core.exits import bracketed
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, StrategyId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import SETTLE_S, LinkedDesk, MakeDesk
from tests.faults.test_ended_exits import unprotected, working_exits
from tests.faults.test_flatten import WAIT_S
from tests.faults.test_rejected_exits import bracket, exits_of
from tests.unit.core_samples import puppet
from tests.unit.eventful_engines import fresh_setup


def large_bracket(desk: LinkedDesk) -> str:
    wish = {"limit_price": 100, "stop_loss": 90, "take_profit": 120}
    entry = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 30, **wish)))
    desk.accept(entry)
    return entry


def accept_exits(desk: LinkedDesk, *, after: int = 0) -> list[ClientOrderId]:
    """Accept the exits that left after the first so many orders; their ids."""
    legs = [o.client_order_id for o in desk.outputs(c.SubmitOrder)[after:] if o.parent_id]
    for leg in legs:
        desk.accept(leg)
    return legs


# --- exits whose sibling has filled still count --------------------------------------------------


@pytest.mark.parametrize("quantity", [10, 15])
def test_exits_of_a_fill_beside_a_dying_sibling_wait_for_its_end(
    desk: LinkedDesk, quantity: int
) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 10)
    stop, target = accept_exits(desk)
    desk.fill(stop, 10, 90)
    desk.fill(entry, quantity)
    assert len(exits_of(desk)) == 2
    desk.canceled(target)
    assert exits_of(desk)[2:] == [("stop_loss", quantity), ("take_profit", quantity)]
    assert not desk.outputs(c.OrderDenied)
    assert unprotected(desk) == []


def test_exits_that_wait_long_for_a_dying_sibling_are_told(desk: LinkedDesk) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 10)
    stop, _ = accept_exits(desk)
    desk.fill(stop, 10, 90)
    desk.fill(entry, 10)
    desk.lapse(WAIT_S + 1)
    assert set(unprotected(desk)) == {("ABC", "waits", "10")}


def test_stop_that_is_moved_beside_a_dying_sibling_keeps_its_quantity(
    desk: LinkedDesk,
) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 10)
    desk.fill(entry, 10)
    _, target, other_stop, _ = accept_exits(desk)
    desk.fill(target, 10, 120)
    assert int(desk.modify(other_stop, stop_price=95).quantity or 0) == 10


def test_exits_that_an_opposite_position_cuts_are_told(make_desk: MakeDesk) -> None:
    desk = make_desk(puppet(), puppet())
    desk.hold(-6, who=1)
    desk.fill(bracket(desk), 10)
    assert exits_of(desk) == [("stop_loss", 4), ("take_profit", 4)]
    assert unprotected(desk) == [("ABC", "cut", "10")] * 2


def test_exits_that_are_refused_at_once_are_told(make_desk: MakeDesk) -> None:
    desk = make_desk(puppet(), puppet())
    desk.hold(-10, who=1)
    desk.fill(bracket(desk), 10)
    assert exits_of(desk) == []
    assert unprotected(desk) == [("ABC", "refused", "10")] * 2


@pytest.mark.parametrize("is_lost", [False, True])
def test_stop_that_never_worked_beside_a_target_filled_in_part_is_told(
    desk: LinkedDesk, is_lost: bool
) -> None:
    desk.fill(bracket(desk), 10)
    stop, target = (leg.client_order_id for leg in desk.outputs(c.SubmitOrder)[1:])
    desk.accept(target)
    if is_lost:
        desk.lose(stop)
    else:
        desk.reject(stop, "margin")
    desk.fill(target, 3, 120)
    desk.lapse(SETTLE_S + 1)
    if is_lost:
        desk.answer(stop, None)
        desk.sweep(orders=(desk.record(str(target)),))
    assert len(exits_of(desk)) == 2
    assert unprotected(desk) == [("ABC", "ended", "7")]


def test_exits_beside_one_whose_sibling_filled_in_part_do_not_wait(desk: LinkedDesk) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 10)
    _, target = accept_exits(desk)
    desk.fill(target, 4, 120)
    desk.fill(entry, 10)
    assert exits_of(desk)[2:] == [("stop_loss", 6), ("take_profit", 6)]
    assert unprotected(desk) == [("ABC", "cut", "16")] * 2


def test_stop_that_is_moved_while_its_sibling_fills_in_part_is_for_what_is_held(
    desk: LinkedDesk,
) -> None:
    stop, target = working_exits(desk)
    desk.fill(target, 4, 120)
    assert int(desk.modify(stop, stop_price=95).quantity or 0) == 6


def restored(desk: LinkedDesk) -> LinkedDesk:
    """The desk goes on with an engine that was restored from a saved state."""
    state = engine_state(desk.engine)
    assert state is not None
    desk.engine = restore_engine(fresh_setup(desk.engine.setup), decode_engine_state(state))
    return desk


def test_exits_wait_for_a_dying_sibling_in_a_restored_engine_as_well(desk: LinkedDesk) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 10)
    stop, target = accept_exits(desk)
    desk.fill(stop, 10, 90)
    restored(desk).fill(entry, 10)
    assert len(exits_of(desk)) == 2
    desk.canceled(target)
    assert exits_of(desk)[2:] == [("stop_loss", 10), ("take_profit", 10)]


def test_f21_newest_entries_are_the_same_in_a_restored_engine(desk: LinkedDesk) -> None:
    wish = {"limit_price": 100, "stop_loss": 90, "take_profit": 120}

    def scale_in(ctx: Any) -> list[str]:
        return [str(ctx.submit_order("ABC", Side.BUY, quantity, **wish)) for quantity in (12, 10)]

    def newest_first() -> list[str]:
        return [
            entry.root_id for entry, _ in bracketed(desk.engine.ledger, StrategyId("s0"), "ABC")
        ]

    older, newer = desk.do(scale_in)
    desk.accept(older)
    desk.fill(newer, 10)
    assert newest_first() == [newer, older]
    restored(desk)
    assert newest_first() == [newer, older]


# --- halts and silence ---------------------------------------------------------------------------


@pytest.mark.parametrize("strategy_id", [None, "s0"])
def test_exits_of_a_fill_that_crosses_a_halt_wait_and_leave_with_the_resume(
    desk: LinkedDesk, strategy_id: str | None
) -> None:
    entry = bracket(desk)
    desk.feed(e.Halt("kill", strategy_id=strategy_id))  # type: ignore[arg-type]
    desk.fill(entry, 10)
    desk.lapse(2 * WAIT_S)
    assert exits_of(desk) == []
    (told,) = (breach for breach in desk.outputs(c.RiskBreached) if breach.control == "C25")
    assert "ABC is unprotected" in told.message
    desk.feed(e.Resume("go", strategy_id=strategy_id))  # type: ignore[arg-type]
    assert exits_of(desk) == [("stop_loss", 10), ("take_profit", 10)]
    assert unprotected(desk) == []


def test_f56_silent_feed_leaves_exits_at_work_and_cancels_entries(make_desk: MakeDesk) -> None:
    desk = make_desk(stale_after_ns=10 * NS_PER_S)
    working_exits(desk)
    entry = desk.buy(5, 95.0)
    desk.accept(entry)
    desk.lapse(30)
    desk.feed(e.Heartbeat("engine"))
    assert [order.client_order_id for order in desk.outputs(c.CancelOrder)] == [entry]


# --- replacements --------------------------------------------------------------------------------


def test_stop_that_a_refused_replacement_leaves_ended_is_told(desk: LinkedDesk) -> None:
    stop, _ = working_exits(desk)
    moved = desk.modify(stop, stop_price=95)
    desk.canceled(stop)
    desk.replace_rejected(moved.client_order_id)
    assert unprotected(desk) == [("ABC", "ended", "10")]


def test_stop_that_was_rejected_while_its_replacement_is_refused_is_placed_again(
    desk: LinkedDesk,
) -> None:
    stop, _ = working_exits(desk)
    moved = desk.modify(stop, stop_price=95)
    desk.reject(stop, "no such order")
    desk.replace_rejected(moved.client_order_id)
    desk.lapse(5)
    assert desk.order(str(stop)).status is OrderStatus.REJECTED
    assert exits_of(desk)[2:] == [("stop_loss", 10)]


def test_exit_whose_replacement_crossed_a_fill_of_its_sibling_is_placed_anew(
    desk: LinkedDesk,
) -> None:
    stop, target = working_exits(desk)
    moved = desk.modify(stop, stop_price=95)
    desk.fill(target, 4, 120)
    desk.replaced(moved)
    cancelled = [order.client_order_id for order in desk.outputs(c.CancelOrder)]
    assert cancelled == [moved.client_order_id, target]
    for order_id in cancelled:
        desk.canceled(order_id)
    assert exits_of(desk)[2:] == [("stop_loss", 6), ("take_profit", 6)]


def test_exits_of_equal_size_stay_where_a_crossed_replacement_is_placed_anew(
    desk: LinkedDesk,
) -> None:
    entry = large_bracket(desk)
    desk.fill(entry, 5)
    desk.fill(entry, 3)
    stop, target, *others = accept_exits(desk)
    moved = desk.modify(stop, stop_price=95)
    desk.fill(target, 3, 120)
    desk.replaced(moved)
    for order in desk.outputs(c.CancelOrder):
        assert order.client_order_id not in others
        desk.canceled(order.client_order_id)
    assert exits_of(desk)[4:] == [("stop_loss", 2), ("take_profit", 2)]


# --- annulled and corrected executions -----------------------------------------------------------


def test_f21_exits_of_all_entries_together_shrink_to_what_is_held(desk: LinkedDesk) -> None:
    first = bracket(desk)
    desk.fill(first, 10, execution_id="annulled")
    stop, target = accept_exits(desk)
    desk.fill(stop, 10, 90)
    desk.canceled(target)
    kept: list[ClientOrderId] = []
    for _ in range(2):
        sent = len(desk.outputs(c.SubmitOrder))
        desk.fill(bracket(desk), 10)
        kept = accept_exits(desk, after=sent)
    desk.feed(e.FillBusted(ExecutionId("annulled"), "ABC", "bust", desk.now_ns))
    for order in desk.outputs(c.CancelOrder):
        desk.canceled(order.client_order_id)
    assert desk.held() == 10
    assert sorted(desk.engine.ledger.orders.open) == sorted(kept)


def test_f21_exit_whose_fill_is_corrected_to_less_is_told(desk: LinkedDesk) -> None:
    stop, target = working_exits(desk)
    desk.fill(stop, 10, 90, execution_id="X")
    desk.canceled(target)
    less = e.OrderFilled(
        client_order_id=stop, broker_order_id=BrokerOrderId(f"b-{stop}"),
        execution_id=ExecutionId("X2"), symbol="ABC", side=Side.SELL, quantity=Decimal(4),
        price=Decimal(90), fee=Decimal(0), ts_venue_ns=desk.now_ns,
    )  # fmt: skip
    desk.feed(e.FillCorrected(corrects=ExecutionId("X"), fill=less, ts_venue_ns=desk.now_ns))
    assert desk.held() == 6
    assert unprotected(desk) == [("ABC", "ended", "6")]
