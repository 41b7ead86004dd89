"""What the audit remembers between records has a bound, and what falls out of it is the oldest."""

from __future__ import annotations

import pytest

from regimeflow.journal import Record
from regimeflow.journal.records import Body
from regimeflow.model.events import OrderAccepted
from regimeflow.model.evidence import OrderResolved
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderStatus
from regimeflow.observe.audit_fold import AuditFold
from regimeflow.observe.audit_orders import AuditedOrders
from tests.unit.journal_samples import STRATEGY, accepted, renamed, submit


def test_an_order_is_forgotten_with_all_its_legs_once_enough_others_have_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regimeflow.observe.audit_orders.CLOSED_ORDERS_MAX", 6)
    orders = AuditedOrders()
    orders.submit(submit("works"))
    for number in range(5):
        orders.submit(submit(f"o{number}"))
        orders.replace(renamed(f"o{number}", f"r{number}"))
        orders.close(f"r{number}")
        orders.close(f"o{number}")
    known = [number for number in range(5) if orders.get(f"o{number}") is not None]
    assert known == [number for number in range(5) if orders.get(f"r{number}") is not None]
    assert known == [2, 3, 4]
    assert orders.get("works") is not None


def test_an_order_that_ended_by_evidence_alone_ends_in_the_audit_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("regimeflow.observe.audit_orders.CLOSED_ORDERS_MAX", 1)
    fold = AuditFold()
    lost = [
        OrderResolved(
            client_order_id=ClientOrderId(f"o{number}"),
            status=OrderStatus.NOT_FOUND,
            evidence="not listed",
        )
        for number in range(3)
    ]
    bodies: list[Body] = [submit(f"o{number}") for number in range(3)]
    for body in (*bodies, *lost, accepted("o0"), accepted("o2")):
        record = Record(1, 0, 0, body)
        entries = fold.entries(record)
        assert bool(entries) == (not isinstance(record.body, OrderResolved))
        if isinstance(record.body, OrderAccepted):
            is_known = entries[0].metadata["strategy"] == STRATEGY
            assert is_known == (record.body.client_order_id == "o2")
