"""A valid configuration becomes one complete, exact, immutable value."""

from __future__ import annotations

import copy
import dataclasses
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from regimeflow.config import Config, limit_warnings, load_config
from regimeflow.config.strategies import default_strategy_id

# The documented example, without the keys whose behaviour is not built.
DOCUMENTED = """
strategy:
  name: moving_average_cross
  params: {fast_period: 10, slow_period: 30, quantity: 5}
live:
  broker: sim
  paper: true
  account_id: ""
  dry_run: false
  shadow: false
  symbols: [AAPL, MSFT]
  broker_asset_class: equity
  broker_config:
    data_directory: examples/data
    file_pattern: "{symbol}.csv"
    start: 2008-01-02
    end: 2013-03-01
    speed: 0
  log_dir: logs
  duplicate_order_window_ms: 500
  max_orders_per_second: 0
  max_orders_per_minute: 60
  max_order_value: 100000
  daily_loss_limit: 0
  daily_loss_limit_pct: 0
  order_reconcile_interval_ms: 30000
  position_reconcile_interval_ms: 60000
  account_refresh_interval_ms: 30000
  heartbeat:
    {enabled: true, interval_ms: 10000, disable_trading_on_timeout: true,
     cancel_orders_on_timeout: true}
  reconciliation: {disable_trading_on_error: true}
  warmup: {bars: auto}
  journal: {durability: auto, market_retention_days: 30}
  audit: {format: jsonl}
  replay_journal_path: ""
  risk:
    limits: {max_notional: 50000, max_position_pct: 0.2, max_drawdown: 0.2}
    limits_by_regime: {crisis: {limits: {max_position_pct: 0.05}}}
    stop_loss: {enable: false, pct: 0.05}
metrics:
  live: {enable: true, baseline_report: out/report.json, output_dir: logs, sinks: [file]}
  prometheus: {enabled: false, host: 127.0.0.1, port: 9090, path: /metrics}
backtest:
  data:
    type: csv
    data_directory: examples/data
    file_pattern: "{symbol}.csv"
    actions_file_pattern: "{symbol}_actions.csv"
  start_date: 2000-03-01
  end_date: 2007-12-31
  initial_capital: 100000
  execution:
    {fill_model: realistic, spread_bps: auto, participation: 0.1, impact_y: 0.7, latency_ms: 250,
     limit_fill: through, fees: none, seed: 1}
regime:
  detector: volatility
  labels: [calm, normal, crisis]
  train: {start: 2000-03-01, end: 2007-12-31}
account: {currency: USD, margin: {initial_margin_ratio: 0.5}}
"""


def load(tmp_path: Path, text: str) -> Config:
    (tmp_path / "rf.yaml").write_text(text)
    return load_config("rf.yaml", environ={}, cwd=tmp_path)


def limits_of(**limits: object) -> Config:
    live = {"broker": "sim", "symbols": ["A"], "broker_config": {"data_directory": "d"}, **limits}
    return load_config({"strategy": {"name": "b"}, "live": live}, environ={})


def test_documented_example_is_valid(tmp_path: Path) -> None:
    config = load(tmp_path, DOCUMENTED)
    live = config.live
    assert live is not None
    assert config.symbols == ("AAPL", "MSFT")
    assert config.strategies[0].params == {"fast_period": 10, "slow_period": 30, "quantity": 5}
    assert config.risk.limits.max_order_value == 100_000
    assert config.risk.limits.max_notional == 50_000
    assert config.risk.limits_by_regime["crisis"].limits.max_position_pct == Decimal("0.05")
    assert live.log_dir == tmp_path / "logs"
    assert live.journal.market_retention_days == 30
    assert config.metrics.live.baseline_report == tmp_path / "out" / "report.json"
    assert config.account.margin.initial_margin_ratio == Decimal("0.5")
    assert config.calendar == "XNYS"
    assert config.source == tmp_path / "rf.yaml"
    assert config.base_directory == tmp_path


