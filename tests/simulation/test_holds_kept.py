"""The gate's checks of state, holds and clocks, taken out: the entries that leave are seen."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from regimeflow.core.difference_table import DIFFERENCES, Reaction
from regimeflow.core.external import TERMS_TAKEN
from regimeflow.core.holds import Holds
from regimeflow.core.ledger import Books, Ledger
from regimeflow.core.order_records import order_from_command
from regimeflow.core.risk.clock import ClockGuard
from regimeflow.core.risk.gate import RiskGate
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId, ExecutionId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import OrderType, Side
from regimeflow.run.folds import LedgerFold
from regimeflow.testing.hold_watch import HOLDING, HoldWatch
from regimeflow.testing.rehearsal.director import Verdict
from tests.faults.desk_script import SETTLE_S, LinkedDesk, records_of
from tests.simulation.rehearsed import run
from tests.unit.journal_samples import filled

OWN, OTHER = StrategyId("own"), StrategyId("other")
PROVED = c.HealthChanged("books", c.HealthStatus.OK, "they agree")


def broken(verdict: Verdict) -> str:
    """What speaks against I6."""
    return "; ".join(p for f in verdict.findings if f.invariant == "I6" for p in f.problems)


def order(number: int, strategy_id: StrategyId = OWN) -> c.SubmitOrder:
    """A purchase."""
    return c.SubmitOrder(
        client_order_id=ClientOrderId(f"id-{number}"), strategy_id=strategy_id, symbol="AAPL",
        side=Side.BUY, order_type=OrderType.MARKET, quantity=Decimal(1),
        intent_id=IntentId(strategy_id, "AAPL", 0, 0, number), worst_price=Decimal(1),
    )  # fmt: skip


def watched(*bodies: object) -> HoldWatch:
    """A watch that saw these records."""
    watch = HoldWatch()
    for seq, body in enumerate(bodies, 1):
        watch.see(Record(seq, seq, 0, body), None, books())  # type: ignore[arg-type]
    return watch


def books() -> Ledger:
    """Nothing held, nothing working."""
    return Ledger(Books({"AAPL": Instrument("AAPL")}, Decimal(0)))


def test_entry_while_the_books_are_unproved_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RiskGate, "_check_holds", lambda *_: None)
    assert "link sim was down" in broken(run("gateway-restart", 2))


def test_entry_by_a_wrong_clock_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ClockGuard, "check", lambda *_: None)
    assert "clock" in broken(run("clock-skew", 2))


def test_halt_of_one_strategy_binds_that_one() -> None:
    halt = c.TradingStateChanged(c.TradingState.HALTED, "it raised", "C26", OWN)
    watch = watched(halt, order(1), order(2, OTHER))
    assert [name for name, _ in watch.barred] == ["id-1"]
    assert not watch.held


def test_replacement_after_a_halt_is_judged_by_its_own_id() -> None:
    watch = watched(c.TradingStateChanged(c.TradingState.REDUCING, "a loss", "C14"))
    replacement = c.ReplaceOrder(
        client_order_id=ClientOrderId("id-2"), orig_client_order_id=ClientOrderId("id-1"),
        broker_order_id=None, symbol="AAPL", quantity=Decimal(2), limit_price=None,
        stop_price=None, worst_price=Decimal(1),
    )  # fmt: skip
    watch.see(Record(9, 9, 0, replacement), order_from_command(1, order(1)), books())
    assert [name for name, _ in watch.held] == ["id-2"]


def test_symbol_of_an_annulled_execution_is_held_until_a_resume() -> None:
    bust = e.FillBusted(ExecutionId("7"), "AAPL", "annulled", 1)
    told = c.DiscrepancyFound("bust", "7", "booked", "annulled", "")
    resumed = c.TradingStateChanged(c.TradingState.ACTIVE, "an operator", "C31")
    watch = watched(PROVED, bust, told, order(1), resumed, order(2))
    assert [name for name, _ in watch.held] == ["id-1"]


@pytest.mark.parametrize("kind", ["late_order", "order_terms", "fills_missing"])
def test_symbol_of_an_order_that_differs_is_held_until_a_resume(kind: str) -> None:
    ledger, watch = books(), HoldWatch()
    resumed = c.TradingStateChanged(c.TradingState.ACTIVE, "an operator", "C31")
    told = c.DiscrepancyFound(kind, "id-1", "canceled", "new", "AAPL: it lives")
    bodies = (PROVED, order(1), told, order(2), resumed, order(3))
    for seq, body in enumerate(bodies, 1):
        if isinstance(body, c.SubmitOrder):
            ledger.apply_output(seq, body)
        watch.see(Record(seq, seq, 0, body), None, ledger)  # type: ignore[arg-type]
    assert [name for name, _ in watch.held] == ["id-2"]


def test_adopted_order_with_new_terms_holds_nothing() -> None:
    ledger, watch = books(), HoldWatch()
    ledger.apply_output(1, order(1))
    told = c.DiscrepancyFound("order_terms", "id-1", "1", "2", f"seen twice; {TERMS_TAKEN}")
    for seq, body in enumerate((told, order(2)), 1):
        watch.see(Record(seq, seq, 0, body), None, ledger)  # type: ignore[arg-type]
    assert not watch.held


def test_symbol_of_an_execution_of_no_order_is_held_until_a_resume() -> None:
    told = c.DiscrepancyFound("unknown_fill", "7", "no such order", "buy 1 AAPL", "")
    resumed = c.TradingStateChanged(c.TradingState.ACTIVE, "an operator", "C31")
    for report in (
        filled("manual"),
        c.FillRecovered(filled("manual"), "listed"),
        e.FillCorrected(ExecutionId("6"), filled("manual"), 1),
    ):
        watch = watched(PROVED, report, told, order(1), resumed, order(2))
        assert [name for name, _ in watch.held] == ["id-1"]


def test_every_difference_that_holds_a_symbol_is_watched() -> None:
    holding = {
        kind
        for kind, row in DIFFERENCES.items()
        if row.reaction is Reaction.CANCELS or "symbol is held" in row.does
    }
    assert holding == {*HOLDING, "unknown_report"}, "the report itself names the symbol of that one"


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_hold_that_an_engine_forgets_is_seen(
    *, is_forgotten: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_forgotten:
        monkeypatch.setattr(Holds, "hold_symbol", lambda *_: None)
    desk = LinkedDesk()
    late = desk.buy(10)
    desk.lose(late)
    desk.lapse(SETTLE_S + 1)
    desk.answer(late, None)
    desk.sweep(orders=())
    desk.accept(late)
    assert desk.kinds() == ["late_order"]
    assert bool(desk.try_to_buy()) is not is_forgotten
    fold, watch = LedgerFold(desk.engine.setup.books()), HoldWatch()
    for record in records_of(desk):
        fold.take(record)
        watch.see(record, None, fold.ledger)
    assert [why for _, why in watch.held] == (
        ["while ABC was held: an order lived that had ended"] if is_forgotten else []
    )


@pytest.mark.parametrize(("held", "is_seen"), [(2, False), (1, False), (0, True)])
def test_exit_that_the_books_cover_is_no_entry(held: int, *, is_seen: bool) -> None:
    ledger = books()
    if held:
        ledger.apply_event(1, filled("other", quantity=held))
    sale = replace(order(1), side=Side.SELL)
    ledger.apply_output(2, sale)
    watch = watched(e.EngineStarted(1))
    watch.see(Record(2, 2, 1, sale), ledger.orders.get(sale.client_order_id), ledger)
    assert bool(watch.held) == is_seen


def test_start_holds_entries_until_the_books_are_proved() -> None:
    watch = watched(e.EngineStarted(1), order(1), PROVED, order(2))
    assert [name for name, _ in watch.held] == ["id-1"]
