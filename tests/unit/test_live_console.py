"""The console tells of every order whose fate was unknown, and of what became of it."""

from __future__ import annotations

import io

from rich.console import Console as RichConsole

from regimeflow.journal.records import Body, Record
from regimeflow.live.console import Console
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus
from tests.unit.journal_samples import accepted, filled, renamed, submit

ORDER = ClientOrderId("o1")


def told(*bodies: Body, is_fast: bool = False) -> list[str]:
    """The lines for these facts, without their time."""
    out = io.StringIO()
    console = Console(RichConsole(file=out, width=300), is_fast=is_fast)
    for seq, body in enumerate(bodies, 1):
        console.on_record(Record(seq, 1, 0, body))
    return [line.partition("  ")[2] for line in out.getvalue().splitlines()]


def test_order_in_doubt_is_told_once_and_then_that_it_was_found() -> None:
    doubt = e.OutcomeUnknown(ORDER, e.RequestKind.SUBMIT, "no answer in 2 s")
    lost, found, *rest = told(submit(), doubt, accepted(), accepted())[1:]
    assert lost.startswith("order o1: IN_DOUBT, no answer to its submit (no answer in 2 s)")
    assert found == "order o1: found, the venue reports it"
    assert rest == []


def test_order_in_doubt_is_found_under_the_id_of_its_replacement_too() -> None:
    doubt = e.OutcomeUnknown(ClientOrderId("o1r"), e.RequestKind.REPLACE, "no answer in 2 s")
    for heard_as in ("o1", "o1r"):
        story = (submit(), renamed("o1", "o1r"), doubt, accepted(heard_as), accepted("o1"))
        lost, found, *rest = told(*story)[1:]
        assert lost.startswith("order o1r: IN_DOUBT")
        assert found == f"order {heard_as}: found, the venue reports it"
        assert rest == []


def test_what_evidence_settles_is_told_as_it_is() -> None:
    doubt = e.OutcomeUnknown(ORDER, e.RequestKind.SUBMIT, "no answer in 2 s")

    def settled(status: OrderStatus) -> list[str]:
        resolved = c.OrderResolved(client_order_id=ORDER, status=status, evidence="a list says so")
        return told(doubt, resolved, accepted())[1:]

    assert settled(OrderStatus.NEW) == ["order o1: found, a list says so"]
    assert settled(OrderStatus.NOT_FOUND) == ["order o1: NOT FOUND, a list says so; not sent again"]


def test_fill_and_annulment_from_a_list_are_told() -> None:
    bust = e.FillBusted(ExecutionId("x1"), "AAPL", "erroneous", 1)
    listed = c.BustRecovered(filled(), "listed")
    lines = told(c.FillRecovered(filled(), "listed"), listed, bust)
    assert lines == [
        "fill   buy 10 AAPL at 100.05  (from the broker's list)",
        "execution x1 of AAPL annulled: listed",
        "execution x1 of AAPL annulled: erroneous",
    ]


def test_ends_have_lines_unless_years_go_by_in_seconds() -> None:
    canceled = e.OrderCanceled(ORDER, "asked for", 1)
    assert told(canceled) == ["order o1: canceled (asked for)"]
    assert told(submit(), canceled, is_fast=True) == []


def test_hostile_reason_stays_on_its_line() -> None:
    (line,) = told(e.OrderCanceled(ORDER, "\x1b[2J\nbye", 1))
    assert line.isprintable()


def test_number_of_orders_remembered_is_bounded() -> None:
    doubts = [
        e.OutcomeUnknown(ClientOrderId(f"o{n}"), e.RequestKind.SUBMIT, "silence")
        for n in range(1_001)
    ]
    assert "found" not in told(*doubts, accepted("o0"))[-1]
    assert "found" in told(*doubts, accepted("o1000"))[-1]