def test_windows_share_the_data_and_differ_in_days(tmp_path: Path) -> None:
    config = load(tmp_path, DOCUMENTED)
    backtest, live = config.data_window("backtest"), config.data_window("live")
    assert backtest is not None
    assert live is not None
    assert (backtest.start, backtest.end) == (date(2000, 3, 1), date(2007, 12, 31))
    assert (live.start, live.end) == (date(2008, 1, 2), date(2013, 3, 1))
    assert dataclasses.replace(backtest, start=live.start, end=live.end) == live
    assert live.actions_file_pattern == "{symbol}_actions.csv"


def test_simulated_broker_takes_its_data_from_the_backtest_where_it_names_none() -> None:
    config = load_config(
        {
            "strategy": {"name": "b"},
            "live": {"broker": "sim", "symbols": ["A"]},
            "backtest": {"data": {"type": "parquet", "data_directory": "/d"}},
        },
        environ={},
    )
    window = config.data_window("live")
    assert window is not None
    assert (window.type, window.file_pattern) == ("parquet", "{symbol}.parquet")


def test_backtest_alone_needs_no_live_section() -> None:
    config = load_config({"strategy": {"name": "b", "symbols": ["A"]}}, environ={})
    assert config.live is None
    assert config.data_window("live") is None
    assert config.data_window("backtest") is None
    assert config.risk.limits.max_orders_per_minute == 60


@pytest.mark.parametrize("written", [50000, "50000", "5e4", 50000.0, Decimal("50000.00")])
def test_integer_limit_binds_like_any_number(written: object) -> None:
    limit = limits_of(max_notional=written).risk.limits.max_notional
    assert limit == Decimal(50_000)
    assert isinstance(limit, Decimal)
    assert str(limit) == "50000"


def test_integer_fraction_binds_like_any_number(tmp_path: Path) -> None:
    text = DOCUMENTED.replace("max_drawdown: 0.2", "max_drawdown: 1")
    assert load(tmp_path, text).risk.limits.max_drawdown == Decimal(1)


def test_limit_under_live_and_under_limits_is_the_same_limit() -> None:
    direct = limits_of(max_order_value=5, restricted=["B"])
    nested = limits_of(risk={"limits": {"max_order_value": 5.0, "restricted": ["B"]}})
    both = limits_of(max_order_value=5, restricted=["B"], risk={"limits": {"max_order_value": 5}})
    assert direct.risk == nested.risk == both.risk


def test_yaml_number_is_exact(tmp_path: Path) -> None:
    text = DOCUMENTED.replace("max_order_value: 100000", "max_order_value: 0.1000000000000001")
    assert load(tmp_path, text).risk.limits.max_order_value == Decimal("0.1000000000000001")


def test_zero_in_a_regime_allows_nothing_new(tmp_path: Path) -> None:
    text = DOCUMENTED.replace("{max_position_pct: 0.05}", "{max_position_pct: 0}")
    limits = load(tmp_path, text).risk.limits_by_regime["crisis"].limits
    assert limits.max_position_pct == 0


def test_configuration_cannot_change(tmp_path: Path) -> None:
    config = load(tmp_path, DOCUMENTED)
    with pytest.raises(ValidationError):
        config.account.currency = "EUR"  # type: ignore[misc]
    with pytest.raises(TypeError):
        config.strategies[0].params["quantity"] = 6  # type: ignore[index]
    by_regime = config.risk.limits_by_regime
    with pytest.raises(TypeError):
        by_regime["calm"] = by_regime["crisis"]  # type: ignore[index]


def test_configuration_can_be_copied_and_compared(tmp_path: Path) -> None:
    config = load(tmp_path, DOCUMENTED)
    assert copy.deepcopy(config) == config
    assert load(tmp_path, DOCUMENTED) == config


def test_mapping_of_the_caller_is_not_kept() -> None:
    params: dict[str, object] = {"a": [1, 2]}
    config = load_config(
        {"strategy": {"name": "b", "symbols": ["A"], "params": params}}, environ={}
    )
    params["a"] = 5
    assert config.strategies[0].params == {"a": (1, 2)}


