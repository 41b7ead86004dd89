"""What each check is for, planted: money, durability, endings, quarantines, reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.order_records import order_from_command
from regimeflow.core.position import Position
from regimeflow.errors import ConfigError, JournalError, StartRefused
from regimeflow.journal.writer import JournalWriter
from regimeflow.model.commands import SubmitOrder
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.order import Order, OrderStatus, OrderType, Side
from regimeflow.testing.checkers import FAILURES_MAX, Finding, judge, quarantined_at
from regimeflow.testing.evidence import DISK, KILLED, Evidence, Failure
from regimeflow.testing.open_orders import Working, altered
from regimeflow.testing.rehearsal import director
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.simulation.rehearsed import busy_config, run, told

BRIEF = Scenario("brief", "nothing happens", lasts_s=10)
UNREACHED = StartRefused("the venue cannot be reached: no answer")
UNWRITTEN = JournalError("the journal cannot be written")
READ_ONLY = ConfigError("live.log_dir: logs cannot be written (Read-only file system)")


def seen(
    monkeypatch: pytest.MonkeyPatch, falsify: Callable[[Evidence], Evidence] = lambda e: e
) -> dict[str, str]:
    """What a brief run is blamed for, by invariant, after its evidence was falsified."""

    def falsified(evidence: Evidence) -> list[Finding]:
        return judge(falsify(evidence))

    monkeypatch.setattr(director, "judge", falsified)
    verdict = director.rehearse(busy_config(), BRIEF, 1)
    return {f.invariant: "; ".join(f.problems) for f in verdict.findings if not f.holds}


def of_venue(**changes: Any) -> Callable[[Evidence], Evidence]:
    """Falsify what the venue says."""
    return lambda evidence: replace(evidence, venue=replace(evidence.venue, **changes))


def test_order_that_leaves_before_its_sync_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(JournalWriter, "sync", lambda self: None)
    assert "before it was durable" in seen(monkeypatch)["I1"]


def test_fee_that_is_not_booked_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(seen(monkeypatch, of_venue(fees=Decimal("0.01")))) == {"I5"}


def test_cost_that_a_reduction_leaves_behind_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Position._reduce

    def careless(self: Position, signed: Decimal, value: Decimal) -> None:
        real(self, signed, value)
        self.cost += 1

    monkeypatch.setattr(Position, "_reduce", careless)
    verdict = run("lost-order", 2)
    assert "cost of" in told(verdict)


def with_working_order(change: Callable[[Order], None]) -> Callable[[Evidence], Evidence]:
    """An order that works on both sides; `change` falsifies how the books have it."""

    def falsify(evidence: Evidence) -> Evidence:
        order = order_from_command(1, purchase(100, limit_price=90))
        order.status = OrderStatus.NEW
        theirs = Working(Decimal(100), Decimal(0), Decimal(90), None)
        change(order)
        evidence.engine.ledger.orders.open[order.client_order_id] = order
        return of_venue(open_orders={**evidence.venue.open_orders, order.client_order_id: theirs})(
            evidence
        )

    return falsify


def purchase(quantity: int, *, limit_price: int) -> SubmitOrder:
    """An order to buy."""
    sma = StrategyId("sma")
    return SubmitOrder(
        client_order_id=ClientOrderId("works"), strategy_id=sma, symbol="AAPL", side=Side.BUY,
        order_type=OrderType.LIMIT, quantity=Decimal(quantity), limit_price=Decimal(limit_price),
        intent_id=IntentId(sma, "AAPL", 0, 0, 0), worst_price=Decimal(limit_price),
    )  # fmt: skip


def test_order_with_the_same_terms_on_both_sides_is_no_difference(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = seen(monkeypatch, with_working_order(lambda order: None))
    assert set(found) == {"I10"}, "no journal knows of this order"


def test_order_that_works_in_the_books_alone_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def falsify(evidence: Evidence) -> Evidence:
        return of_venue(open_orders={})(with_working_order(lambda order: None)(evidence))

    assert "works works in the books and not at the venue" in seen(monkeypatch, falsify)["I7"]


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("quantity", 114), ("filled_quantity", 3), ("limit_price", 91), ("stop_price", 80)],
)
def test_order_that_works_with_other_terms_is_seen(
    attribute: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = with_working_order(lambda order: setattr(order, attribute, Decimal(value)))
    found = seen(monkeypatch, other)
    assert set(found) == {"I5", "I10"}
    assert str(value) in found["I5"]


def test_annulled_part_of_an_order_is_no_difference_of_its_terms() -> None:
    order = order_from_command(1, purchase(100, limit_price=90))
    order.status = OrderStatus.NEW
    theirs = {"works": Working(Decimal(300), Decimal(0), Decimal(90), None)}
    assert altered([order], theirs)
    order.annulled_quantity = Decimal(5)  # what was annulled is used up at the venue
    same = Working(Decimal(100), Decimal(5), Decimal(90), None)
    assert not altered([order], {"works": same})


@pytest.mark.parametrize(
    ("error", "before", "is_excused"),
    [
        (UNREACHED, {"partition"}, True),
        (UNREACHED, set(), False),
        (StartRefused("the strategy changed"), {"partition"}, False),
        (UNWRITTEN, {DISK}, True),
        (UNWRITTEN, {KILLED}, True),
        (UNWRITTEN, {"partition"}, False),
        (READ_ONLY, {DISK}, True),
        (READ_ONLY, {KILLED}, False),
        (ValueError("a defect"), {DISK, KILLED}, False),
    ],
)
def test_ending_is_excused_by_what_was_done_before(
    error: Exception, before: set[str], is_excused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = Failure(error, frozenset(before))
    found = seen(monkeypatch, lambda evidence: replace(evidence, failures=[failure]))
    assert ("I8" not in found) is is_excused


def test_too_many_failed_starts_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    failures = [Failure(UNREACHED, frozenset({"partition"}))] * (FAILURES_MAX + 1)
    assert "starts failed" in seen(monkeypatch, lambda e: replace(e, failures=failures))["I8"]


def test_quarantine_without_lost_data_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    quarantines = ["decisions differ from the journal after record 40"]
    found = seen(monkeypatch, lambda evidence: replace(evidence, quarantines=quarantines))
    assert "no data was lost" in found["I10"]


def test_quarantine_after_a_disk_that_lost_data_is_not() -> None:
    verdict = run("crash-storm", 4)
    assert verdict.injected["market data lost"]
    assert verdict.branches["quarantined"]
    assert verdict.is_ok, told(verdict)


def test_rejection_without_a_reason_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "without a reason" in seen(monkeypatch, of_venue(nameless=["id-1"]))["I15"]


def test_quarantine_that_names_no_record_is_about_all_up_to_its_own_rebuild() -> None:
    reasons = ["decisions differ from the journal after record 32", "other books"]
    assert quarantined_at(reasons, [130, 501]) == [32, 500]
    assert quarantined_at(reasons, [130]) == [32, 10**18]
