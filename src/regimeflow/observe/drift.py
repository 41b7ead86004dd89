"""`LiveDrift`: live performance against the backtest, as rows while it happens and as one file.

A fold over journal records. On a restart the journal is folded again from its beginning into a
new instance, which writes the same bytes; so nothing here is ever read back. Expectations are
time-aligned: after k completed sessions live is compared with what the backtest's cone expects
after k sessions, never with the backtest's final return. Rows inside a session are held to the
sessions completed so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec

from regimeflow.backtest.account_fold import AccountFold
from regimeflow.backtest.artifacts import (
    decimal_text,
    encode_json,
    float_text,
    replace_file,
)
from regimeflow.backtest.equity import EquityPoint
from regimeflow.model.commands import AccountMarked, MarkKind, RegimeChanged
from regimeflow.model.events import FeedGap
from regimeflow.model.instrument import Instrument
from regimeflow.model.timestamps import NS_PER_US
from regimeflow.observe.baseline import RETURNS_MIN, Baseline
from regimeflow.observe.cone import Cone
from regimeflow.observe.discrepancies import GapWatch, PositionWatch
from regimeflow.observe.drift_columns import COLUMNS, row_text
from regimeflow.observe.performance import Deployment, LivePerformance, performance_document
from regimeflow.observe.row_file import RowFile
from regimeflow.observe.verdicts import Severity, Verdicts

RECORDS_BETWEEN_WRITES = 500
"""live_performance.json is written at session marks, at most once per so many records."""
_KINDS = {MarkKind.INTERVAL: "bar", MarkKind.SESSION: "session", MarkKind.FINAL: "final"}


class DriftPaths(msgspec.Struct, frozen=True):
    """Where the two files go."""

    rows: Path
    performance: Path

    @classmethod
    def inside(cls, directory: Path) -> DriftPaths:
        """Their usual names in `directory`."""
        return cls(directory / "live_drift.csv", directory / "live_performance.json")


class Anchor(msgspec.Struct, frozen=True):
    """The account when the deployment began. Never moved by a restart."""

    ts_ns: int
    equity: Decimal
    bars: int = 0
    cash_flows: Decimal = Decimal(0)


class LiveDrift:
    """Writes live_drift.csv and live_performance.json from journal records.

    `baseline` None means there is none to compare with: the verdict stays `unknown`. `anchor`
    None anchors at the first mark. Records arrive in journal order; unknown kinds are ignored.
    """

    def __init__(
        self,
        paths: DriftPaths,
        deployment: Deployment,
        *,
        baseline: Baseline | None,
        anchor: Anchor | None = None,
        instruments: Mapping[str, Instrument] | None = None,
        records_between_writes: int = RECORDS_BETWEEN_WRITES,
    ) -> None:
        self._paths = paths
        self._baseline = baseline
        self._anchor = anchor
        self._gap_records = records_between_writes
        self._written_seq = 0
        self._last_ns: int | None = None
        self._sessions = 0
        self._last_session = ""
        self._close = anchor
        self._regime_p: tuple[str, float] | None = None
        account = AccountFold(
            anchor.equity if anchor else None,
            anchor.ts_ns if anchor else None,
            initial_flows=anchor.cash_flows if anchor else Decimal(0),
            instruments=instruments,
            keeps_trades=False,
        )
        self._performance = LivePerformance(deployment, account)
        self._positions = PositionWatch()
        self._gaps = GapWatch(deployment.bar_ns)
        self._verdicts = Verdicts()
        is_usable = baseline is not None and len(baseline.returns) >= RETURNS_MIN
        self._cone = (
            Cone(baseline.returns, seed=deployment.seed) if baseline and is_usable else None
        )
        self._rows = RowFile(paths.rows, ",".join(COLUMNS))

    @property
    def verdict(self) -> str:
        """The verdict so far: ok, warn, breach, insufficient or unknown."""
        return self._verdicts.verdict

    def prepare(self, sessions: int) -> None:
        """Draw the expectation of `sessions` sessions now rather than while trading.

        It changes no output. The first draw imports numpy (about 0.2 s).
        """
        if self._cone is not None:
            self._cone.expected_return(sessions)

    def on_record(self, seq: int, ts_ns: int, body: object) -> None:
        """Take one journal record."""
        self._last_ns = ts_ns
        for booking in self._performance.on_record(ts_ns, body):
            self._positions.on_booking(booking)
        if type(body) is AccountMarked:
            self._on_mark(seq, ts_ns, body)
        elif type(body) is FeedGap:
            self._gaps.on_gap(body)
            self._verdicts.worsen(ts_ns, "DATA", self._gaps.severity, value=self._gaps.gap_bars)
        elif type(body) is RegimeChanged:
            self._regime_p = (body.current, body.probability)
        elif self._positions.on_record(body):
            self._verdicts.worsen(
                ts_ns,
                "POSITION_MISMATCH",
                self._positions.severity,
                value=float(self._positions.cycles),
            )

    def flush(self) -> None:
        """Write what is buffered, and the performance file as of the last record."""
        self._rows.flush()
        if self._last_ns is not None:
            document = performance_document(
                self._performance,
                self._baseline,
                self._verdicts,
                cone=self._cone,
                gaps=self._gaps,
                position_mismatches=self._positions.mismatches,
                sessions=self._sessions,
                rows_dropped=self._rows.rows_dropped,
                last_ns=self._last_ns,
            )
            replace_file(self._paths.performance, encode_json(document))

    def close(self) -> None:
        """Write everything; the instance is finished."""
        self.flush()

    def _on_mark(self, seq: int, ts_ns: int, mark: AccountMarked) -> None:
        point = self._performance.account.curve.points[-1]
        if self._anchor is None:
            self._anchor = Anchor(ts_ns, mark.equity, mark.bars, mark.cash_flows)
        if self._close is None:
            self._close = self._anchor
        self._verdicts.worsen(ts_ns, "BASELINE", self._baseline_severity())
        if mark.kind is MarkKind.SESSION and point.session != self._last_session:
            self._sessions += 1
            self._last_session = point.session
            self._judge(ts_ns)
        self._verdicts.conclude(ts_ns, self._sessions)
        is_interval = mark.kind is MarkKind.INTERVAL
        self._rows.append(self._row(ts_ns, mark, point), is_optional=is_interval)
        self._regime_p = None
        if is_interval:
            return
        self._close = Anchor(ts_ns, mark.equity, mark.bars, mark.cash_flows)
        if seq - self._written_seq >= self._gap_records:
            self._written_seq = seq
            self.flush()
        else:
            self._rows.flush()

    def _judge(self, ts_ns: int) -> None:
        sessions = self._sessions
        judge = self._verdicts.judge
        judge(ts_ns, "BASELINE", self._baseline_severity(), n=sessions)
        judge(
            ts_ns,
            "POSITION_MISMATCH",
            self._positions.severity,
            value=float(self._positions.cycles),
            n=sessions,
        )
        judge(ts_ns, "DATA", self._gaps.severity, value=self._gaps.gap_bars, n=sessions)
        self._gaps.reset()

    def _baseline_severity(self) -> Severity:
        if self._baseline is None:
            return Severity.BREACH
        return Severity.WARN if self._baseline.incompatibilities else Severity.OK

    def _row(self, ts_ns: int, mark: AccountMarked, point: EquityPoint) -> str:
        assert self._anchor is not None
        assert self._close is not None
        flows = mark.cash_flows - self._close.cash_flows
        total_return = point.growth - 1.0
        cells = {
            "timestamp": str(ts_ns // NS_PER_US),
            "equity": decimal_text(mark.equity),
            "daily_pnl": decimal_text(mark.equity - self._close.equity - flows),
            "total_return": float_text(total_return),
            "drawdown": float_text(point.drawdown),
            "session": point.session,
            "kind": _KINDS[mark.kind],
            "n": str(mark.bars - self._anchor.bars),
            "fills": str(self._performance.account.tally.fills),
            "regime": mark.regime,
            "verdict": self._verdicts.verdict,
            "reasons": ";".join(self._verdicts.reasons),
        }
        if self._cone is not None:
            expected = self._cone.expected_return(self._sessions)
            cells["shortfall_vs_backtest"] = float_text(total_return - expected)
            cells["expected_src"] = "cone"
        if self._regime_p is not None and self._regime_p[0] == mark.regime:
            cells["regime_p"] = float_text(self._regime_p[1])
        return row_text(cells)
