"""Reconciliation as a two-way comparison: nothing missed, nothing invented, nothing corrected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.core.ledger_state import ledger_state
from regimeflow.core.reconcile import differences
from regimeflow.model import commands as c
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.order import OrderStatus
from tests.faults.desk_script import SETTLE_S, LinkedDesk, foreign_order

SYMBOLS = ("ABC", "XYZ", "ELSEWHERE")
POSITIONS = st.dictionaries(st.sampled_from(SYMBOLS), st.integers(-9, 9).filter(bool))
ORDERS = st.lists(st.sampled_from(["partial", "working", "canceled", "pending"]), max_size=4)


def trade(desk: LinkedDesk, held: int, orders: list[str]) -> None:
    """Books with a position and orders in several states."""
    if held:
        desk.hold(held)
    for number, state in enumerate(orders):
        order_id = desk.buy(10, 90.0 + number)
        if state != "pending":
            desk.accept(order_id)
        if state == "partial":
            desk.fill(order_id, 1, 90 + number)
        elif state == "canceled":
            desk.canceled(order_id)


@given(held=st.integers(-5, 5), orders=ORDERS, times=st.integers(1, 5))
def test_agreeing_snapshot_leads_to_nothing_however_often(
    held: int, orders: list[str], times: int
) -> None:
    desk = LinkedDesk()
    trade(desk, held, orders)
    books = ledger_state(desk.engine.ledger)
    for _ in range(times):
        assert desk.sweep() == []
        desk.now_ns += 1
    assert ledger_state(desk.engine.ledger) == books


@given(
    held=st.integers(-5, 5),
    orders=ORDERS,
    positions=POSITIONS,
    cash=st.integers(-3, 3),
    kept=st.integers(0, 4),
    foreign=st.integers(0, 2),
)
def test_every_difference_is_told_in_the_second_cycle_and_none_is_invented(
    held: int, orders: list[str], positions: dict[str, int], cash: int, kept: int, foreign: int
) -> None:
    desk = LinkedDesk()
    trade(desk, held, orders)
    ledger = desk.engine.ledger
    honest = desk.listing()
    assert honest.orders is not None
    parts: dict[str, Any] = {
        "positions": tuple(PositionRecord(s, Decimal(q)) for s, q in positions.items()),
        "account": AccountRecord("A", "USD", ledger.portfolio.cash + cash),
        "orders": (
            *honest.orders[:kept],
            *(foreign_order(f"manual-{number}") for number in range(foreign)),
        ),
    }
    quantities = {symbol: int(p.quantity) for symbol, p in ledger.portfolio.held.items()}
    known = {*quantities, *positions}
    expected = {("position", s) for s in known if quantities.get(s, 0) != positions.get(s, 0)} | {
        ("order_unknown_here", f"manual-{number}") for number in range(foreign)
    }
    expected |= {("order_missing_there", r.client_order_id) for r in honest.orders[kept:]}
    expected |= {("cash", "account")} if cash else set()
    told = {d[:2] for found in differences(desk.listing(**parts), ledger).values() for d in found}
    assert told == expected
    before = (dict(quantities), ledger.portfolio.cash, len(ledger.orders.open))
    assert not [o for o in desk.sweep(**parts) if isinstance(o, c.DiscrepancyFound)]
    desk.now_ns += SETTLE_S * 10**9
    second = [o for o in desk.sweep(**parts) if isinstance(o, c.DiscrepancyFound)]
    assert {(o.kind, o.subject) for o in second} == expected
    desk.now_ns += SETTLE_S * 10**9
    assert not [o for o in desk.sweep(**parts) if isinstance(o, c.DiscrepancyFound)]
    after = {symbol: int(p.quantity) for symbol, p in ledger.portfolio.held.items()}
    assert (after, ledger.portfolio.cash, len(ledger.orders.open)) == before
    assert desk.trading == (c.TradingState.REDUCING if expected else c.TradingState.ACTIVE)
    desk.assert_lawful()


@given(held=st.integers(-5, 5), gap=st.integers(1, 5))
def test_difference_that_heals_is_forgotten(held: int, gap: int) -> None:
    desk = LinkedDesk()
    trade(desk, held, [])
    off = (PositionRecord("ABC", Decimal(held + gap)),)
    for _ in range(4):
        desk.sweep(positions=off)
        desk.now_ns += 2 * SETTLE_S * 10**9
        desk.sweep()
        desk.now_ns += 2 * SETTLE_S * 10**9
    assert not desk.kinds()
    assert not desk.engine.reconciler.breaks


@given(held=st.integers(-5, 5), gap=st.integers(-9, 9).filter(bool), wanted=st.integers(1, 12))
def test_exit_reduces_in_both_books_while_positions_differ(
    held: int, gap: int, wanted: int
) -> None:
    """Until somebody knows who is right, no exit may open a position that either may have."""
    desk = LinkedDesk()
    trade(desk, held, [])
    theirs = held + gap
    desk.sweeps(2, positions=(PositionRecord("ABC", Decimal(theirs)),) if theirs else ())
    assert desk.trading == c.TradingState.REDUCING
    sold = desk.try_to(lambda ctx: ctx.sell("ABC", wanted))
    assert sold == ("" if wanted <= min(held, theirs) else "C25")
    bought = desk.try_to(lambda ctx: ctx.buy("ABC", wanted))
    assert bought == ("" if wanted <= min(-held, -theirs) else "C25")


def test_listed_order_that_has_ended_here_is_told_and_stays_ended(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    record: OrderRecord = desk.record(order_id)
    desk.canceled(order_id)
    desk.sweeps(2, orders=(record,))
    assert desk.kinds() == ["order_unknown_here"]
    assert desk.order(order_id).status is OrderStatus.CANCELED
