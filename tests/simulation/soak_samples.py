"""Samples of a running engine and venue, and the verdict on what grew from one to the next."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, pstdev
from types import ModuleType

import pytest

import regimeflow
from regimeflow.backtest import order_tally, trades
from regimeflow.core import executions, market_state, orders, recent_orders
from regimeflow.journal.writer import JournalWriter
from regimeflow.observe import audit_orders, performance
from regimeflow.testing import World
from regimeflow.testing.host import Host
from regimeflow.testing.rehearsal.stage import Stage
from regimeflow.testing.venues import sim_machine
from tests.simulation.object_graph import ObjectGraph

SEGMENT_BYTES = 2**20
LOWERED: tuple[tuple[ModuleType, str, int], ...] = (
    (orders, "TERMINAL_ORDERS_MAX", 100),
    (executions, "EXECUTION_IDS_MAX", 100),
    (order_tally, "ENDED_ORDERS_MAX", 100),
    (trades, "LEGS_MAX", 50),
    (audit_orders, "CLOSED_ORDERS_MAX", 100),
    (performance, "LATENCIES_KEPT", 50),
    (market_state, "HISTORY_BARS_MAX", 24),
    (market_state, "SESSIONS_MAX", 2),
    (recent_orders, "RECENT_ORDERS_MAX", 50),
    (sim_machine, "HISTORY_BARS_MAX", 100),
)
"""Bounds that a month of moderate trading would not reach."""
PER_SESSION = frozenset({"EquityCurve.points"})
"""Grows by one entry a session: the calendar ends, and a decade of them is a megabyte."""
BUFFERS = {"AuditLog._buffer": 256, "RowFile._buffer": 64}
"""Filled and emptied all the time; the number is their bound."""
VENUE_BOOKS = (
    "VenueMachine.", "WatchedMachine.", "Ledger.", "OrderBook.", "ReportStore.", "VenueLog.",
    "WorkingOrder.", "ReportOutlet.omitted", "DueQueue.",
)  # fmt: skip
"""The simulated venue's own books and its log: every order and fill of the account, by design."""
WINDOW_MAX = 5
"""Samples whose mean is taken at both ends."""
_PACKAGE = Path(regimeflow.__file__).parent
_ENGINE = tuple(
    f"{_PACKAGE / name}{os.sep}"
    for name in ("backtest", "core", "journal", "live", "observe", "run", "strategy")
)
"""Code that only the engine runs; values and wire are the venue's as well."""


@dataclass(frozen=True)
class Sample:
    """What engine and venue hold at one quiet moment; `traced_bytes` only where asked for."""

    day: float
    orders: int
    fills: int
    tasks: int
    timers: int
    descriptors: int
    connections: int
    size_bytes: int
    traced_bytes: int | None
    resident_bytes: int
    journal_bytes: int
    segments: int
    entries: Counter[str]
    venue_entries: Counter[str]


@contextmanager
def lowered_bounds() -> Iterator[None]:
    """Make every bound so small that it is reached within days, and segments small files."""
    with pytest.MonkeyPatch.context() as lowered:
        for module, name, bound in LOWERED:
            lowered.setattr(module, name, bound)
        defaults = JournalWriter.__init__.__kwdefaults__
        assert defaults is not None
        lowered.setitem(defaults, "segment_bytes_max", SEGMENT_BYTES)
        yield


def take_sample(world: World, stage: Stage, *, is_traced: bool) -> Sample:
    """Look at everything that the engine's and the venue's process hold now."""
    gc.collect()
    tasks, timers = _tasks_of(stage.engine), _timers_of(world, stage.engine)
    graph = ObjectGraph({**tasks, "timers": timers})
    venue_roots = {**_tasks_of(stage.venue), "machine": stage.machine}
    journal = sorted((stage.log_dir / "journal").glob("*.rfj"))
    ledger = stage.machine.venue.ledger
    return Sample(
        day=world.now_s / 86_400,
        orders=len(stage.machine.venue.orders),
        fills=len(ledger.fills),
        tasks=len(tasks),
        timers=len(timers),
        descriptors=_descriptors_below(stage.engine.directory),
        connections=world.net.open_ends,
        size_bytes=graph.size_bytes,
        traced_bytes=_traced_bytes() if is_traced else None,
        resident_bytes=_resident_bytes(),
        journal_bytes=sum(path.stat().st_size for path in journal),
        segments=len(journal),
        entries=graph.entries,
        venue_entries=ObjectGraph(venue_roots).entries,
    )


def grown(
    entries: Sequence[Mapping[str, int]], *, noise: float, declared: Sequence[str] = ()
) -> list[str]:
    """Collections that hold more at the end than at the beginning, in words; none should.

    Means over the first and last samples are compared. They may differ by `noise` and by twice
    what the samples of one end spread: an order that happens to work is no growth. Names that
    begin with one of `declared` are left out.
    """
    window = min(WINDOW_MAX, len(entries) // 2)
    names = sorted({name for sample in entries for name in sample})
    found = []
    for name in names:
        counts = [sample.get(name, 0) for sample in entries]
        first, last = fmean(counts[:window]), fmean(counts[-window:])
        spread = (pstdev(counts[:window]) + pstdev(counts[-window:])) / 2
        if last > first + noise + 2 * spread and not name.startswith(tuple(declared)):
            found.append(f"{name} grew from {first:.0f} to {last:.0f} entries: {counts}")
    return found


def _tasks_of(host: Host) -> dict[str, object]:
    """Living tasks of the process that runs there, by name."""
    tasks = [t for t in asyncio.all_tasks() if getattr(t, "incarnation", None) is host.incarnation]
    return {f"task {number}": task for number, task in enumerate(sorted(tasks, key=hash))}


def _timers_of(world: World, host: Host) -> list[object]:
    """Timers of that process that are still to come."""
    entries = [timer[3] for timer in world.loop._timers]
    return [
        handle
        for handle, owner, _ in entries
        if owner is host.incarnation and not handle.cancelled()
    ]


def _descriptors_below(directory: Path) -> int:
    """Files below `directory` that this process has open; 0 where the system does not tell."""
    listing = Path("/proc/self/fd")
    found = 0
    for entry in listing.iterdir() if listing.is_dir() else ():
        with suppress(OSError):  # the listing itself is gone by now
            found += entry.readlink().is_relative_to(directory)
    return found


def _traced_bytes() -> int:
    """Python memory allocated by the engine's own code; tracing has to be on."""
    statistics = tracemalloc.take_snapshot().statistics("filename")
    return sum(
        statistic.size
        for statistic in statistics
        if statistic.traceback[0].filename.startswith(_ENGINE)
    )


def _resident_bytes() -> int:
    """Memory of the whole simulation, the world and its venue included."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return 0
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
