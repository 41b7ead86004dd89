"""A rehearsal tells what the user's own strategy did, and claims nothing that it did not show."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from regimeflow.cli.app import app
from regimeflow.config import load_config
from regimeflow.errors import ConfigError
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing.rehearsal import director
from regimeflow.testing.rehearsal.director import rehearse, scenario_of
from regimeflow.testing.rehearsal.scenarios import Scenario
from regimeflow.testing.rehearsal.scorecard import headline_of, repeat_command
from regimeflow.testing.rehearsal.stage import Stage
from tests.e2e.programs import regimeflow
from tests.simulation.rehearsed import BUSY, busy_config

HELD = "every invariant held"
BRIEF = Scenario("brief", "nothing happens", lasts_s=10)


def write_config(place: Path, strategy: str) -> Path:
    """The busy configuration with a strategy from `small_strategies`."""
    named = {"name": f"tests.simulation.small_strategies:{strategy}", "id": "mine"}
    path = place / "mine.yaml"
    path.write_text(json.dumps({**BUSY, "strategy": named}), encoding="utf-8")
    return path


def rehearsed(config: Path, *options: str, scenario: str = "gateway-restart") -> Result:
    """What the command says about one scenario."""
    arguments = ["rehearse", "--config", str(config), "--scenario", scenario]
    return CliRunner().invoke(app, [*arguments, *options])


def document_of(result: Result) -> dict[str, Any]:
    """The JSON on standard output; its items by their id."""
    document: dict[str, Any] = json.loads(result.stdout)
    document["items"] = {item["id"]: item for item in document["items"]}
    return document


def test_strategy_that_faults_is_a_violation_everywhere(tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    config = write_config(tmp_path, "RaisesAtStart")
    result = rehearsed(config, "--json", "--output", str(page))
    fault = "mine faulted in on_start: ValueError: boom in start"
    document = document_of(result)
    assert result.exit_code == 1
    assert document["items"]["S1"]["status"] == "fail"
    assert fault in document["items"]["S1"]["seen"]
    assert document["scenarios"][0]["faulted"] == 1
    text = page.read_text(encoding="utf-8")
    assert fault in text
    assert HELD not in text
    told = rehearsed(config).output
    assert fault in told
    assert "unless the strategy asks datetime.now" in told
    assert HELD not in told


def test_strategy_that_never_trades_shows_nothing(tmp_path: Path) -> None:
    page = tmp_path / "card.html"
    config = write_config(tmp_path, "Watches")
    result = rehearsed(config, "--json", "--output", str(page))
    document = document_of(result)
    assert result.exit_code == 5
    assert document["items"]["shown"]["status"] == "fail"
    assert document["scenarios"][0]["showed_nothing"] == 1
    assert HELD not in page.read_text(encoding="utf-8")
    told = rehearsed(config)
    assert told.exit_code == 5
    assert HELD not in told.output
    assert "no order reached the venue" in told.output


def test_scenario_whose_fault_never_struck_shows_nothing() -> None:
    verdict = rehearse(busy_config(), BRIEF, 1)
    assert verdict.is_ok
    assert verdict.orders > 0
    assert "never struck" in verdict.nothing_shown


def test_some_runs_that_show_nothing_are_told_and_not_called_held() -> None:
    empty = rehearse(busy_config(), BRIEF, 1)
    struck = rehearse(busy_config(), Scenario("lost", "no answers", ("lost_reply:1",)), 1)
    assert struck.is_ok
    assert not struck.nothing_shown
    assert headline_of([struck]) == HELD
    assert headline_of([empty]) == "nothing shown"
    assert headline_of([empty, struck]) == "nothing violated, and nothing shown by 1 of them"


def test_restart_with_other_decisions_is_a_violation_with_advice(tmp_path: Path) -> None:
    config = write_config(tmp_path, "CountsInAGlobal")
    result = rehearsed(config, "--json", scenario="lost-order")
    document = document_of(result)
    assert result.exit_code == 1
    item = document["items"]["S2"]
    assert item["status"] == "fail"
    assert "decisions differ from the journal" in item["seen"]
    assert "attributes of self" in item["fix"]
    assert document["items"]["operator"]["status"] == "warn"
    assert document["scenarios"][0]["quarantined"] == 1
    told = rehearsed(config, scenario="lost-order").output
    assert "needs an operator" in told
    assert HELD not in told


def test_decisions_lost_with_their_market_data_are_no_fault_of_the_strategy() -> None:
    verdict = rehearse(busy_config(), scenario_of("crash-storm", 4), 4)
    assert verdict.is_ok
    assert verdict.branches["quarantined"]
    assert verdict.recovered_s is None
    assert "decisions differ" in verdict.needs_operator
    assert verdict.may_need_operator


def test_interrupt_tells_what_was_complete_and_nothing_else(tmp_path: Path) -> None:
    """A process of its own: what the dead have to say comes when the interpreter ends."""
    config = write_config(tmp_path, "InterruptsLater")
    arguments = ["rehearse", "--config", config, "--scenario", "gateway-restart", "--runs", "3"]
    answer = regimeflow(*arguments, cwd=tmp_path, PYTHONPATH=os.pathsep.join(sys.path))
    assert answer.code == 130
    assert answer.err == "interrupted: 1 of 3 runs were complete\n"
    assert "every invariant held: 1 run" in answer.out


def test_strategy_that_exits_has_faulted(tmp_path: Path) -> None:
    result = rehearsed(write_config(tmp_path, "Leaves"))
    assert result.exit_code == 1
    assert "mine faulted in on_bar: SystemExit: 5" in result.output


DEEDS = {
    "time": ("time.time()", "take the time from the event"),
    "chance": ("random.random()", "use ctx.rng"),
    "sleep": ("time.sleep(0.01)", "ctx.schedule_timer"),
    "thread": ("threading.Thread(target=print).start()", "do the work in the callback"),
    "file": ("open('stray.txt', 'a')", "attributes of self"),
}
REACHES_OUT = """\
import random, threading, time
from regimeflow import Strategy

