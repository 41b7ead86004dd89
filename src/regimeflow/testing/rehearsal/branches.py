"""Which ways of recovery a run went, counted from its journal: tests that never get there prove
nothing about it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from regimeflow.errors import JournalCorrupt
from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import Record
from regimeflow.live.boot import Booted
from regimeflow.live.restart import CUT_OFF
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.order import OrderStatus

BRANCHES = (
    "order in doubt", "order queried", "order not found", "order adopted", "fill recovered",
    "fill annulled", "report not understood", "reconnected", "resumed",
    "torn tail cut", "quarantined", "entry denied", "order rejected",
    "trading reduced", "hold lifted", "snapshot failed", "difference found",
    "cancel sent", "clock adjusted", "pause noticed",
)  # fmt: skip


def branches_of(journal_dir: Path, boots: Sequence[Booted]) -> Counter[str]:
    """How often each branch was taken."""
    found: Counter[str] = Counter()
    ups = 0
    for record in _readable(journal_dir):
        body = record.body
        if isinstance(body, c.OrderResolved):
            found[_resolution(body)] += 1
        elif isinstance(body, e.OrderRejected):
            found["cut-off order denied" if body.reason == CUT_OFF else "order rejected"] += 1
        elif isinstance(body, c.TradingStateChanged):
            is_active = body.state is c.TradingState.ACTIVE
            found["trading resumed" if is_active else "trading reduced"] += 1
        elif isinstance(body, c.HealthChanged):
            is_up = body.component == "books" and body.status is c.HealthStatus.OK
            found["hold lifted"] += is_up
        elif isinstance(body, e.LinkUp):
            ups += body.link != e.REQUESTS
        elif type(body) in _PLAIN:
            found[_PLAIN[type(body)]] += 1
    found["reconnected"] = max(ups - len(boots), 0)
    found["resumed"] = sum(boot.is_resumed for boot in boots)
    found["torn tail cut"] = sum(boot.recovered.facts_cut_bytes > 0 for boot in boots)
    found["quarantined"] = sum(bool(boot.quarantine) for boot in boots)
    return +found


def _readable(journal_dir: Path) -> Iterator[Record]:
    """The facts up to where the journal is damaged."""
    with suppress(JournalCorrupt):
        yield from read_facts(journal_dir)


_PLAIN: dict[type, str] = {
    e.OutcomeUnknown: "order in doubt",
    c.QueryOrder: "order queried",
    c.FillRecovered: "fill recovered",
    e.FillBusted: "fill annulled",
    e.ReportNotUnderstood: "report not understood",
    c.OrderDenied: "entry denied",
    e.SnapshotFailed: "snapshot failed",
    c.DiscrepancyFound: "difference found",
    c.CancelOrder: "cancel sent",
    e.ClockAdjusted: "clock adjusted",
    e.LoopStalled: "pause noticed",
}


def _resolution(body: c.OrderResolved) -> str:
    if body.status is OrderStatus.NOT_FOUND:
        return "order not found"
    return "order in doubt" if body.status is OrderStatus.IN_DOUBT else "order adopted"
