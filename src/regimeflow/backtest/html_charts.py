"""Charts of a report that need more than one series: regimes behind, trades on prices."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from regimeflow.backtest.artifacts import decimal_text
from regimeflow.backtest.charts import Marker, Series, Span, time_chart
from regimeflow.backtest.equity import EquityPoint
from regimeflow.backtest.figures import count, number, short_amount
from regimeflow.model.market import CorporateAction
from regimeflow.model.order import Side
from regimeflow.model.timestamps import date_from_ns

if TYPE_CHECKING:
    from regimeflow.backtest.report import FillMark, Report

SYMBOLS_MAX = 24
"""Price charts in one report; further symbols are named, not drawn."""
NAMED_STYLES = {
    "calm": "calm", "bull": "calm", "low": "calm",
    "normal": "normal", "neutral": "normal", "medium": "normal",
    "crisis": "crisis", "bear": "crisis", "high": "crisis",
}  # fmt: skip
SPARE_STYLES = ("other", "fifth", "normal", "calm", "crisis")


def regime_spans(points: Sequence[EquityPoint]) -> list[Span]:
    """Stretches of equal regime, from the point before each period to the period's end."""
    styles = _styles(points)
    spans: list[Span] = []
    for earlier, later in pairwise(points):
        if spans and spans[-1].title == later.regime:
            spans[-1] = Span(spans[-1].start_ns, later.ts_ns, spans[-1].style, later.regime)
        else:
            spans.append(Span(earlier.ts_ns, later.ts_ns, styles[later.regime], later.regime))
    return [span for span in spans if span.title]


def regime_legend(points: Sequence[EquityPoint]) -> str:
    """A swatch and a name for each regime that occurred; empty when none did."""
    entries = "".join(
        f'<i class="{style}"></i>{escape(label)}'
        for label, style in _styles(points).items()
        if label
    )
    return f'<span class="legend">{entries}</span>' if entries else ""


def price_section(report: Report) -> Iterator[str]:
    """One chart a symbol: the close, split-adjusted, with the fills on it."""
    symbols = sorted(report.prices)
    for symbol in symbols[:SYMBOLS_MAX]:
        splits = [action for action in report.splits if action.symbol == symbol]
        series = _adjusted(report.prices[symbol], splits)
        fills = [mark for mark in report.fills if mark.fill.symbol == symbol]
        chart = time_chart(
            series,
            name=f"{symbol} price and trades",
            height=230,
            label=short_amount,
            style="price",
            hover=lambda ts_ns, value: f"{date_from_ns(ts_ns)}: {number(value)}",
            markers=[_marker(mark, series) for mark in fills] if series else (),
        )
        legend = (
            '<span class="legend"><span class="gain">▲</span> buy &nbsp; '
            '<span class="loss">▼</span> sell</span>'
        )
        notes = [f"{count(len(fills))} fills"]
        notes += [f"{decimal_text(a.value)}:1 split {date_from_ns(a.ts_venue_ns)}" for a in splits]
        yield (
            f"<section>\n<h2>{escape(symbol)}{legend}</h2>\n{chart}\n"
            f'<p class="note">{escape("; ".join(notes))}.</p>\n</section>'
        )
    if len(symbols) > SYMBOLS_MAX:
        rest = ", ".join(symbols[SYMBOLS_MAX:])
        yield f'<section><p class="empty">Not drawn: {escape(rest)}.</p></section>'


def _styles(points: Sequence[EquityPoint]) -> dict[str, str]:
    styles: dict[str, str] = {"": "plain"}
    spare = 0
    for point in points:
        if point.regime not in styles:
            known = NAMED_STYLES.get(point.regime.lower())
            styles[point.regime] = known or SPARE_STYLES[spare % len(SPARE_STYLES)]
            spare += known is None
    return styles


def _adjusted(series: Series, splits: Sequence[CorporateAction]) -> list[tuple[int, float]]:
    adjusted = list(series)
    for action in splits:
        factor = float(action.value)
        adjusted = [
            (ts_ns, close / factor if ts_ns < action.ts_venue_ns else close)
            for ts_ns, close in adjusted
        ]
    return adjusted


def _marker(mark: FillMark, series: Sequence[tuple[int, float]]) -> Marker:
    fill = mark.fill
    index = max(bisect_right(series, (mark.ts_ns, float("inf"))) - 1, 0)
    title = (
        f"{date_from_ns(mark.ts_ns)} {fill.side} {decimal_text(fill.quantity)} @ "
        f"{decimal_text(fill.price)} {mark.strategy_id}"
    )
    return Marker(mark.ts_ns, series[index][1], fill.side is Side.BUY, title)
