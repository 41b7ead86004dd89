"""From an event to the submitted command, with a journal on disk in between.

Every quote makes the strategy send one market order; the clock stops where the command would be
written to a socket. `PATHS` lists what is measured; a path is a function from a directory to
sorted samples, so that another shell around the same engine takes its place beside the first.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter_ns

from benchmarks.result import Result
from benchmarks.timing import percentile
from benchmarks.workload import CountingLink, make_quotes, plan_over
from regimeflow.data.feed import in_memory_feed
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.observers import LiveObservers
from regimeflow.model.commands import Command, SubmitOrder
from regimeflow.model.events import EngineStarted
from regimeflow.model.market import Quote
from regimeflow.run.pump import Pump
from regimeflow.venue.schedule import SimSchedule

EVENTS = 30_000
WARMING_EVENTS = 2_000
AIMS_US = {0.5: 30.0, 0.99: 80.0}

LatencyPath = Callable[[Path], list[float]]


class TimedLink(CountingLink):
    """Notes when each order reaches it."""

    __slots__ = ("submitted_ns",)

    def __init__(self, schedule: SimSchedule) -> None:
        super().__init__(schedule)
        self.submitted_ns = 0

    def execute(self, ts_ns: int, command: Command) -> None:
        """Carry out a command."""
        if type(command) is SubmitOrder:
            self.submitted_ns = perf_counter_ns()
        super().execute(ts_ns, command)


def pump_and_journal(directory: Path) -> list[float]:
    """The live shell's parts without its event loop: pump, journal (process), router, link."""
    return _through_pump(directory, has_observers=False)


def pump_and_observers(directory: Path) -> list[float]:
    """The same with the files of a live run kept: audit log and status."""
    return _through_pump(directory, has_observers=True)


def _through_pump(directory: Path, *, has_observers: bool) -> list[float]:
    events = make_quotes(EVENTS)
    plan = plan_over(in_memory_feed(events), "benchmarks.strategies:QuoteTrader")
    schedule = plan.new_schedule()
    link = TimedLink(schedule)
    journal_directory = directory / "journal"
    journal_directory.mkdir()
    writer = JournalWriter(journal_directory, durability=Durability.PROCESS)
    observers = [LiveObservers(plan, directory, None).on_record] if has_observers else []
    take = Pump(plan.new_engine(), writer, link, observers).take
    take(0, EngineStarted(1))
    samples = []
    for ts_ns, event in schedule:
        start_ns = perf_counter_ns()
        take(ts_ns, event)
        if type(event) is Quote and link.submitted_ns > start_ns:
            samples.append(link.submitted_ns - start_ns)
    writer.close()
    return _settled(samples)


def empty_call(_: Path) -> list[float]:
    """The floor: the same clock readings around a call that does nothing."""
    samples = []
    for _event in range(EVENTS):
        start_ns = perf_counter_ns()
        stop_ns = _nothing()
        samples.append(stop_ns - start_ns)
    return _settled(samples)


PATHS: dict[str, tuple[str, LatencyPath, LatencyPath]] = {
    "latency": ("event to submitted command", pump_and_journal, empty_call),
    "latency_live": ("the same with a live run's files", pump_and_observers, empty_call),
}
"""Name: what it is, the path, and its floor."""


def latency() -> list[Result]:
    """Median and 99th percentile of every path."""
    results = []
    for name, (what, path, floor) in PATHS.items():
        with tempfile.TemporaryDirectory() as directory:
            gc.collect()
            gc.freeze()
            floors = floor(Path(directory))
            samples = path(Path(directory))
            gc.unfreeze()
        results += [_result(name, what, samples, floors, fraction) for fraction in AIMS_US]
    return results


def _result(
    name: str, what: str, samples: Sequence[float], floors: Sequence[float], fraction: float
) -> Result:
    measured, floor = percentile(samples, fraction), percentile(floors, fraction)
    rank = f"p{fraction * 100:.0f}"
    return Result(
        name=f"{name}_{rank}",
        what=f"{what}, {rank}",
        unit="us",
        measured=measured,
        floor=floor,
        aim=f"{AIMS_US[fraction]:.0f} us over the floor",
        is_met=measured - floor <= AIMS_US[fraction],
        detail=f"{len(samples):,} orders, one on every quote; durability process; floor: two "
        "clock readings around an empty call",
    )


def _settled(samples_ns: Sequence[int]) -> list[float]:
    """In microseconds and in order, the first ones left out."""
    return sorted(sample / 1e3 for sample in samples_ns[WARMING_EVENTS:])


def _nothing() -> int:
    return perf_counter_ns()
