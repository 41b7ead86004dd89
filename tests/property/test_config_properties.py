"""Whatever is written: it loads exactly and round-trips, or it is refused by name."""

from __future__ import annotations

import contextlib
import copy
import string
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from regimeflow.config import config_hash, config_values, inspect_config, load_config
from regimeflow.config.problems import KeyPath
from regimeflow.config.schema import keys_at
from regimeflow.config.yaml_document import document_from_bytes
from regimeflow.errors import ConfigError

BASE = Path("/somewhere").absolute()
money = st.decimals(min_value=Decimal("0.0001"), max_value=10**9, places=4).map(str)
fraction = st.decimals(min_value=Decimal("0.001"), max_value=1, places=3).map(str)
count = st.integers(min_value=1, max_value=10**6)
day = st.dates(min_value=date(1990, 1, 1), max_value=date(2035, 1, 1))
symbol = st.from_regex(r"[A-Z]{1,5}(/[A-Z]{3})?", fullmatch=True)
parameter = (
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "max_order_value": money | count,
        "max_notional": money | count,
        "max_position_pct": fraction,
        "max_drawdown": fraction,
        "max_open_orders": count,
        "daily_loss_limit": money,
        "allow_short": st.booleans(),
        "duplicate_order_window_ms": count,
    },
)


class QuotingDumper(yaml.SafeDumper):
    """Quotes all text: the library plain-writes words that only YAML 1.2 reads as numbers."""


def quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


QuotingDumper.add_representer(str, quoted)


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    symbols = draw(st.lists(symbol, min_size=1, max_size=4, unique=True))
    start, end = sorted(draw(st.tuples(day, day)))
    params = draw(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), parameter))
    return {
        "strategies": [{"name": "buy_and_hold", "params": params}],
        "live": {
            "broker": "sim",
            "symbols": symbols,
            "broker_config": {"data_directory": "data", "start": start, "end": end},
            "heartbeat": {"interval_ms": draw(count)},
            "risk": {
                "limits": draw(limits),
                "limits_by_regime": {"crisis": {"limits": {"max_leverage": draw(fraction)}}},
            },
        },
        "backtest": {
            "initial_capital": draw(money),
            "execution": {"fees": draw(st.sampled_from(["none", {"per_share": "0.005"}]))},
        },
        "regime": {"detector": "volatility", "train": {"start": start, "end": end}},
    }


def key_sites(tree: Any, path: KeyPath = ()) -> list[KeyPath]:
    """Every key of the tree whose name the configuration itself defines."""
    sites: list[KeyPath] = []
    if isinstance(tree, dict) and "params" not in path:
        for name, child in tree.items():
            free = path[-1:] == ("limits_by_regime",)
            sites += [] if free else [(*path, name)]
            sites += key_sites(child, (*path, name))
    elif isinstance(tree, list):
        for i, child in enumerate(tree):
            sites += key_sites(child, (*path, i))
    return sites


@given(configurations())
def test_plain_values_load_to_an_equal_hash(mapping: dict[str, Any]) -> None:
    config = load_config(mapping, environ={}, cwd=BASE)
    values = config_values(config)
    again = load_config(values, environ={}, cwd=BASE)
    assert config_hash(again) == config_hash(config)
    assert again == config


@given(configurations())
def test_file_and_mapping_load_to_an_equal_hash(mapping: dict[str, Any]) -> None:
    text = yaml.dump(mapping, Dumper=QuotingDumper, allow_unicode=True)
    document = document_from_bytes(text.encode(), "rf.yaml")
    assert document.problems == []
    from_file = load_config(document.root, environ={}, cwd=BASE)
    assert config_hash(from_file) == config_hash(load_config(mapping, environ={}, cwd=BASE))


@given(configurations(), st.data())
def test_misspelt_key_is_always_refused_by_name(
    mapping: dict[str, Any], data: st.DataObject
) -> None:
    site = data.draw(st.sampled_from(key_sites(mapping)))
    name = str(site[-1])
    at = data.draw(st.integers(0, len(name)))
    letter = data.draw(st.sampled_from(string.ascii_lowercase + "_"))
    keep = at + data.draw(st.integers(0, 1))
    typo = name[:at] + letter + name[keep:]
    broken = copy.deepcopy(mapping)
    node: Any = broken
    for part in site[:-1]:
        node = node[part]
    assume(typo not in node)
    assume(typo not in keys_at(site[:-1]))
    node[typo] = node.pop(name)
    _, problems = inspect_config(broken, environ={}, cwd=BASE)
    assert (*site[:-1], typo) in [problem.path for problem in problems]


@given(st.decimals(allow_nan=True, allow_infinity=True) | st.floats() | st.integers() | st.text())
def test_limit_is_exact_or_refused(written: object) -> None:
    live = {"broker": "sim", "symbols": ["A"], "broker_config": {"data_directory": "d"}}
    mapping = {"strategy": {"name": "b"}, "live": {**live, "max_notional": written}}
    config, problems = inspect_config(mapping, environ={}, cwd=BASE)
    if config is None:
        assert problems[0].path == ("live", "max_notional")
        return
    limit = config.risk.limits.max_notional
    assert limit is not None
    assert limit.is_finite()
    assert limit > 0
    assert limit == Decimal(repr(written) if isinstance(written, float) else str(written))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    with contextlib.suppress(ConfigError):
        document = document_from_bytes(raw, "rf.yaml")
        assert isinstance(document.root, dict)
        assert all(problem.line for problem in document.problems)


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
section = st.sampled_from(
    ["strategy", "strategies", "live", "backtest", "metrics", "regime", "account", "instruments"]
)


@given(st.dictionaries(section, json_like | st.dictionaries(st.text(), json_like), max_size=8))
def test_any_mapping_is_loaded_or_refused(mapping: dict[str, Any]) -> None:
    config, problems = inspect_config(mapping, environ={}, cwd=BASE)
    assert (config is None) == bool(problems)
    assert all("\n" not in str(problem) for problem in problems)
