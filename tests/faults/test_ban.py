"""F51 and F52 in the engine: while the broker takes no requests nothing leaves, nothing is lost."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from regimeflow.core.engine_state import (
    decode_engine_state,
    engine_digest,
    engine_state,
    restore_engine,
)
from regimeflow.live.operator import Wish, answer_of
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.testing.hold_watch import HoldWatch
from tests.faults.desk_script import EXTERNAL, SETTLE_S, LinkedDesk, MakeDesk, records_of
from tests.faults.test_rebuilt import rebuild
from tests.unit.core_samples import puppet
from tests.unit.eventful_engines import fresh_setup

BANNED = "banned: too many requests, until 2008-01-02T15:00:00Z"
REVOKED = "forbidden: the key is not valid, until it is lifted; asked again ever later"
WISH = Wish(id="flatten-001")
REQUESTS = (c.SubmitOrder, c.CancelOrder, c.ReplaceOrder, c.QueryOrder, c.RequestSnapshot)


def suspend(desk: LinkedDesk, reason: str = BANNED) -> None:
    desk.feed(e.LinkDown(e.REQUESTS, reason))


def lift(desk: LinkedDesk) -> list[c.Output]:
    return desk.feed(e.LinkUp(e.REQUESTS, "the venue takes requests again"))


def refuse(desk: LinkedDesk, order_id: str) -> list[c.Output]:
    return desk.feed(e.OrderRejected(ClientOrderId(order_id), BANNED, desk.now_ns))


def requests(outputs: list[c.Output]) -> list[str]:
    return [type(output).__name__ for output in outputs if isinstance(output, REQUESTS)]


def bracket(desk: LinkedDesk) -> str:
    terms = {"limit_price": 100, "stop_loss": 90, "take_profit": 120}
    order_id = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 100, **terms)))
    desk.accept(order_id)
    return order_id


@pytest.mark.parametrize("reason", [BANNED, REVOKED])
def test_f51_ban_denies_entries_and_exits_here_names_itself_and_alarms_once(
    make_desk: MakeDesk, reason: str
) -> None:
    strategy = puppet()
    desk = make_desk(strategy)
    desk.hold(10)
    sent = len(desk.outputs(c.SubmitOrder))
    suspend(desk, reason)
    assert desk.try_to_buy() == "C22"
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 10)) == "C22"
    assert reason in desk.outputs(c.OrderDenied)[-1].message
    desk.lapse(3_600)
    desk.quote(100.0)
    desk.feed(e.Heartbeat("engine"))
    alarms = [
        change for change in desk.outputs(c.HealthChanged) if change.component == "link:requests"
    ]
    assert [(alarm.status, alarm.detail) for alarm in alarms] == [(c.HealthStatus.DOWN, reason)]
    assert len(desk.outputs(c.SubmitOrder)) == sent


def test_f51_entries_wait_after_a_ban_until_a_complete_snapshot_agrees(desk: LinkedDesk) -> None:
    suspend(desk)
    assert requests(lift(desk)) == ["RequestSnapshot"]
    assert desk.try_to_buy() == "C22"
    desk.sweep(positions=None)
    assert desk.try_to_buy() == "C22"
    desk.sweep()
    assert desk.try_to_buy() == ""


def test_f51_cancels_wait_for_the_end_of_a_ban_and_leave_first(desk: LinkedDesk) -> None:
    stays, ends = desk.buy(10), desk.buy(5, 99.0)
    for order_id in (stays, ends):
        desk.accept(order_id)
    suspend(desk)
    for order_id in (stays, ends, stays):
        desk.cancel(order_id)
    assert not desk.outputs(c.CancelOrder)
    assert desk.order(stays).status is OrderStatus.NEW
    desk.feed(e.OrderExpired(ClientOrderId(ends), "day", desk.now_ns))
    outputs = lift(desk)
    assert requests(outputs) == ["CancelOrder", "RequestSnapshot"]
    assert desk.outputs(c.CancelOrder)[0].client_order_id == stays
    assert desk.may_fill() == 10
    desk.canceled(stays)
    assert not requests(desk.feed(e.LinkUp(e.REQUESTS)))[1:], "left once"


def test_f51_cancel_that_met_the_ban_leaves_again_after_it(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.cancel(order_id)
    suspend(desk)
    outputs = desk.feed(
        e.CancelRejected(ClientOrderId(order_id), e.RequestKind.CANCEL, BANNED, desk.now_ns)
    )
    assert not requests(outputs)
    assert desk.order(order_id).status is OrderStatus.NEW
    assert requests(lift(desk)) == ["CancelOrder", "RequestSnapshot"]


def test_f51_replacement_in_a_ban_is_denied_and_the_order_stands(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    suspend(desk)
    desk.do(lambda ctx: ctx.modify_order(ClientOrderId(order_id), limit_price=99.0))
    assert not desk.outputs(c.ReplaceOrder)
    assert desk.outputs(c.OrderDenied)[-1].control == "C22"
    assert desk.order(order_id).status is OrderStatus.NEW


def test_f51_entry_that_met_the_ban_is_over_and_never_sent_again(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    suspend(desk)
    assert not requests(refuse(desk, order_id))
    assert desk.order(order_id).status is OrderStatus.REJECTED
    assert desk.may_fill() == 0
    assert requests(lift(desk)) == ["RequestSnapshot"]


def test_f51_exits_of_an_entry_that_fills_in_a_ban_wait_and_leave_first(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    suspend(desk)
    for _ in range(4):
        desk.fill(entry, 25)
    desk.lapse(3_600)
    told = desk.outputs(c.RiskBreached)
    assert [breach.control for breach in told] == ["C22"]
    assert "ABC is unprotected" in told[0].message
    assert len(desk.outputs(c.SubmitOrder)) == 1
    assert requests(lift(desk)) == ["SubmitOrder", "SubmitOrder", "RequestSnapshot"]
    stop, target = desk.outputs(c.SubmitOrder)[1:]
    assert (stop.tag, target.tag) == ("stop_loss", "take_profit")
    assert int(stop.quantity) == int(target.quantity) == 100
    assert stop.oco_group == target.oco_group == stop.client_order_id


def test_f51_exits_that_met_the_ban_are_placed_again_after_it(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 100)
    first = [str(leg.client_order_id) for leg in desk.outputs(c.SubmitOrder)[1:]]
    suspend(desk)
    for order_id in first:
        refuse(desk, order_id)
    assert requests(lift(desk)) == ["SubmitOrder", "SubmitOrder", "RequestSnapshot"]
    stop, target = desk.outputs(c.SubmitOrder)[3:]
    assert (stop.stop_price, target.limit_price) == (90, 120)
    assert stop.oco_group == target.oco_group
    assert int(desk.engine.ledger.orders.exposure.of("ABC").sell_quantity) == 100


def test_f51_exits_that_met_the_ban_protect_no_more_than_is_still_held(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    desk.fill(entry, 100)
    stop, target = [str(leg.client_order_id) for leg in desk.outputs(c.SubmitOrder)[1:]]
    desk.accept(stop)
    suspend(desk)
    refuse(desk, target)
    desk.fill(stop, 100, 90)
    assert desk.held() == 0
    assert requests(lift(desk)) == ["RequestSnapshot"]
    assert not desk.engine.desk.protection.waiting


def test_f51_flatten_in_a_ban_waits_says_so_and_leaves_first(desk: LinkedDesk) -> None:
    desk.hold(100)
    suspend(desk)
    desk.feed(e.Flatten("operator"))
    answer = answer_of(desk.engine, "flatten", WISH)
    assert answer.ok
    assert f"nothing leaves yet ({BANNED})" in answer.text
    desk.lapse(3_600)
    assert not desk.kinds()
    assert requests(lift(desk)) == ["SubmitOrder", "RequestSnapshot"]
    closing = desk.outputs(c.SubmitOrder)[-1]
    assert (closing.strategy_id, int(closing.quantity)) == (EXTERNAL, 100)


def test_f51_flatten_that_met_the_ban_leaves_again_after_it(desk: LinkedDesk) -> None:
    desk.hold(100)
    desk.feed(e.Flatten("operator"))
    closing = desk.outputs(c.SubmitOrder)[-1]
    suspend(desk)
    refuse(desk, closing.client_order_id)
    assert requests(lift(desk)) == ["SubmitOrder", "RequestSnapshot"]
    again = desk.outputs(c.SubmitOrder)[-1]
    assert (again.side, int(again.quantity)) == (Side.SELL, 100)
    assert again.client_order_id != closing.client_order_id


def test_f51_position_that_a_strategy_closes_in_a_ban_is_closed_after_it(desk: LinkedDesk) -> None:
    desk.hold(100)
    suspend(desk)
    desk.do(lambda ctx: ctx.close_position("ABC"))
    assert not desk.outputs(c.OrderDenied)
    assert requests(lift(desk)) == ["SubmitOrder", "RequestSnapshot"]


def test_f51_order_in_doubt_is_not_asked_after_in_a_ban_and_again_after_it(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    suspend(desk)
    assert not requests(desk.lapse(3_600))
    assert desk.order(order_id).status is OrderStatus.IN_DOUBT
    assert desk.may_fill() == 10
    lift(desk)
    assert "QueryOrder" in requests(desk.lapse(60))
    desk.answer(order_id, None)
    desk.sweep(orders=())
    assert desk.order(order_id).status is OrderStatus.NOT_FOUND


def test_f51_silence_of_a_ban_puts_nothing_in_doubt(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    suspend(desk)
    desk.cancel(order_id)
    desk.lapse(10 * SETTLE_S)
    assert not desk.order(order_id).in_doubt
    assert not desk.kinds()


def test_f51_what_waits_for_the_end_of_a_ban_is_part_of_the_saved_state(desk: LinkedDesk) -> None:
    working, entry = desk.buy(1, 90.0), bracket(desk)
    desk.accept(working)
    suspend(desk)
    desk.cancel(working)
    desk.fill(entry, 100)
    state = engine_state(desk.engine)
    assert state is not None
    saved = decode_engine_state(state)
    restored = restore_engine(fresh_setup(desk.engine.setup), saved)
    assert engine_digest(restored) == engine_digest(desk.engine)
    assert restored.desk.cancels.withheld == {working: "strategy"}
    desk.engine = restored
    assert requests(lift(desk)) == ["CancelOrder", "SubmitOrder", "SubmitOrder", "RequestSnapshot"]


def test_f51_rebuilt_engine_still_knows_of_the_ban(desk: LinkedDesk) -> None:
    suspend(desk)
    rebuild(desk)
    assert desk.engine.holds.suspension == BANNED
    desk.feed(e.EngineStarted(2))
    assert desk.try_to_buy() == "C22"
    lift(desk)
    rebuild(desk)
    assert not desk.engine.holds.suspension


def test_f51_checkers_see_a_cancel_that_leaves_in_a_ban(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    watch = HoldWatch()
    for record in records_of(desk):
        watch.see(record, None, desk.engine.ledger)
    record = records_of(desk)[-1]
    for body in (
        e.LinkDown(e.REQUESTS, BANNED),
        c.CancelOrder(ClientOrderId(order_id), None, "ABC", "why"),
        e.LinkUp(e.REQUESTS),
        c.CancelOrder(ClientOrderId(order_id), None, "ABC", "why"),
    ):
        watch.see(replace(record, body=body), None, desk.engine.ledger)
    assert watch.barred == [(order_id, f"while the broker took no requests: {BANNED}")]
