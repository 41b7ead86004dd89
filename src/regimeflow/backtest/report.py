"""The report of a run: a fold over journal records, then four files.

`ReportBuilder` takes records as they are written (or read back) and `build` measures them.
Invariants: nothing but the header, the records and what the venue counted enters a report, so
the same run gives the same bytes; what cannot be computed is null, never zero and never NaN.
The `equity` series makes the file a baseline that live performance is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from regimeflow.backtest import summary
from regimeflow.backtest.account_fold import AccountFold
from regimeflow.backtest.artifacts import Json, encode_json, replace_file, rounded
from regimeflow.backtest.definitions import DEFINITIONS
from regimeflow.backtest.equity import EquityCurve
from regimeflow.backtest.report_header import ReportHeader
from regimeflow.backtest.report_tables import equity_csv, equity_series, provenance, trades_csv
from regimeflow.backtest.trades import TradeBook
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, CorporateAction

SCHEMA = "regimeflow.report/1"
PriceSeries = Mapping[str, Sequence[tuple[int, float]]]


class ReportFiles(msgspec.Struct, frozen=True):
    """Where a report was written."""

    json: Path
    html: Path
    equity: Path
    trades: Path


class FillMark(msgspec.Struct, frozen=True):
    """One execution, as the charts show it."""

    ts_ns: int
    strategy_id: StrategyId
    fill: OrderFilled


class ReportBuilder:
    """Folds records into a report. Records arrive in journal order; unknown kinds are ignored.

    Sketch: about 1 us a record; memory grows with sessions, orders and fills only.
    """

    def __init__(
        self, header: ReportHeader, instruments: Mapping[str, Instrument] | None = None
    ) -> None:
        self.header = header
        self._account = AccountFold(header.initial_equity, header.start_ns, instruments=instruments)
        self._fills: list[FillMark] = []
        self._splits: list[CorporateAction] = []

    def on_record(self, seq: int, ts_ns: int, body: object) -> None:
        """Take one journal record."""
        for booking in self._account.on_record(ts_ns, body):
            fill = booking.fill
            if booking.is_reversal:
                name = fill.execution_id
                self._fills = [mark for mark in self._fills if mark.fill.execution_id != name]
            else:
                strategy_id = self._account.tally.strategy_of(fill.client_order_id)
                self._fills.append(FillMark(ts_ns, strategy_id, fill))
        if type(body) is CorporateAction and body.kind is ActionKind.SPLIT:
            self._splits.append(body)

    def build(
        self, *, prices: PriceSeries | None = None, ambiguous_bars: int | None = None
    ) -> Report:
        """Measure what was folded so far.

        `prices` are closes by symbol for the charts, `(ts_ns, close)` in time order.
        `ambiguous_bars` is how often the order of high and low inside a bar mattered.
        """
        return Report(
            header=self.header,
            account=self._account,
            fills=self._fills,
            splits=self._splits,
            prices=prices or {},
            ambiguous_bars=ambiguous_bars,
        )


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run, measured. `summary` has every number by its name in report.json."""

    header: ReportHeader
    account: AccountFold
    fills: list[FillMark]
    splits: list[CorporateAction]
    prices: PriceSeries
    ambiguous_bars: int | None

    @property
    def curve(self) -> EquityCurve:
        """The account's value, one point a session."""
        return self.account.curve

    @property
    def trades(self) -> TradeBook:
        """Round trips, closed and open."""
        return self.account.trades

    @property
    def performance(self) -> dict[str, Json]:
        """The ten headline numbers: `total_return`, `cagr`, `sharpe`, …"""
        return summary.performance(self.curve, periods_per_year=self.header.periods_per_year)

    @property
    def summary(self) -> dict[str, Json]:
        """Every number, by its name in `performance_summary`."""
        return self.account.summary(periods_per_year=self.header.periods_per_year)

    @property
    def counts(self) -> dict[str, Json]:
        """How many orders, fills and refusals there were."""
        tally = self.account.tally
        return {
            "orders": tally.orders,
            "fills": tally.fills,
            "denied": tally.denied,
            "rejected": tally.rejected,
            "canceled": tally.canceled,
            "expired": tally.expired,
            "replaced": tally.replaced,
            "open": tally.open_orders,
            "ambiguous_bars": self.ambiguous_bars,
        }

    def document(self) -> dict[str, Json]:
        """The content of report.json."""
        header, points = self.header, self.curve.points
        everything = self.summary
        regimes = summary.regime_performance(points, periods_per_year=header.periods_per_year)
        return {
            "schema": SCHEMA,
            "title": header.title,
            "performance": self.performance,
            "performance_summary": everything,
            "max_drawdown": everything["max_drawdown"],
            "regime_performance": regimes,
            "transitions": summary.transitions(points),
            "monthly_returns": {
                month: rounded(value) for month, value in summary.monthly_returns(points).items()
            },
            "provenance": provenance(header, self.curve, bars=self.account.bars),
            "counts": self.counts,
            "fills": self.account.tally.fills,
            "equity": equity_series(self.curve),
            "realism": [msgspec.to_builtins(item) for item in header.realism],
            "optimistic": header.is_optimistic,
            "notes": list(header.notes),
            "definitions": DEFINITIONS,
        }

    def write(self, directory: Path) -> ReportFiles:
        """Write report.json, report.html, equity.csv and trades.csv, each in one step.

        Raises ConfigError when the directory cannot be written.
        """
        from regimeflow.backtest.html import render_page

        files = ReportFiles(
            json=directory / "report.json",
            html=directory / "report.html",
            equity=directory / "equity.csv",
            trades=directory / "trades.csv",
        )
        replace_file(files.equity, equity_csv(self.curve))
        replace_file(files.trades, trades_csv(self.trades))
        replace_file(files.html, render_page(self).encode())
        replace_file(files.json, encode_json(self.document()))
        return files
