"""F21: an execution's terms are replaced by those of another, told by the stream or by a list."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ExecutionId
from tests.faults.desk_script import LinkedDesk, cash_after, fill_record
from tests.faults.test_fills import bust, last_fill


def test_f21_correction_that_a_list_has_told_before_holds_nothing(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 10, 100, execution_id="x.01")
    correction = e.FillCorrected(
        ExecutionId("x.01"),
        msgspec.structs.replace(
            last_fill(desk), execution_id=ExecutionId("x.02"), price=Decimal(101)
        ),
        desk.now_ns,
    )
    listed = fill_record("x.02", order_id, 10, price=101)
    desk.sweep(fills=(listed,), annulled=(fill_record("x.01", order_id, 10),))
    assert desk.kinds() == ["bust"]
    assert desk.trading == c.TradingState.ACTIVE
    holds = dict(desk.engine.holds.symbols)
    assert desk.feed(correction) == []
    assert (desk.held(), desk.engine.holds.symbols) == (10, holds)
    assert desk.engine.ledger.portfolio.cash == cash_after((10, 101))


def test_f21_corrected_order_goes_on_with_what_is_left_of_it(desk: LinkedDesk) -> None:
    """A correction takes the place of an execution: nothing of the order is used up by it."""
    order_id = desk.buy()
    desk.fill(order_id, 5, 100, execution_id="x.01")
    corrected = msgspec.structs.replace(last_fill(desk), execution_id=ExecutionId("x.02"))
    desk.feed(e.FillCorrected(ExecutionId("x.01"), corrected, desk.now_ns))
    assert desk.order(order_id).is_open
    assert (desk.held(), desk.may_fill()) == (5, 5)
    desk.fill(order_id, 5, 100, execution_id="x.03")
    assert not desk.order(order_id).is_open
    assert not desk.kinds()


def test_f21_correction_and_then_bust_before_the_execution_leave_the_same_books_on_recovery(
    desk: LinkedDesk,
) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 4, 100, execution_id="x.02")
    corrected = last_fill(desk)
    desk.feed(e.FillCorrected(ExecutionId("x.01"), corrected, desk.now_ns))
    bust(desk, "x.01")
    desk.fill(order_id, 4, 100, execution_id="x.01")
    desk.assert_lawful()
    assert desk.held() == 4


def test_f21_correction_behind_its_own_new_execution_reverses_the_old(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.fill(order_id, 4, 100, execution_id="x.01")
    desk.fill(order_id, 4, 99, execution_id="x.02")
    desk.feed(e.FillCorrected(ExecutionId("x.01"), last_fill(desk), desk.now_ns))
    assert (desk.held(), desk.engine.ledger.portfolio.cash) == (4, cash_after((4, 99)))
    assert not desk.engine.holds.symbols
