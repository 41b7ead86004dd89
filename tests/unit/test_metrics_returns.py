"""Statistics of returns: against numbers worked by hand, and against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.backtest import metrics

SERIES = [0.01, -0.02, 0.03, 0.0, -0.01, 0.02, -0.005]


def test_volatility_is_the_sample_deviation_annualised() -> None:
    # Mean 0; squares 1 + 1 over n - 1 = 1, so the deviation of (1 %, -1 %) is sqrt(2) %.
    expected = math.sqrt(2) * 0.01 * math.sqrt(252)
    assert metrics.volatility([0.01, -0.01], 252) == pytest.approx(expected)


def test_sharpe_by_hand() -> None:
    # Mean 1 %, deviation of (0, 2 %) is sqrt(2) %: 1 / sqrt(2), times sqrt(4).
    assert metrics.sharpe([0.0, 0.02], 4) == pytest.approx(2 / math.sqrt(2))


def test_sortino_divides_by_losses_over_all_periods() -> None:
    # Root mean square of (0, -2 %) over two periods is 2 % / sqrt(2); the mean is 1 %.
    assert metrics.sortino([0.04, -0.02], 1) == pytest.approx(0.01 / (0.02 / math.sqrt(2)))


def test_constant_returns_have_no_sharpe_rather_than_an_enormous_one() -> None:
    assert metrics.sharpe([0.001] * 50, 252) is None
    assert metrics.skewness([0.001] * 50) is None


@pytest.mark.parametrize("returns", [[], [0.01]])
def test_too_few_periods_give_none(returns: list[float]) -> None:
    assert metrics.deviation(returns) is None
    assert metrics.sharpe(returns, 252) is None
    assert metrics.probabilistic_sharpe(returns, 0.0) is None


def test_cagr_doubles_in_one_year() -> None:
    assert metrics.cagr(1.0, metrics.SECONDS_PER_YEAR) == pytest.approx(1.0)
    assert metrics.cagr(3.0, 2 * metrics.SECONDS_PER_YEAR) == pytest.approx(1.0)


def test_cagr_of_a_moment_is_none_not_infinite() -> None:
    assert metrics.cagr(0.5, 0.0) is None
    assert metrics.cagr(9.0, 1e-3) is None


def test_max_drawdown_names_peak_trough_and_recovery() -> None:
    growth = [1.0, 1.2, 0.9, 1.0, 1.2, 1.3, 1.25]
    found = metrics.max_drawdown(growth)
    assert found is not None
    assert found.depth == pytest.approx(0.25)
    assert (found.peak, found.trough, found.recovery) == (1, 2, 4)


def test_drawdown_that_has_not_recovered_says_so() -> None:
    found = metrics.max_drawdown([1.0, 2.0, 1.0])
    assert found is not None
    assert found.recovery is None


def test_rising_index_has_no_drawdown() -> None:
    assert metrics.max_drawdown([1.0, 1.1, 1.1, 1.2]) is None
    assert metrics.longest_under_water([1.0, 1.1, 1.1, 1.2]) is None


def test_longest_time_under_water_counts_an_unfinished_one() -> None:
    assert metrics.longest_under_water([1.0, 0.9, 1.0, 0.9, 0.8, 0.95]) == (2, 5)
    assert metrics.longest_under_water([1.0, 0.9, 0.8, 1.0, 0.9]) == (0, 3)


def test_value_at_risk_is_a_positive_loss() -> None:
    returns = [number / 100 for number in range(-10, 11)]
    assert metrics.value_at_risk(returns, 0.95) == pytest.approx(0.09)
    assert metrics.expected_shortfall(returns, 0.95) == pytest.approx(0.095)


def test_statistics_agree_with_numpy() -> None:
    values = np.asarray(SERIES)
    centred = values - values.mean()
    second = (centred**2).mean()
    assert metrics.mean(SERIES) == pytest.approx(values.mean())
    assert metrics.deviation(SERIES) == pytest.approx(values.std(ddof=1))
    assert metrics.skewness(SERIES) == pytest.approx((centred**3).mean() / second**1.5)
    assert metrics.kurtosis(SERIES) == pytest.approx((centred**4).mean() / second**2)
    growth = np.concatenate([[1.0], np.cumprod(1.0 + values)])
    falls = 1.0 - growth / np.maximum.accumulate(growth)
    found = metrics.max_drawdown(metrics.growth_index(SERIES))
    assert found is not None
    assert found.depth == pytest.approx(falls.max())
    assert metrics.ulcer_index(metrics.growth_index(SERIES)) == pytest.approx(
        np.sqrt((falls**2).mean())
    )


@pytest.mark.parametrize("probability", [0.0, 0.01, 0.05, 0.5, 0.95, 1.0])
def test_quantiles_agree_with_numpy(probability: float) -> None:
    assert metrics.quantile(SERIES, probability) == pytest.approx(
        np.quantile(np.asarray(SERIES), probability)
    )


def test_normal_returns_give_the_textbook_probabilistic_sharpe() -> None:
    """A symmetric two-point law has skew 0 and kurtosis 1, which makes the formula short."""
    returns = [0.03, -0.01] * 8
    ratio = metrics.sharpe(returns, 1.0)
    assert ratio is not None
    expected = 0.5 * (1 + math.erf(ratio * math.sqrt(15) / math.sqrt(2)))
    assert metrics.probabilistic_sharpe(returns, 0.0) == pytest.approx(expected)


def test_track_record_is_long_enough_exactly_when_confidence_is_reached() -> None:
    returns = [0.02, -0.01, 0.015, -0.005, 0.01] * 6
    needed = metrics.min_track_record(returns, 0.0)
    confidence = metrics.probabilistic_sharpe(returns, 0.0)
    assert needed is not None
    assert confidence is not None
    assert (len(returns) >= needed) == (confidence >= 0.95)
    assert metrics.min_track_record([-value for value in returns], 0.0) is None


@given(st.lists(st.floats(-0.5, 0.5), min_size=2, max_size=60))
def test_no_statistic_is_ever_nan_or_infinite(returns: list[float]) -> None:
    growth = metrics.growth_index(returns)
    results = [
        metrics.sharpe(returns, 252), metrics.sortino(returns, 252), metrics.omega(returns),
        metrics.tail_ratio(returns), metrics.skewness(returns), metrics.kurtosis(returns),
        metrics.ulcer_index(growth), metrics.probabilistic_sharpe(returns, 0.1),
        metrics.min_track_record(returns, 0.0), metrics.value_at_risk(returns, 0.99),
    ]  # fmt: skip
    assert all(value is None or math.isfinite(value) for value in results)
