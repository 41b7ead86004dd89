"""The report as one self-contained page: no script, no network, nothing but inline SVG and CSS.

Invariants: every text that came from a user or a venue is escaped; the page forbids itself all
loading (`Content-Security-Policy`), so a hostile name can do nothing even if escaping failed.
The same report gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib import resources
from typing import TYPE_CHECKING

from regimeflow.backtest.artifacts import Json
from regimeflow.backtest.charts import time_chart
from regimeflow.backtest.definitions import DEFINITIONS
from regimeflow.backtest.figures import count, number, percent, short_amount, tone
from regimeflow.backtest.html_charts import price_section, regime_legend, regime_spans
from regimeflow.backtest.html_tables import (
    figure_table,
    heat_table,
    key_table,
    provenance_table,
    realism_table,
    regime_table,
    trade_table,
)
from regimeflow.model.timestamps import date_from_ns

if TYPE_CHECKING:
    from regimeflow.backtest.report import Report

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def render_page(report: Report) -> str:
    """The whole page as text."""
    style = resources.files("regimeflow.backtest").joinpath("report.css").read_text("utf-8")
    document = report.document()
    figures = document["performance_summary"]
    assert isinstance(figures, Mapping)
    body = "\n".join(
        [
            _header(report),
            _headline(figures),
            _equity(report),
            _drawdown(report),
            *price_section(report),
            section("Monthly returns", heat_table(report.curve.points)),
            '<div class="pair">',
            section("Return and risk", figure_table(figures, RETURN_ROWS)),
            section("Trades and activity", figure_table(figures, TRADE_ROWS)),
            section("Realism of the simulation", realism_table(report.header)),
            section("Orders", key_table(report.counts)),
            "</div>",
            section("By regime", regime_table(document["regime_performance"])),
            section("Round trips", trade_table(report.trades)),
            section("Where this came from", provenance_table(document["provenance"])),
            _definitions(),
            f"<footer>RegimeFlow {escape(report.header.engine_version)}. Past performance, and "
            "simulated performance even less, does not tell the future.</footer>",
        ]
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.header.title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def section(title: str, content: str, aside: str = "") -> str:
    """A titled card; `title` is escaped, `content` and `aside` are markup already."""
    return f"<section>\n<h2>{escape(title)}{aside}</h2>\n{content}\n</section>"


RETURN_ROWS = (
    ("Total return", "total_return", percent),
    ("CAGR", "cagr", percent),
    ("Volatility (a year)", "volatility", percent),
    ("Sharpe", "sharpe_ratio", number),
    ("Sortino", "sortino_ratio", number),
    ("Calmar", "calmar_ratio", number),
    ("Maximum drawdown", "max_drawdown", percent),
    ("Longest drawdown (days)", "longest_drawdown_days", count),
    ("Best day", "best_day", percent),
    ("Worst day", "worst_day", percent),
    ("Value at risk 95 % (a day)", "var_95", percent),
    ("Expected shortfall 95 %", "cvar_95", percent),
    ("Skew", "skew", number),
    ("Kurtosis (normal 3)", "kurtosis", number),
)
TRADE_ROWS = (
    ("Closed trades", "closed_trades", count),
    ("Open trades", "open_trades", count),
    ("Win rate", "win_rate", percent),
    ("Profit factor", "profit_factor", number),
    ("Average win", "avg_win", number),
    ("Average loss", "avg_loss", number),
    ("Expectancy", "expectancy", number),
    ("Average holding (days)", "avg_trade_duration_days", number),
    ("Open profit", "open_trades_unrealized_pnl", number),
    ("Average exposure", "exposure_avg", percent),
    ("Time in market", "time_in_market", percent),
    ("Turnover (a year)", "annual_turnover", number),
    ("Value traded", "traded_value", number),
    ("Fees", "fees", number),
)


def _header(report: Report) -> str:
    header = report.header
    names = ", ".join(strategy.name for strategy in header.strategies)
    points = report.curve.points
    period = f"{points[0].session} to {points[-1].session}" if points else "no session"
    badge = (
        '<span class="badge warn">optimistic: see realism</span>'
        if header.is_optimistic
        else '<span class="badge good">realistic costs</span>'
    )
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in header.notes)
    return (
        f"<header>\n<h1>{escape(header.title)}</h1>\n<p>{escape(names)} · "
        f"{escape(', '.join(header.symbols))} · {escape(header.frequency)} · {escape(period)} · "
        f"{count(len(points))} sessions · {escape(header.currency)}</p>\n<p>{badge}</p>{notes}\n"
        "</header>"
    )


def _headline(figures: Mapping[str, Json]) -> str:
    cards: Iterable[tuple[str, str, str]] = (
        ("Total return", percent(figures["total_return"], 1), tone(figures["total_return"])),
        ("CAGR", percent(figures["cagr"], 1), tone(figures["cagr"])),
        ("Sharpe", number(figures["sharpe_ratio"]), ""),
        ("Sortino", number(figures["sortino_ratio"]), ""),
        ("Volatility", percent(figures["volatility"], 1), ""),
        ("Max drawdown", percent(figures["max_drawdown"], 1), ""),
        ("Trades", count(figures["closed_trades"]), ""),
        ("Fees", number(figures["fees"], 0), ""),
    )
    return (
        '<div class="figures">\n'
        + "\n".join(
            f'<div class="figure"><span>{escape(name)}</span>'
            f'<strong class="{style}">{escape(text)}</strong></div>'
            for name, text, style in cards
        )
        + "\n</div>"
    )


def _equity(report: Report) -> str:
    points = report.curve.points
    series = [(point.ts_ns, float(point.equity)) for point in points]
    chart = time_chart(
        series,
        name="Equity",
        height=330,
        label=short_amount,
        style="up",
        hover=lambda ts_ns, value: f"{date_from_ns(ts_ns)}: {number(value)}",
        spans=regime_spans(points),
        baseline=series[0][1] if series else None,
    )
    return section("Equity", chart, regime_legend(points))


def _drawdown(report: Report) -> str:
    chart = time_chart(
        [(point.ts_ns, -point.drawdown) for point in report.curve.points],
        name="Drawdown",
        height=170,
        label=lambda value: percent(value, 0),
        style="down",
        hover=lambda ts_ns, value: f"{date_from_ns(ts_ns)}: {percent(value)}",
        fill_to=0.0,
    )
    return section("Drawdown", chart)


def _definitions() -> str:
    rows: Sequence[str] = [
        f'<tr><td>{escape(name)}</td><td class="wrap">{escape(text)}</td></tr>'
        for name, text in sorted(DEFINITIONS.items())
    ]
    return (
        "<section><details><summary>Definitions</summary><table><tbody>"
        + "".join(rows)
        + "</tbody></table></details></section>"
    )
