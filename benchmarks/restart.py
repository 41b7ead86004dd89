"""How long a start behind a link takes from a long journal, with saved states and without."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from time import perf_counter_ns, process_time_ns

from benchmarks.result import Result
from benchmarks.workload import CountingLink, make_quotes, plan_over
from regimeflow.data.feed import in_memory_feed
from regimeflow.journal.reader import read_records
from regimeflow.journal.recovery import recover
from regimeflow.journal.state_files import list_states, state_path
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.boot_linked import boot_linked
from regimeflow.live.state_keeper import StateKeeper
from regimeflow.model.events import EngineStarted, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.plan import LinkTraits, RunPlan
from regimeflow.run.pump import Pump

DAY_QUOTES = 1_000_000
NEXT_DAY_QUOTES = 10_000
STEP_NS = 23_400_000
"""The first session holds a million quotes at this pace, the second the rest."""
AIM_MS = 10_000
MARKET_SHARE_MIN = 0.99
TRAITS = LinkTraits(
    settle_window_ns=600 * NS_PER_S, query_interval_ns=60 * NS_PER_S, has_native_oco=True
)
ROUNDS = 3


def restart() -> list[Result]:
    """A start in the second session from the state of the first, and from the very beginning."""
    quotes = make_quotes(DAY_QUOTES + NEXT_DAY_QUOTES, STEP_NS)
    plan = plan_over(in_memory_feed(quotes), "benchmarks.strategies:SeldomTrader")
    plan = dataclasses.replace(plan, link=TRAITS)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        orders = _play(plan, directory)
        journal = _describe(directory, len(quotes), orders)
        state_kb = state_path(directory, list_states(directory)[-1]).stat().st_size / 2**10
        quick_ms = _best_ms(plan, directory)
        for seq in list_states(directory):
            state_path(directory, seq).unlink()
        slow_ms = _best_ms(plan, directory)
        floor_ms = _recovery_ms(directory)
    floor = "floor: recovery, which reads and checks every fact"
    return [
        _judged(
            "restart_from_state",
            "start behind a link from the last session's state",
            quick_ms,
            floor_ms,
            f"{journal}; of market data the {NEXT_DAY_QUOTES:,} quotes since the last session's "
            f"end; the state is {state_kb:.0f} kB; {floor}",
        ),
        _judged(
            "restart_from_beginning",
            "the same without a state, as in the first session",
            slow_ms,
            floor_ms,
            f"{journal}; every decision repeated; {floor}",
        ),
    ]


def _judged(
    name: str, what: str, measured: tuple[float, float], floor: float, detail: str
) -> Result:
    """The wall's time is held to the aim; the processor's says what a free machine would take."""
    wall_ms, worked_ms = measured
    return Result(
        name=name,
        what=what,
        unit="ms",
        measured=wall_ms,
        floor=floor,
        aim=f"{AIM_MS:,} ms",
        is_met=wall_ms <= AIM_MS,
        detail=f"{worked_ms:,.0f} ms of the processor; {detail}",
    )


def _describe(directory: Path, quotes: int, orders: int) -> str:
    """What the journal holds, which has to be what the aim is about."""
    records = sum(1 for _ in read_records(directory))
    share = quotes / records
    if share < MARKET_SHARE_MIN:
        raise RuntimeError(f"{share:.3f} of the journal is market data, {MARKET_SHARE_MIN} wanted")
    facts_mb, market_mb = (_size_mb(directory, kind) for kind in ("facts", "market"))
    return (
        f"{records:,} records, {share:.2%} of them quotes of two sessions ({market_mb:.0f} MB), "
        f"and {orders:,} orders ({facts_mb:.1f} MB of facts)"
    )


def _play(plan: RunPlan, directory: Path) -> int:
    """Write the journal; returns how many orders it holds."""
    schedule = plan.new_schedule()
    writer = JournalWriter(directory, durability=Durability.PROCESS)
    link = CountingLink(schedule)
    pump = Pump(plan.new_engine(), writer, link, fingerprint=plan.fingerprint())
    pump.keep_state(StateKeeper(directory, writer, (), print).keep)
    pump.take(0, EngineStarted(1))
    pump.open_epoch("start", 1)
    pump.take(0, LinkUp("sim"))
    for ts_ns, event in schedule:
        pump.take(ts_ns, event)
    writer.close()
    return link.orders


def _size_mb(directory: Path, kind: str) -> float:
    return sum(path.stat().st_size for path in directory.glob(f"{kind}-*")) / 2**20


def _best_ms(plan: RunPlan, directory: Path) -> tuple[float, float]:
    """The fastest of the rounds by the wall, and how long of it the processor worked."""
    samples = []
    for _ in range(ROUNDS):
        start_ns, worked_ns = perf_counter_ns(), process_time_ns()
        booted = boot_linked(plan, directory, ())
        worked_ms = (process_time_ns() - worked_ns) / 1e6
        samples.append(((perf_counter_ns() - start_ns) / 1e6, worked_ms))
        if booted.quarantine:
            raise RuntimeError(booted.quarantine)
    return min(samples)


def _recovery_ms(directory: Path) -> float:
    samples = []
    for _ in range(ROUNDS):
        start_ns = perf_counter_ns()
        recover(directory)
        samples.append((perf_counter_ns() - start_ns) / 1e6)
    return min(samples)
