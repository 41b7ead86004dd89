"""The backtest runner: a for-loop over the schedule, and nothing else of its own.

Everything that decides, fills or counts is shared with the live engine; what differs is that
records go to the report instead of to disk (or to both, with a journal directory).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from regimeflow.backtest.report import Report, ReportBuilder
from regimeflow.config import Config
from regimeflow.errors import DataError
from regimeflow.journal.records import Record
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.model.events import EngineStarted, EngineStopped
from regimeflow.model.market import Bar
from regimeflow.run.manifest import write_manifest
from regimeflow.run.plan import RunPlan, make_plan
from regimeflow.run.provenance import report_header
from regimeflow.run.pump import Observer, Pump
from regimeflow.run.recorder import MemoryRecorder, Recorder
from regimeflow.venue.schedule import SimSchedule

Progress = Callable[[int, int], None]
PROGRESS_EVERY_EVENTS = 1_000
PRICES_MAX = 2_000
"""Closes per symbol kept for the charts; longer histories are thinned evenly."""


def run_backtest(
    config: Config,
    *,
    window: str = "backtest",
    journal_dir: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Run a configuration over history and measure it.

    `window` is "backtest" or "live" (the days of the simulated broker). With `journal_dir` the
    run is journaled there, replayable like a live one; the directory must not hold a journal.
    `progress` is called with events done and events in all. Raises ConfigError or DataError for
    what the user has to mend.
    """
    return backtest_plan(make_plan(config, window), journal_dir=journal_dir, progress=progress)


def backtest_plan(
    plan: RunPlan,
    *,
    journal_dir: Path | None = None,
    progress: Progress | None = None,
    observers: tuple[Observer, ...] = (),
) -> Report:
    """Run a plan and measure it."""
    builder = ReportBuilder(report_header(plan), plan.instruments)

    def fold(record: Record) -> None:
        builder.on_record(record.seq, record.ts_ns, record.body)

    recorder: Recorder = MemoryRecorder()
    journal: JournalWriter | None = None
    if journal_dir is not None:
        write_manifest(journal_dir, plan)
        recorder = journal = JournalWriter(journal_dir, durability=Durability.PROCESS)
    schedule = plan.new_schedule()
    pump = Pump(
        plan.new_engine(),
        recorder,
        schedule,
        (fold, *observers),
        fingerprint=plan.fingerprint() if journal is not None else None,
    )
    _drive(plan, schedule, pump, progress)
    if journal is not None:
        journal.close()
    ambiguous = schedule.venue.ambiguous_bars
    return builder.build(prices=_closes(plan), ambiguous_bars=ambiguous)


def _drive(plan: RunPlan, schedule: SimSchedule, pump: Pump, progress: Progress | None) -> None:
    first = schedule.next()
    if first is None:
        raise DataError("the feed holds no event in this window; widen the window")
    pump.take(first[0], EngineStarted(1))
    pump.open_epoch("start", boot=1)
    take = pump.take
    take(*first)
    total = plan.feed.event_count
    for done, (ts_ns, event) in enumerate(schedule):
        take(ts_ns, event)
        if progress is not None and not done % PROGRESS_EVERY_EVENTS:
            progress(min(done, total), total)
    take(pump.ts_ns, EngineStopped("end of data"))
    pump.commit()
    if progress is not None:
        progress(total, total)


def _closes(plan: RunPlan) -> dict[str, list[tuple[int, float]]]:
    """Closing prices for the charts, thinned to `PRICES_MAX` a symbol while they are read."""
    closes: dict[str, list[tuple[int, float]]] = {symbol: [] for symbol in plan.feed.symbols}
    step = max(plan.feed.event_count // (len(closes) * PRICES_MAX), 1)
    seen = dict.fromkeys(closes, 0)
    for chunk in plan.feed.chunks():
        for event in chunk:
            count = seen[event.symbol]
            seen[event.symbol] = count + 1
            if type(event) is Bar and not count % step:
                closes[event.symbol].append((event.ts_close_ns, event.close))
    return {symbol: series for symbol, series in closes.items() if series}
