"""The files a live run writes beside its journal, all folds over its records."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from regimeflow.config import Config
from regimeflow.core.market_state import MarketState, SavedMarket
from regimeflow.errors import ConfigError, JournalError
from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import Record
from regimeflow.model.commands import AccountMarked
from regimeflow.model.events import BrokerSnapshot
from regimeflow.model.market import Bar, BookSnapshot, Quote, Trade
from regimeflow.observe.audit import AuditFormat, AuditLog
from regimeflow.observe.baseline import Baseline
from regimeflow.observe.drift import Anchor, DriftPaths, LiveDrift
from regimeflow.observe.health import StatusFile
from regimeflow.run.plan import RunPlan
from regimeflow.run.provenance import deployment

STATUS_RECORDS_BETWEEN_WRITES = 500
PREPARED_SESSIONS_MAX = 2_000
"""Sessions whose expectation is drawn before trading; later ones are drawn as they come."""
_AUDIT_NAMES = {AuditFormat.JSONL: "audit.jsonl", AuditFormat.CSV: "audit.log"}


class LiveObservers:
    """Audit log, drift and performance files, and the status document of one run.

    A file that cannot be made is the configuration's fault (ConfigError). One that fails while
    the engine runs is a disk's: JournalError, and the run ends as with a dead journal.
    """

    def __init__(
        self,
        plan: RunPlan,
        log_dir: Path,
        baseline: Baseline | None,
        *,
        metrics_directory: Path | None = None,
    ) -> None:
        live = plan.config.live
        assert live is not None
        form = AuditFormat(live.audit.format)
        self.audit_path = log_dir / _AUDIT_NAMES[form]
        self.snapshots = 0
        self.has_baseline = baseline is not None
        self._market: MarketState | None = None
        self.audit = AuditLog(self.audit_path, form)
        self.status = StatusFile(
            log_dir / "status.json", records_between_writes=STATUS_RECORDS_BETWEEN_WRITES
        )
        self.drift: LiveDrift | None = None
        directory = metrics_directory or plan.config.metrics_directory
        if plan.config.metrics.live.enable and directory is not None:
            directory.mkdir(parents=True, exist_ok=True)
            self.drift = LiveDrift(
                DriftPaths.inside(directory),
                deployment(plan, mode="paper"),
                baseline=baseline,
                anchor=Anchor(plan.start_ns, plan.cash),
                instruments=plan.instruments,
            )
            sessions = len(plan.calendar.between(plan.start_ns, plan.end_ns))
            self.drift.prepare(min(sessions, PREPARED_SESSIONS_MAX))

    @staticmethod
    def paths(config: Config, log_dir: Path, metrics_directory: Path) -> tuple[Path, ...]:
        """Every file that a run with this configuration writes."""
        assert config.live is not None
        files = [log_dir / _AUDIT_NAMES[AuditFormat(config.live.audit.format)]]
        files.append(log_dir / "status.json")
        if config.metrics.live.enable:
            drift = DriftPaths.inside(metrics_directory)
            files += [drift.rows, drift.performance]
        return tuple(files)

    def on_record(self, record: Record) -> None:
        """Show one fact to every file."""
        self.snapshots += type(record.body) is BrokerSnapshot
        if type(record.body) is AccountMarked:
            self._note_data_ages()
        try:
            self.audit.on_record(record)
            self.status.on_record(record.seq, record.ts_ns, record.body)
            if self.drift is not None:
                self.drift.on_record(record.seq, record.ts_ns, record.body)
        except ConfigError as error:
            raise JournalError(str(error)) from error

    def begin(self, market: MarketState, journal_dir: Path) -> str:
        """The journal was shown, the run begins; says so where the audit had to be written again.

        The age of data is taken from `market` from here on: market records are too many to observe.
        """
        self._market = market
        self._note_data_ages()
        return self.audit.begin(read_facts(journal_dir))

    def note_data(self, market: SavedMarket) -> None:
        """Take the age of data from a saved state, for records that are there no more."""
        self._note_newest(market.latest())

    def _note_data_ages(self) -> None:
        if self._market is not None:
            market = self._market
            latest = (market.bars, market.trades, market.quotes, market.books)
            self._note_newest(event for kind in latest for event in kind.values())

    def _note_newest(self, events: Iterable[Bar | Quote | Trade | BookSnapshot]) -> None:
        newest_ns: dict[str, int] = {}
        for event in events:
            symbol, ts_ns = event.symbol, event.ts_venue_ns
            newest_ns[symbol] = max(ts_ns, newest_ns.get(symbol, ts_ns))
        for symbol, ts_ns in newest_ns.items():
            self.status.fold.note_data(symbol, ts_ns)

    def flush(self) -> None:
        """Bring every file up to the last record."""
        try:
            self.audit.flush()
            self.status.flush()
            if self.drift is not None:
                self.drift.flush()
        except ConfigError as error:
            raise JournalError(str(error)) from error


def load_baseline(config: Config, plan: RunPlan) -> Baseline | None:
    """The backtest to compare with; None when none is named.

    Raises ConfigError when it is missing, unreadable or of another strategy.
    """
    path = config.metrics.live.baseline_report
    if not config.metrics.live.enable or path is None:
        return None
    return Baseline.load(
        path,
        strategy_names=plan.strategy_names,
        strategies_hash=plan.strategies_hash,
        venue_hash=plan.venue_hash,
    )
