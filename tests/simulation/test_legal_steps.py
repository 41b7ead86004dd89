"""Steps without an edge in the order table are seen, in whole runs and one by one."""

from __future__ import annotations

import pytest

from regimeflow.core import orders
from regimeflow.core.order_table import Happening, next_status
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.order import OrderStatus as S
from regimeflow.testing.rehearsal.director import rehearse
from regimeflow.testing.rehearsal.scenarios import Scenario
from regimeflow.testing.status_watch import is_legal
from tests.simulation.rehearsed import busy_config

ACCEPTED = e.OrderAccepted(ClientOrderId("id-1"), BrokerOrderId("1"), 1)
CANCELED = e.OrderCanceled(ClientOrderId("id-1"), "on request", 1)


def test_order_that_skips_a_state_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def hasty(status: S, happening: Happening, **known: bool) -> S | None:
        if happening is Happening.ACCEPTED and status is S.PENDING_NEW:
            return S.PENDING_CANCEL
        return next_status(status, happening, **known)

    monkeypatch.setattr(orders, "next_status", hasty)
    verdict = rehearse(busy_config(), Scenario("brief", "nothing happens", lasts_s=10), 1)
    seen = {f.invariant: f.problems for f in verdict.findings if not f.holds}
    assert "from pending_new to pending_cancel by OrderAccepted" in seen["I11"][0]


@pytest.mark.parametrize(
    ("before", "after", "is_right"),
    [(S.PENDING_NEW, S.NEW, True), (S.IN_DOUBT, S.NEW, True), (S.FILLED, S.NEW, False),
     (S.PENDING_NEW, S.FILLED, False), (S.CREATED, S.NEW, False)],
)  # fmt: skip
def test_acceptance_leads_along_its_own_edges_only(before: S, after: S, is_right: bool) -> None:
    assert is_legal(before, after, ACCEPTED) is is_right


def test_end_by_cancellation_is_no_expiry() -> None:
    assert is_legal(S.NEW, S.CANCELED, CANCELED)
    assert not is_legal(S.NEW, S.EXPIRED, CANCELED)