def test_parameters_keep_scalars_and_lists(tmp_path: Path) -> None:
    text = (
        "strategy:\n  name: b\n  symbols: [A]\n"
        "  params: {i: 5, f: 2.0, t: x, y: true, n: null, d: 2001-02-03, l: [1, 0.5]}\n"
    )
    params = load(tmp_path, text).strategies[0].params
    assert params == {
        "i": 5,
        "f": 2.0,
        "t": "x",
        "y": True,
        "n": None,
        "d": "2001-02-03",
        "l": (1, 0.5),
    }
    assert isinstance(params["f"], float)
    assert isinstance(params["i"], int)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("buy_and_hold", "buy_and_hold"),
        ("moving_average_cross", "moving_avera"),
        ("my.package:MyStrategy", "mystrategy"),
        ("pairs-trading", "pairs_tradin"),
    ],
)
def test_strategy_id_comes_from_the_name(name: str, expected: str) -> None:
    assert default_strategy_id(name) == expected
    config = load_config({"strategy": {"name": name, "symbols": ["A"]}}, environ={})
    assert config.strategies[0].id == expected


def test_strategy_without_symbols_trades_all() -> None:
    strategies = [{"name": "a"}, {"name": "b", "symbols": ["Y"]}]
    live = {"broker": "sim", "symbols": ["X", "Y"], "broker_config": {"data_directory": "d"}}
    config = load_config({"strategies": strategies, "live": live}, environ={})
    assert config.strategy_symbols("a") == ("X", "Y")
    assert config.strategy_symbols("b") == ("Y",)


@pytest.mark.parametrize(
    ("asset_class", "lot", "calendar", "allow_short"),
    [("equity", "1", "XNYS", True), ("crypto", "0.00000001", "24/7", False)],
)
def test_terms_follow_the_asset_class(
    asset_class: str, lot: str, calendar: str, allow_short: bool
) -> None:
    config = limits_of(broker_asset_class=asset_class)
    terms = config.instrument_terms("A")
    assert (terms.tick_size, terms.lot_size) == (Decimal("0.01"), Decimal(lot))
    assert (terms.allow_short, terms.currency, config.calendar) == (allow_short, "USD", calendar)


def test_terms_of_a_symbol_win_over_limits_and_class() -> None:
    live = {"broker": "sim", "symbols": ["A", "B"], "broker_config": {"data_directory": "d"}}
    instruments = {"A": {"tick_size": 0.05, "allow_short": True, "min_notional": 10}}
    config = load_config(
        {
            "strategy": {"name": "b"},
            "live": {**live, "allow_short": False},
            "instruments": instruments,
        },
        environ={},
    )
    terms = config.instrument_terms("A")
    assert (terms.tick_size, terms.allow_short) == (Decimal("0.05"), True)
    assert terms.min_notional == 10
    assert config.instrument_terms("B").allow_short is False


def test_price_jumps_are_symbols_and_days() -> None:
    data = {"data_directory": "d", "allow_price_jumps": ["A", "B:2000-06-21"]}
    config = load_config(
        {"strategy": {"name": "b", "symbols": ["A"]}, "backtest": {"data": data}}, environ={}
    )
    window = config.data_window("backtest")
    assert window is not None
    assert window.price_jumps == (("A", None), ("B", date(2000, 6, 21)))


def test_limits_that_are_off_are_named() -> None:
    warnings = limit_warnings(limits_of(max_orders_per_minute=0, duplicate_order_window_ms=0))
    assert [warning.split(":")[0].rsplit(".", 1)[-1] for warning in warnings] == [
        "max_order_value",
        "daily_loss_limit",
        "max_position_pct",
        "max_drawdown",
        "duplicate_order_window_ms",
        "max_orders_per_minute",
    ]


def test_limits_that_cannot_bind_are_named(tmp_path: Path) -> None:
    text = DOCUMENTED.replace("max_drawdown: 0.2", "max_drawdown: 1")
    text = text.replace("{max_position_pct: 0.05}", "{max_position_pct: 0.5}")
    warnings = "\n".join(limit_warnings(load(tmp_path, text)))
    assert "max_drawdown: 1 is 100 per cent" in warnings
    assert "crisis.limits.max_position_pct: 0.5 is above 0.2" in warnings
