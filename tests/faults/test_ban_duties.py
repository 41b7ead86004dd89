"""F51 and F76: what is due after a ban: whose cancel counts, what is wanted, what leaves first."""

from __future__ import annotations

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.test_ban import BANNED, bracket, lift, refuse, requests, suspend
from tests.faults.test_refused_cancels import cancels, closings_of, working
from tests.unit.core_samples import BARS_OLD_NS


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


def test_f51_cancels_after_a_ban_keep_to_the_order_rate_and_leave_once(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=RiskPolicy(max_orders_per_minute=5, reference_age_ns_max=BARS_OLD_NS))
    desk.hold(10)
    order_ids = []
    for number in range(7):
        order_ids.append(working(desk, 90 - number))
        desk.lapse(30)
        desk.quote(100.0)
    desk.lapse(60)
    suspend(desk)
    desk.feed(e.Flatten("operator"))
    lift(desk)
    assert len(cancels(desk)) == 5
    desk.lapse(120)
    assert sorted(cancels(desk)) == [(order_id, "operator") for order_id in order_ids]
    for order_id in order_ids:
        desk.canceled(order_id)
    desk.lapse(60)
    assert len(closings_of(desk)) == 1


def test_f51_cancels_of_an_operator_leave_before_those_of_strategies(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=RiskPolicy(max_orders_per_minute=3, reference_age_ns_max=BARS_OLD_NS))
    first, second = working(desk, 90), working(desk, 89)
    desk.lapse(60)
    desk.quote(100.0, symbol="XYZ")
    other = str(desk.do(lambda ctx: ctx.buy("XYZ", 1, limit_price=90.0)))
    desk.accept(other)
    desk.lapse(60)
    suspend(desk)
    for order_id in (first, second):
        desk.cancel(order_id)
    desk.engine.desk.cancel_all("XYZ is stale", "XYZ")
    lift(desk)
    assert cancels(desk)[0] == (other, "XYZ is stale")


def test_f51_exits_that_wait_for_the_end_of_a_ban_outlive_a_silent_feed(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(stale_after_ns=10 * NS_PER_S)
    entry = bracket(desk)
    suspend(desk)
    desk.fill(entry, 100)
    desk.lapse(30)
    desk.feed(e.Heartbeat("engine"))
    assert ("ABC", c.HealthStatus.STALE) in [
        (change.component.rpartition(":")[2], change.status)
        for change in desk.outputs(c.HealthChanged)
    ]
    assert requests(lift(desk)) == ["SubmitOrder", "SubmitOrder", "RequestSnapshot"]


def test_f51_exits_that_wait_are_dropped_when_an_operator_cancels_all(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    suspend(desk)
    desk.fill(entry, 100)
    desk.feed(e.CancelAll("operator"))
    assert requests(lift(desk)) == ["RequestSnapshot"]
