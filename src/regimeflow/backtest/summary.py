"""What a run earned, as the dictionaries of `report.json`.

Why: the names are RegimeFlow's own (its readers keep working) and each has one definition,
stated in `DEFINITIONS` and written into every report. What cannot be computed is None.
Returns and drawdowns are fractions; value at risk and drawdown are positive losses.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from regimeflow.backtest import metrics
from regimeflow.backtest.artifacts import Json, money, rounded
from regimeflow.backtest.equity import EquityCurve, EquityPoint
from regimeflow.backtest.order_tally import OrderTally
from regimeflow.backtest.trades import TradeBook

ZERO = Decimal(0)
UNLABELLED = "unknown"


def performance(curve: EquityCurve, *, periods_per_year: float) -> dict[str, Json]:
    """The ten headline numbers."""
    returns = curve.returns
    growth = metrics.growth_index(returns)
    annual = metrics.cagr(curve.total_return, curve.elapsed_s)
    deepest = metrics.max_drawdown(growth)
    return {
        "total_return": rounded(curve.total_return),
        "cagr": rounded(annual),
        "volatility": rounded(metrics.volatility(returns, periods_per_year)),
        "sharpe": rounded(metrics.sharpe(returns, periods_per_year)),
        "sortino": rounded(metrics.sortino(returns, periods_per_year)),
        "calmar": rounded(metrics.calmar(annual, deepest.depth if deepest else None)),
        "var_95": rounded(metrics.value_at_risk(returns, 0.95)),
        "cvar_95": rounded(metrics.expected_shortfall(returns, 0.95)),
        "best_return": rounded(max(returns, default=None)),
        "worst_return": rounded(min(returns, default=None)),
    }


def performance_summary(
    curve: EquityCurve,
    trades: TradeBook,
    tally: OrderTally,
    *,
    periods_per_year: float,
    other_cash: Decimal = ZERO,
) -> dict[str, Json]:
    """Everything about one run; `other_cash` is interest and the like that no trade earned."""
    headline = performance(curve, periods_per_year=periods_per_year)
    returns = curve.returns
    downside = metrics.downside_deviation(returns)
    summary: dict[str, Json] = {
        "total_return": headline["total_return"],
        "cagr": headline["cagr"],
        "volatility": headline["volatility"],
        "sharpe_ratio": headline["sharpe"],
        "sortino_ratio": headline["sortino"],
        "calmar_ratio": headline["calmar"],
        "var_95": headline["var_95"],
        "var_99": rounded(metrics.value_at_risk(returns, 0.99)),
        "cvar_95": headline["cvar_95"],
        "avg_daily_return": rounded(metrics.mean(returns)),
        "downside_deviation": rounded(
            None if downside is None else downside * math.sqrt(periods_per_year)
        ),
        "omega_ratio": rounded(metrics.omega(returns)),
        "ulcer_index": rounded(metrics.ulcer_index(metrics.growth_index(returns))),
        "tail_ratio": rounded(metrics.tail_ratio(returns)),
        "skew": rounded(metrics.skewness(returns)),
        "kurtosis": rounded(metrics.kurtosis(returns)),
        "information_ratio": None,
        "treynor_ratio": None,
    }
    summary |= _extremes(curve.points)
    summary |= _drawdown(curve)
    summary |= _activity(curve, trades.traded_value, tally.fees)
    return summary | _trades(curve, trades, other_cash)


def regime_performance(
    points: Sequence[EquityPoint], *, periods_per_year: float
) -> list[dict[str, Json]]:
    """Returns grouped by the regime known when each period began, by label."""
    groups: dict[str, list[float]] = defaultdict(list)
    for point in points:
        groups[point.regime or UNLABELLED].append(point.period_return)
    return [
        {
            "regime": label,
            "return": rounded(metrics.compound(group)),
            "avg_return": rounded(metrics.mean(group)),
            "sharpe": rounded(metrics.sharpe(group, periods_per_year)),
            "max_drawdown": rounded(_depth(group)),
            "time_pct": rounded(len(group) / len(points)),
            "observations": len(group),
        }
        for label, group in sorted(groups.items())
    ]


def transitions(points: Sequence[EquityPoint]) -> list[dict[str, Json]]:
    """Returns of the first period that began in a new regime, by pair of labels."""
    groups: dict[tuple[str, str], list[float]] = defaultdict(list)
    for earlier, later in pairwise(points):
        pair = (earlier.regime or UNLABELLED, later.regime or UNLABELLED)
        if pair[0] != pair[1]:
            groups[pair].append(later.period_return)
    return [
        {
            "from": pair[0],
            "to": pair[1],
            "avg_return": rounded(metrics.mean(group)),
            "volatility": rounded(metrics.deviation(group)),
            "observations": len(group),
        }
        for pair, group in sorted(groups.items())
    ]


def monthly_returns(points: Sequence[EquityPoint]) -> dict[str, float]:
    """Compounded return by calendar month, keyed `YYYY-MM`, oldest first."""
    months: dict[str, list[float]] = defaultdict(list)
    for point in points:
        months[point.session[:7]].append(point.period_return)
    return {month: metrics.growth_index(group)[-1] - 1.0 for month, group in months.items()}


def _extremes(points: Sequence[EquityPoint]) -> dict[str, Json]:
    months = monthly_returns(points)
    best = max(points, key=lambda point: point.period_return, default=None)
    worst = min(points, key=lambda point: point.period_return, default=None)
    best_month = max(months, key=lambda month: months[month], default=None)
    worst_month = min(months, key=lambda month: months[month], default=None)
    return {
        "best_day": rounded(best.period_return) if best else None,
        "best_day_date": best.session if best else None,
        "worst_day": rounded(worst.period_return) if worst else None,
        "worst_day_date": worst.session if worst else None,
        "avg_monthly_return": rounded(metrics.mean(list(months.values()))),
        "best_month": rounded(months[best_month]) if best_month else None,
        "best_month_date": f"{best_month}-01" if best_month else None,
        "worst_month": rounded(months[worst_month]) if worst_month else None,
        "worst_month_date": f"{worst_month}-01" if worst_month else None,
    }


def _drawdown(curve: EquityCurve) -> dict[str, Json]:
    growth = [1.0, *(point.growth for point in curve.points)]
    times = [curve.start_ns or 0, *(point.ts_ns for point in curve.points)]
    dates = [None, *(point.session for point in curve.points)]
    deepest = metrics.max_drawdown(growth)
    longest = metrics.longest_under_water(growth)
    days = (times[longest[1]] - times[longest[0]]) / 86_400e9 if longest else 0.0
    return {
        "max_drawdown": rounded(deepest.depth if deepest else (0.0 if curve.points else None)),
        "max_drawdown_start": dates[deepest.peak] if deepest else None,
        "max_drawdown_end": dates[deepest.trough] if deepest else None,
        "max_drawdown_recovered": (
            dates[deepest.recovery] if deepest and deepest.recovery is not None else None
        ),
        "longest_drawdown_days": rounded(days) if curve.points else None,
    }


def _activity(curve: EquityCurve, traded: Decimal, fees: Decimal) -> dict[str, Json]:
    exposures = [value for point in curve.points if (value := point.exposure) is not None]
    turnover = None
    if curve.points:
        average = sum((point.equity for point in curve.points), ZERO) / len(curve.points)
        turnover = float(traded / average) if average > 0 else None
    years = curve.elapsed_s / metrics.SECONDS_PER_YEAR
    in_market = sum(point.gross_exposure > 0 for point in curve.points)
    return {
        "exposure_avg": rounded(metrics.mean(exposures)),
        "time_in_market": rounded(in_market / len(curve.points)) if curve.points else None,
        "turnover": rounded(turnover),
        "annual_turnover": rounded(turnover / years) if turnover is not None and years else None,
        "traded_value": money(traded),
        "fees": money(fees),
    }


def _trades(curve: EquityCurve, trades: TradeBook, other_cash: Decimal) -> dict[str, Json]:
    closed = trades.totals
    count, won, lost = closed.count, closed.won, closed.lost
    return {
        "total_trades": count,
        "closed_trades": count,
        "open_trades": len(trades.open),
        "winning_trades": closed.winning,
        "losing_trades": closed.losing,
        "open_trades_unrealized_pnl": money(open_profit(curve, closed.earned, other_cash)),
        "open_trades_snapshot_date": curve.points[-1].session if curve.points else None,
        "win_rate": rounded(closed.winning / count) if count else None,
        "profit_factor": rounded(float(won / -lost)) if lost else None,
        "avg_win": rounded(float(won / closed.winning)) if won else None,
        "avg_loss": rounded(float(lost / closed.losing)) if lost else None,
        "win_loss_ratio": (
            rounded(float((won / closed.winning) / (-lost / closed.losing)))
            if won and lost
            else None
        ),
        "expectancy": rounded(float(closed.earned / count)) if count else None,
        "avg_trade_duration_days": rounded(closed.held_ns / 86_400e9 / count) if count else None,
    }


def open_profit(curve: EquityCurve, closed: Decimal, other_cash: Decimal) -> Decimal | None:
    """Profit so far of what is still open: all that was earned, less what closed trades earned."""
    if not curve.points or curve.initial_equity is None:
        return None
    last = curve.points[-1]
    earned = last.equity - curve.initial_equity - last.cash_flows
    return earned - closed - other_cash


def _depth(returns: Sequence[float]) -> float:
    deepest = metrics.max_drawdown(metrics.growth_index(returns))
    return deepest.depth if deepest else 0.0
