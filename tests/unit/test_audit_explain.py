"""`audit explain`: one order's whole story, found under any of its ids."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.errors import UsageError
from regimeflow.journal import JournalRecords, Record, read_records
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import CancelOrder, ReplaceOrder
from regimeflow.model.events import (
    BrokerSnapshot,
    CancelAll,
    OrderCanceled,
    OrderRejected,
    OrderReplaced,
)
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.observe.audit_explain import explain_order
from tests.unit.journal_samples import accepted, filled, quote, submit, writer

FIRST, SECOND = ClientOrderId("o1"), ClientOrderId("o1r")


def write_story(directory: Path) -> JournalRecords:
    """Two orders; the first is replaced, partly filled, listed and cancelled."""
    change = ReplaceOrder(
        client_order_id=SECOND,
        orig_client_order_id=FIRST,
        broker_order_id=BrokerOrderId("b1"),
        symbol="AAPL",
        quantity=Decimal(8),
        limit_price=Decimal(101),
        stop_price=None,
        worst_price=Decimal(101),
    )
    replaced = OrderReplaced(SECOND, FIRST, BrokerOrderId("b2"), Decimal(8), Decimal(101), None, 1)
    listed = OrderRecord(
        SECOND,
        BrokerOrderId("b2"),
        "AAPL",
        Side.BUY,
        OrderType.LIMIT,
        Decimal(8),
        Decimal(3),
        OrderStatus.NEW,
    )
    journal = writer(directory)
    first = journal.append_event(1, quote(1, 99.5))
    journal.append_output(1, first, submit("other"))
    journal.append_output(1, first, submit("o1"))
    journal.append_event(2, accepted("other", "b9"))
    journal.append_event(3, accepted("o1", "b1"))
    second = journal.append_event(4, quote(4, 100.5))
    journal.append_output(4, second, change)
    journal.append_event(5, replaced)
    journal.append_event(6, filled("o1r", "x1", 3, broker_id="b2"))
    journal.append_event(7, BrokerSnapshot("r", (listed,), None, None, None, 7))
    operator = journal.append_event(8, CancelAll("going home"))
    journal.append_output(8, operator, CancelOrder(SECOND, BrokerOrderId("b2"), "AAPL", "asked"))
    journal.append_event(9, OrderCanceled(SECOND, "asked", 9))
    journal.append_event(10, filled("other", "x2", broker_id="b9"))
    journal.close()
    return JournalRecords(directory)


@pytest.mark.parametrize("order_id", ["o1", "o1r", "b1", "b2"])
def test_the_story_is_the_same_under_every_id(tmp_path: Path, order_id: str) -> None:
    story = explain_order(write_story(tmp_path), order_id)
    assert set(story.ids) == {"o1", "o1r", "b1", "b2"}
    assert [line.seq for line in story.lines] == [1, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]


def test_every_output_is_preceded_by_the_event_that_caused_it(tmp_path: Path) -> None:
    story = explain_order(write_story(tmp_path), "o1")
    causes = {line.seq: line.text for line in story.lines if line.is_cause}
    assert causes == {
        1: "quote AAPL 99.5 x 100.0",
        6: "quote AAPL 100.5 x 101.0",
        11: "operator cancels all: going home",
    }
    for line in story.lines:
        assert line.cause_seq == 0 or line.cause_seq in causes


def test_the_text_tells_times_numbers_and_causes(tmp_path: Path) -> None:
    text = explain_order(write_story(tmp_path), "o1").text().splitlines()
    assert len(text) == 12
    assert text[2] == (
        "1970-01-01T00:00:00.000000001Z  #3  buy 10 AAPL limit at 100.10 day, for ma, as o1"
        "  (because of 1)"
    )
    assert "the broker lists it as new, 3 of 8 filled" in text[8]


def test_an_unknown_order_is_said_to_be_unknown(tmp_path: Path) -> None:
    story = explain_order(write_story(tmp_path), "o\x1b99")
    assert story.lines == ()
    assert story.text() == "no record mentions the order o\N{REPLACEMENT CHARACTER}99"


def test_an_iterator_is_refused_because_it_reads_once(tmp_path: Path) -> None:
    write_story(tmp_path)
    with pytest.raises(UsageError, match="JournalRecords"):
        explain_order(read_records(tmp_path), "o1")


def test_hostile_text_cannot_write_to_the_terminal() -> None:
    records = [Record(1, 1, 0, OrderRejected(FIRST, "\x1b[31mno\nfunds", 1))]
    text = explain_order(records, "o1").text()
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2
