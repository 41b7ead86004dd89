"""F38 to F42 and F54: what the account does by itself, and who else trades in it."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from regimeflow.config import load_config
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.live.operator import Wish, answer_of, event_of
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, PositionRecord
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import (
    EXTERNAL,
    SETTLE_S,
    LinkedDesk,
    MakeDesk,
    cash_after,
    foreign_order,
)
from tests.unit.core_samples import limited

MANUAL_POSITION = (PositionRecord("ABC", Decimal(7)),)


def post(desk: LinkedDesk, kind: str, amount: int, activity: str = "a1") -> None:
    desk.feed(e.CashPosted(activity, kind, "ABC", Decimal(amount), desk.now_ns))


def test_f38_refuse_holds_trading_and_explains_each_difference(desk: LinkedDesk) -> None:
    cash = AccountRecord("A", "USD", cash_after((7, 100)))
    parts = {"positions": MANUAL_POSITION, "account": cash, "orders": (foreign_order(),)}
    desk.sweeps(2, **parts)
    assert sorted(desk.kinds()) == ["cash", "order_unknown_here", "position"]
    assert all("adopt it" in found.detail for found in desk.outputs(c.DiscrepancyFound))
    assert desk.trading == c.TradingState.REDUCING
    assert desk.held() == 0
    desk.feed(e.Resume("try"))
    assert desk.trading == c.TradingState.REDUCING
    assert "resume refused" in desk.outputs(c.TradingStateChanged)[-1].reason
    desk.sweeps(1)
    desk.feed(e.Resume("gone"))
    assert desk.trading == c.TradingState.ACTIVE


def test_f38_adopt_takes_orders_positions_and_cash_into_the_books(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    loss = desk.engine.ledger.net_equity
    cash = AccountRecord("A", "USD", cash_after((7, 100)))
    parts = {"positions": MANUAL_POSITION, "account": cash, "orders": (foreign_order(),)}
    desk.sweeps(2, **parts)
    portfolio = desk.engine.ledger.portfolio
    assert portfolio.strategy_position(EXTERNAL, "ABC").quantity == desk.held() == 7
    assert portfolio.cash == cash.cash
    assert desk.may_fill() == 5
    assert desk.engine.ledger.net_equity == loss
    assert desk.trading == c.TradingState.ACTIVE
    assert len(desk.outputs(c.ExternalAdopted)) == 3
    assert all("is adopt" in found.detail for found in desk.outputs(c.DiscrepancyFound))
    desk.fill("manual-1", 5, 99)
    assert portfolio.strategy_position(EXTERNAL, "ABC").quantity == 12
    assert desk.order("manual-1").status is OrderStatus.FILLED
    assert len(desk.outputs(c.ExternalAdopted)) == 3


def test_f38_adopted_orders_and_positions_count_in_the_limits(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt", policy=limited(max_position=13))
    desk.sweeps(2, positions=MANUAL_POSITION, orders=(foreign_order(),))
    assert desk.try_to_buy(2) == "C05"
    assert desk.try_to_buy(1) == ""


def test_f38_ignore_leaves_the_books_alone_and_says_so(make_desk: MakeDesk) -> None:
    desk = make_desk(external="ignore")
    desk.sweeps(4, positions=MANUAL_POSITION, orders=(foreign_order(),))
    assert desk.held() == desk.may_fill() == 0
    assert desk.trading == c.TradingState.ACTIVE
    assert len(desk.kinds()) == 2
    desk.drop_link()
    desk.raise_link()
    desk.sweep(positions=MANUAL_POSITION, orders=(foreign_order(),))
    assert desk.try_to_buy() == ""
    desk.sweeps(2, positions=(PositionRecord("ABC", Decimal(9)),), orders=None)
    assert len(desk.kinds()) == 3


def test_f38_ignored_order_is_forgotten_once_the_broker_lists_it_no_more(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(external="ignore")
    reconciler = desk.engine.reconciler
    for number in range(4):
        desk.sweeps(3, orders=(foreign_order(f"manual-{number}"),))
        assert list(reconciler.ignored) == [("order_unknown_here", f"manual-{number}")]
    desk.sweep(orders=None)
    assert len(reconciler.ignored) == 1
    desk.sweep(orders=())
    assert not reconciler.ignored
    assert len(desk.kinds()) == 4


def test_f38_flatten_cancels_and_closes_what_nobody_here_ordered(make_desk: MakeDesk) -> None:
    desk = make_desk(external="flatten")
    desk.hold(3)
    mine = (PositionRecord("ABC", Decimal(10)),)
    desk.sweeps(2, positions=mine, orders=(foreign_order(),))
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == "manual-1"
    closing = desk.outputs(c.SubmitOrder)[-1]
    assert (closing.side.value, closing.quantity) == ("sell", 7)
    desk.canceled("manual-1")
    desk.fill(closing.client_order_id, 7)
    portfolio = desk.engine.ledger.portfolio
    assert portfolio.strategy_position(EXTERNAL, "ABC").quantity == 0
    assert desk.held() == 3
    assert desk.trading == c.TradingState.ACTIVE


def test_f38_what_cannot_be_valued_is_not_adopted(make_desk: MakeDesk) -> None:
    desk = make_desk(external="adopt")
    desk.sweeps(2, positions=(PositionRecord("ELSEWHERE", Decimal(7)),))
    assert desk.trading == c.TradingState.REDUCING
    assert not desk.outputs(c.ExternalAdopted)


@pytest.mark.parametrize("policy", ["adopt", "flatten"])
def test_f38_policy_is_applied_once_there_is_a_price(make_desk: MakeDesk, policy: str) -> None:
    desk = make_desk(external=policy)
    elsewhere = {"positions": (PositionRecord("XYZ", Decimal(7)),)}
    desk.sweeps(3, **elsewhere)
    assert (desk.held("XYZ"), desk.trading) == (0, c.TradingState.REDUCING)
    desk.quote(50.0, symbol="XYZ")
    desk.sweeps(2, **elsewhere)
    assert desk.held("XYZ") == 7
    assert not desk.engine.reconciler.breaks
    assert f"external is {policy}" in desk.outputs(c.DiscrepancyFound)[-1].detail
    assert len(desk.kinds()) == 2
    assert [int(sent.quantity) for sent in desk.outputs(c.SubmitOrder)] == (
        [7] if policy == "flatten" else []
    )
    desk.feed(e.Resume("looked at"))
    assert desk.trading == c.TradingState.ACTIVE


def test_f38_operator_adopts_what_was_refused(desk: LinkedDesk) -> None:
    desk.sweeps(2, positions=MANUAL_POSITION)
    desk.feed(e.Adopt("my own trade"))
    assert desk.held() == 7
    desk.feed(e.Resume("adopted"))
    assert desk.trading == c.TradingState.ACTIVE
    desk.sweeps(2)
    assert len(desk.kinds()) == 1


def test_f38_late_fill_is_not_adopted_on_top_of_itself(desk: LinkedDesk) -> None:
    """The broker shows a fill that no stream delivered; it comes just before the operator acts."""
    order = desk.buy(100)
    desk.accept(order)
    theirs = {
        "positions": (PositionRecord("ABC", Decimal(100)),),
        "account": AccountRecord("A", "USD", cash_after((100, 100))),
    }
    desk.sweeps(2, **theirs)
    assert set(desk.kinds()) == {"position", "cash"}
    desk.fill(order, 100)
    wish = Wish(id="adopt-after-fill")
    outputs = desk.feed(event_of(desk.engine, "adopt", wish))
    assert (desk.held(), desk.engine.ledger.portfolio.cash) == (100, cash_after((100, 100)))
    assert [type(output) for output in outputs] == [c.RequestSnapshot]
    answer = answer_of(desk.engine, "adopt", wish)
    assert not answer.ok
    assert "changed since; repeat" in answer.text
    assert "cash account, position ABC" in answer.text
    desk.feed(e.Resume("too early"))
    assert desk.trading == c.TradingState.REDUCING
    desk.sweep(**theirs)
    desk.feed(e.Resume("the list agrees"))
    assert desk.trading == c.TradingState.ACTIVE


@pytest.mark.parametrize("listed_quantity", [0, 3])
def test_f38_order_that_filled_since_is_not_adopted_from_the_old_list(
    desk: LinkedDesk, listed_quantity: int
) -> None:
    """Its fill is booked on the account: what the list calls open is no exposure any more."""
    manual = msgspec.structs.replace(foreign_order(), filled_quantity=Decimal(listed_quantity))
    desk.sweeps(2, orders=(manual,))
    desk.fill("manual-1", 5 - listed_quantity, 99)
    desk.feed(e.Adopt("mine"))
    assert desk.may_fill() == 0
    assert not desk.outputs(c.ExternalAdopted)
    desk.sweep()
    assert not desk.engine.reconciler.breaks


def test_f38_policy_is_part_of_the_configuration() -> None:
    live = {
        "broker": "sim",
        "symbols": ["ABC"],
        "broker_config": {"data_directory": "examples/data"},
    }
    for chosen, expected in (({"external": "flatten"}, "flatten"), ({}, "refuse")):
        raw = {
            "strategy": {"name": "buy_and_hold"},
            "live": {**live, "reconciliation": chosen},
        }
        config = load_config(raw, environ={})
        assert config.live is not None
        assert config.live.reconciliation.external == expected


def test_f39_split_restates_books_and_an_order_grown_past_its_limit_is_cancelled(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=limited(max_order_quantity=10))
    desk.hold(6)
    order_id = desk.buy(10, 90.0)
    desk.accept(order_id)
    desk.feed(CorporateAction("ABC", desk.now_ns, ActionKind.SPLIT, Decimal(2)))
    assert desk.held() == 12
    order = desk.order(order_id)
    assert order.broker_order_id is not None
    desk.feed(
        e.OrderReplaced(
            order.client_order_id,
            order.client_order_id,
            order.broker_order_id,
            Decimal(20),
            Decimal(45),
            None,
            desk.now_ns,
        )
    )
    assert desk.order(order_id).quantity == 20
    assert desk.outputs(c.RiskBreached)[-1].control == "C01"
    assert desk.outputs(c.CancelOrder)[-1].client_order_id == order_id
    desk.sweeps(2)
    assert not desk.kinds()


def test_f40_cash_activity_is_booked_once_and_counts_as_profit(desk: LinkedDesk) -> None:
    before = desk.engine.ledger.net_equity
    for _ in range(3):
        post(desk, "dividend", 25)
    post(desk, "fee", -5, "a2")
    assert desk.engine.ledger.portfolio.cash == cash_after() + 20
    assert desk.engine.ledger.net_equity == before + 20
    desk.sweeps(2)
    assert not desk.kinds()


@pytest.mark.parametrize(("kind", "amount"), [("deposit", 50_000), ("withdrawal", -50_000)])
def test_f41_deposit_or_withdrawal_moves_no_loss_limit(
    kind: str, amount: int, make_desk: MakeDesk
) -> None:
    desk = make_desk(policy=limited(daily_loss_limit=100, max_drawdown="0.1"))
    desk.hold(10)
    post(desk, kind, amount)
    desk.quote(99.0)
    assert desk.trading == c.TradingState.ACTIVE
    assert not desk.outputs(c.RiskBreached)
    desk.quote(80.0)
    assert desk.trading == c.TradingState.REDUCING


def test_f54_positions_that_lag_behind_a_fill_accuse_nobody(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 10)
    for _ in range(5):
        desk.sweep(positions=())
        desk.wait(1)
    desk.sweep()
    assert not desk.kinds()
    assert desk.held() == 10
    desk.sweep(positions=())
    desk.wait(SETTLE_S + 1)
    desk.sweep(positions=())
    assert desk.kinds() == ["position"]
    assert desk.held() == 10


def test_f54_difference_is_seen_although_trading_goes_on(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=RiskPolicy(reference_age_ns_max=10**15))
    for held in (1, 2):
        desk.hold(1)
        desk.sweep(positions=(PositionRecord("ABC", Decimal(held + 5)),))
        desk.wait(SETTLE_S + 1)
    assert desk.kinds() == ["position"]
