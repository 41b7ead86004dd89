"""F39: exits over a split: those that an entry asks for, and those that could not leave yet."""

from __future__ import annotations

from decimal import Decimal

import pytest

from regimeflow.core.engine_state import (
    decode_engine_state,
    engine_digest,
    engine_state,
    restore_engine,
)
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import Side
from tests.faults.desk_script import LinkedDesk
from tests.faults.test_ban import lift, suspend
from tests.faults.test_rebuilt import fold_of
from tests.unit.eventful_engines import fresh_setup

SPLITS = pytest.mark.parametrize(("ratio", "factor"), [("2", 2.0), ("0.25", 0.25)])
"""Two new shares for one old, and one for four."""
Terms = tuple[str, Decimal, Decimal | None]


def bracket(desk: LinkedDesk, side: Side = Side.BUY, quantity: int = 40) -> str:
    """An entry that works, with exits ten below or above 100 and twenty to the other side."""
    stop, target = (90, 120) if side is Side.BUY else (110, 80)
    wish = {"limit_price": 100, "stop_loss": stop, "take_profit": target}
    order_id = str(desk.do(lambda ctx: ctx.submit_order("ABC", side, quantity, **wish)))
    desk.accept(order_id)
    return order_id


def split(desk: LinkedDesk, ratio: str, symbol: str = "ABC") -> None:
    """The split comes into force, and the price follows."""
    desk.feed(CorporateAction(symbol, desk.now_ns, ActionKind.SPLIT, Decimal(ratio)))
    if symbol == "ABC":
        desk.quote(100.0 / float(ratio))


def restated(desk: LinkedDesk, order_id: str, ratio: str) -> None:
    """The venue tells the new terms of an order that works there."""
    order, factor = desk.order(order_id), Decimal(ratio)
    assert order.broker_order_id is not None
    limit, stop = order.limit_price, order.stop_price
    desk.feed(
        e.OrderReplaced(
            order.client_order_id,
            order.client_order_id,
            order.broker_order_id,
            order.filled_quantity + order.leaves_quantity * factor,
            None if limit is None else limit / factor,
            None if stop is None else stop / factor,
            desk.now_ns,
        )
    )


def exits(desk: LinkedDesk) -> list[Terms]:
    """Tag, quantity and price of the exits that left."""
    sent = [leg for leg in desk.outputs(c.SubmitOrder) if leg.parent_id]
    return [(leg.tag, leg.quantity, leg.stop_price or leg.limit_price) for leg in sent]


def terms(quantity: float, stop: float, target: float) -> list[Terms]:
    """What a bracket's exits are to be."""
    units = Decimal(str(quantity))
    return [
        ("stop_loss", units, Decimal(str(stop))),
        ("take_profit", units, Decimal(str(target))),
    ]


def assert_every_fold_agrees(desk: LinkedDesk) -> None:
    """The engine, one restored from its saved state, and the fold of its journal are equal."""
    state = engine_state(desk.engine)
    assert state is not None
    restored = restore_engine(fresh_setup(desk.engine.setup), decode_engine_state(state))
    assert engine_digest(restored) == engine_digest(desk.engine)
    assert ledger_digest(fold_of(desk).ledger) == ledger_digest(desk.engine.ledger)


@SPLITS
@pytest.mark.parametrize("side", list(Side))
def test_f39_exits_of_an_entry_that_works_over_a_split_are_for_new_shares(
    desk: LinkedDesk, side: Side, ratio: str, factor: float
) -> None:
    entry = bracket(desk, side)
    split(desk, ratio)
    restated(desk, entry, ratio)
    assert_every_fold_agrees(desk)
    desk.fill(entry, 40 * Decimal(ratio), 100 / factor)
    stop, target = (90, 120) if side is Side.BUY else (110, 80)
    assert exits(desk) == terms(40 * factor, stop / factor, target / factor)


def test_f39_split_of_another_symbol_leaves_exits_alone(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    suspend(desk)
    desk.fill(entry, 10)
    split(desk, "2", "XYZ")
    lift(desk)
    desk.fill(entry, 30)
    assert exits(desk) == terms(10, 90, 120) + terms(30, 90, 120)


def test_f39_prices_of_exits_are_rounded_away_from_the_market_over_a_split(
    desk: LinkedDesk,
) -> None:
    """As the venue rounds what works there: no earlier stop, no worse target, never zero."""
    entry = bracket(desk)
    split(desk, "7")
    restated(desk, entry, "7")
    desk.fill(entry, 7, 14)
    assert exits(desk) == terms(7, 12.85, 17.15)
    split(desk, "100000")
    assert (
        desk.order(entry).stop_loss_price == desk.order(entry).take_profit_price == Decimal("0.01")
    )


def test_f39_bracket_price_beyond_any_market_does_not_stop_the_books(desk: LinkedDesk) -> None:
    wish = {"limit_price": 100, "take_profit": Decimal("1e21")}
    entry = str(desk.do(lambda ctx: ctx.submit_order("ABC", Side.BUY, 10, **wish)))
    split(desk, "0.001")
    assert desk.order(entry).take_profit_price == Decimal("1e21")
    assert_every_fold_agrees(desk)


def test_f39_late_fill_of_an_entry_that_ended_before_a_split_gets_exits_at_new_prices(
    desk: LinkedDesk,
) -> None:
    entry = bracket(desk)
    desk.canceled(entry)
    split(desk, "2")
    desk.fill(entry, 10, 50)
    assert exits(desk) == terms(10, 45, 60)


@SPLITS
def test_f39_exits_that_wait_over_a_split_leave_for_new_shares_at_new_prices(
    desk: LinkedDesk, ratio: str, factor: float
) -> None:
    entry = bracket(desk)
    suspend(desk)
    desk.fill(entry, 40)
    split(desk, ratio)
    assert_every_fold_agrees(desk)
    assert exits(desk) == []
    lift(desk)
    assert desk.held() == 40 * factor
    assert exits(desk) == terms(40 * factor, 90 / factor, 120 / factor)
    assert not desk.kinds()


def test_f39_exits_before_and_after_a_split_wait_as_one_pair(desk: LinkedDesk) -> None:
    entry = bracket(desk)
    suspend(desk)
    desk.fill(entry, 10)
    split(desk, "2")
    restated(desk, entry, "2")
    desk.fill(entry, 60, 50)
    lift(desk)
    assert exits(desk) == terms(80, 45, 60)


def test_f39_exits_that_wait_and_are_less_than_a_lot_after_a_split_are_told(
    desk: LinkedDesk,
) -> None:
    desk.hold(3)
    entry = bracket(desk, quantity=3)
    suspend(desk)
    desk.fill(entry, 3)
    split(desk, "0.25")
    assert desk.held() == 1
    found = [d for d in desk.outputs(c.DiscrepancyFound) if d.kind == "not_protected"]
    assert [(d.subject, d.ours, d.theirs) for d in found] == [("ABC", "ended", "1")] * 2
    assert "less than one lot" in found[0].detail
    lift(desk)
    assert exits(desk) == []
    assert_every_fold_agrees(desk)


def test_f39_flatten_that_waits_over_a_split_closes_what_is_held_then(desk: LinkedDesk) -> None:
    desk.hold(10)
    suspend(desk)
    desk.feed(e.Flatten("night"))
    split(desk, "2")
    lift(desk)
    closing = desk.outputs(c.SubmitOrder)[-1]
    assert (closing.side, closing.quantity) == (Side.SELL, Decimal(20))
