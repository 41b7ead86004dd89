"""Performance statistics of a series of periodic returns; pure functions, plain floats.

Why here: a backtest's report and the live performance file must mean the same thing by the
same word, so both call these. Every function takes simple (not log) returns of equal periods,
oldest first, and returns None where the number does not exist (too few periods, no
variation), never NaN, zero or infinity in its place. Sums are exact to the last bit
(`math.fsum`), so results do not depend on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import msgspec

SECONDS_PER_YEAR = 365.25 * 86_400.0
_FLAT = 1e-12
"""A spread below this fraction of the largest return is rounding, not variation."""


class Drawdown(msgspec.Struct, frozen=True):
    """The deepest fall of a growth index from its peak.

    `depth` is a positive fraction of the peak. The indices are positions in the growth
    series given: peak, lowest point, and the first point back at the peak (None: not yet).
    """

    depth: float
    peak: int
    trough: int
    recovery: int | None


def mean(returns: Sequence[float]) -> float | None:
    """Arithmetic mean; None for no values."""
    return math.fsum(returns) / len(returns) if returns else None


def deviation(returns: Sequence[float]) -> float | None:
    """Sample standard deviation (n - 1 below); None for fewer than two values."""
    if len(returns) < 2:
        return None
    centre = math.fsum(returns) / len(returns)
    squares = math.fsum((value - centre) ** 2 for value in returns)
    result = math.sqrt(squares / (len(returns) - 1))
    return 0.0 if result <= _FLAT * max(abs(value) for value in returns) else result


def downside_deviation(returns: Sequence[float]) -> float | None:
    """Root mean square of the returns below zero, over all n periods (target zero).

    Source: Sortino and Price, "Performance Measurement in a Downside Risk Framework",
    Journal of Investing 3(3), 1994.
    """
    if not returns:
        return None
    return math.sqrt(math.fsum(min(value, 0.0) ** 2 for value in returns) / len(returns))


def volatility(returns: Sequence[float], periods_per_year: float) -> float | None:
    """Annualised standard deviation: per period, times the root of periods per year."""
    spread = deviation(returns)
    return None if spread is None else spread * math.sqrt(periods_per_year)


def sharpe(returns: Sequence[float], periods_per_year: float) -> float | None:
    """Annualised mean over standard deviation, with a risk-free rate of zero.

    Source: Sharpe, "The Sharpe Ratio", Journal of Portfolio Management 21(1), 1994.
    """
    return _ratio(mean(returns), deviation(returns), math.sqrt(periods_per_year))


def sortino(returns: Sequence[float], periods_per_year: float) -> float | None:
    """Annualised mean over downside deviation (target zero); source as there."""
    return _ratio(mean(returns), downside_deviation(returns), math.sqrt(periods_per_year))


def cagr(total_return: float | None, elapsed_s: float) -> float | None:
    """Compound annual growth over `elapsed_s` of calendar time; a year is 365.25 days."""
    if total_return is None or elapsed_s <= 0.0 or total_return < -1.0:
        return None
    try:
        return float((1.0 + total_return) ** (SECONDS_PER_YEAR / elapsed_s)) - 1.0
    except OverflowError:
        return None


def calmar(annual_growth: float | None, depth: float | None) -> float | None:
    """Compound annual growth over maximum drawdown, over the whole period.

    Source: Young, "Calmar Ratio: A Smoother Tool", Futures, October 1991 (there 36 months).
    """
    return _ratio(annual_growth, depth)


def growth_index(returns: Sequence[float]) -> list[float]:
    """Value of one unit invested at the start: 1.0, then after each period (n + 1 values)."""
    index = [1.0]
    for value in returns:
        index.append(index[-1] * (1.0 + value))
    return index


def drawdowns(growth: Sequence[float]) -> list[float]:
    """Fall from the highest value so far, as a positive fraction, at each point."""
    falls: list[float] = []
    peak = 0.0
    for value in growth:
        peak = max(peak, value)
        falls.append((peak - value) / peak if peak > 0.0 else 0.0)
    return falls


def max_drawdown(growth: Sequence[float]) -> Drawdown | None:
    """The deepest drawdown, the first of equals; None when the index never falls."""
    best: Drawdown | None = None
    peak = 0
    for index, value in enumerate(growth):
        if value > growth[peak]:
            peak = index
        depth = (growth[peak] - value) / growth[peak] if growth[peak] > 0.0 else 0.0
        if depth > (best.depth if best else 0.0):
            best = Drawdown(depth=depth, peak=peak, trough=index, recovery=None)
    if best is None:
        return None
    back = (i for i in range(best.trough, len(growth)) if growth[i] >= growth[best.peak])
    return msgspec.structs.replace(best, recovery=next(back, None))


def longest_under_water(growth: Sequence[float]) -> tuple[int, int] | None:
    """Longest stretch below a former peak: indices of the peak and of recovery (or the end)."""
    longest: tuple[int, int] | None = None
    peak = 0
    for index, value in enumerate(growth):
        has_ended = value >= growth[peak]
        if has_ended or index == len(growth) - 1:
            if index - peak > 1 or not has_ended:
                longest = max(longest or (peak, index), (peak, index), key=lambda s: s[1] - s[0])
            peak = index
    return longest


def quantile(returns: Sequence[float], probability: float) -> float | None:
    """Empirical quantile with linear interpolation (type 7 of Hyndman and Fan, 1996)."""
    if not returns:
        return None
    ordered = sorted(returns)
    position = probability * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    share = position - below
    return ordered[below] * (1.0 - share) + ordered[above] * share


def value_at_risk(returns: Sequence[float], confidence: float) -> float | None:
    """Historical value at risk of one period as a loss: minus the (1 - confidence) quantile."""
    worst = quantile(returns, 1.0 - confidence)
    return None if worst is None else -worst


def expected_shortfall(returns: Sequence[float], confidence: float) -> float | None:
    """Mean loss of the periods at or beyond the value at risk (CVaR), as a loss."""
    worst = quantile(returns, 1.0 - confidence)
    if worst is None:
        return None
    centre = mean([value for value in returns if value <= worst])
    return None if centre is None else -centre


def skewness(returns: Sequence[float]) -> float | None:
    """Third standardised moment, population form (m3 / m2^1.5)."""
    return _standardised_moment(returns, 3)


def kurtosis(returns: Sequence[float]) -> float | None:
    """Fourth standardised moment, population form, not excess: a normal law has 3."""
    return _standardised_moment(returns, 4)


def omega(returns: Sequence[float]) -> float | None:
    """Sum of gains over sum of losses, threshold zero.

    Source: Keating and Shadwick, "A Universal Performance Measure", 2002.
    """
    gains = math.fsum(value for value in returns if value > 0.0)
    return _ratio(gains, math.fsum(-value for value in returns if value < 0.0))


def ulcer_index(growth: Sequence[float]) -> float | None:
    """Root mean square drawdown as a fraction. Source: Martin and McCann, 1989."""
    falls = drawdowns(growth)
    return math.sqrt(math.fsum(fall**2 for fall in falls) / len(falls)) if falls else None


def tail_ratio(returns: Sequence[float]) -> float | None:
    """Absolute 95 % quantile over absolute 5 % quantile."""
    best, worst = quantile(returns, 0.95), quantile(returns, 0.05)
    return None if best is None or worst is None else _ratio(abs(best), abs(worst))


def probabilistic_sharpe(returns: Sequence[float], benchmark: float) -> float | None:
    """Probability that the true per-period Sharpe ratio exceeds `benchmark` (per period).

    Source: Bailey and Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of
    Risk 15(2), 2012: Phi((SR - b) sqrt(n - 1) / sqrt(1 - g3 SR + (g4 - 1) / 4 SR^2)).
    """
    ratio, spread = sharpe(returns, 1.0), _sharpe_variance(returns)
    if ratio is None or spread is None:
        return None
    return NormalDist().cdf((ratio - benchmark) * math.sqrt((len(returns) - 1) / spread))


def min_track_record(
    returns: Sequence[float], benchmark: float, confidence: float = 0.95
) -> float | None:
    """Periods needed before the Sharpe ratio seen beats `benchmark` with `confidence`.

    None when it does not beat it at all. Source: as `probabilistic_sharpe`.
    """
    ratio, spread = sharpe(returns, 1.0), _sharpe_variance(returns)
    if ratio is None or spread is None or ratio <= benchmark:
        return None
    return 1.0 + spread * (NormalDist().inv_cdf(confidence) / (ratio - benchmark)) ** 2


def compound(returns: Sequence[float]) -> float | None:
    """Total return of the periods in a row; None for none."""
    return growth_index(returns)[-1] - 1.0 if returns else None


def _sharpe_variance(returns: Sequence[float]) -> float | None:
    ratio, third, fourth = sharpe(returns, 1.0), skewness(returns), kurtosis(returns)
    if ratio is None or third is None or fourth is None:
        return None
    spread = 1.0 - third * ratio + (fourth - 1.0) / 4.0 * ratio**2
    return spread if spread > 0.0 else None


def _standardised_moment(returns: Sequence[float], order: int) -> float | None:
    if not deviation(returns):
        return None
    centre = math.fsum(returns) / len(returns)
    second = math.fsum((value - centre) ** 2 for value in returns) / len(returns)
    higher = math.fsum((value - centre) ** order for value in returns) / len(returns)
    return float(higher / second ** (order / 2))


def _ratio(above: float | None, below: float | None, scale: float = 1.0) -> float | None:
    if above is None or below is None or below <= 0.0:
        return None
    result = above / below * scale
    return result if math.isfinite(result) else None
