"""An operator's commands in a rehearsal: they are carried out or told, and a lost one is seen."""

from __future__ import annotations

import pytest

from regimeflow.config import load_config
from regimeflow.core.desk import Desk
from regimeflow.core.on_operator import OperatorHandler
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.run.folds import LedgerFold
from regimeflow.testing.operator_watch import OperatorWatch
from regimeflow.testing.rehearsal.director import rehearse
from regimeflow.testing.rehearsal.operator import COMMANDED, operate
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.faults.desk_script import LinkedDesk, records_of
from tests.simulation.rehearsed import EVERY_CALL, told

OPERATED = Scenario("operated", "an operator stops, closes, lets go on", script=operate)
TOLD = c.DiscrepancyFound("not_flattened", "ABC", "refused", "10", "")


def unheeded(desk: LinkedDesk, *more: object) -> list[str]:
    """What the watch says of a desk's log, with these records behind it."""
    fold, watch = LedgerFold(desk.engine.setup.books()), OperatorWatch()
    records = records_of(desk)
    for body in more:
        records.append(Record(len(records) + 1, desk.now_ns, 0, body))  # type: ignore[arg-type]
    for record in records:
        fold.take(record)
        watch.see(record, fold.ledger)
    return watch.problems(fold.ledger)


def test_operator_of_a_calm_venue_is_heeded() -> None:
    verdict = rehearse(load_config(EVERY_CALL, environ={}), OPERATED, 2)
    assert verdict.is_ok, told(verdict)
    done = [verdict.injected[f"operator {verb}"] for verb in COMMANDED]
    assert sum(done) >= 6
    assert verdict.injected["operator flatten"]


def test_lost_flatten_breaks_a_rehearsal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OperatorHandler, "on_flatten", lambda self, event: None)
    verdict = rehearse(load_config(EVERY_CALL, environ={}), OPERATED, 2)
    assert "was lost" in told(verdict)


def test_flatten_that_filled_is_heeded() -> None:
    desk = LinkedDesk()
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    closing = desk.outputs(c.SubmitOrder)[-1]
    assert unheeded(desk) == [], "its order is on its way"
    desk.accept(closing.client_order_id)
    desk.fill(closing.client_order_id, 10)
    assert unheeded(desk) == []


def test_flatten_after_which_a_strategy_traded_on_is_heeded() -> None:
    desk = LinkedDesk()
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    closing = desk.outputs(c.SubmitOrder)[-1]
    desk.fill(closing.client_order_id, 10)
    desk.fill(desk.buy(5), 5)
    assert desk.held() == 5
    assert unheeded(desk) == []


def test_flatten_that_was_lost_is_seen_unless_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = LinkedDesk()
    desk.hold(10)
    monkeypatch.setattr(Desk, "flatten", lambda *_: None)
    desk.feed(e.Flatten("operator"))
    (problem,) = unheeded(desk)
    assert "ABC is not flat" in problem
    assert unheeded(desk, TOLD) == []


def test_flatten_that_the_operator_cancels_is_heeded() -> None:
    desk = LinkedDesk()
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    closing = desk.outputs(c.SubmitOrder)[-1]
    desk.accept(closing.client_order_id)
    desk.feed(e.CancelAll("operator"))
    desk.canceled(closing.client_order_id)
    assert unheeded(desk) == []


def test_cancel_all_that_leaves_an_order_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = LinkedDesk()
    order_id = desk.buy(10, 90.0)
    desk.accept(order_id)
    monkeypatch.setattr(Desk, "cancel_all", lambda *_: None)
    desk.feed(e.CancelAll("operator"))
    later = desk.buy(1, 89.0)
    (problem,) = unheeded(desk)
    assert problem.startswith(f"{order_id} still works")
    assert later not in problem
    desk.canceled(order_id)
    assert unheeded(desk) == []
