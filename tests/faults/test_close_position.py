"""F76: a strategy's `close_position` that has to wait gets done or is denied, never forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.closing_orders import CLOSE
from regimeflow.core.duty_wait import WAIT_NS_MAX
from regimeflow.core.engine_state import (
    decode_engine_state,
    engine_digest,
    engine_state,
    restore_engine,
)
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.test_refused_cancels import REFUSALS, cancels, refuse, working
from tests.unit.core_samples import BARS_OLD_NS
from tests.unit.eventful_engines import fresh_setup

WAIT_S = WAIT_NS_MAX // NS_PER_S


def close(desk: LinkedDesk) -> str:
    return str(desk.do(lambda ctx: ctx.close_position("ABC")))


def closing(desk: LinkedDesk) -> list[tuple[Side, Decimal]]:
    sent = desk.outputs(c.SubmitOrder)
    return [(order.side, order.quantity) for order in sent if order.tag == CLOSE]


def bracket(desk: LinkedDesk) -> tuple[str, list[str]]:
    """An entry for 30 that filled 10, and its two exits; all work."""
    terms = {"limit_price": 100, "stop_loss": 90, "take_profit": 120}
    entry = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 30, **terms)))
    desk.accept(entry)
    desk.fill(entry, 10)
    exits = [order.client_order_id for order in desk.outputs(c.SubmitOrder)[1:]]
    for leg in exits:
        desk.accept(leg)
    return entry, [str(leg) for leg in exits]


def test_f76_fill_that_crosses_a_close_gets_no_exits_and_all_is_closed(
    desk: LinkedDesk,
) -> None:
    entry, exits = bracket(desk)
    close(desk)
    desk.fill(entry, 5)
    assert cancels(desk) == [(root, CLOSE) for root in (entry, *exits)]
    for order_id in (entry, *exits):
        assert not closing(desk)
        desk.canceled(order_id)
    (last,) = desk.outputs(c.SubmitOrder)[3:]
    assert closing(desk) == [(Side.SELL, Decimal(15))]
    desk.fill(last.client_order_id, 15)
    assert desk.outputs(c.SubmitOrder)[-1] is last
    assert not desk.outputs(c.OrderDenied)


def test_f76_fill_that_crosses_a_close_gets_its_exits_when_the_close_is_rejected(
    desk: LinkedDesk,
) -> None:
    entry, exits = bracket(desk)
    close(desk)
    desk.fill(entry, 5)
    for order_id in (entry, *exits):
        desk.canceled(order_id)
    desk.reject(desk.outputs(c.SubmitOrder)[3].client_order_id, "closed for today")
    assert [int(leg.quantity) for leg in desk.outputs(c.SubmitOrder)[4:]] == [5, 5]


def test_f51_close_waits_for_the_order_rate(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=RiskPolicy(max_orders_per_second=2, reference_age_ns_max=BARS_OLD_NS))
    desk.hold(10)
    desk.lapse(2)
    order_id = working(desk)
    close(desk)
    desk.canceled(order_id)
    assert not closing(desk)
    desk.lapse(1.5)
    assert closing(desk) == [(Side.SELL, Decimal(10))]
    assert not desk.outputs(c.OrderDenied)


@pytest.mark.parametrize("why", REFUSALS)
def test_f76_close_whose_cancel_is_refused_goes_on_when_it_is_granted(
    desk: LinkedDesk, why: str
) -> None:
    desk.hold(10)
    order_id = working(desk)
    close(desk)
    refuse(desk, order_id, why)
    desk.lapse(2)
    assert cancels(desk) == [(order_id, CLOSE)] * 2
    desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(10))]


def test_f76_cancel_of_a_strategy_that_is_refused_while_its_close_waits_is_repeated(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    order_id = working(desk)
    desk.cancel(order_id)
    close(desk)
    assert cancels(desk) == [(order_id, "strategy")]
    refuse(desk, order_id)
    assert cancels(desk) == [(order_id, "strategy"), (order_id, CLOSE)]


def test_f76_asking_again_to_close_gives_the_same_order_and_repeats_nothing(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    order_id = working(desk)
    first = close(desk)
    assert [close(desk) for _ in range(3)] == [first] * 3
    assert cancels(desk) == [(order_id, CLOSE)]
    desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(10))]


def test_f76_close_that_waited_in_vain_is_denied_told_and_does_not_leave_later(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    order_id = working(desk)
    asked = close(desk)
    desk.lapse(WAIT_S - 1)
    assert not desk.outputs(c.OrderDenied)
    desk.lapse(2)
    (denied,) = desk.outputs(c.OrderDenied)
    assert (denied.client_order_id, denied.control) == (asked, "STALE")
    assert order_id in denied.message
    assert desk.order(asked).status is OrderStatus.DENIED
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_closed"]
    assert [(d.subject, d.ours, d.theirs) for d in found] == [("ABC", "denied", "10")]
    desk.lapse(4 * 3_600)
    desk.canceled(order_id)
    assert not closing(desk)
    assert close(desk) != asked
    assert closing(desk) == [(Side.SELL, Decimal(10))]


def test_f76_close_that_waited_in_vain_with_nothing_left_to_close_is_no_discrepancy(
    desk: LinkedDesk,
) -> None:
    entry, exits = bracket(desk)
    close(desk)
    desk.fill(exits[0], 10, 90)
    desk.lapse(WAIT_S + 1)
    assert [denied.control for denied in desk.outputs(c.OrderDenied)] == ["STALE"]
    assert "not_closed" not in desk.kinds()
    assert desk.order(entry).is_open


@pytest.mark.parametrize("link", ["sim", e.REQUESTS])
def test_f76_ban_or_outage_is_no_waiting_in_vain_for_a_close(desk: LinkedDesk, link: str) -> None:
    desk.hold(10)
    order_id = working(desk)
    close(desk)
    desk.feed(e.LinkDown(link, "down"))
    desk.lapse(2 * WAIT_S)
    desk.feed(e.LinkUp(link))
    desk.lapse(WAIT_S - 1)
    assert not desk.outputs(c.OrderDenied)
    desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(10))]


def test_f76_nothing_else_leaves_beside_a_close_that_waits(desk: LinkedDesk) -> None:
    desk.hold(10)
    order_id = working(desk)
    close(desk)
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 10)) == "STATE"
    assert desk.try_to_buy() == "STATE"
    assert not desk.try_to_buy(symbol="XYZ")
    desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(10))]
    assert not desk.try_to_buy()


def test_f76_exit_that_fills_across_a_close_leaves_less_to_close(desk: LinkedDesk) -> None:
    entry, exits = bracket(desk)
    close(desk)
    desk.fill(entry, 5)
    late = [str(order.client_order_id) for order in desk.outputs(c.SubmitOrder)[3:]]
    desk.fill(exits[1], 10, 120)
    assert {root for root, _ in cancels(desk)} == {entry, *exits, *late}
    for order_id in (entry, exits[0], *late):
        desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(5))]
    desk.fill(desk.outputs(c.SubmitOrder)[-1].client_order_id, 5)
    assert desk.held() == 0


def test_f76_cancels_of_a_close_wait_for_the_order_rate(make_desk: MakeDesk) -> None:
    policy = RiskPolicy(max_orders_per_second=5, reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(policy=policy)
    desk.hold(10)
    orders = [working(desk) for _ in range(3)]
    close(desk)
    assert cancels(desk) == [(orders[0], CLOSE)]
    assert not desk.outputs(c.RiskBreached)
    desk.lapse(2)
    assert cancels(desk) == [(order_id, CLOSE) for order_id in orders]
    for order_id in orders:
        desk.canceled(order_id)
    assert closing(desk) == [(Side.SELL, Decimal(10))]


@pytest.mark.parametrize("end", ["halted", "rejected", "expired"])
def test_f76_close_that_is_denied_or_ends_is_told(desk: LinkedDesk, end: str) -> None:
    desk.hold(10)
    order_id = working(desk)
    asked = ClientOrderId(close(desk))
    if end == "halted":
        desk.feed(e.Halt("kill"))
    desk.canceled(order_id)
    if end == "rejected":
        desk.reject(asked, "closed for today")
    elif end == "expired":
        desk.feed(e.OrderExpired(asked, "expired", desk.now_ns))
    (found,) = desk.outputs(c.DiscrepancyFound)
    how = "denied" if end == "halted" else "ended"
    assert (found.kind, found.subject, found.ours, found.theirs) == ("not_closed", "ABC", how, "10")


def test_f56_silent_feed_cancels_no_close(make_desk: MakeDesk) -> None:
    desk = make_desk(stale_after_ns=10 * NS_PER_S)
    desk.hold(10)
    asked = close(desk)
    desk.accept(asked)
    desk.lapse(30)
    desk.feed(e.Heartbeat("engine"))
    assert not cancels(desk)


def test_f76_close_as_a_run_stops_is_denied_and_its_cancels_leave(desk: LinkedDesk) -> None:
    desk.hold(10)
    order_id = working(desk)
    desk.engine.desk.is_stopping = True
    close(desk)
    assert cancels(desk) == [(order_id, "strategy")]
    assert [denied.control for denied in desk.outputs(c.OrderDenied)] == ["STOPPED"]
    assert desk.order(ClientOrderId(order_id)).is_open


def test_f76_since_when_a_close_waits_is_part_of_the_saved_state(desk: LinkedDesk) -> None:
    desk.hold(10)
    working(desk)
    asked = close(desk)
    desk.lapse(WAIT_S - 2)
    state = engine_state(desk.engine)
    assert state is not None
    restored = restore_engine(fresh_setup(desk.engine.setup), decode_engine_state(state))
    assert engine_digest(restored) == engine_digest(desk.engine)
    desk.engine = restored
    desk.lapse(3)
    assert [denied.client_order_id for denied in desk.outputs(c.OrderDenied)] == [asked]
