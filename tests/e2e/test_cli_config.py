"""`init`, `config` and `brokers`: from nothing to a configuration that is proved to be valid."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.e2e.programs import EXAMPLE_DATA, regimeflow, regimeflow_live, write_config

pytestmark = pytest.mark.e2e


def test_init_writes_a_configuration_that_passes_its_check(tmp_path: Path) -> None:
    made = regimeflow("init", cwd=tmp_path)
    assert made.code == 0
    assert "regimeflow backtest --config regimeflow.yaml" in made.out
    assert "regimeflow_live --config regimeflow.yaml" in made.out
    assert "AAPL.csv" in made.out
    assert "Date,Open,High,Low,Close,Volume" in made.out
    checked = regimeflow("config", "check", "regimeflow.yaml", "--json", cwd=tmp_path)
    assert checked.code == 0
    assert checked.statuses() == {"strategy": "pass", "configuration": "pass"}


def test_init_never_overwrites_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "regimeflow.yaml").write_text("mine")
    answer = regimeflow("init", cwd=tmp_path)
    assert answer.code == 2
    assert answer.err.startswith("error: regimeflow.yaml exists already")
    assert (tmp_path / "regimeflow.yaml").read_text() == "mine"


def test_what_init_suggests_runs_over_data_that_is_there(tmp_path: Path) -> None:
    made = regimeflow(
        "init", "--dir", tmp_path / "new", "--data-directory", EXAMPLE_DATA, "--symbol", "MSFT",
        "--json", cwd=tmp_path,
    )  # fmt: skip
    assert made.statuses() == {"configuration": "pass", "data": "pass"}
    command = made.document["next"][0].split()
    assert command[:2] == ["regimeflow", "backtest"]
    run = regimeflow(*command[1:], cwd=tmp_path / "new")
    assert run.code == 0, run.err
    assert (tmp_path / "new" / "out" / "report.html").is_file()


def test_first_configuration_over_the_example_data_runs_in_both_commands(tmp_path: Path) -> None:
    """AAPL fell by half in one night of 2000: those days are left out, and that is said."""
    made = regimeflow("init", "--data-directory", EXAMPLE_DATA, cwd=tmp_path)
    assert made.code == 0
    assert 'allow_price_jumps: ["AAPL:2000-09-29"]' in made.out
    written = yaml.safe_load((tmp_path / "regimeflow.yaml").read_text(encoding="utf-8"))
    assert written["live"]["symbols"] == ["AAPL", "IBM", "MSFT"]
    assert str(written["backtest"]["start_date"]) == "2001-01-27"
    assert "allow_price_jumps" not in written["backtest"]["data"]
    assert written["backtest"]["end_date"] < written["live"]["broker_config"]["start"]
    assert regimeflow("backtest", "--config", "regimeflow.yaml", cwd=tmp_path).code == 0
    live = regimeflow_live("--config", "regimeflow.yaml", cwd=tmp_path)
    assert live.code == 0, live.err
    assert "books and broker agree" in live.out
    assert "metrics.live.baseline_report" in live.out


def test_init_over_data_that_no_run_would_take_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "GE.csv").write_text("Date,Open,High,Low,Close,Volume\n2010-01-04,1,2\n")
    made = regimeflow("init", "--json", cwd=tmp_path)
    assert made.code == 0
    assert made.statuses()["days"] == "warn"
    assert "GE.csv" in str(made.document["items"])


def test_init_takes_the_symbols_whose_files_it_finds(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("IBM.csv", "IBM_actions.csv", "GE.csv"):
        (tmp_path / "data" / name).touch()
    made = regimeflow("init", "--json", cwd=tmp_path)
    assert made.document["symbols"] == ["GE", "IBM"]
    written = yaml.safe_load((tmp_path / "regimeflow.yaml").read_text(encoding="utf-8"))
    assert written["live"]["broker_config"]["data_directory"] == "data"


def test_a_bad_configuration_is_one_document_with_a_fix_for_each_problem(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("live: {broker: alpaca, symbols: [AAPL]}\n")
    answer = regimeflow("config", "check", "bad.yaml", "--json", cwd=tmp_path)
    assert answer.code == 2
    assert answer.document["schema"] == "regimeflow.config-check/1"
    assert answer.document["ok"] is False
    assert answer.statuses() == {"strategies": "fail", "live.broker": "fail"}
    for item in answer.document["items"]:
        assert list(item) == ["id", "status", "seen", "expected", "fix"]
        assert item["seen"]
        assert item["expected"]
        assert item["fix"]


def test_limits_that_are_off_are_warnings_and_not_failures(tmp_path: Path) -> None:
    answer = regimeflow("config", "check", write_config(tmp_path), cwd=tmp_path)
    assert answer.code == 0
    assert "warning: " in answer.out
    assert "live.risk.limits.max_drawdown: off" in answer.out


@pytest.mark.parametrize(
    ("strategy", "seen"),
    [
        ("{name: moving_average_crss}", "did you mean 'moving_average_cross'?"),
        ("{name: buy_and_hold, params: {quantty: 1}}", "did you mean 'quantity'?"),
        ("{name: buy_and_hold, params: {quantity: many}}", "expects float"),
        ("{name: 'no_such_module:Class'}", "cannot be imported"),
    ],
)
def test_a_strategy_is_checked_by_name_and_parameters(
    tmp_path: Path, strategy: str, seen: str
) -> None:
    text = f"strategy: {strategy}\nlive: {{broker: sim, symbols: [A], broker_config: {{}}}}\n"
    text += "backtest: {data: {data_directory: data}}\n"
    (tmp_path / "run.yaml").write_text(text)
    answer = regimeflow("config", "check", "run.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert seen in answer.err
    assert "Traceback" not in answer.err


def test_the_schema_is_json_whose_references_all_lead_somewhere(tmp_path: Path) -> None:
    schema = regimeflow("config", "schema", cwd=tmp_path).document
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert schema["type"] == "object"
    assert "live" in schema["properties"]
    references = set(_references(schema))
    for reference in references:
        node = schema
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert isinstance(node, dict)


def test_the_reference_page_has_a_row_for_every_documented_key(tmp_path: Path) -> None:
    page = regimeflow("config", "reference", cwd=tmp_path)
    assert page.code == 0
    assert "| `live.log_dir` |" in page.out
    assert "## Not supported yet" in page.out


def test_brokers_tells_what_is_supported_today(tmp_path: Path) -> None:
    answer = regimeflow("brokers", "--json", cwd=tmp_path)
    assert answer.code == 0
    assert answer.statuses() == {"sim": "pass", "alpaca": "skip", "binance": "skip", "ib": "skip"}
    sim = answer.document["brokers"][0]
    assert sim["validation"] == "implemented"
    assert "market" in sim["capabilities"]["order_types"]
    assert answer.err.startswith("sim ")


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for child in node.values() for found in _references(child)]
    if isinstance(node, list):
        return [found for child in node for found in _references(child)]
    return []


def test_json_and_text_never_share_standard_output(tmp_path: Path) -> None:
    for arguments in (("brokers",), ("init",), ("status",), ("audit", "verify")):
        answer = regimeflow(*arguments, "--json", cwd=tmp_path)
        document = json.loads(answer.out)
        assert document["schema"] == f"regimeflow.{'-'.join(arguments)}/1"
        assert document["ok"] is (answer.code == 0)
