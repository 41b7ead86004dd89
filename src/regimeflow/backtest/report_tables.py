"""The tables of a report: equity, trades, and the provenance that makes it a baseline."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

import msgspec

from regimeflow.backtest.artifacts import Json, decimal_text, float_text, money, rounded
from regimeflow.backtest.equity import EquityCurve
from regimeflow.backtest.report_header import ReportHeader
from regimeflow.backtest.round_trip import RoundTrip
from regimeflow.backtest.trades import TradeBook
from regimeflow.model.timestamps import format_ns

EQUITY_COLUMNS = (
    "date,timestamp_ns,equity,return,growth,drawdown,cash,gross_exposure,net_exposure,"
    "cash_flows,regime"
)
TRADE_COLUMNS = (
    "strategy,symbol,direction,opened,closed,opened_ns,closed_ns,quantity,open_quantity,"
    "entry_price,exit_price,fills,fees,income,pnl,return_on_entry,holding_days"
)


def equity_csv(curve: EquityCurve) -> bytes:
    """One row a session; an empty cell is a number that does not exist."""
    return _csv(
        EQUITY_COLUMNS,
        (
            (
                point.session,
                str(point.ts_ns),
                decimal_text(point.equity),
                float_text(point.period_return),
                float_text(point.growth),
                float_text(point.drawdown),
                decimal_text(point.cash),
                decimal_text(point.gross_exposure),
                decimal_text(point.net_exposure),
                decimal_text(point.cash_flows),
                point.regime,
            )
            for point in curve.points
        ),
    )


def trades_csv(trades: TradeBook) -> bytes:
    """One row a round trip: closed ones in order of closing, then those still open."""
    return _csv(TRADE_COLUMNS, (_trade_row(trip) for trip in (*trades.closed, *trades.open)))


def equity_series(curve: EquityCurve) -> list[dict[str, Json]]:
    """The series a live run is compared with, one row a session."""
    return [
        {
            "date": point.session,
            "timestamp": point.ts_ns,
            "equity": money(point.equity),
            "return": rounded(point.period_return),
        }
        for point in curve.points
    ]


def provenance(header: ReportHeader, curve: EquityCurve, *, bars: int) -> dict[str, Json]:
    """Where the run came from: hashes, period, seed; `compared` names what live is held to."""
    points = curve.points
    return {
        "strategies": [msgspec.to_builtins(strategy) for strategy in header.strategies],
        "strategies_hash": header.strategies_hash,
        "venue_hash": header.venue_hash,
        "config_hash": header.config_hash,
        "data_hash": header.data_hash,
        "code_hash": header.code_hash,
        "engine_version": header.engine_version,
        "compared": ["strategies_hash", "venue_hash", "data_hash"],
        "seed": header.seed,
        "symbols": list(header.symbols),
        "period": {"start": header.period_start, "end": header.period_end},
        "first_session": points[0].session if points else None,
        "last_session": points[-1].session if points else None,
        "sessions": len(points),
        "bars": bars,
        "frequency": header.frequency,
        "periods_per_year": header.periods_per_year,
        "currency": header.currency,
        "initial_equity": money(curve.initial_equity),
    }


def _trade_row(trip: RoundTrip) -> Sequence[str]:
    is_closed = trip.closed_ns is not None
    return (
        trip.strategy_id,
        trip.symbol,
        "long" if trip.direction > 0 else "short",
        format_ns(trip.opened_ns),
        format_ns(trip.closed_ns) if trip.closed_ns is not None else "",
        str(trip.opened_ns),
        str(trip.closed_ns) if trip.closed_ns is not None else "",
        decimal_text(trip.entry_quantity),
        decimal_text(abs(trip.quantity)),
        float_text(None if trip.entry_price is None else float(trip.entry_price)),
        float_text(None if trip.exit_price is None else float(trip.exit_price)),
        str(trip.fills),
        decimal_text(trip.fees),
        decimal_text(trip.income),
        decimal_text(trip.cash_flow) if is_closed else "",
        float_text(trip.return_on_entry),
        float_text(trip.holding_days),
    )


def _csv(columns: str, rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    text.write(columns + "\n")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
