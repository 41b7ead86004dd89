"""When the books count as proved, whatever a venue says of time and money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from regimeflow.core.holds import PROOF_BACKOFF_MAX
from regimeflow.core.on_report import VENUE_AHEAD_NS_MAX
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import PositionRecord
from regimeflow.model.ids import ClientOrderId, ExecutionId, own_number
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_S
from tests.faults.desk_script import QUERY_S, LinkedDesk, MakeDesk
from tests.unit.journal_samples import filled

LIMIT_S = 100


def beat(desk: LinkedDesk, seconds: int) -> None:
    """Time goes by with quotes and heartbeats."""
    for _ in range(seconds // 10):
        desk.lapse(10)
        desk.quote(100.0)
        desk.feed(e.Heartbeat("engine"), after_ns=0)


def executed(order_id: str, **terms: Any) -> e.OrderFilled:
    """10 ABC of the order."""
    return replace(filled(order_id), symbol="ABC", **terms)


def asked(desk: LinkedDesk) -> int:
    """How often a list was asked for."""
    return len(desk.outputs(c.RequestSnapshot))


def test_books_are_unproved_when_every_list_fails(make_desk: MakeDesk) -> None:
    desk = make_desk(truth_limit_ns=LIMIT_S * NS_PER_S)
    beat(desk, LIMIT_S - 10)
    assert not desk.engine.holds.account
    for _ in range(3):
        beat(desk, 10)
        desk.feed(e.SnapshotFailed("poll-1", "503"))
    assert "complete list" in desk.engine.holds.account["reconcile"]
    assert desk.try_to_buy() == "C22"
    assert desk.outputs(c.HealthChanged)[-1].component == "books"
    desk.sweep()
    assert desk.try_to_buy() == ""


def test_report_proves_a_quiet_stream_as_a_list_does(make_desk: MakeDesk) -> None:
    desk = make_desk(truth_limit_ns=LIMIT_S * NS_PER_S)
    order_id = desk.buy()
    beat(desk, LIMIT_S - 10)
    desk.accept(order_id)
    beat(desk, LIMIT_S - 10)
    assert not desk.engine.holds.account


def test_list_of_before_a_pause_proves_nothing_whatever_another_link_does(
    desk: LinkedDesk,
) -> None:
    old = desk.listing()
    desk.wait(3600)
    desk.feed(e.LoopStalled(NS_PER_HOUR))
    desk.feed(e.LinkDown("market", "reset"))
    desk.feed(e.LinkUp("market"))
    desk.feed(old)
    assert "reconcile" in desk.engine.holds.account


def test_proof_is_asked_for_ever_later_while_a_difference_stands(desk: LinkedDesk) -> None:
    desk.drop_link()
    desk.raise_link()
    before = asked(desk)
    for _ in range(360):
        desk.lapse(10)
        desk.quote(100.0)
        desk.sweep(positions=(PositionRecord("ABC", Decimal(5)),))
    assert asked(desk) - before < 3600 / (QUERY_S * PROOF_BACKOFF_MAX) + 10


def test_nothing_is_asked_while_the_link_is_down(desk: LinkedDesk) -> None:
    desk.drop_link()
    desk.raise_link()
    desk.drop_link()
    before = asked(desk)
    desk.lapse(3600)
    assert asked(desk) == before
    desk.raise_link()
    assert asked(desk) == before + 1


def test_fill_stamped_in_the_future_does_not_end_reconciliation(desk: LinkedDesk) -> None:
    order_id = desk.buy()
    desk.accept(order_id)
    year_ns = 365 * 24 * NS_PER_HOUR
    desk.feed(executed(order_id, ts_venue_ns=desk.now_ns + year_ns))
    desk.drop_link()
    desk.wait(VENUE_AHEAD_NS_MAX // NS_PER_S + 1)
    desk.raise_link()
    desk.sweep()
    assert not desk.engine.holds.account


def test_correction_for_an_order_that_nobody_knows_holds_its_symbol(desk: LinkedDesk) -> None:
    desk.feed(e.FillCorrected(ExecutionId("x0"), executed("manual-9"), desk.now_ns))
    assert "belongs to no order of ours" in desk.engine.holds.symbols["ABC"]


def test_fee_or_posting_that_is_no_number_is_not_booked(desk: LinkedDesk) -> None:
    cash = desk.engine.ledger.portfolio.cash
    order_id = desk.buy()
    desk.accept(order_id)
    desk.feed(executed(order_id, fee=Decimal("NaN")))
    desk.feed(e.CashPosted("a1", "interest", "", Decimal("Infinity"), desk.now_ns))
    assert desk.engine.ledger.portfolio.cash == cash
    assert desk.kinds() == ["impossible_fill", "impossible_cash"]
    assert desk.trading == c.TradingState.REDUCING


def test_number_in_an_id_that_saved_books_could_not_hold_is_not_ours() -> None:
    assert own_number(ClientOrderId("rf-1-s0-7"), "rf") == ("s0", 7)
    assert own_number(ClientOrderId("rf-x-test-20240101123456789012"), "rf") is None
