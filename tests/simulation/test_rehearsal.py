"""The checkers see what they are for: evidence that is wrong does not pass."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from regimeflow.cli.app import app
from regimeflow.testing.checkers import Finding, judge
from regimeflow.testing.evidence import Evidence, VenueTruth
from regimeflow.testing.open_orders import Working
from regimeflow.testing.rehearsal import director
from regimeflow.testing.rehearsal.scenarios import Scenario
from tests.simulation.rehearsed import busy_config

BRIEF = Scenario("brief", "nothing happens", lasts_s=10)


def broken_by(monkeypatch: pytest.MonkeyPatch, **changes: object) -> set[str]:
    """Run a short rehearsal, falsify what the venue says, and name the checks that notice."""

    def falsified(evidence: Evidence) -> list[Finding]:
        venue: VenueTruth = replace(evidence.venue, **changes)  # type: ignore[arg-type]
        return judge(replace(evidence, venue=venue))

    monkeypatch.setattr(director, "judge", falsified)
    verdict = director.rehearse(busy_config(), BRIEF, 1)
    return {finding.invariant for finding in verdict.findings if not finding.holds}


def test_calm_rehearsal_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_by(monkeypatch) == set()


def test_execution_missing_from_the_books_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_by(monkeypatch, executions=frozenset({"none of ours"})) == {"I3"}


def test_difference_of_a_cent_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_by(monkeypatch, cash=Decimal("0.01")) == {"I5"}


def test_order_nobody_journaled_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    stray = {"stray": Working(Decimal(1), Decimal(0), None, None)}
    seen = broken_by(monkeypatch, open_orders=stray, exceeded=["max_position"])
    assert seen == {"I4", "I7"}


def test_command_answers_with_one_document_and_a_page(tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    arguments = ["rehearse", "--config", "examples/demo.yaml", "--scenario", "submit-timeout"]
    result = CliRunner().invoke(app, [*arguments, "--json", "--output", str(page)])
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert document["schema"] == "regimeflow.rehearse/1"
    assert document["ok"] is True
    assert {item["id"] for item in document["items"]} >= {"I1", "I5", "I10"}
    assert document["scenarios"][0]["injected"]
    assert "every invariant held" in page.read_text(encoding="utf-8")


def test_unknown_scenario_is_a_usage_error_that_lists_the_known() -> None:
    arguments = ["rehearse", "--config", "examples/demo.yaml", "--scenario", "earthquake"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 2
    assert "crash-storm" in result.output
