"""Tables of the report page. Everything that is not a number of ours is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

from regimeflow.backtest.artifacts import Json, decimal_text
from regimeflow.backtest.equity import EquityPoint
from regimeflow.backtest.figures import DASH, count, number, percent, tone
from regimeflow.backtest.metrics import growth_index
from regimeflow.backtest.report_header import ReportHeader
from regimeflow.backtest.round_trip import RoundTrip
from regimeflow.backtest.summary import monthly_returns
from regimeflow.backtest.trades import TradeBook
from regimeflow.model.timestamps import date_from_ns

TRADES_SHOWN = 40
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEAT_FULL = 0.10
"""A monthly return of this size has the deepest colour."""

Row = tuple[str, str, Callable[[object], str]]


def heat_table(points: Sequence[EquityPoint]) -> str:
    """Years down, months across, coloured by sign and size, with the year's total."""
    months = monthly_returns(points)
    years = sorted({month[:4] for month in months})
    if not years:
        return '<p class="empty">No session yet.</p>'
    head = "".join(f"<th>{name}</th>" for name in (*MONTHS, "Year"))
    rows = []
    for year in years:
        inside = [months.get(f"{year}-{number:02d}") for number in range(1, 13)]
        total = growth_index([value for value in inside if value is not None])[-1] - 1.0
        cells = "".join(_heat_cell(value, HEAT_FULL) for value in inside)
        rows.append(f"<tr><th>{escape(year)}</th>{cells}{_heat_cell(total, HEAT_FULL * 3)}</tr>")
    return (
        f'<div class="scroll"><table class="heat"><thead><tr><th></th>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def figure_table(figures: Mapping[str, Json], rows: Sequence[Row]) -> str:
    """Name and value, from `(label, key, format)` rows."""
    return _table((), [(escape(label), escape(form(figures[key]))) for label, key, form in rows])


def key_table(values: Mapping[str, Json]) -> str:
    """Counts by name."""
    rows = [(escape(key.replace("_", " ").capitalize()), count(values[key])) for key in values]
    return _table((), rows)


def realism_table(header: ReportHeader) -> str:
    """What was simulated and how; a missing item is why a report is optimistic."""
    if not header.realism:
        return '<p class="empty">Nothing was stated about costs: treat this as optimistic.</p>'
    rows = [
        (
            escape(item.name),
            f'<span class="{"gain" if item.is_met else "loss"}">'
            f"{'✓' if item.is_met else 'missing'}</span> {escape(item.setting)}",
        )
        for item in header.realism
    ]
    return f'<div class="prose">{_table((), rows)}</div>'


def regime_table(regimes: Json) -> str:
    """Performance by regime label."""
    assert isinstance(regimes, list)
    if not regimes:
        return '<p class="empty">No session yet.</p>'
    rows = [
        (
            escape(str(row["regime"])),
            _signed(row["return"]),
            _signed(row["avg_return"], 3),
            number(row["sharpe"]),
            percent(row["max_drawdown"]),
            percent(row["time_pct"], 1),
            count(row["observations"]),
        )
        for row in regimes
    ]
    head = ("Regime", "Return", "Mean a session", "Sharpe", "Max drawdown", "Time", "Sessions")
    return _table(head, rows)


def trade_table(trades: TradeBook) -> str:
    """The newest round trips, open ones first; trades.csv has them all."""
    trips = [*reversed(trades.open), *reversed(trades.closed)]
    if not trips:
        return '<p class="empty">No trade.</p>'
    head = (
        "Strategy", "Symbol", "Side", "Opened", "Closed", "Quantity", "Entry", "Exit", "Profit",
        "Return",
    )  # fmt: skip
    note = (
        f'<p class="note">The newest {TRADES_SHOWN} of {count(len(trips))}; '
        "all are in trades.csv.</p>"
        if len(trips) > TRADES_SHOWN
        else ""
    )
    return _table(head, [_trade_row(trip) for trip in trips[:TRADES_SHOWN]]) + note


def provenance_table(provenance: Json) -> str:
    """Hashes, versions and seed that make the run repeatable."""
    assert isinstance(provenance, Mapping)
    keys = (
        "engine_version", "code_hash", "strategies_hash", "venue_hash", "config_hash",
        "data_hash", "seed", "bars",
    )  # fmt: skip
    rows = "".join(
        f"<tr><td>{escape(key.replace('_', ' '))}</td>"
        f'<td class="wrap code">{escape(str(provenance[key]))}</td></tr>'
        for key in keys
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _trade_row(trip: RoundTrip) -> tuple[str, ...]:
    profit = None if trip.closed_ns is None else float(trip.cash_flow)
    return (
        escape(trip.strategy_id or DASH),
        escape(trip.symbol),
        "long" if trip.direction > 0 else "short",
        str(date_from_ns(trip.opened_ns)),
        "open" if trip.closed_ns is None else str(date_from_ns(trip.closed_ns)),
        decimal_text(trip.entry_quantity),
        number(None if trip.entry_price is None else float(trip.entry_price)),
        number(None if trip.exit_price is None else float(trip.exit_price)),
        f'<span class="{tone(profit)}">{number(profit)}</span>',
        _signed(trip.return_on_entry),
    )


def _heat_cell(value: float | None, full: float) -> str:
    if value is None:
        return "<td></td>"
    depth = min(abs(value) / full, 1.0) * 0.62
    colour = "gain" if value >= 0 else "loss"
    return (
        f'<td style="background:rgba(var(--{colour}-rgb),{depth:.3f})">'
        f"{escape(number(value * 100, 1))}</td>"
    )


def _signed(value: object, digits: int = 2) -> str:
    return f'<span class="{tone(value)}">{escape(percent(value, digits))}</span>'


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    titles = "".join(f"<th>{escape(title)}</th>" for title in head)
    body = "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows)
    top = f"<thead><tr>{titles}</tr></thead>" if head else ""
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'
