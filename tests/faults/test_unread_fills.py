"""What differs may be fills that were not read: nothing is settled by policy before they were."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.order import OrderStatus
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    cash_after,
    fill_record,
    foreign_order,
)

BOUGHT = (PositionRecord("ABC", Decimal(10)),)
PAID = AccountRecord("A", "USD", cash_after((10, 100)))
POLLED = {"orders": None, "fills": None, "account": None}
"""What a poll of positions leaves unread."""
POLICIES = ["adopt", "flatten", "ignore"]


def requests(desk: LinkedDesk) -> list[c.RequestSnapshot]:
    return [r for r in desk.outputs(c.RequestSnapshot) if isinstance(r, c.RequestSnapshot)]


def of_nobody(desk: LinkedDesk) -> int:
    return int(desk.engine.ledger.portfolio.strategy_position(EXTERNAL, "ABC").quantity)


@pytest.mark.parametrize("policy", ["adopt", "ignore"])
def test_what_can_be_settled_stops_no_trading_while_its_proof_is_asked_for(
    make_desk: MakeDesk, policy: str
) -> None:
    """Positions are polled by themselves: the list that is asked for then is the proof."""
    desk = make_desk(external=policy)
    for seconds in (0, 60):
        asked = len(requests(desk))
        desk.lapse(seconds)
        desk.sweep(positions=BOUGHT, **POLLED)
        assert requests(desk)[asked:][-1].scope is c.SnapshotScope.ALL
        desk.sweep(positions=BOUGHT)
    assert desk.trading is c.TradingState.ACTIVE
    assert of_nobody(desk) == (10 if policy == "adopt" else 0)
    assert not desk.outputs(c.TradingStateChanged)


def half_filled(quantity: int = 10, filled: int = 5) -> OrderRecord:
    return msgspec.structs.replace(
        foreign_order(quantity=quantity),
        filled_quantity=Decimal(filled),
        status=OrderStatus.PARTIALLY_FILLED,
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_position_is_left_alone_while_its_fill_was_not_read(
    make_desk: MakeDesk, policy: str
) -> None:
    desk = make_desk(external=policy)
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.sweeps(3, positions=BOUGHT, **POLLED)
    assert (desk.held(), desk.may_fill(), desk.trading) == (0, 10, c.TradingState.REDUCING)
    assert len(desk.outputs(c.SubmitOrder)) == 1
    desk.sweep(orders=(), fills=(fill_record("x1", order_id, 10),), positions=BOUGHT, account=PAID)
    desk.sweeps(3, positions=BOUGHT, account=PAID)
    assert (desk.held(), desk.may_fill(), desk.filled(order_id)) == (10, 0, 10)
    assert of_nobody(desk) == 0
    assert not desk.engine.reconciler.breaks
    assert not desk.engine.reconciler.ignored
    assert len(desk.outputs(c.SubmitOrder)) == 1


def test_cash_is_left_alone_while_fills_were_not_read(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    order_id = desk.buy(10)
    desk.accept(order_id)
    desk.sweeps(3, orders=None, fills=None, positions=None, account=PAID)
    assert not desk.outputs(c.ExternalAdopted)
    desk.sweep(orders=(), fills=(fill_record("x1", order_id, 10),), positions=BOUGHT, account=PAID)
    assert desk.engine.ledger.portfolio.cash == PAID.cash
    assert not desk.engine.reconciler.breaks


def test_position_poll_that_differs_asks_for_everything_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk()
    before = len(requests(desk))
    desk.sweep(positions=BOUGHT, **POLLED)
    (asked,) = requests(desk)[before:]
    assert asked.scope is c.SnapshotScope.ALL
    failed = desk.listing(positions=BOUGHT, **POLLED)
    desk.feed(msgspec.structs.replace(failed, request_id=asked.request_id))
    assert len(requests(desk)) == before + 1, "an answer that failed in part asks again at once"


def test_poll_that_agrees_or_shows_what_is_proved_asks_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk()
    desk.sweep(**POLLED)
    desk.sweeps(3, positions=BOUGHT)
    asked = len(requests(desk))
    desk.sweep(positions=BOUGHT, **POLLED)
    assert len(requests(desk)) == asked


@pytest.mark.parametrize("policy", POLICIES)
def test_position_is_left_alone_while_an_own_order_is_in_doubt(
    make_desk: MakeDesk, policy: str
) -> None:
    desk = make_desk(external=policy)
    desk.lose(desk.buy(10))
    desk.sweeps(4, positions=BOUGHT, orders=None)
    assert desk.held() == 0
    assert not desk.engine.reconciler.ignored
    assert len(desk.outputs(c.SubmitOrder)) == 1


def test_position_is_left_alone_while_more_is_listed_as_filled_than_was_read(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(external="adopt")
    order_id = desk.buy(10)
    desk.accept(order_id)
    filled = desk.record(order_id, status=OrderStatus.PARTIALLY_FILLED, filled_quantity=Decimal(4))
    part = (PositionRecord("ABC", Decimal(4)),)
    desk.sweeps(4, positions=part, orders=(filled,))
    assert desk.held() == 0
    desk.sweep(positions=part, orders=(filled,), fills=(fill_record("x1", order_id, 4),))
    assert (desk.held(), of_nobody(desk)) == (4, 0)


def test_order_that_is_younger_than_a_difference_does_not_explain_it(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.sweeps(1, positions=BOUGHT)
    desk.buy(1)
    desk.sweep(positions=BOUGHT)
    assert of_nobody(desk) == 10


def test_difference_is_settled_by_fills_that_another_poll_read_since(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.sweeps(1, positions=BOUGHT, **POLLED)
    desk.sweeps(1, positions=None, account=None)
    assert of_nobody(desk) == 0
    desk.sweep(positions=BOUGHT, **POLLED)
    assert of_nobody(desk) == 10
    assert desk.trading == c.TradingState.ACTIVE


def test_list_of_fills_that_was_made_before_is_no_proof(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    began_ns = desk.now_ns
    desk.sweeps(1, positions=BOUGHT, **POLLED)
    late = {"positions": None, "account": None, "ts_venue_ns": began_ns + NS_PER_S}
    desk.sweeps(1, **late)
    desk.sweep(positions=BOUGHT, **POLLED)
    assert of_nobody(desk) == 0
    assert desk.now_ns - began_ns > 2 * SETTLE_S * NS_PER_S


def test_foreign_order_is_adopted_after_its_fills_were_read(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    works = (half_filled(),)
    desk.sweeps(3, orders=works, fills=None, positions=None, account=None)
    assert not desk.outputs(c.ExternalAdopted)
    part = (PositionRecord("ABC", Decimal(5)),)
    paid = AccountRecord("A", "USD", cash_after((5, 99)))
    fills = (fill_record("m1", "manual-1", 5, price=99),)
    desk.sweeps(2, orders=works, fills=fills, positions=part, account=paid)
    adopted = desk.order("manual-1")
    assert adopted.status is OrderStatus.PARTIALLY_FILLED
    assert (desk.filled("manual-1"), desk.held(), desk.may_fill()) == (5, 5, 5)


def test_list_of_orders_without_their_fills_ends_what_was_proved(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.sweeps(1, orders=(half_filled(filled=5),), fills=(fill_record("m1", "manual-1", 5),))
    desk.sweep(orders=(half_filled(filled=8),), fills=None, positions=None, account=None)
    assert not desk.outputs(c.ExternalAdopted)
    fills = (fill_record("m1", "manual-1", 5), fill_record("m2", "manual-1", 3))
    desk.sweep(orders=(half_filled(filled=8),), fills=fills)
    assert desk.filled("manual-1") == 8
    assert desk.may_fill() == 2


def test_operator_adopts_what_the_policy_still_leaves_alone(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.sweeps(3, positions=BOUGHT, **POLLED)
    desk.feed(e.Adopt("looked"))
    assert of_nobody(desk) == 10


def test_order_whose_cancel_is_under_way_explains_nothing(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    order_id = desk.buy(10, 90.0)
    desk.accept(order_id)
    desk.cancel(order_id)
    desk.sweeps(2, positions=BOUGHT)
    assert of_nobody(desk) == 10
