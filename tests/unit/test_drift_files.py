"""Live drift: aligned in time, the same bytes on every refold, honest about what is missing."""

from __future__ import annotations

import csv
import json
import math
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regimeflow.model.commands import DiscrepancyFound, MarkKind, RegimeChanged
from regimeflow.model.events import BrokerSnapshot, FeedGap, OrderAccepted
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.timestamps import NS_PER_DAY
from regimeflow.observe.baseline import Baseline
from regimeflow.observe.cone import Cone
from regimeflow.observe.drift import Anchor, DriftPaths, LiveDrift
from regimeflow.observe.drift_columns import COLUMNS
from regimeflow.observe.performance import Deployment
from tests.unit.account_records import Record, day, mark, story, submit, write_baseline

DEPLOYMENT = Deployment(
    deployment_id="d1",
    mode="paper",
    engine_version="0.1.0",
    strategies=(("s", "buy_and_hold"),),
    strategies_hash="5" * 64,
    config_hash="c" * 64,
    code_hash="0" * 64,
    seed=7,
)


def baseline_of(directory: Path, sessions: int = 60) -> Baseline:
    return Baseline.load(
        write_baseline(directory, sessions),
        strategy_names=["buy_and_hold"],
        strategies_hash="5" * 64,
        venue_hash="7" * 64,
    )


def fold(
    directory: Path, records: list[Record], baseline: Baseline | None, *, anchored: bool = True
) -> tuple[list[dict[str, str]], dict[str, Any]]:
    anchor = Anchor(day(0), Decimal(1000)) if anchored else None
    drift = LiveDrift(DriftPaths.inside(directory), DEPLOYMENT, baseline=baseline, anchor=anchor)
    for seq, ts_ns, body in records:
        drift.on_record(seq, ts_ns, body)
    drift.close()
    with (directory / "live_drift.csv").open(encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))
    return rows, json.loads((directory / "live_performance.json").read_text("utf-8"))


def test_columns_are_fifty_one_and_begin_as_readers_expect() -> None:
    assert len(COLUMNS) == len(set(COLUMNS)) == 51
    assert ",".join(COLUMNS[:6]) == (
        "timestamp,equity,daily_pnl,total_return,drawdown,shortfall_vs_backtest"
    )
    assert (COLUMNS[29], COLUMNS[45], COLUMNS[49]) == ("fills", "regime", "verdict")


def test_shortfall_is_against_the_same_elapsed_session(tmp_path: Path) -> None:
    """A baseline that earns exactly 1 % a session has a cone of no width: 1.01^k - 1."""
    steady = baseline_of(tmp_path / "b")
    certain = Baseline(**{name: getattr(steady, name) for name in steady.__struct_fields__}
                       | {"returns": (0.01,) * 30})  # fmt: skip
    marks = [(number, day(number), mark(number, 1000 * 1.02**number)) for number in range(1, 41)]
    rows, _ = fold(tmp_path, list(marks), certain)
    for number, row in enumerate(rows, start=1):
        expected = 1.02**number - 1.01**number
        assert float(row["shortfall_vs_backtest"]) == pytest.approx(expected, rel=1e-8)
        assert row["expected_src"] == "cone"
    assert float(rows[0]["shortfall_vs_backtest"]) == pytest.approx(0.01)


def test_rows_inside_a_session_are_held_to_the_sessions_completed(tmp_path: Path) -> None:
    records: list[Record] = [
        (1, day(0.5), mark(0.5, 1010, kind=MarkKind.INTERVAL)),
        (2, day(0.9), mark(0.9, 1020)),
        (3, day(0.95), mark(0.95, 1020, kind=MarkKind.FINAL)),
    ]
    rows, document = fold(tmp_path, records, baseline_of(tmp_path / "b"))
    assert [row["kind"] for row in rows] == ["bar", "session", "final"]
    assert float(rows[0]["shortfall_vs_backtest"]) == pytest.approx(0.01)
    assert rows[1]["shortfall_vs_backtest"] == rows[2]["shortfall_vs_backtest"]
    assert [row["daily_pnl"] for row in rows] == ["10", "20", "0"]
    assert document["live"]["sessions"] == 1


