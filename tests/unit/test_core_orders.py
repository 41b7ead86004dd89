"""Orders in real life: reports that come early, late, twice, or about nothing we know."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus as S
from regimeflow.model.order import Side
from tests.unit.core_samples import World


def bought(world: World, quantity: int = 10, limit: float = 100.0) -> str:
    """A limit order that is working."""
    order_id: str = world.do(lambda ctx: ctx.buy("ABC", quantity, limit_price=limit))
    world.accept(order_id)
    return order_id


def may_buy(world: World) -> Decimal:
    return world.engine.ledger.orders.exposure.of("ABC").buy_quantity


def replacement(world: World, order_id: str, **terms: object) -> c.ReplaceOrder:
    """Ask for new terms; the command that left."""
    assert world.do(lambda ctx: ctx.modify_order(order_id, **terms))
    command: c.ReplaceOrder = world.outputs(c.ReplaceOrder)[-1]
    return command


def test_a_fill_before_the_acknowledgement_counts_and_the_acknowledgement_changes_nothing() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10))
    world.fill(order_id, 4)
    world.accept(order_id)
    assert world.order(order_id).status is S.PARTIALLY_FILLED
    assert world.engine.ledger.portfolio.position("ABC").quantity == 4
    assert may_buy(world) == 6


def test_a_fill_after_the_cancel_is_booked_once_and_the_order_stays_ended() -> None:
    world = World()
    order_id = bought(world)
    world.canceled(order_id)
    world.fill(order_id, 3, execution_id="late")
    world.fill(order_id, 3, execution_id="late")
    assert world.order(order_id).status is S.CANCELED
    assert world.order(order_id).filled_quantity == 3
    assert world.engine.ledger.portfolio.position("ABC").quantity == 3
    assert may_buy(world) == 0


def test_a_lost_reply_about_an_ended_order_is_no_discrepancy_and_leaves_no_doubt() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10))
    world.fill(order_id, 10)
    world.feed(e.OutcomeUnknown(ClientOrderId(order_id), e.RequestKind.SUBMIT, "timeout"))
    assert world.order(order_id).status is S.FILLED
    assert not world.order(order_id).in_doubt
    assert not world.outputs(c.DiscrepancyFound)


def test_an_order_in_doubt_counts_until_evidence_ends_it() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10))
    world.feed(e.OutcomeUnknown(ClientOrderId(order_id), e.RequestKind.SUBMIT, "timeout"))
    assert world.order(order_id).status is S.IN_DOUBT
    assert may_buy(world) == 10
    world.reject(order_id)
    assert may_buy(world) == 0


def test_an_order_is_not_replaced_before_it_is_acknowledged() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=100))
    world.do(lambda ctx: ctx.modify_order(order_id, quantity=90))
    assert not world.outputs(c.ReplaceOrder)
    assert [d.control for d in world.outputs(c.OrderDenied)] == ["STATE"]
    assert may_buy(world) == 10


def test_the_larger_of_old_and_new_terms_counts_until_the_replacement_is_answered() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=30)
    assert may_buy(world) == 30
    world.replaced(command)
    assert may_buy(world) == 30
    smaller = replacement(world, order_id, quantity=12)
    assert may_buy(world) == 30
    world.replaced(smaller)
    assert may_buy(world) == 12


def test_a_fill_of_the_new_terms_may_outrun_the_answer_to_the_replacement() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=30)
    world.fill(command.client_order_id, 25)
    assert world.order(order_id).status is S.PENDING_REPLACE
    assert may_buy(world) == 5
    assert not world.outputs(c.DiscrepancyFound)
    world.replaced(command)
    assert world.order(order_id).status is S.PARTIALLY_FILLED
    assert may_buy(world) == 5


def test_an_order_that_filled_under_its_old_terms_ends_when_the_replacement_is_refused() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=30)
    world.fill(order_id, 10)
    assert may_buy(world) == 20
    world.replace_rejected(command.client_order_id)
    assert world.order(order_id).status is S.FILLED
    assert may_buy(world) == 0


def test_an_order_replaced_down_to_what_has_filled_is_filled() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=4)
    world.fill(order_id, 4)
    world.replaced(command)
    assert world.order(order_id).status is S.FILLED
    assert may_buy(world) == 0


def test_after_a_refused_replacement_the_order_is_cancelled_under_the_id_that_stands() -> None:
    world = World()
    order_id = bought(world)
    refused = replacement(world, order_id, limit_price=99)
    world.replace_rejected(refused.client_order_id)
    world.feed(e.CancelAll("test"))
    assert world.outputs(c.CancelOrder)[-1].client_order_id == order_id
    again = World()
    other = bought(again)
    accepted = replacement(again, other, limit_price=99)
    again.replaced(accepted)
    again.feed(e.CancelAll("test"))
    assert again.outputs(c.CancelOrder)[-1].client_order_id == accepted.client_order_id


def test_a_cancel_is_repeated_under_the_new_id_when_a_replacement_overtakes_it() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, limit_price=99)
    world.feed(e.CancelAll("test"))
    outputs = world.replaced(command)
    assert [o.client_order_id for o in outputs if isinstance(o, c.CancelOrder)] == [
        command.client_order_id
    ]
    world.canceled(command.client_order_id)
    assert world.order(order_id).status is S.CANCELED


def test_a_replacement_answered_after_a_refused_cancel_is_no_discrepancy() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=30)
    world.feed(e.CancelAll("test"))
    world.cancel_rejected(order_id)
    world.replace_rejected(command.client_order_id)
    assert world.order(order_id).status is S.NEW
    assert may_buy(world) == 10
    assert not world.outputs(c.DiscrepancyFound)


def test_an_ended_order_leaves_no_replacement_behind() -> None:
    world = World()
    order_id = bought(world)
    command = replacement(world, order_id, quantity=30)
    world.canceled(command.client_order_id)
    assert world.order(order_id).status is S.CANCELED
    assert not world.engine.ledger.orders.replacements


def test_an_old_leg_that_ends_leaves_its_replacement_counted_until_it_is_answered() -> None:
    for is_taken, status, left in ((True, S.NEW, 30), (False, S.CANCELED, 0)):
        world = World()
        order_id = bought(world)
        command = replacement(world, order_id, quantity=30)
        world.canceled(order_id)
        assert world.order(order_id).status is S.IN_DOUBT
        assert may_buy(world) == 30
        if is_taken:
            world.replaced(command)
        else:
            world.replace_rejected(command.client_order_id)
        assert world.order(order_id).status is status
        assert may_buy(world) == left
        assert not world.order(order_id).in_doubt
        assert not world.engine.ledger.orders.replacements
        assert not world.outputs(c.DiscrepancyFound)


def test_a_replaced_market_stop_keeps_its_allowance_in_its_worst_price() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 10, stop_price=110))
    world.accept(order_id)
    command = replacement(world, order_id, stop_price=120)
    world.replaced(command)
    assert world.order(order_id).worst_price == Decimal("126.00")


def test_a_split_at_the_venue_keeps_the_value_that_an_order_counts_for() -> None:
    world = World()
    order_id = world.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 10, stop_price=110))
    world.accept(order_id)
    before = world.engine.ledger.orders.exposure.of("ABC").buy_value
    same_id = ClientOrderId(order_id)
    broker_id = world.order(order_id).broker_order_id
    assert broker_id is not None
    world.feed(
        e.OrderReplaced(same_id, same_id, broker_id, Decimal(20), None, Decimal(55), world.now_ns)
    )
    assert world.engine.ledger.orders.exposure.of("ABC").buy_value == before
    assert may_buy(world) == 20


def test_an_overfill_is_booked_and_halts_everything() -> None:
    world = World()
    order_id = bought(world)
    world.fill(order_id, 12)
    assert world.engine.ledger.portfolio.position("ABC").quantity == 12
    assert [d.kind for d in world.outputs(c.DiscrepancyFound)] == ["overfill"]
    assert world.engine.ledger.trading.account is c.TradingState.HALTED


@pytest.mark.parametrize(
    ("changes", "position"),
    [
        ({"order_id": "nobody"}, 5),
        ({"side": Side.SELL}, -5),
        ({"symbol": "XYZ"}, 0),
        ({"symbol": "UNHEARD"}, 0),
    ],
)
def test_a_fill_of_no_order_is_booked_on_the_account_and_holds_entries(
    changes: dict[str, object], position: int
) -> None:
    world = World()
    order_id = bought(world)
    world.fill(**{"order_id": order_id, "quantity": 5, **changes})  # type: ignore[arg-type]
    assert world.engine.ledger.portfolio.position("ABC").quantity == position
    assert [d.kind for d in world.outputs(c.DiscrepancyFound)] == ["unknown_fill"]
    assert world.engine.ledger.trading.account is c.TradingState.REDUCING
    assert may_buy(world) == 10


@pytest.mark.parametrize(
    ("quantity", "price"), [(0, 100), (-5, 100), (5, 0), ("NaN", 1), (5, "Inf")]
)
def test_a_fill_that_cannot_be_true_is_not_booked_and_holds_entries(
    quantity: object, price: object
) -> None:
    world = World()
    order_id = bought(world)
    world.fill(order_id, quantity, price)
    assert world.engine.ledger.portfolio.position("ABC").quantity == 0
    assert [d.kind for d in world.outputs(c.DiscrepancyFound)] == ["impossible_fill"]
    assert world.engine.ledger.trading.account is c.TradingState.REDUCING


def test_reports_about_unknown_orders_are_discrepancies_and_hold_nothing() -> None:
    world = World()
    world.accept("nobody")
    world.canceled("nobody")
    world.replace_rejected("nobody")
    assert [d.kind for d in world.outputs(c.DiscrepancyFound)] == ["unknown_order"] * 3
    assert world.engine.ledger.trading.account is c.TradingState.ACTIVE


def test_a_refusal_after_a_part_filled_ends_the_order_with_its_fills() -> None:
    world = World()
    order_id = bought(world)
    world.fill(order_id, 4)
    world.reject(order_id)
    assert world.order(order_id).status is S.CANCELED
    assert world.order(order_id).filled_quantity == 4
    assert may_buy(world) == 0
