"""What a report writes: RegimeFlow's keys, no NaN, and the same bytes for the same records."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from regimeflow.backtest.artifacts import encode_json, replace_file, rounded
from regimeflow.backtest.report import Report, ReportBuilder
from regimeflow.backtest.report_header import RealismItem
from regimeflow.errors import ConfigError
from tests.unit.account_records import day, header, posted, story

PERFORMANCE_KEYS = {
    "total_return", "cagr", "volatility", "sharpe", "sortino", "calmar", "var_95", "cvar_95",
    "best_return", "worst_return",
}  # fmt: skip
SUMMARY_KEYS = {
    "total_return", "cagr", "avg_daily_return", "avg_monthly_return", "best_day", "worst_day",
    "best_day_date", "worst_day_date", "best_month", "worst_month", "best_month_date",
    "worst_month_date", "volatility", "downside_deviation", "max_drawdown", "var_95", "var_99",
    "cvar_95", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "omega_ratio", "ulcer_index",
    "information_ratio", "treynor_ratio", "tail_ratio", "total_trades", "winning_trades",
    "losing_trades", "open_trades", "closed_trades", "open_trades_unrealized_pnl",
    "open_trades_snapshot_date", "win_rate", "profit_factor", "avg_win", "avg_loss",
    "win_loss_ratio", "expectancy", "avg_trade_duration_days", "annual_turnover",
}  # fmt: skip


def build(sessions: int = 40, **changes: object) -> Report:
    builder = ReportBuilder(header(**changes))
    for seq, ts_ns, body in story(sessions):
        builder.on_record(seq, ts_ns, body)
    closes = [(day(number), 50.0 + number) for number in range(sessions + 1)]
    return builder.build(prices={"X": closes}, ambiguous_bars=3)


def refuse_constants(text: str) -> object:
    raise AssertionError(f"{text} in a report")


def written(directory: Path, report: Report) -> dict[str, object]:
    text = report.write(directory).json.read_text("utf-8")
    document = json.loads(text, parse_constant=refuse_constants)
    assert isinstance(document, dict)
    return document


def test_report_has_every_key_its_readers_know(tmp_path: Path) -> None:
    document = written(tmp_path, build())
    assert document["schema"] == "regimeflow.report/1"
    assert set(document["performance"]) == PERFORMANCE_KEYS  # type: ignore[call-overload]
    assert set(document["performance_summary"]) >= SUMMARY_KEYS  # type: ignore[call-overload]
    regimes = document["regime_performance"]
    assert isinstance(regimes, list)
    assert [row["regime"] for row in regimes] == ["calm", "crisis", "unknown"]
    assert sum(row["observations"] for row in regimes) == 40


def test_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = build().write(tmp_path / "a"), build().write(tmp_path / "b")
    for name in ("json", "html", "equity", "trades"):
        assert getattr(first, name).read_bytes() == getattr(second, name).read_bytes()


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    build().write(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["equity.csv", "report.html", "report.json", "trades.csv"]


def test_summary_by_hand() -> None:
    summary = build(sessions=40).summary
    # Bought 10 at 50, sold 10 at 52, one dollar of fee each way.
    assert summary["closed_trades"] == summary["total_trades"] == 1
    assert summary["expectancy"] == summary["avg_win"] == 18.0
    assert summary["win_rate"] == 1.0
    assert summary["profit_factor"] is None
    assert summary["avg_loss"] is None
    assert summary["fees"] == 2.0
    assert summary["traded_value"] == 1020.0


def test_interest_belongs_to_no_trade_and_is_not_open_profit() -> None:
    builder = ReportBuilder(header())
    for seq, ts_ns, body in story(6):
        builder.on_record(seq, ts_ns, body)
    before = builder.build().summary["open_trades_unrealized_pnl"]
    builder.on_record(99, day(6.5), posted("4.00", "interest", symbol=""))
    after = builder.build().summary["open_trades_unrealized_pnl"]
    assert isinstance(before, float)
    assert after == pytest.approx(before - 4.0)


def test_a_run_without_a_session_is_all_null_and_still_a_report(tmp_path: Path) -> None:
    document = written(tmp_path, ReportBuilder(header()).build())
    performance = document["performance"]
    assert isinstance(performance, dict)
    assert set(performance.values()) == {None}
    assert "not enough points" in (tmp_path / "report.html").read_text("utf-8")


def test_one_missing_realism_item_makes_a_report_optimistic(tmp_path: Path) -> None:
    items = (RealismItem("Fees", "none", is_met=False),)
    assert written(tmp_path, build(realism=items))["optimistic"] is True
    assert build(realism=()).header.is_optimistic
    assert not build().header.is_optimistic


def test_tables_have_one_row_a_session_and_a_trade(tmp_path: Path) -> None:
    files = build(sessions=12).write(tmp_path)
    with files.equity.open(encoding="utf-8", newline="") as text:
        equity = list(csv.DictReader(text))
    with files.trades.open(encoding="utf-8", newline="") as text:
        trades = list(csv.DictReader(text))
    assert len(equity) == 12
    assert Decimal(equity[0]["equity"]) > 0
    assert [(row["symbol"], row["pnl"], row["direction"]) for row in trades] == [
        ("X", "18", "long")
    ]


def test_the_equity_series_compounds_to_the_total_return(tmp_path: Path) -> None:
    document = written(tmp_path, build())
    series, performance = document["equity"], document["performance"]
    assert isinstance(series, list)
    assert isinstance(performance, dict)
    growth = 1.0
    for row in series:
        growth *= 1.0 + row["return"]
    assert growth - 1.0 == pytest.approx(performance["total_return"], abs=1e-8)


def test_floats_are_rounded_to_ten_digits_and_never_nan() -> None:
    assert rounded(1 / 3) == 0.3333333333
    assert rounded(float("nan")) is None
    assert rounded(float("inf")) is None
    with pytest.raises(ValueError, match="JSON"):
        encode_json({"a": float("nan")})


def test_an_unwritable_directory_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", "utf-8")
    with pytest.raises(ConfigError, match="cannot write"):
        replace_file(tmp_path / "taken" / "report.json", b"{}")
