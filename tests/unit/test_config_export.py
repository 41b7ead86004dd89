"""What is generated from the sections: schema, reference page, plain values, hash, first file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from regimeflow.config import (
    config_hash,
    config_reference,
    config_schema,
    config_values,
    inspect_config,
    limit_warnings,
    load_config,
    starter_config,
)
from regimeflow.config.schema import walk
from regimeflow.config.unsupported import UNSUPPORTED


def test_every_key_is_described() -> None:
    undescribed = [path for path, node in walk() if not node["description"]]
    assert undescribed == []


def test_every_quantity_names_its_unit() -> None:
    unitless = {"seed", "impact_y", "port"}
    for path, node in walk():
        is_number = node.get("type") in ("integer", "number") or "pattern" in str(node.get("anyOf"))
        if is_number and path[-1] not in unitless:
            assert node.get("unit"), path
            assert f"Unit: {node['unit']}." in node["description"]


def test_schema_is_json_and_closed() -> None:
    schema = config_schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["additionalProperties"] is False
    for name, definition in schema["$defs"].items():
        assert definition["additionalProperties"] is False, name
    assert {"strategy", "strategies", "live", "backtest"} <= set(schema["properties"])
    assert "max_order_value" in schema["$defs"]["LiveSection"]["properties"]
    assert '"null"' not in json.dumps(schema)


def test_schema_is_a_copy() -> None:
    config_schema().clear()
    assert config_schema()


def test_schema_offers_no_key_that_is_refused() -> None:
    offered = {".".join(map(str, path)) for path, _ in walk()}
    assert {path for path, row in UNSUPPORTED.items() if not row.values} & offered == set()


def test_reference_lists_every_key_and_every_refused_key() -> None:
    page = config_reference()
    assert "| `live.risk.limits.max_notional` |" in page
    assert "| `live.heartbeat.interval_ms` | `10000` |" in page
    for path in UNSUPPORTED:
        assert f"| `{path}` |" in page


def test_hash_ignores_how_a_value_was_written(tmp_path: Path) -> None:
    def hash_of(**account: object) -> str:
        strategy = {"name": "b", "symbols": ["A"]}
        mapping = {"strategy": strategy, "account": {"margin": account}}
        return config_hash(load_config(mapping, environ={}, cwd=tmp_path))

    assert hash_of(initial_margin_ratio=1) == hash_of() == hash_of(initial_margin_ratio="1.000")
    assert hash_of(initial_margin_ratio=0.5) != hash_of()


def test_hash_does_not_depend_on_the_directory(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        directory = tmp_path / name
        directory.mkdir()
        (directory / "rf.yaml").write_text(starter_config())
        hashes.add(config_hash(load_config("rf.yaml", environ={}, cwd=directory)))
    assert len(hashes) == 1


def test_values_load_again_to_an_equal_hash(tmp_path: Path) -> None:
    (tmp_path / "rf.yaml").write_text(starter_config())
    config = load_config("rf.yaml", environ={}, cwd=tmp_path)
    values = json.loads(json.dumps(config_values(config)))
    assert config_hash(load_config(values, environ={}, cwd=tmp_path)) == config_hash(config)


def test_inspection_returns_problems_instead_of_raising(tmp_path: Path) -> None:
    (tmp_path / "rf.yaml").write_text("strategy: {name: b, symbols: [A]}\nlvie: {}\n")
    config, problems = inspect_config("rf.yaml", environ={}, cwd=tmp_path)
    assert config is None
    assert [(problem.line, problem.path) for problem in problems] == [(2, ("lvie",))]
    assert problems[0].next_step == "did you mean live?"


@pytest.mark.parametrize("asset_class", ["equity", "crypto"])
@pytest.mark.parametrize("days", [None, ("2000-03-01", "2007-12-31")])
def test_starter_is_valid_and_warns_of_nothing(
    tmp_path: Path, asset_class: str, days: tuple[str, str] | None
) -> None:
    text = starter_config(
        asset_class=asset_class,
        symbols=("BTC/USD", "NO", "true", "600519"),
        params="{quantity: 5}",
        data_directory="my data/it's",
        backtest_days=days,
        live_days=days,
    )
    (tmp_path / "rf.yaml").write_text(text)
    config = load_config("rf.yaml", environ={}, cwd=tmp_path)
    assert config.symbols == ("BTC/USD", "NO", "true", "600519")
    assert limit_warnings(config) == []
    assert config.risk.limits.max_order_value == 5000
    window = config.data_window("live")
    assert window is not None
    assert window.data_directory == tmp_path / "my data" / "it's"


def test_recorded_user_configuration_is_refused_for_its_broker_only(
    shared_dir: Path, tmp_path: Path
) -> None:
    path = shared_dir / "fixtures" / "regimeflow" / "alpaca.yaml"
    if not path.is_file():
        pytest.skip(f"no recorded configuration at {path}")
    _, problems = inspect_config(path, environ={}, cwd=tmp_path)
    assert [problem.path for problem in problems] == [("live", "broker")]
