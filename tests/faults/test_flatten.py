"""F76: a flatten that has to wait, or that the venue rejects, is never forgotten."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.closings import FLATTEN_WAIT
from regimeflow.core.duty_wait import WAIT_NS_MAX
from regimeflow.core.ledger_state import ledger_state
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.live.operator import Wish, answer_of
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, PositionRecord
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus, Side
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.linked_fold import Restart
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    cash_after,
    foreign_order,
)
from tests.faults.test_rebuilt import fold_of
from tests.faults.test_refused_cancels import REFUSALS, cancels, closings_of, refuse, working
from tests.unit.core_samples import BARS_OLD_NS

WISH = Wish(id="flatten-001")
WAIT_S = WAIT_NS_MAX // NS_PER_S


def test_f76_strategy_that_goes_on_wishing_does_not_starve_a_flatten(desk: LinkedDesk) -> None:
    desk.hold(10)
    order_id = working(desk)
    desk.feed(e.Flatten("operator"))
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 5, limit_price=95.0)) == "C25"
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 5, limit_price=105.0)) == "C25"
    assert not desk.try_to_buy(symbol="XYZ")
    desk.canceled(order_id)
    (closing,) = closings_of(desk)
    desk.accept(closing.client_order_id)
    desk.fill(closing.client_order_id, 10)
    assert not desk.try_to_buy()


def test_f76_terms_of_an_order_that_is_wanted_gone_cannot_be_changed(desk: LinkedDesk) -> None:
    order_id = working(desk)
    desk.feed(e.CancelAll("operator"))
    refuse(desk, order_id)
    desk.do(lambda ctx: ctx.modify_order(ClientOrderId(order_id), limit_price=95.0))
    assert not desk.outputs(c.ReplaceOrder)
    assert [denied.control for denied in desk.outputs(c.OrderDenied)] == ["STATE"]


def test_f76_what_works_in_the_symbol_all_the_same_is_cancelled_too(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.hold(10)
    order_id = working(desk)
    desk.feed(e.Flatten("operator"))
    desk.sweeps(2, orders=(desk.record(order_id), foreign_order("manual-1")))
    assert ("manual-1", "flatten") in cancels(desk)
    desk.canceled(order_id)
    assert not closings_of(desk)
    desk.canceled("manual-1")
    assert len(closings_of(desk)) == 1


def test_f76_flatten_that_waits_long_for_a_cancel_is_told_and_waits_on(desk: LinkedDesk) -> None:
    desk.hold(10)
    order_id = working(desk)
    desk.feed(e.Flatten("operator"))
    desk.lapse(WAIT_S + 1)
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.subject, d.ours, d.theirs) for d in found] == [("ABC", "waits", "10")]
    assert order_id in found[0].detail
    desk.canceled(order_id)
    assert len(closings_of(desk)) == 1
    assert ("engine", FLATTEN_WAIT) not in desk.engine.ledger.timers.pending


# --- a flatten that is rejected -------------------------------------------------------------


def test_f76_rejected_flatten_is_sent_again_under_a_new_id(desk: LinkedDesk) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    (first,) = closings_of(desk)
    desk.drop_link()
    desk.reject(first.client_order_id, REFUSALS[0])
    assert desk.try_to_buy() == "C25"
    desk.raise_link()
    second = closings_of(desk)[-1]
    assert (second.client_order_id != first.client_order_id, int(second.quantity)) == (True, 10)
    desk.fill(second.client_order_id, 10)
    desk.lapse(3600)
    assert (desk.held(), len(closings_of(desk))) == (0, 2)
    assert "not_flattened" not in desk.kinds()


def test_f76_flatten_waits_out_an_outage_without_trying_and_leaves_when_it_ends(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    desk.drop_link()
    desk.feed(e.Flatten("operator"))
    assert "nothing leaves yet (reset)" in answer_of(desk.engine, "flatten", WISH).text
    desk.lapse(2 * WAIT_S)
    desk.sweep()
    assert not closings_of(desk)
    desk.raise_link()
    assert [int(closing.quantity) for closing in closings_of(desk)] == [10]
    assert "not_flattened" not in desk.kinds()


def test_f76_flatten_that_was_rejected_before_an_outage_leaves_at_once_after_it(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    for number in range(7):
        desk.reject(closings_of(desk)[number].client_order_id, "slow down")
        desk.lapse(2**number)
    desk.reject(closings_of(desk)[7].client_order_id, "slow down")
    desk.drop_link()
    desk.lapse(1)
    desk.raise_link()
    assert len(closings_of(desk)) == 9, "the pause had a minute to go"


def test_f76_flatten_that_is_rejected_again_and_again_is_told_in_the_end(desk: LinkedDesk) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    rejected = 0
    for _ in range(2 * WAIT_S):
        if len(closings_of(desk)) > rejected:
            desk.reject(closings_of(desk)[rejected].client_order_id, "insufficient margin")
            rejected += 1
        desk.lapse(1)
    assert 8 <= rejected <= 16
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.ours, d.theirs) for d in found] == [("rejected", "10")]
    assert "insufficient margin" in found[0].detail
    assert [b.control for b in desk.outputs(c.RiskBreached)] == ["C13"], "told once"
    assert not desk.engine.desk.closings.waiting
    assert not desk.try_to_buy()
    fold = fold_of(desk)
    rebuilt = fold.rebuild(Restart.CARRY, ledger_state(fold.ledger))
    assert rebuilt.operator_handler.unfinished == ()


def test_f76_flattens_rejected_out_of_step_after_they_worked_are_told_in_the_end(
    desk: LinkedDesk,
) -> None:
    for symbol in ("ABC", "XYZ"):
        desk.quote(100.0, symbol=symbol)
        desk.hold(10, symbol=symbol)
    desk.feed(e.Flatten("operator"))
    due_s: dict[str, int] = {}
    for second in range(2 * WAIT_S):
        for sent in closings_of(desk)[len(due_s) :]:
            desk.accept(sent.client_order_id)
            due_s[sent.client_order_id] = second + 3 + len(due_s) % 2
        for order_id in [order_id for order_id, due in due_s.items() if due == second]:
            desk.reject(order_id, "self-match")
        desk.lapse(1)
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.subject, d.ours) for d in found] == [("ABC", "rejected"), ("XYZ", "rejected")]
    assert len(due_s) < 40


def test_f76_flatten_that_is_rejected_after_it_worked_for_long_is_sent_again(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=RiskPolicy(max_orders_per_minute=5, reference_age_ns_max=BARS_OLD_NS))
    desk.hold(10)
    for number in range(3):
        working(desk, 90 - number)
    desk.feed(e.Flatten("operator"))
    for order_id, _ in cancels(desk):
        desk.canceled(order_id)
    desk.lapse(70)
    order_id = closings_of(desk)[-1].client_order_id
    desk.accept(order_id)
    assert order_id in desk.engine.desk.capture().due_since_ns
    desk.lapse(2 * WAIT_S)
    desk.reject(order_id, "end of auction")
    desk.lapse(5)
    assert len(closings_of(desk)) == 2
    assert "not_flattened" not in desk.kinds()


@pytest.mark.parametrize("is_reported", [True, False])
def test_f76_rejected_flatten_is_known_to_an_engine_that_facts_rebuilt(
    desk: LinkedDesk, is_reported: bool
) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    order_id = closings_of(desk)[0].client_order_id
    if is_reported:
        desk.reject(order_id, REFUSALS[0])
    else:
        desk.lose(order_id)
        desk.answer(order_id, desk.record(order_id, status=OrderStatus.REJECTED))
    fold = fold_of(desk)
    rebuilt = fold.rebuild(Restart.CARRY, ledger_state(fold.ledger))
    assert rebuilt.operator_handler.unfinished == ("ABC",)


def test_f76_flatten_that_was_cancelled_is_not_sent_again(desk: LinkedDesk) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    desk.feed(e.CancelAll("operator"))
    desk.reject(closings_of(desk)[0].client_order_id, REFUSALS[0])
    desk.lapse(600)
    assert len(closings_of(desk)) == 1


@pytest.mark.parametrize("how", ["absent", "expired"])
def test_f76_flatten_that_ends_before_all_is_closed_is_told(desk: LinkedDesk, how: str) -> None:
    """It is not sent again: it may have arrived, or somebody may have ended it on purpose."""
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    order_id = closings_of(desk)[0].client_order_id
    if how == "absent":
        desk.lose(order_id)
        desk.lapse(SETTLE_S + 1)
        desk.answer(order_id, None)
        desk.sweep(orders=())
    else:
        desk.feed(e.OrderExpired(order_id, "end of day", desk.now_ns))
    desk.lapse(600)
    assert len(closings_of(desk)) == 1
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.ours, d.theirs) for d in found] == [("ended", "10")]


@pytest.mark.parametrize("status", ["rejected", "canceled", "expired"])
def test_f76_flatten_whose_end_an_answer_shows_is_due_or_told_as_if_reported(
    desk: LinkedDesk, status: str
) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    order_id = closings_of(desk)[0].client_order_id
    desk.lose(order_id)
    desk.answer(order_id, desk.record(order_id, status=OrderStatus(status)))
    desk.lapse(5)
    is_rejected = status == "rejected"
    assert len(closings_of(desk)) == (2 if is_rejected else 1)
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.ours, d.theirs) for d in found] == ([] if is_rejected else [("ended", "10")])


def test_f76_flatten_whose_end_outran_its_fills_is_told_when_they_are_booked(
    desk: LinkedDesk,
) -> None:
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    order_id = closings_of(desk)[0].client_order_id
    desk.accept(order_id)
    desk.feed(e.OrderCanceled(order_id, "venue", desk.now_ns, Decimal(4)))
    assert "not_flattened" not in desk.kinds()
    desk.fill(order_id, 4)
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_flattened"]
    assert [(d.ours, d.theirs) for d in found] == [("ended", "6")]


def test_f38_flatten_of_a_foreign_position_waits_for_the_order_rate(make_desk: MakeDesk) -> None:
    policy = RiskPolicy(max_orders_per_minute=5, reference_age_ns_max=BARS_OLD_NS)
    desk = make_desk(external="flatten", policy=policy)
    desk.hold(3)
    position, cash = (PositionRecord("ABC", Decimal(10)),), cash_after((3, 100))
    desk.sweep(positions=position)
    desk.wait(SETTLE_S + 1)
    for number in range(3):
        working(desk, 90 - number)
    desk.do(lambda ctx: ctx.sell("ABC", 1))
    desk.sweep(positions=position, account=AccountRecord("A", "USD", cash))
    assert not closings_of(desk)
    assert "not_flattened" not in desk.kinds()
    desk.lapse(70)
    (closing,) = closings_of(desk)
    assert (closing.side, int(closing.quantity), closing.tag) == (Side.SELL, 7, EXTERNAL)
    desk.fill(closing.client_order_id, 7)
    assert desk.held() == 3, "what a strategy holds is left alone"