def test_refolding_writes_the_same_bytes(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path / "b")
    for name in ("first", "second"):
        fold(tmp_path / name, story(80), baseline)
    for file in ("live_drift.csv", "live_performance.json"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()


def test_a_restart_overwrites_what_a_killed_run_left(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path / "b")
    fold(tmp_path / "whole", story(30), baseline)
    fold(tmp_path / "killed", story(12), baseline)
    fold(tmp_path / "killed", story(30), baseline)
    assert (tmp_path / "whole" / "live_drift.csv").read_bytes() == (
        tmp_path / "killed" / "live_drift.csv"
    ).read_bytes()


def test_drawing_the_cone_ahead_changes_nothing(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path / "b")
    fold(tmp_path / "lazy", story(30), baseline)
    drift = LiveDrift(
        DriftPaths.inside(tmp_path / "ahead"),
        DEPLOYMENT,
        baseline=baseline,
        anchor=Anchor(day(0), Decimal(1000)),
    )
    drift.prepare(500)
    for record in story(30):
        drift.on_record(*record)
    drift.close()
    for file in ("live_drift.csv", "live_performance.json"):
        assert (tmp_path / "lazy" / file).read_bytes() == (tmp_path / "ahead" / file).read_bytes()


def test_without_a_baseline_expectations_are_empty_and_the_verdict_unknown(tmp_path: Path) -> None:
    rows, document = fold(tmp_path, story(40), None)
    assert {row["verdict"] for row in rows} == {"unknown"}
    assert {row["reasons"] for row in rows} == {"BASELINE"}
    assert {row["shortfall_vs_backtest"] for row in rows} == {""}
    assert document["baseline"] is None
    assert document["baseline_total_return"] is None


def test_flat_keys_agree_with_the_last_row(tmp_path: Path) -> None:
    baseline = baseline_of(tmp_path / "b")
    rows, document = fold(tmp_path, story(70), baseline)
    assert document["last_timestamp"] == int(rows[-1]["timestamp"])
    assert document["last_equity"] == float(rows[-1]["equity"])
    assert document["live_total_return"] == float(rows[-1]["total_return"])
    assert document["max_drawdown"] == max(float(row["drawdown"]) for row in rows)
    assert document["baseline_total_return"] == baseline.total_return
    assert document["live"]["sharpe"] is not None
    assert document["parity"]["rate"] is None


def test_annualised_numbers_wait_for_sixty_sessions(tmp_path: Path) -> None:
    _, document = fold(tmp_path, story(59), baseline_of(tmp_path / "b"))
    live = document["live"]
    assert live["cagr"] is live["sharpe"] is live["vol_ann"] is None
    assert live["total_return"] is not None


def test_a_standing_position_mismatch_is_a_breach_at_once(tmp_path: Path) -> None:
    snapshot = BrokerSnapshot("r", None, None, (), None, 0)
    mismatch = DiscrepancyFound("position", "X", "10", "12", "")
    bodies: list[object] = [snapshot, mismatch, mark(1, 1000), snapshot]
    bodies.append(mark(1.5, 1000, kind=MarkKind.INTERVAL))
    records = [(seq, day(1 + seq / 100), body) for seq, body in enumerate(bodies, start=1)]
    rows, document = fold(tmp_path, records, baseline_of(tmp_path / "b"))
    assert [row["verdict"] for row in rows] == ["insufficient", "breach"]
    assert rows[-1]["reasons"] == "POSITION_MISMATCH"
    assert document["parity"]["position_mismatches"] == 1


def test_a_hole_in_the_data_makes_the_verdict_unknown(tmp_path: Path) -> None:
    gap = FeedGap("X", day(1), day(1) + 11 * NS_PER_DAY)
    records: list[Record] = [(1, day(12), gap), (2, day(13), mark(13, 1000))]
    rows, document = fold(tmp_path, records, baseline_of(tmp_path / "b"))
    assert rows[0]["verdict"] == "unknown"
    assert rows[0]["reasons"] == "DATA"
    assert document["data"]["feed_gaps"] == 1
    assert document["data"]["max_gap_s"] == 11 * 86_400


def test_regime_probability_is_shown_only_on_the_row_it_was_known_for(tmp_path: Path) -> None:
    changed = RegimeChanged("X", "", "calm", 0.875, "m", day(1))
    records: list[Record] = [
        (1, day(1), changed),
        (2, day(1), mark(1, 1000, regime="calm")),
        (3, day(2), mark(2, 1000, regime="calm")),
    ]
    rows, _ = fold(tmp_path, records, None)
    assert [(row["regime"], row["regime_p"]) for row in rows] == [("calm", "0.875"), ("calm", "")]


def test_deposits_are_neither_profit_nor_return(tmp_path: Path) -> None:
    records: list[Record] = [
        (1, day(1), mark(1, 1000)),
        (2, day(2), mark(2, 6010, flows=5000)),
    ]
    rows, _ = fold(tmp_path, records, None, anchored=False)
    assert rows[1]["daily_pnl"] == "10"
    assert float(rows[1]["total_return"]) == pytest.approx(0.01)
    assert rows[1]["n"] == "1"


def test_latency_is_from_decision_to_acknowledgement(tmp_path: Path) -> None:
    accepted = OrderAccepted(ClientOrderId("o"), BrokerOrderId("b"), 0)
    records: list[Record] = [
        (1, day(1), submit("o", 1)),
        (2, day(1) + 250_000_000, accepted),
        (3, day(2), mark(2, 1000)),
    ]
    _, document = fold(tmp_path, records, None)
    assert document["execution"]["latency_ms"]["decision_to_ack"]["p50"] == 250.0


def test_cone_median_is_the_median_of_block_bootstrapped_paths() -> None:
    """An independent construction: whole paths at once, drawn from the same generator."""
    returns = [0.01, -0.02, 0.015, 0.0, 0.03, -0.01, 0.005] * 5
    cone = Cone(returns, seed=3, block=5, paths=400)
    generator = np.random.Generator(np.random.PCG64(3))
    starts = [generator.integers(0, len(returns), size=400) for _ in range(3)]
    logs = np.log1p(np.asarray(returns))
    for sessions in (1, 5, 6, 15):
        ends = [
            math.fsum(logs[(starts[h // 5][path] + h % 5) % len(returns)] for h in range(sessions))
            for path in range(400)
        ]
        expected = math.expm1(float(np.median(ends)))
        assert cone.expected_return(sessions) == pytest.approx(expected, abs=1e-12)
    assert cone.expected_return(0) == 0.0
