"""Reading a baseline: another strategy's is refused, another configuration's is compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regimeflow.backtest.report_header import StrategyReference
from regimeflow.errors import ConfigError
from regimeflow.observe.baseline import Baseline
from tests.unit.account_records import write_baseline


def load(path: Path, **changes: str) -> Baseline:
    hashes = {"strategies_hash": "5" * 64, "venue_hash": "7" * 64} | changes
    return Baseline.load(path, strategy_names=["buy_and_hold"], **hashes)


def test_a_report_of_the_same_configuration_is_comparable(tmp_path: Path) -> None:
    baseline = load(write_baseline(tmp_path), data_hash="d" * 64)
    assert baseline.incompatibilities == ()
    assert len(baseline.returns) == 60
    assert baseline.regime_returns.keys() == {"calm", "crisis", "unknown"}


def test_another_venue_model_or_data_is_a_named_difference(tmp_path: Path) -> None:
    path = write_baseline(tmp_path)
    (difference,) = load(path, venue_hash="8" * 64).incompatibilities
    assert difference.startswith("venue: baseline 777")
    assert len(load(path, strategies_hash="e", data_hash="e").incompatibilities) == 2


def test_log_settings_do_not_make_a_baseline_incompatible(tmp_path: Path) -> None:
    assert load(write_baseline(tmp_path, config_hash="f" * 64)).incompatibilities == ()


def test_another_strategys_report_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_baseline(tmp_path, strategies=(StrategyReference("s", "pairs_trading", "p"),))
    with pytest.raises(ConfigError, match=r"pairs_trading.*buy_and_hold.*regimeflow backtest"):
        load(path)


def test_a_short_baseline_is_a_named_difference(tmp_path: Path) -> None:
    (difference,) = load(write_baseline(tmp_path, sessions=19)).incompatibilities
    assert "19 sessions" in difference


def test_a_missing_report_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="run `regimeflow backtest` first"):
        load(tmp_path / "report.json")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "not JSON"),
        ("[]", "schema None"),
        ('{"schema": "other/1"}', "schema 'other/1'"),
        ('{"schema": "regimeflow.report/1"}', "`provenance` is missing"),
    ],
)
def test_a_file_that_is_no_report_is_refused(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ConfigError, match=complaint):
        load(path)


@pytest.mark.parametrize("value", [None, -1.0, "x", True])
def test_a_series_that_promises_nothing_is_refused(tmp_path: Path, value: object) -> None:
    path = write_baseline(tmp_path)
    document = json.loads(path.read_text("utf-8"))
    document["equity"][3]["return"] = value
    path.write_text(json.dumps(document), "utf-8")
    with pytest.raises(ConfigError, match="`return` above -1"):
        load(path)
