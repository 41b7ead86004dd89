"""Every refusal of a configuration names file, line, key, the value seen and the next step."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.config import load_config
from regimeflow.errors import EXIT_CONFIG, ConfigError, UsageError

HEAD = "strategy: {name: buy_and_hold}\n"
LIVE = HEAD + "live:\n  broker: sim\n  symbols: [AAPL]\n  broker_config: {data_directory: data}\n"


def refusal(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> str:
    (tmp_path / "rf.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config("rf.yaml", environ=environ or {}, cwd=tmp_path)
    assert caught.value.exit_code == EXIT_CONFIG == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("brokr: sim", "rf.yaml:6: live.brokr: seen an unknown key"),
        ("max_positon: 5", "did you mean max_position?"),
        ("dry_rnu: false", "did you mean dry_run?"),
        ("limits_by_regime: {}", "did you mean live.risk.limits_by_regime?"),
        ("max_notional: .nan", "rf.yaml:6: live.max_notional: seen .nan; expected a finite number"),
        ("max_notional: -.inf", "expected a finite number"),
        ("max_notional: nan", "seen text 'nan'; expected a finite number"),
        ("max_notional: 1e999", "seen 1E+999; expected a number of at most 1e18"),
        ("max_notional: 1e-30", "at most 18 decimal places"),
        ("max_notional: true", "seen true; expected a finite number"),
        ("max_notional: [5]", "seen a list; expected a finite number"),
        ("max_notional: 0", "live.max_notional: seen 0; expected a number above 0; raise it, or"),
        ("max_notional: -5", "expected a number above 0"),
        ("max_notional:", "seen nothing after the key; expected a value; write one, or remove"),
        ("max_notional: null", "seen nothing after the key"),
        ("max_drawdown: 20", "expected a number of at most 1; lower it; fractions: 0.2 is 20 per"),
        ("max_position_pct: 5", "expected a number of at most 4"),
        ("max_open_orders: 2.5", "seen 2.5; expected a whole number"),
        ("max_open_orders: '3'", "seen text '3'; expected a whole number"),
        ("paper: yes", "seen text 'yes'; expected true or false"),
        ("paper: 1", "seen 1; expected true or false"),
        ("paper: false", "expected true: the account of broker sim is simulated"),
        ("account_id: 700", "seen 700; expected text; put the value in quotes"),
        ("broker_asset_class: equities", "expected one of equity, crypto; did you mean equity?"),
        ("risk: [1]", "rf.yaml:6: live.risk: seen a list; expected a mapping"),
        ("risk: {limits: 5}", "live.risk.limits: seen 5; expected a mapping"),
        ("log_dir: ~/logs", "expected a path without ~"),
        ('log_dir: "a\\0b"', "expected a path"),
        ("restricted: MSFT", "expected a list; write it like [A, B]"),
        ("audit: {format: xml}", "expected one of jsonl, csv"),
        ("warmup: {bars: -1}", "expected auto, or bars of at least 0"),
        ("heartbeat: {interval_ms: 0}", "expected a number above 0"),
        ("journal: {market_retention_days: -1}", "expected a number of at least 0"),
        ("journal: {market_retention_days: 0.5}", "expected a whole number"),
    ],
)
def test_bad_key_under_live_is_refused_with_its_line(
    tmp_path: Path, key: str, expected: str
) -> None:
    message = refusal(tmp_path, f"{LIVE}  {key}\n")
    assert expected in message
    assert message.startswith("rf.yaml:")
    assert "\n" not in message, "one problem is one line"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("backtest: {start_date: 2001-02-30}", "seen 2001-02-30; expected a day of the calendar"),
        ("backtest: {start_date: 2001}", "expected a day as YYYY-MM-DD"),
        (
            "backtest: {start_date: 2002-01-01, end_date: 2001-01-01}",
            "rf.yaml:6: backtest.end_date: seen 2001-01-01; expected a day not before 2002-01-01",
        ),
        ("backtest: {execution: {fees: ibkr}}", "backtest.execution.fees: seen text 'ibkr'"),
        ("backtest: {execution: {fees: {per_shar: 1}}}", "did you mean per_share?"),
        ("backtest: {execution: {fees: {rate_pct: 0.1}}}", "fees.rate_pct: seen 0.1; expected"),
        ("backtest: {execution: {spread_bps: wide}}", "expected auto, or basis points"),
        ("backtest: {execution: {participation: 0}}", "expected a number above 0"),
        ("backtest: {data: {type: csv}}", "backtest.data.data_directory: seen no such key"),
        (
            "backtest: {data: {data_directory: d, file_pattern: a.csv}}",
            "expected a file name with {symbol} once",
        ),
        (
            "backtest: {data: {data_directory: d, file_pattern: '../{symbol}.csv'}}",
            "expected a file name with {symbol} once",
        ),
        (
            "backtest: {data: {data_directory: d, allow_price_jumps: ['AAPL:2000-13-01']}}",
            "backtest.data.allow_price_jumps[0]: seen text 'AAPL:2000-13-01'",
        ),
        ("regime: {detector: volatility}", "regime.train: seen neither train nor thresholds"),
        ("regime: {detector: volatility, thresholds: [0.2]}", "seen 1 thresholds for 3 labels"),
        ("regime: {detector: volatility, thresholds: [0.3, 0.2]}", "2 rising numbers above 0"),
        ("regime: {detector: none, labels: [a, a]}", "each entry once, a is there twice"),
        ("regime: {symbol: APPL}", "did you mean AAPL?"),
        ("account: {currency: dollars}", "expected a currency code such as USD"),
        ("instruments: {AAPL: {currency: EUR}}", "expected USD, the currency of the account"),
        ("instruments: {APPL: {}}", "did you mean AAPL?"),
        ("instruments: {AAPL: {tick_size: 0}}", "instruments.AAPL.tick_size: seen 0"),
        ("sessions: {calendar: XNAS}", "expected one of auto, XNYS, 24/7"),
        ("metrics: {live: {sinks: [files]}}", "metrics.live.sinks[0]: seen text 'files'"),
    ],
)
def test_bad_section_is_refused_with_its_line(tmp_path: Path, section: str, expected: str) -> None:
    message = refusal(tmp_path, f"{LIVE}{section}\n")
    assert expected in message
    assert "rf.yaml:6: " in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("live: {broker: sim, symbols: [A]}\n", "seen no strategy"),
        ("strategies: []\n", "expected at least one entry"),
        ("strategy: buy_and_hold\n", "strategy: seen text 'buy_and_hold'; expected a mapping"),
        (HEAD, "seen no symbols"),
        ("strategy: {name: b, symbols: []}\n", "seen no symbols"),
        ("strategy: {name: b, symbols: [A, A]}\n", "each entry once, A is there twice"),
        ("strategy: {name: b, symbols: ['../A']}\n", "expected a symbol of 1 to 32"),
        ("strategy: {name: b, symbols: ['A B']}\n", "expected a symbol of 1 to 32"),
        ("strategy: {name: b, symbols: [700]}\n", "put the value in quotes"),
        ("strategy: {name: 'os; rm', symbols: [A]}\n", "expected a built-in, an entry point"),
        ("strategy: {name: b, id: Big, symbols: [A]}\n", "1 to 12 lower-case letters"),
        ("strategy: {name: b, params: 5, symbols: [A]}\n", "expected a mapping of parameters"),
        ("strategy: {name: b, params: {a: {b: 1}}, symbols: [A]}\n", "a scalar or a list"),
        ("strategies: [{name: b, symbols: [A]}, {name: b}]\n", "strategies[1].id: seen the id b"),
        ("strategy: {name: b}\nstrategies: [{name: c}]\n", "seen both strategy and strategies"),
        (
            "strategy: {name: b, symbols: [B]}\nlive: {broker: sim, symbols: [A]}\n",
            "strategy.symbols[0]: seen text 'B'; expected a symbol of live.symbols",
        ),
        (HEAD + "live: {broker: sim, symbols: []}\n", "expected at least one entry"),
        (HEAD + "live: {broker: sim, symbols: [A]}\n", "live.broker_config.data_directory: seen"),
        (HEAD + "live: {symbols: [A]}\n", "rf.yaml:2: live.broker: seen no such key"),
    ],
)
def test_strategies_and_symbols_must_be_named_and_known(
    tmp_path: Path, text: str, expected: str
) -> None:
    assert expected in refusal(tmp_path, text)


def test_every_problem_of_a_file_is_reported_in_line_order(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, LIVE + "  pap: 1\n  max_notional: .inf\n  dry_run: true\nbacktst: {}\n"
    )
    starts = [line.split(": seen")[0] for line in message.splitlines()]
    assert starts == [
        "rf.yaml:6: live.pap",
        "rf.yaml:7: live.max_notional",
        "rf.yaml:8: live.dry_run",
        "rf.yaml:9: backtst",
    ]


def test_at_most_twenty_problems_are_listed(tmp_path: Path) -> None:
    lines = refusal(tmp_path, LIVE + "".join(f"  zz{i}: 1\n" for i in range(30))).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "rf.yaml: and 10 more; correct these first"


def test_limit_in_both_places_must_have_one_value(tmp_path: Path) -> None:
    message = refusal(
        tmp_path, LIVE + "  max_order_value: 5\n  risk: {limits: {max_order_value: 6}}\n"
    )
    assert "rf.yaml:6: live.max_order_value: seen 5 here and 6 in live.risk.limits.max_order" in (
        message
    )


def test_limits_of_an_unknown_regime_are_refused(tmp_path: Path) -> None:
    risk = "  risk: {limits_by_regime: {crsis: {limits: {max_leverage: 1}}}}\n"
    assert "limits by regime without a regime detector" in refusal(tmp_path, LIVE + risk)
    regime = "regime: {detector: volatility, thresholds: [0.1, 0.3]}\n"
    assert "did you mean crisis?" in refusal(tmp_path, LIVE + risk + regime)


@pytest.mark.parametrize("risk", ["", " 5", " {limits: 5}", " {limits: }"])
def test_a_valid_limit_is_not_blamed_for_a_risk_section_that_is_none(
    tmp_path: Path, risk: str
) -> None:
    said = refusal(tmp_path, f"{LIVE}  max_order_value: 5\n  risk:{risk}\n")
    assert "live.risk" in said
    assert "unknown key" not in said


def test_source_that_is_neither_path_nor_mapping_is_the_callers_fault() -> None:
    with pytest.raises(UsageError, match="expected a path or a mapping"):
        load_config(5)  # type: ignore[arg-type]


def test_mapping_problems_have_no_line() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config({"strategy": {"name": "b", "symbols": ["A"]}, "bactest": {}}, environ={})
    assert str(caught.value).startswith("configuration: bactest: seen an unknown key")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), None, 3 + 4j, b"x"])
def test_mapping_values_that_no_file_could_hold_are_refused(value: object) -> None:
    mapping = {"strategy": {"name": "b", "symbols": ["A"]}, "account": {"currency": value}}
    with pytest.raises(ConfigError, match=r"account\.currency"):
        load_config(mapping, environ={})


def test_mapping_that_contains_itself_is_refused() -> None:
    mapping: dict[str, object] = {"strategy": {"name": "b", "symbols": ["A"]}}
    mapping["live"] = mapping
    with pytest.raises(ConfigError, match="levels"):
        load_config(mapping, environ={})
