"""Harmonic patterns: swings, ratios, and what is ordered at point D."""

from __future__ import annotations

import random
from decimal import Decimal
from itertools import pairwise

import pytest

from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.strategy.base import Parameter
from regimeflow.strategy.builtin.harmonic_pattern import HarmonicPattern
from regimeflow.strategy.builtin.harmonic_ratios import (
    PATTERNS,
    HarmonicRatios,
    Span,
    best_match,
)
from regimeflow.strategy.builtin.zigzag import Pivot, ZigZag
from tests.unit.fake_context import FakeContext, bars_of, feed, start

# Points of a textbook bullish Gartley: AB .618 of XA, BC .618 of AB, AD .786 of XA.
GARTLEY = [100.0, 120.0, 107.64, 115.28, 104.28]
# A Crab: AD 1.618 of XA; AB .56 of it, where neither Bat nor Gartley begins.
CRAB = [100.0, 120.0, 108.8, 117.76, 87.64]


def path(points: list[float], *, step: int = 8, lead: int = 10) -> list[float]:
    """Closes that run in straight lines through `points`, after a flat start."""
    closes = [points[0] * (1.05 if points[0] < points[1] else 0.95)] * lead
    for begin, end in zip([closes[-1], *points], points, strict=False):
        closes += [begin + (end - begin) * n / step for n in range(1, step + 1)]
    return closes


def mirrored(points: list[float]) -> list[float]:
    return [220.0 - point for point in points]


def trader(**params: Parameter) -> tuple[HarmonicPattern, FakeContext]:
    strategy = HarmonicPattern()
    settings: dict[str, Parameter] = {"symbol": "A", "min_bars": 45, "tolerance": 0.05}
    return strategy, start(strategy, FakeContext(("A",), {**settings, **params}))


def test_zigzag_pivots_equal_those_of_a_search_over_the_whole_series() -> None:
    """Oracle: walk back from each confirmed turn to the extreme before it."""
    rng = random.Random(4)
    closes = [100.0]
    for _ in range(600):
        closes.append(closes[-1] * (1.0 + rng.gauss(0.0, 0.012)))
    zigzag = ZigZag(0.03)
    found: list[Pivot] = []
    for close in closes:
        before = len(found)
        zigzag.add(close)
        if zigzag.pivots and (not found or zigzag.pivots[-1] != found[-1]):
            found.append(zigzag.pivots[-1])
        assert len(found) <= before + 1
    assert len(found) > 20
    for earlier, later in pairwise(found[1:]):
        between = closes[earlier.bar_number : later.bar_number + 1]
        assert later.price in (min(between), max(between))
        assert earlier.price in (min(between), max(between))
        assert abs(later.price / earlier.price - 1.0) >= 0.029


def test_ratio_scores_one_inside_its_span_and_falls_to_nothing_at_the_tolerance() -> None:
    span = Span(0.5, 0.6)
    scores = [span.score(ratio, 0.1) for ratio in (0.44, 0.475, 0.5, 0.55, 0.6, 0.63, 0.7)]
    assert scores == pytest.approx([0.0, 0.5, 1.0, 1.0, 1.0, 0.5, 0.0])
    assert Span(0.786, 0.786).score(0.786, 0.0) == 1.0
    assert Span(0.786, 0.786).score(0.787, 0.0) == 0.0


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_textbook_points_of_each_pattern_are_recognised(
    pattern: HarmonicRatios, sign: float
) -> None:
    """B and D in the middle of the table; some C between fits BC and CD as well."""
    recognised = set()
    b = 20.0 - 20.0 * (pattern.ab_of_xa.low + pattern.ab_of_xa.high) / 2
    d = 20.0 - 20.0 * pattern.ad_of_xa.low
    for tenth in range(11):
        c = b + (20.0 - b) * (0.382 + 0.504 * tenth / 10)
        match = best_match(0.0, sign * 20, sign * b, sign * c, sign * d, tolerance=0.03)
        if match is not None:
            recognised.add((match.pattern.name, round(match.confidence, 9) == 1.0))
    assert (pattern.name, True) in recognised