class Reaches(Strategy):
    def initialize(self, ctx): pass
    def on_bar(self, bar):
        {deed}
"""


@pytest.mark.parametrize("name", list(DEEDS))
def test_call_that_cannot_repeat_is_told_with_its_line_and_nothing_else(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deed, advice = DEEDS[name]
    module = tmp_path / f"reaches_for_{name}.py"
    module.write_text(REACHES_OUT.format(deed=deed), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    raw = {**BUSY, "strategy": {"name": f"{module.stem}:Reaches", "id": "mine"}}
    verdict = rehearse(load_config(raw, environ={}), BRIEF, 1)
    (broken,) = [finding for finding in verdict.findings if not finding.holds]
    assert broken.invariant == "S3"
    (problem,) = broken.problems
    assert f"({module}:7)" in problem
    assert advice in problem
    assert "World" not in problem


def test_command_that_repeats_a_run_survives_a_path_with_spaces() -> None:
    command = repeat_command(Path("my dir/it's mine.yaml"), "random", 7)
    assert shlex.split(command)[3:6] == ["my dir/it's mine.yaml", "--scenario", "random"]


def test_page_that_cannot_be_written_is_refused_before_any_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(director, "rehearse", None)  # a run would fail with another error
    result = rehearsed(write_config(tmp_path, "Watches"), "--output", str(tmp_path))
    assert isinstance(result.exception, ConfigError)
    assert "cannot be written" in str(result.exception)


def test_table_keeps_the_names_of_scenarios_where_it_is_piped(tmp_path: Path) -> None:
    config = write_config(tmp_path, "Watches")
    told = rehearsed(config, "--scenario", "partial-then-drop").output
    assert "│ partial-then-drop │" in told
    assert "quarantined" in told


def test_pauses_and_steps_of_the_venue_clock_are_told_as_done() -> None:
    async def script(stage: Stage, _: random.Random) -> None:
        stage.suspend_engine()
        await asyncio.sleep(3)
        stage.resume_engine()
        stage.step_venue_clock(-NS_PER_S)

    verdict = rehearse(busy_config(), Scenario("both", "two", script=script, lasts_s=10), 1)
    assert [line.text for line in verdict.timeline if line.style == "fault"] == [
        "the engine's process is stopped",
        "the engine's process goes on",
        "the venue's clock steps by -1.0 s",
    ]


def test_clock_read_in_initialize_is_a_mistake_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "reads_clock_first.py"
    body = REACHES_OUT.format(deed="pass").replace("ctx): pass", "ctx): time.time()")
    module.write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    raw = {**BUSY, "strategy": {"name": f"{module.stem}:Reaches", "id": "mine"}}
    with pytest.raises(ConfigError, match=rf"could not start: time.time.*{module.name}:5"):
        rehearse(load_config(raw, environ={}), BRIEF, 1)
