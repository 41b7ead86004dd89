"""F16 to F26: executions repeated, lost, annulled, impossible, or nobody's."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import (
    EXTERNAL,
    LinkedDesk,
    cash_after,
    fill_record,
    record_of,
)


def last_fill(desk: LinkedDesk) -> e.OrderFilled:
    fills = [event for _, event, _ in desk.log if isinstance(event, e.OrderFilled)]
    return fills[-1]


def bust(desk: LinkedDesk, execution_id: str) -> list[c.Output]:
    return desk.feed(e.FillBusted(ExecutionId(execution_id), "ABC", "erroneous", desk.now_ns))


def test_f16_fill_replayed_three_times_is_counted_once(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 4, execution_id="x1")
    for _ in range(3):
        assert desk.feed(last_fill(desk)) == []
    desk.sweep(fills=(fill_record("x1", order_id, 4),), orders=(record_of(desk.order(order_id)),))
    assert desk.held() == 4
    assert desk.engine.ledger.portfolio.cash == cash_after((4, 100))
    assert desk.may_fill() == 6


def test_f17_fill_lost_with_the_link_is_booked_from_the_list(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    desk.drop_link()
    assert desk.try_to_buy() == "C22"
    (*_, request, _) = desk.raise_link()
    assert isinstance(request, c.RequestSnapshot)
    assert desk.try_to_buy() == "C22"
    desk.sweep(
        fills=(fill_record("x1", order_id, 10),),
        orders=(),
        positions=None,
    )
    assert desk.held() == 10
    assert desk.seat().strategy.fills[-1].execution_id == "x1"
    assert desk.try_to_buy() == "C22"
    desk.sweep()
    assert desk.try_to_buy() == ""


def test_f18_fills_out_of_order_are_booked_by_execution(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 3, 101, execution_id="x2")
    desk.fill(order_id, 5, 100, execution_id="x1")
    desk.sweep(orders=(desk.record(order_id, filled_quantity=Decimal(3)),))
    order = desk.order(order_id)
    assert (int(order.filled_quantity), int(order.filled_cost)) == (8, 803)
    assert desk.may_fill() == 2
    assert not desk.kinds()


def test_f19_fills_that_a_living_stream_leaves_out_are_found_by_the_sweep(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy(18)
    desk.accept(order_id)
    for number in range(4):
        desk.fill(order_id, 1, execution_id=f"x{number}")
    listed = tuple(fill_record(f"x{number}", order_id, 1) for number in range(18))
    outputs = desk.sweep(fills=listed, orders=())
    recovered = [o for o in outputs if isinstance(o, c.FillRecovered)]
    assert [o.fill.execution_id for o in recovered] == [f"x{number}" for number in range(4, 18)]
    assert desk.order(order_id).status is OrderStatus.FILLED
    assert desk.held() == 18


@pytest.mark.parametrize("route", ["stream", "list"])
def test_f20_fill_of_an_unknown_order_is_booked_and_its_symbol_held(
    route: str, desk: LinkedDesk
) -> None:
    if route == "stream":
        outputs = desk.fill("nobody", 7, execution_id="x9")
    else:
        outputs = desk.sweep(fills=(fill_record("x9", "nobody", 7),))
    portfolio = desk.engine.ledger.portfolio
    assert portfolio.strategy_position(EXTERNAL, "ABC").quantity == 7
    assert desk.held() == 7
    assert "unknown_fill" in desk.kinds()
    assert any(isinstance(o, c.RequestSnapshot) for o in outputs)
    assert desk.trading == c.TradingState.REDUCING
    assert "belongs to no order of ours" in desk.engine.holds.symbols["ABC"]


def test_f21_annulled_execution_is_reversed_once_and_held(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 10, execution_id="x1", fee=1)
    bust(desk, "x1")
    for _ in range(2):
        assert bust(desk, "x1") == []
        desk.feed(last_fill(desk))
    portfolio = desk.engine.ledger.portfolio
    assert (desk.held(), portfolio.cash, portfolio.fees) == (0, cash_after(), Decimal(0))
    assert desk.order(order_id).filled_quantity == 0
    assert desk.kinds() == ["bust"]
    assert desk.try_to_buy() == "C22"


def test_f21_annulment_that_overtakes_its_fill_leaves_nothing_open(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    bust(desk, "x2")
    assert desk.kinds() == ["unknown_execution"]
    desk.fill(order_id, 4, execution_id="x1")
    for _ in range(2):
        desk.fill(order_id, 6, execution_id="x2", fee=1)
    order = desk.order(order_id)
    assert order.status is OrderStatus.FILLED
    assert order.filled_quantity == 4
    assert (desk.held(), desk.may_fill()) == (4, 0)
    assert desk.engine.ledger.portfolio.cash == cash_after((4, 100))
    assert bust(desk, "x2") == []


def test_f21_annulment_that_no_stream_delivered_is_found_in_the_list(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 10, execution_id="x1", fee=1)
    listed = fill_record("x1", order_id, 10)
    outputs = desk.sweep(annulled=(listed,), positions=None, account=None)
    recovered = [o.fill.execution_id for o in outputs if isinstance(o, c.BustRecovered)]
    assert recovered == ["x1"]
    assert desk.sweep(annulled=(listed,)) == []
    assert bust(desk, "x1") == []
    assert (desk.held(), desk.engine.ledger.portfolio.cash) == (0, cash_after())
    assert desk.kinds() == ["bust"]
    assert desk.try_to_buy() == "C22"


@pytest.mark.parametrize("is_reported_too", [True, False])
def test_f21_execution_that_is_known_only_as_annulled_ends_its_order(
    desk: LinkedDesk, *, is_reported_too: bool
) -> None:
    """It filled and was annulled while nobody listened: no list of fills will ever hold it."""
    order_id = desk.buy()
    desk.lose(order_id)
    if is_reported_too:
        bust(desk, "x1")
    desk.sweep(annulled=(fill_record("x1", order_id, 10),), orders=())
    order = desk.order(order_id)
    assert order.status is OrderStatus.FILLED
    assert not order.filled_quantity
    assert (desk.held(), desk.may_fill()) == (0, 0)
    assert desk.kinds() == ["unknown_execution"]
    desk.fill(order_id, 10, execution_id="x1")
    assert desk.held() == 0


def test_f21_order_whose_fill_was_annulled_still_ends_by_the_brokers_word(
    desk: LinkedDesk,
) -> None:
    """The broker goes on counting the annulled part as done."""
    order_id = desk.buy()
    desk.fill(order_id, 6, execution_id="x1")
    bust(desk, "x1")
    desk.fill(order_id, 4, execution_id="x2")
    order = desk.order(order_id)
    assert order.status is OrderStatus.FILLED
    assert order.filled_quantity == 4
    assert (desk.held(), desk.may_fill()) == (4, 0)


def test_f21_annulled_execution_that_cannot_be_booked_is_not_told_at_every_sweep(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    impossible = fill_record("x9", order_id, 0)
    assert not desk.sweep(annulled=(impossible,))
    assert not desk.outputs(c.BustRecovered)


def test_f21_correction_replaces_the_execution_it_names(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 10, 100, execution_id="x.01")
    corrected = msgspec.structs.replace(
        last_fill(desk), execution_id=ExecutionId("x.02"), quantity=Decimal(8)
    )
    for _ in range(2):
        desk.feed(e.FillCorrected(ExecutionId("x.01"), corrected, desk.now_ns))
    assert (desk.held(), desk.engine.ledger.portfolio.cash) == (8, cash_after((8, 100)))
    assert desk.order(order_id).filled_quantity == 8
    assert not desk.engine.holds.symbols


@pytest.mark.parametrize("route", ["stream", "list"])
def test_f22_overfill_is_booked_and_halts_everything(route: str, desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 8)
    if route == "stream":
        desk.fill(order_id, 5)
    else:
        desk.sweep(fills=(fill_record("x9", order_id, 5),))
    assert desk.held() == 13
    assert desk.trading == c.TradingState.HALTED
    assert "overfill" in desk.kinds()
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 1)) == "C25"


@pytest.mark.parametrize("end", [e.OrderExpired, e.OrderCanceled])
def test_f24_end_after_a_partial_fill_keeps_what_was_filled(
    end: type[e.OrderExpired] | type[e.OrderCanceled], desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 4)
    desk.feed(end(ClientOrderId(order_id), "self-match", desk.now_ns))
    order = desk.order(order_id)
    assert order.status is (OrderStatus.EXPIRED if end is e.OrderExpired else OrderStatus.CANCELED)
    assert (desk.filled(order_id), desk.held(), desk.may_fill()) == (4, 4, 0)


@pytest.mark.parametrize(("quantity", "price"), [(0, 100), (10, 0), (-3, 100), (3, "NaN")])
@pytest.mark.parametrize("route", ["stream", "list"])
def test_f25_impossible_fill_is_quarantined_and_its_symbol_held(
    route: str, quantity: object, price: object, desk: LinkedDesk
) -> None:
    order_id = desk.buy()
    for _ in range(3):
        if route == "stream":
            desk.fill(order_id, quantity, price, execution_id="x1")
        else:
            desk.sweep(fills=(fill_record("x1", order_id, quantity, price=price),), orders=None)
    assert (desk.held(), desk.may_fill()) == (0, 10)
    assert desk.order(order_id).filled_quantity == 0
    assert desk.kinds() == ["impossible_fill"]
    assert "was not booked" in desk.engine.holds.symbols["ABC"]
    assert desk.trading == c.TradingState.REDUCING
    assert not desk.outputs(c.FillRecovered)


def test_f26_cumulative_quantity_alone_invents_no_fill_and_asks_for_the_executions(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.lose(order_id)
    ahead = desk.record(order_id, filled_quantity=Decimal(10), status=OrderStatus.FILLED)
    outputs = desk.answer(order_id, ahead)
    assert [o.scope for o in outputs if isinstance(o, c.RequestSnapshot)] == [
        c.SnapshotScope.ORDERS
    ]
    assert (desk.held(), desk.may_fill()) == (0, 10)
    desk.sweep(fills=(fill_record("x1", order_id, 10),), orders=())
    assert (desk.held(), desk.may_fill()) == (10, 0)
    desk.fill(order_id, 10, execution_id="x1")
    assert desk.held() == 10
