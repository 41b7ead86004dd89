"""How a run ended, for the console and for callers."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from regimeflow.errors import EXIT_HALTED, EXIT_OK
from regimeflow.journal.writer import JournalWriter
from regimeflow.live.observers import LiveObservers
from regimeflow.model.commands import TradingState
from regimeflow.run.pump import Pump


class LiveSummary(NamedTuple):
    """How a run ended. `exit_code` is 0, or 3 when it ended with anything HALTED.

    `reconciled` says how often the books were compared with the broker's, and the outcome.
    """

    exit_code: int
    reason: str
    orders: int
    fills: int
    equity: str
    reconciled: str
    verdict: str
    audit_head: str
    journal_head: str
    log_dir: Path


def summarise(
    reason: str, pump: Pump, observers: LiveObservers, journal: JournalWriter, log_dir: Path
) -> LiveSummary:
    """The closing figures of a run whose files are written."""
    engine = pump.engine
    ledger = engine.ledger
    states = (ledger.trading.account, *ledger.trading.by_strategy.values())
    is_halted = TradingState.HALTED in states
    tally = observers.status.fold.tally
    breaks = engine.reconciler.breaks
    if breaks:
        told = ", ".join(f"{kind} {subject}" for kind, subject in list(breaks)[:5])
        outcome = f"{len(breaks)} differences stand: {told}"
    else:
        outcome = "books and broker agree" if observers.snapshots else "never compared"
    return LiveSummary(
        exit_code=EXIT_HALTED if is_halted else EXIT_OK,
        reason=reason,
        orders=tally.orders,
        fills=tally.fills,
        equity=f"{ledger.portfolio.exact_equity:,.2f}",
        reconciled=f"{observers.snapshots:,} snapshots, {outcome}",
        verdict=_drift_of(observers),
        audit_head=observers.audit.head,
        journal_head=journal.head,
        log_dir=log_dir,
    )


def _drift_of(observers: LiveObservers) -> str:
    """The verdict, and the way out where there is nothing to compare with."""
    if observers.drift is None:
        return "off"
    if not observers.has_baseline:
        verdict = observers.drift.verdict
        return f"{verdict} (name a backtest's report in metrics.live.baseline_report)"
    return observers.drift.verdict
