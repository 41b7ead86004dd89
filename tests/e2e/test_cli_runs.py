"""One run, from start to proof: live, status, audit and replay agree, and damage is found."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.programs import Ended, regimeflow, regimeflow_live, write_config

pytestmark = pytest.mark.e2e

STRATEGY = """\
from regimeflow.strategy.base import Strategy


class Alternating(Strategy):
    def initialize(self, ctx):
        self.ctx = ctx

    def on_bar(self, bar):
        if self.ctx.get_position(bar.symbol).quantity:
            self.ctx.close_position(bar.symbol)
        else:
            self.ctx.buy(bar.symbol, QUANTITY)


"""


class LiveRun:
    """A finished live run and the directory it ran in; tests that change files take a copy."""

    def __init__(self, directory: Path, *, quantity: int = 1) -> None:
        self.directory = directory
        self.write_strategy(quantity)
        self.config = write_config(directory, strategy="alternating:Alternating")
        self.ended = regimeflow_live("--config", self.config, cwd=directory)
        assert self.ended.code == 0, self.ended.err

    def write_strategy(self, quantity: int) -> None:
        text = f"{STRATEGY}QUANTITY = {quantity}\n"
        (self.directory / "alternating.py").write_text(text)

    def copy(self, to: Path) -> Path:
        shutil.copytree(self.directory / "logs", to / "logs")
        return to


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> LiveRun:
    return LiveRun(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def verified(run: LiveRun) -> Ended:
    return regimeflow("audit", "verify", "--json", cwd=run.directory)


def test_a_live_run_ends_by_saying_what_it_did_and_where_its_files_are(run: LiveRun) -> None:
    lines = dict(line.split(maxsplit=1) for line in run.ended.out.splitlines()[-8:])
    assert lines["ended"] == "end of data"
    assert lines["activity"].endswith("fills")
    assert lines["files"].endswith("logs")


def test_status_after_a_run_says_that_it_stopped_in_order(run: LiveRun) -> None:
    answer = regimeflow("status", "--config", run.config, "--json", cwd=run.directory)
    assert answer.code == 0
    assert answer.statuses()["engine"] == "pass"
    assert answer.document["running"] is False
    assert answer.document["stopped"] == "end of data"
    assert answer.document["orders"]["fills"] > 0
    assert regimeflow("status", cwd=run.directory).out.startswith("engine    stopped: end of data")


def test_the_chains_of_a_run_are_intact_and_agree(run: LiveRun, verified: Ended) -> None:
    assert verified.code == 0
    assert verified.statuses() == {"journal": "pass", "audit": "pass", "agreement": "pass"}
    assert verified.document["journal_head"] in run.ended.out
    assert verified.document["audit_head"] in run.ended.out


def test_an_anchor_is_found_in_either_chain_and_a_strange_one_in_none(
    run: LiveRun, verified: Ended
) -> None:
    for head in ("journal_head", "audit_head"):
        anchor = verified.document[head]
        assert regimeflow("audit", "verify", "--anchor", anchor, cwd=run.directory).code == 0
    strange = regimeflow("audit", "verify", "--anchor", "0" * 63 + "1", "--json", cwd=run.directory)
    assert strange.code == 1
    assert strange.statuses()["anchor"] == "fail"
    assert strange.statuses()["journal"] == "pass"


def test_a_changed_audit_line_is_found(run: LiveRun, tmp_path: Path) -> None:
    path = run.copy(tmp_path) / "logs" / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"buy"', b'"BUY"', 1))
    answer = regimeflow("audit", "verify", "--json", cwd=tmp_path)
    assert answer.code == 1
    assert answer.statuses() == {"journal": "pass", "audit": "fail"}


def test_a_changed_journal_byte_is_found(run: LiveRun, tmp_path: Path) -> None:
    path = run.copy(tmp_path) / "logs" / "journal" / "facts-000001.rfj"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    answer = regimeflow("audit", "verify", "logs", cwd=tmp_path)
    assert answer.code == 1
    assert "DAMAGED" in answer.out
    assert "Traceback" not in answer.err


def test_an_audit_rewritten_whole_does_not_agree_with_its_journal(
    run: LiveRun, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The chain of the other run's file is sound; only the journal can tell it is not ours."""
    other = LiveRun(tmp_path_factory.mktemp("other"), quantity=2)
    logs = run.copy(tmp_path) / "logs"
    shutil.copy(other.directory / "logs" / "audit.jsonl", logs)
    answer = regimeflow("audit", "verify", "--json", cwd=tmp_path)
    assert answer.code == 1
    assert answer.statuses() == {"journal": "pass", "audit": "pass", "agreement": "fail"}


def test_the_log_can_be_narrowed_to_a_type_a_day_and_an_order(run: LiveRun) -> None:
    fills = regimeflow(
        "audit", "show", "--type", "orderfilled", "--limit", "3", "--json", cwd=run.directory
    ).document
    assert len(fills["lines"]) == 3
    assert fills["matching"] > 3
    last = fills["lines"][-1]
    assert {line["type"] for line in fills["lines"]} == {"OrderFilled"}
    order_id = last["metadata"]["client_order_id"]
    of_order = regimeflow("audit", "show", "--order", order_id, cwd=run.directory).out
    assert "OrderSubmitted" in of_order
    assert "OrderFilled" in of_order
    late = regimeflow("audit", "show", "--since", last["timestamp"], "--json", cwd=run.directory)
    assert {line["timestamp"] >= last["timestamp"] for line in late.document["lines"]} == {True}


def test_the_log_of_a_journal_alone_is_the_log_of_the_audit_file(
    run: LiveRun, tmp_path: Path
) -> None:
    path = run.copy(tmp_path) / "logs" / "audit.jsonl"
    whole = regimeflow("audit", "show", "--json", cwd=tmp_path).document
    path.unlink()
    assert regimeflow("audit", "show", "--json", cwd=tmp_path).document == whole


def test_a_type_nobody_wrote_is_answered_with_the_types_there_are(run: LiveRun) -> None:
    answer = regimeflow("audit", "show", "--type", "Filled", cwd=run.directory)
    assert answer.out == ""
    assert "OrderFilled" in answer.err


def test_the_story_of_an_order_names_its_causes(run: LiveRun) -> None:
    lines = regimeflow("audit", "show", "--type", "OrderFilled", "--json", cwd=run.directory)
    order_id = lines.document["lines"][0]["metadata"]["client_order_id"]
    story = regimeflow("audit", "explain", order_id, cwd=run.directory)
    assert story.code == 0
    assert "bar MSFT" in story.out
    assert "(because of " in story.out
    unknown = regimeflow("audit", "explain", "nobody", "--json", cwd=run.directory)
    assert unknown.code == 1
    assert unknown.statuses() == {"order": "fail"}


def test_an_unchanged_strategy_replays_to_the_same_decisions(run: LiveRun) -> None:
    answer = regimeflow("replay", "logs", "--verify", "--json", cwd=run.directory)
    assert answer.code == 0
    assert answer.document["divergence"] is None
    assert answer.document["outputs"] > 0


def test_the_first_decision_a_changed_strategy_takes_otherwise_is_shown(tmp_path: Path) -> None:
    LiveRun(tmp_path, quantity=2).write_strategy(3)
    answer = regimeflow("replay", "logs", "--verify", cwd=tmp_path)
    assert answer.code == 1
    assert "is decided differently" in answer.out
    assert "event:     bar MSFT" in answer.out
    assert "journaled: SubmitOrder: buy 2 MSFT" in answer.out
    assert "now:       SubmitOrder: buy 3 MSFT" in answer.out
