"""What the journal costs: per quote, and per commit of one order with and without a sync."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns

from benchmarks.result import Result
from benchmarks.timing import best_per_item_ns, percentile
from benchmarks.workload import make_quotes, plan_over
from regimeflow.data.feed import in_memory_feed
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.model.commands import Command, SubmitOrder
from regimeflow.model.events import EngineStarted
from regimeflow.model.market import MarketEvent
from regimeflow.run.pump import Pump
from regimeflow.run.recorder import MemoryRecorder

QUOTES = 200_000
COMMITS = {Durability.PROCESS: 10_000, Durability.POWER: 1_000}
COMMIT_EVERY = 64
ROUNDS = 3


def journal() -> list[Result]:
    """A quote in the journal, and the commit of an order."""
    return [_per_quote(), *(_per_commit(durability) for durability in COMMITS)]


def _per_quote() -> Result:
    events = make_quotes(QUOTES)
    figures, floors = [], []
    size_bytes = 0
    for _ in range(ROUNDS):
        floors.append(best_per_item_ns(QUOTES, [lambda: _append_to_list(events)]))
        with tempfile.TemporaryDirectory() as directory:
            figures.append(best_per_item_ns(QUOTES, [lambda: _write(Path(directory), events)]))
            size_bytes = sum(file.stat().st_size for file in Path(directory).iterdir())
    return Result(
        name="journal_quote",
        what="a quote in the journal",
        unit="ns/event",
        measured=min(figures),
        floor=min(floors),
        aim="",
        is_met=None,
        detail=f"{size_bytes / QUOTES:.0f} bytes a quote, written with every {COMMIT_EVERY}; floor:"
        " appending the event to a list",
        rate_per_s=1e9 / min(figures),
    )


def _write(directory: Path, events: Sequence[MarketEvent]) -> None:
    writer = JournalWriter(directory, durability=Durability.PROCESS)
    append, commit = writer.append_event, writer.commit
    waiting = 0
    for event in events:
        append(event.ts_venue_ns, event)
        waiting += 1
        if waiting == COMMIT_EVERY:
            commit()
            waiting = 0
    writer.flush()
    writer.close()


def _append_to_list(events: Sequence[MarketEvent]) -> None:
    kept: list[tuple[int, MarketEvent]] = []
    append = kept.append
    for event in events:
        append((event.ts_venue_ns, event))


def _per_commit(durability: Durability) -> Result:
    order = _one_order()
    count = COMMITS[durability]
    with tempfile.TemporaryDirectory() as directory:
        writer = JournalWriter(Path(directory), durability=durability)
        samples = _commits(writer, order, count)
        writer.close()
        size = max(file.stat().st_size for file in Path(directory).iterdir()) // count
        sync = getattr(os, "fdatasync", os.fsync) if durability is Durability.POWER else None
        floors = _raw_writes(Path(directory) / "raw", bytes(size), count, sync)
    p50, p99 = percentile(samples, 0.5), percentile(samples, 0.99)
    with_sync = "synced" if sync is not None else "not synced"
    return Result(
        name=f"commit_{durability.value}",
        what=f"commit of one order, {with_sync}",
        unit="us",
        measured=p50,
        floor=percentile(floors, 0.5),
        aim="",
        is_met=None,
        detail=f"median of {count:,}; p99 {p99:.0f} us, the floor's "
        f"{percentile(floors, 0.99):.0f} us; {size} bytes each; floor: the same bytes by "
        f"os.write{' and a sync' if sync is not None else ''}",
    )


def _commits(writer: JournalWriter, order: SubmitOrder, count: int) -> list[float]:
    samples = []
    for _ in range(count):
        start_ns = perf_counter_ns()
        writer.append_output(1, 1, order)
        writer.commit()
        samples.append((perf_counter_ns() - start_ns) / 1e3)
    return sorted(samples)


def _raw_writes(
    path: Path, data: bytes, count: int, sync: Callable[[int], None] | None
) -> list[float]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    samples = []
    try:
        for _ in range(count):
            start_ns = perf_counter_ns()
            os.write(descriptor, data)
            if sync is not None:
                sync(descriptor)
            samples.append((perf_counter_ns() - start_ns) / 1e3)
    finally:
        os.close(descriptor)
    return sorted(samples)


def _one_order() -> SubmitOrder:
    """A real order, as the engine sends it."""
    sent: list[SubmitOrder] = []

    class Catcher:
        def execute(self, ts_ns: int, command: Command) -> None:
            if isinstance(command, SubmitOrder):
                sent.append(command)

    plan = plan_over(in_memory_feed(make_quotes(10)), "benchmarks.strategies:QuoteTrader")
    pump = Pump(plan.new_engine(), MemoryRecorder(), Catcher())
    pump.take(0, EngineStarted(1))
    for ts_ns, event in plan.new_schedule():
        pump.take(ts_ns, event)
    return sent[0]
