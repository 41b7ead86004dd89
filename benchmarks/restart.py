"""How long a start behind a link takes from a long journal, with saved states and without."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from time import perf_counter_ns

from benchmarks.result import Result
from benchmarks.workload import SYMBOLS, CountingLink, make_bars, plan_over
from regimeflow.data.feed import in_memory_feed
from regimeflow.journal.recovery import recover
from regimeflow.journal.state_files import list_states, state_path
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.boot_linked import boot_linked
from regimeflow.live.state_keeper import StateKeeper
from regimeflow.model.events import EngineStarted, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.plan import LinkTraits, RunPlan
from regimeflow.run.pump import Pump

SESSIONS = 250
BARS = SESSIONS * 390
TRAITS = LinkTraits(
    settle_window_ns=600 * NS_PER_S, query_interval_ns=60 * NS_PER_S, has_native_oco=True
)
ROUNDS = 3


def restart() -> list[Result]:
    """A start from the newest state, and from the beginning of the same journal."""
    feed = in_memory_feed(make_bars(BARS), symbols=SYMBOLS[:1])
    params = {"fast_period": 10, "slow_period": 30, "quantity": 10}
    plan = plan_over(feed, "moving_average_cross", **params)
    plan = dataclasses.replace(plan, link=TRAITS)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _play(plan, directory)
        facts_mb, market_mb = (_size_mb(directory, kind) for kind in ("facts", "market"))
        state_kb = state_path(directory, list_states(directory)[-1]).stat().st_size / 2**10
        quick_ms = _best_ms(plan, directory)
        for seq in list_states(directory):
            state_path(directory, seq).unlink()
        slow_ms = _best_ms(plan, directory)
        floor_ms = _recovery_ms(directory)
    journal = f"{SESSIONS} sessions, {BARS:,} minute bars: {facts_mb:.1f} MB of facts"
    return [
        Result(
            name="restart_from_state",
            what="start behind a link, from the newest state",
            unit="ms",
            measured=quick_ms,
            floor=floor_ms,
            aim="",
            is_met=None,
            detail=f"{journal}; of {market_mb:.1f} MB of market data the last session; the state "
            f"is {state_kb:.0f} kB; floor: recovery, which reads and checks every fact",
        ),
        Result(
            name="restart_from_beginning",
            what="the same without a state",
            unit="ms",
            measured=slow_ms,
            floor=floor_ms,
            aim="",
            is_met=None,
            detail=f"{journal}, {market_mb:.1f} MB of market data, every decision repeated",
        ),
    ]


def _play(plan: RunPlan, directory: Path) -> None:
    schedule = plan.new_schedule()
    writer = JournalWriter(directory, durability=Durability.PROCESS)
    pump = Pump(plan.new_engine(), writer, CountingLink(schedule), fingerprint=plan.fingerprint())
    pump.keep_state(StateKeeper(directory, writer, (), print).keep)
    pump.take(0, EngineStarted(1))
    pump.open_epoch("start", 1)
    pump.take(0, LinkUp("sim"))
    for ts_ns, event in schedule:
        pump.take(ts_ns, event)
    writer.close()


def _size_mb(directory: Path, kind: str) -> float:
    return sum(path.stat().st_size for path in directory.glob(f"{kind}-*")) / 2**20


def _best_ms(plan: RunPlan, directory: Path) -> float:
    samples = []
    for _ in range(ROUNDS):
        start_ns = perf_counter_ns()
        booted = boot_linked(plan, directory, ())
        samples.append((perf_counter_ns() - start_ns) / 1e6)
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
