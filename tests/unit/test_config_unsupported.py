"""A key whose behaviour is not built is refused, unless its value means off."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.config import config_hash, load_config
from regimeflow.config.limits import LimitsSection
from regimeflow.config.unsupported import UNSUPPORTED
from regimeflow.errors import ConfigError

SHARED_KEYS = [path for path in UNSUPPORTED if path.startswith("live.risk.limits.")]


def mapping(path: str, value: object) -> dict[str, object]:
    root: dict[str, object] = {
        "strategy": {"name": "b", "symbols": ["A"]},
        "live": {"broker": "sim", "symbols": ["A"], "broker_config": {"data_directory": "d"}},
    }
    node = root
    *parents, name = path.split(".")
    for parent in parents:
        child = node.setdefault(parent, {})
        assert isinstance(child, dict)
        node = child
    node[name] = value
    return root


def on_value(path: str) -> object:
    row = UNSUPPORTED[path]
    if row.switch is not None:
        return {row.switch: True}
    return row.values[0] if row.values else {"any": 5} if not row.off else True


@pytest.mark.parametrize("path", list(UNSUPPORTED))
def test_key_that_is_not_built_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(mapping(path, on_value(path)), environ={}, cwd=tmp_path)
    assert f"configuration: {path}: seen" in str(caught.value)
    assert "not supported yet: " in str(caught.value)
    assert str(caught.value).count("\n") == 0, "the refused key is not judged a second time"


@pytest.mark.parametrize("path", [path for path, row in UNSUPPORTED.items() if row.off])
def test_key_at_its_off_value_is_accepted(tmp_path: Path, path: str) -> None:
    for off in UNSUPPORTED[path].off:
        config = load_config(mapping(path, off), environ={}, cwd=tmp_path)
        assert config_hash(config) == config_hash(
            load_config(mapping("live.paper", True), environ={}, cwd=tmp_path)
        )


@pytest.mark.parametrize("path", [path for path, row in UNSUPPORTED.items() if row.switch])
def test_section_switched_off_is_accepted_with_its_known_keys(tmp_path: Path, path: str) -> None:
    row = UNSUPPORTED[path]
    section = {str(row.switch): False, **dict.fromkeys(row.inner, 1)}
    load_config(mapping(path, section), environ={}, cwd=tmp_path)
    with pytest.raises(ConfigError, match="nonsense: seen an unknown key"):
        load_config(mapping(path, {**section, "nonsense": 1}), environ={}, cwd=tmp_path)


@pytest.mark.parametrize("path", SHARED_KEYS)
def test_limit_that_is_not_built_is_refused_directly_under_live_too(
    tmp_path: Path, path: str
) -> None:
    short = path.replace("risk.limits.", "")
    with pytest.raises(ConfigError, match=f"{short}: seen .*not supported yet"):
        load_config(mapping(short, 5), environ={}, cwd=tmp_path)


def test_off_values_are_compared_with_their_type(tmp_path: Path) -> None:
    for value in (0, "", "false"):
        with pytest.raises(ConfigError, match=r"live\.dry_run"):
            load_config(mapping("live.dry_run", value), environ={}, cwd=tmp_path)


@pytest.mark.parametrize("broker", ["alpaca", "binance", "ib"])
def test_networked_broker_is_refused_once_whatever_its_settings(
    tmp_path: Path, broker: str
) -> None:
    root = mapping("live.broker", broker)
    live = root["live"]
    assert isinstance(live, dict)
    live["broker_config"] = {"enable_streaming": True, "base_url": "https://x.example"}
    with pytest.raises(ConfigError) as caught:
        load_config(root, environ={}, cwd=tmp_path)
    assert str(caught.value) == (
        f"configuration: live.broker: seen text '{broker}'; expected sim; "
        "not supported yet: only broker sim exists in this version"
    )


def test_built_and_unbuilt_limits_do_not_overlap() -> None:
    names = {path.rsplit(".", 1)[-1] for path in SHARED_KEYS}
    assert not names & set(LimitsSection.model_fields)
