"""Live performance as one document: what the account did, in the words of the backtest report.

Every number is a fold over journal records, so the file can be thrown away and refolded. Keys
that need a shadow run (parity, pairing, fill error) are present and null until one exists.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from regimeflow.backtest import metrics, summary
from regimeflow.backtest.account_fold import AccountFold
from regimeflow.backtest.artifacts import Json, money, rounded
from regimeflow.backtest.equity import EquityPoint
from regimeflow.backtest.execution_fold import Booking
from regimeflow.model.events import OrderAccepted, OrderFilled
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_MS, NS_PER_S, NS_PER_US, format_ns
from regimeflow.observe.baseline import Baseline
from regimeflow.observe.cone import Cone
from regimeflow.observe.discrepancies import GapWatch
from regimeflow.observe.verdicts import Verdicts

SCHEMA = "regimeflow.live_performance/1"
ANNUAL_SESSIONS_MIN = 60
"""Below this many sessions an annualised figure says nothing and is null."""
LATENCIES_KEPT = 1_000
"""Latency percentiles are over so many newest orders."""
PAIRED_KEYS = (
    "n", "mean_bps", "sd_bps", "cs", "e_value", "corr", "tracking_error_ann", "dtw_ann",
    "dtw_window",
)  # fmt: skip
DISTRIBUTION_KEYS = ("n", "ks_stat", "ks_p", "energy", "wasserstein", "vol_ratio")


class Deployment(msgspec.Struct, frozen=True, kw_only=True):
    """Which run this is. Hashes are SHA-256 in hexadecimal; `mode` is live, paper or replay."""

    deployment_id: str
    mode: str
    engine_version: str
    strategies: tuple[tuple[str, str], ...]
    strategies_hash: str
    config_hash: str
    code_hash: str
    seed: int
    bar_ns: int = NS_PER_DAY
    periods_per_year: float = 252.0


class LivePerformance:
    """Folds records into the account and the latencies of a deployment."""

    def __init__(self, deployment: Deployment, account: AccountFold) -> None:
        self.deployment = deployment
        self.account = account
        self.acknowledge_ns: deque[int] = deque(maxlen=LATENCIES_KEPT)
        self.fill_ns: deque[int] = deque(maxlen=LATENCIES_KEPT)

    def on_record(self, ts_ns: int, body: object) -> tuple[Booking, ...]:
        """Take one journal record; says what it did to positions, which is mostly nothing."""
        bookings = self.account.on_record(ts_ns, body)
        if type(body) is OrderAccepted or type(body) is OrderFilled:
            self._note_latency(ts_ns, body)
        return bookings

    def _note_latency(self, ts_ns: int, report: OrderAccepted | OrderFilled) -> None:
        order = self.account.tally.order(report.client_order_id)
        if order is None or order.acknowledged_ns is None:
            return
        if type(report) is OrderAccepted and order.acknowledged_ns == ts_ns:
            self.acknowledge_ns.append(ts_ns - order.submitted_ns)
        elif type(report) is OrderFilled and order.filled_ns == ts_ns:
            self.fill_ns.append(ts_ns - order.acknowledged_ns)


def performance_document(
    live: LivePerformance,
    baseline: Baseline | None,
    verdicts: Verdicts,
    *,
    cone: Cone | None,
    gaps: GapWatch,
    position_mismatches: int,
    sessions: int,
    rows_dropped: int,
    last_ns: int,
) -> dict[str, Json]:
    """The content of live_performance.json as of the last record folded."""
    points = live.account.curve.points
    deepest = max((point.drawdown for point in points), default=None)
    return {
        "schema": SCHEMA,
        "generated_at": format_ns(last_ns),
        **_identity(live.deployment),
        "baseline": _baseline(baseline),
        "baseline_total_return": rounded(baseline.total_return) if baseline else None,
        "live_total_return": rounded(live.account.curve.total_return),
        "max_drawdown": rounded(deepest),
        "max_drawdown_pct": rounded(deepest),
        "last_equity": money(points[-1].equity) if points else None,
        "last_timestamp": points[-1].ts_ns // NS_PER_US if points else None,
        "live": _live(live, baseline, sessions),
        "parity": _parity(position_mismatches),
        "execution": _execution(live),
        "paired": dict.fromkeys(PAIRED_KEYS),
        "cone": _cone(cone, sessions),
        "drawdown": {"live": rounded(deepest), "pct": None, "p95": None, "p99": None},
        "distribution": dict.fromkeys(DISTRIBUTION_KEYS),
        "regime": _regime(points, baseline, live.deployment.periods_per_year),
        "data": {
            "feed_gaps": gaps.gaps,
            "max_gap_s": rounded(gaps.gap_ns_max / NS_PER_S),
            "late_events": None,
            "corrections": None,
            "rows_dropped": rows_dropped,
        },
        "checks": verdicts.rows(),
        "verdict": verdicts.verdict,
        "verdict_reasons": verdicts.reasons,
        "verdict_since": verdicts.since,
        "action_taken": None,
    }


def _identity(deployment: Deployment) -> dict[str, Json]:
    return {
        "deployment_id": deployment.deployment_id,
        "mode": deployment.mode,
        "engine_version": deployment.engine_version,
        "strategy": {
            "id": ",".join(strategy_id for strategy_id, _ in deployment.strategies),
            "version": ",".join(name for _, name in deployment.strategies),
            "params_sha": deployment.strategies_hash,
        },
        "config_sha": deployment.config_hash,
        "code_sha": deployment.code_hash,
    }


def _baseline(baseline: Baseline | None) -> Json:
    if baseline is None:
        return None
    return {
        "path": baseline.path,
        "sha256": baseline.sha256,
        "engine_version": baseline.engine_version,
        "config_sha": baseline.config_hash,
        "data_sha": baseline.data_hash,
        "period": [baseline.start, baseline.end],
        "bars": baseline.bars,
        "freq": baseline.frequency,
        "total_return": baseline.total_return,
        "cagr": baseline.cagr,
        "sharpe": baseline.sharpe,
        "vol_ann": baseline.volatility,
        "max_drawdown": baseline.max_drawdown,
        "compatible": not baseline.incompatibilities,
        "incompatibilities": list(baseline.incompatibilities),
    }


def _live(live: LivePerformance, baseline: Baseline | None, sessions: int) -> dict[str, Json]:
    curve, points = live.account.curve, live.account.curve.points
    per_year = live.deployment.periods_per_year
    figures = live.account.summary(periods_per_year=per_year)
    is_annual = sessions >= ANNUAL_SESSIONS_MIN
    half = None
    if baseline is not None and baseline.sharpe is not None:
        half = 0.5 * baseline.sharpe / per_year**0.5
    returns = curve.returns
    return {
        "start": None if curve.start_ns is None else format_ns(curve.start_ns),
        "end": format_ns(points[-1].ts_ns) if points else None,
        "sessions": sessions,
        "bars": live.account.bars,
        "starting_equity": money(curve.initial_equity),
        "total_return": figures["total_return"],
        "cagr": figures["cagr"] if is_annual else None,
        "sharpe": figures["sharpe_ratio"] if is_annual else None,
        "sortino": figures["sortino_ratio"] if is_annual else None,
        "vol_ann": figures["volatility"] if is_annual else None,
        "max_drawdown": figures["max_drawdown"],
        "turnover": figures["turnover"],
        "exposure_avg": figures["exposure_avg"],
        "closed_trades": figures["closed_trades"],
        "win_rate": figures["win_rate"],
        "psr_vs_half_baseline": (
            None if half is None else rounded(metrics.probabilistic_sharpe(returns, half))
        ),
        "min_trl": None if half is None else rounded(metrics.min_track_record(returns, half)),
    }


def _parity(position_mismatches: int) -> dict[str, Json]:
    return {
        "matched": None,
        "missing": None,
        "extra": None,
        "qty_diff": None,
        "late": None,
        "explained": {"rejected": None, "throttled": None, "risk": None},
        "rate": None,
        "first_divergence": None,
        "position_mismatches": position_mismatches,
    }


def _execution(live: LivePerformance) -> dict[str, Json]:
    tally = live.account.tally
    shortfall = ("delay", "spread", "slippage", "fees", "opportunity", "total", "total_bps")
    error = ("mean_bps", "cs", "mae_bps", "n", "by_symbol", "by_type")
    return {
        "orders": tally.orders,
        "fills": tally.fills,
        "denied": tally.denied,
        "is": dict.fromkeys(shortfall),
        "fill_error": dict.fromkeys(error),
        "fees": {"modelled": None, "actual": money(tally.fees), "diff": None},
        "latency_ms": {
            "decision_to_ack": _percentiles(live.acknowledge_ns),
            "ack_to_fill": _percentiles(live.fill_ns),
        },
        "reject_rate": rounded(tally.rejected / tally.orders) if tally.orders else None,
    }


def _cone(cone: Cone | None, sessions: int) -> dict[str, Json]:
    return {
        "seed": cone.seed if cone else None,
        "block": cone.block if cone else None,
        "n_paths": cone.paths if cone else None,
        "horizon": sessions if cone else None,
        **dict.fromkeys(("z", "pct", "crit_warn", "crit_breach", "exceeded_at")),
    }


def _regime(
    points: Sequence[EquityPoint], baseline: Baseline | None, periods_per_year: float
) -> dict[str, Json]:
    promised = baseline.regime_returns if baseline else {}
    rows = summary.regime_performance(points, periods_per_year=periods_per_year)
    return {
        "by_regime": {
            str(row["regime"]): {
                "time_share": row["time_pct"],
                "ret": row["return"],
                "sharpe": row["sharpe"],
                "baseline_ret": promised.get(str(row["regime"])),
            }
            for row in rows
        },
        "mismatch_rate": None,
        "model_id": None,
        "model_sha": None,
    }


def _percentiles(latencies_ns: Sequence[int]) -> dict[str, Json]:
    values = [latency / NS_PER_MS for latency in latencies_ns]
    return {
        f"p{share * 100:.0f}": rounded(metrics.quantile(values, share))
        for share in (0.5, 0.95, 0.99)
    }