def test_points_that_fit_nothing_match_nothing() -> None:
    assert best_match(0.0, 20.0, 18.0, 19.0, 17.0, tolerance=0.1) is None
    assert best_match(0.0, 0.0, 0.0, 0.0, 0.0, tolerance=0.1) is None


def test_bullish_gartley_is_bought_at_market_once_as_it_reaches_d() -> None:
    strategy, ctx = trader()
    feed(strategy, bars_of("A", [*path(GARTLEY), 104.2, 104.1, 104.0]))
    (order,) = ctx.orders
    assert (order.side, order.order_type, order.tag) == (Side.BUY, OrderType.MARKET, "gartley")
    assert Decimal(5) < order.quantity <= Decimal(15)


def test_moderate_fit_in_a_wide_bar_rests_as_a_passive_limit() -> None:
    strategy, ctx = trader(aggressive_confidence_threshold=1.1)
    bars = bars_of("A", path(GARTLEY))
    feed(strategy, bars)
    (order,) = ctx.orders
    close = next(bar.close for bar in bars if bar.ts_close_ns == order.created_ns)
    assert order.order_type is OrderType.LIMIT
    assert float(order.limit_price or 0) == pytest.approx(close * (1 - 2e-4))
    for change in ({"use_limit": False}, {"vol_threshold_pct": 0.5}):
        strategy, ctx = trader(**{"aggressive_confidence_threshold": 1.1, **change})
        feed(strategy, bars)
        assert [order.order_type for order in ctx.orders] == [OrderType.MARKET]


def test_pattern_that_reaches_beyond_x_is_taken_at_market() -> None:
    strategy, ctx = trader(aggressive_confidence_threshold=1.1)
    feed(strategy, bars_of("A", path(CRAB, step=8)))
    assert [(order.tag, order.order_type) for order in ctx.orders] == [("crab", OrderType.MARKET)]


def test_bearish_pattern_closes_a_long_and_shorts_only_when_allowed() -> None:
    bars = bars_of("A", path(mirrored(GARTLEY)))
    strategy, ctx = trader()
    feed(strategy, bars)
    assert ctx.orders == []
    strategy, ctx = trader(allow_short=True)
    feed(strategy, bars)
    assert [order.side for order in ctx.orders] == [Side.SELL]
    strategy, ctx = trader()
    ctx.buy("A", 7)
    feed(strategy, bars)
    assert ctx.get_position("A").quantity == 0
    strategy, ctx = trader(allow_short=True)
    ctx.buy("A", 7)
    feed(strategy, bars)
    assert ctx.get_position("A").quantity < 0


def test_nothing_is_ordered_while_an_order_works_or_the_side_is_held() -> None:
    strategy, ctx = trader()
    ctx.buy("A", 1, limit_price=1)
    feed(strategy, bars_of("A", path(GARTLEY)))
    assert len(ctx.orders) == 1
    strategy, ctx = trader()
    ctx.buy("A", 1)
    feed(strategy, bars_of("A", path(GARTLEY)))
    assert [order.status for order in ctx.orders] == [OrderStatus.FILLED]


def test_pattern_longer_than_the_window_or_before_enough_bars_is_ignored() -> None:
    for params in ({"min_bars": 30}, {"min_bars": 200}, {"min_confidence": 1.0}):
        strategy, ctx = trader(**params)
        feed(strategy, bars_of("A", path(GARTLEY)))
        assert ctx.orders == []


def test_split_inside_a_pattern_leaves_it_whole() -> None:
    closes = path(GARTLEY)
    cut = 30
    strategy, ctx = trader()
    feed(strategy, bars_of("A", closes[:cut]))
    strategy.on_corporate_action(CorporateAction("A", 0, ActionKind.SPLIT, Decimal(4)))
    feed(strategy, bars_of("A", [close / 4 for close in closes[cut:]], first_day=cut))
    assert [order.tag for order in ctx.orders] == ["gartley"]
