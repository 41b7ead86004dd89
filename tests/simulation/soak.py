"""A month of the real live engine behind a link, in virtual time, and what it holds each day.

A market that never closes, two strategies (one of them uses every call), a venue that misbehaves
by chance, connections that drop, stall and part, a venue that is killed and comes back. The engine
itself lives through all of it: whatever it hoards has the whole time to grow. Shortly before each
sample the faults end, so that what is still held then is held for good; at the very end it is
killed and has to come back from its journal.
"""

from __future__ import annotations

import asyncio
import tempfile
import tracemalloc
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from regimeflow.config import config_values, load_config
from regimeflow.data.feed import in_memory_feed
from regimeflow.data.session_table import load_calendar
from regimeflow.journal import read_facts, verify_chain
from regimeflow.model.commands import AccountMarked, MarkKind
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_S, ns_from_date
from regimeflow.observe.audit import verify_audit
from regimeflow.observe.audit_refold import disagreement
from regimeflow.run import policy
from regimeflow.run.plan import CALENDAR_FIRST, CALENDAR_LAST
from regimeflow.testing import World
from regimeflow.testing.checkers import Finding, judge
from regimeflow.testing.evidence import Evidence, Failure
from regimeflow.testing.rehearsal.branches import branches_of
from regimeflow.testing.rehearsal.director import quietly
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.market import intraday_bars
from regimeflow.testing.rehearsal.stage import Stage
from regimeflow.testing.rehearsal.stand import URL, Stand
from regimeflow.testing.venues.sim_program import VenueParts
from tests.simulation.soak_samples import Sample, lowered_bounds, take_sample

FIRST_NS = ns_from_date(date(2023, 11, 1)) + 20 * NS_PER_HOUR
"""Midnight, and with it the roll, lies well inside each day of the soak."""
BAR_S = 600
HISTORY_BARS = 20
SILENCE_HEARTBEATS = 6
"""How many of the venue's heartbeats may be missing before the link is given up."""
INCIDENTS = 4
"""What happens to the connection or the venue between two samples."""
QUIET_SHARE = 0.1
SETTLE_S_MAX = 3_600
SYMBOLS = ["BTC-USD", "ETH-USD"]
CONFIGURATION: dict[str, Any] = {
    "strategies": [
        {
            "name": "moving_average_cross",
            "id": "sma",
            "params": {"fast_period": 2, "slow_period": 5, "quantity": 10},
        },
        {
            "name": "tests.simulation.strategies_under_test:EveryCall",
            "id": "every",
            "params": {"quantity": 12, "every": 3, "timer_s": 1_200, "larger_bars": "1h"},
        },
    ],
    "live": {
        "broker": "sim",
        "broker_asset_class": "crypto",
        "paper": True,
        "symbols": SYMBOLS,
        "broker_config": {"url": URL, "request_timeout_ms": 20_000},
        "order_reconcile_interval_ms": 600_000,
        "position_reconcile_interval_ms": 600_000,
        "account_refresh_interval_ms": 600_000,
        "reconnect": {"initial_ms": 500, "max_ms": 30_000},
        "journal": {"durability": "power"},
        "max_order_value": 100_000,
        "max_orders_per_minute": 120,
        "duplicate_order_window_ms": 500,
        "risk": {"limits": {"max_notional": 250_000, "max_position": 200}},
    },
    "backtest": {"initial_capital": 100_000, "execution": {"latency_ms": 250}},
}
FAULTS = (
    "duplicate_report:0.2:2", "reorder:0.05:0.5", "fill_before_ack:0.1", "replay:0.5",
    "omitted_fill:0.03", "lost_reply:submit:0.05", "lost_request:0.02", "late_accept:submit:0.03:3",
    "disconnect:submit:0.02", "server_error:0.01", "rate_limit:0.01:2", "stale_snapshot:0.03",
    "lying_status:0.1", "new_epoch:0.3",
)  # fmt: skip
"""Moderate, and nothing after which a person has to act: the engine trades on by itself.

A fill left out and lists that are old again and again would look like a difference that lasts.
"""


@dataclass(frozen=True)
class Soak:
    """What a soak did and what it found.

    `settled` are the samples after every bound had been reached, `rolled` the sessions that were
    valued at their end.
    """

    samples: Sequence[Sample]
    settled: Sequence[Sample]
    findings: Sequence[Finding]
    chain_problem: str
    audit_problem: str
    rolled: Sequence[str]
    incidents: Counter[str]
    faults: Counter[str]
    branches: Counter[str]
    starts: int
    steps: int
    digest: str


def soak(
    *,
    days: float,
    samples: int,
    settle: int,
    seed: int = 1,
    bar_s: int = BAR_S,
    heartbeat_s: float = 10.0,
) -> Soak:
    """Run for `days` virtual days, look `samples` times at equal distances, restart, judge.

    After `settle` samples every lowered bound has been reached. Where tracemalloc is on, the
    first sample after them and the last one are traced.
    """
    stand = _stand(days, seed, bar_s, heartbeat_s)
    with (
        quietly() as warned,
        lowered_bounds(),
        tempfile.TemporaryDirectory(prefix="regimeflow-") as directory,
        World(seed, directory=Path(directory), faults="soak") as world,
    ):
        return _played(world, stand, days=days, samples=samples, settle=settle, warned=warned)


def _played(
    world: World,
    stand: Stand,
    *,
    days: float,
    samples: int,
    settle: int,
    warned: Sequence[warnings.WarningMessage],
) -> Soak:
    """In a frame of its own: whoever still refers to the dead would keep them from burial."""
    run = _Run(world, stand, period_s=days * 86_400 / samples, periods=samples)
    run.settle = settle
    world.run(
        run.play, is_strict=False, max_virtual_s=(days + 5) * 86_400, max_steps=10_000_000_000
    )
    return run.soak([*world.loop.unhandled, *(str(warning.message) for warning in warned)])


def _stand(days: float, seed: int, bar_s: int, heartbeat_s: float) -> Stand:
    silence_ms = int(heartbeat_s * SILENCE_HEARTBEATS * 1_000)
    live = {**CONFIGURATION["live"], "heartbeat": {"interval_ms": silence_ms}}
    config = load_config({**CONFIGURATION, "live": live}, environ={})
    calendar = load_calendar(
        config.calendar, ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST)
    )
    bars = intraday_bars(
        SYMBOLS,
        seed=seed,
        first_ns=FIRST_NS - HISTORY_BARS * bar_s * NS_PER_S,
        count=HISTORY_BARS + int((days + 1) * 86_400) // bar_s,
        bar_s=bar_s,
    )
    parts = VenueParts(
        feed=in_memory_feed(bars, symbols=SYMBOLS),
        calendar=calendar,
        instruments=policy.instruments(config),
        model=policy.execution_model(config),
        cash=config.backtest.initial_capital,
        currency=config.account.currency,
        start_ns=FIRST_NS,
        end_ns=FIRST_NS + int((days + 2) * NS_PER_DAY),
    )
    raw: Any = config_values(config)
    return Stand(raw, config.base_directory, parts, heartbeat_s)


class _Run:
    """The script of a soak."""

    def __init__(self, world: World, stand: Stand, *, period_s: float, periods: int) -> None:
        self._world = world
        self._faults = HostileFaults(FAULTS, world.rng("faults"))
        self._stage = Stage(world, stand, self._faults)
        self._rng = world.rng("script")
        self._period_s = period_s
        self._periods = periods
        self._samples: list[Sample] = []
        self.settle = 0

    async def play(self, _: World) -> None:
        """Trouble and quiet in turn, a sample at the end of each; then a kill and a return."""
        stage = self._stage
        await stage.open_venue()
        supervisor = asyncio.get_running_loop().create_task(stage.supervise())
        for number in range(1, self._periods + 1):
            ends_s = number * self._period_s
            self._faults.is_on = True
            await self._trouble(ends_s - self._period_s * QUIET_SHARE)
            self._faults.is_on = False
            await self._until(ends_s)
            await self._at_rest()
            is_traced = tracemalloc.is_tracing() and number in (self.settle + 1, self._periods)
            self._samples.append(take_sample(self._world, stage, is_traced=is_traced))
        stage.kill_engine()
        await asyncio.sleep(60)
        await self._at_rest()
        stage.stop()
        await supervisor
        await stage.close_venue()

    async def _trouble(self, until_s: float) -> None:
        stage, rng, world = self._stage, self._rng, self._world
        moments = sorted(rng.uniform(world.now_s, until_s - 600) for _ in range(INCIDENTS))
        for moment_s in moments:
            await self._until(moment_s)
            what = rng.choice(("drop", "mute", "partition", "restart"))
            lasts_s = rng.uniform(5, 120)
            if what == "drop":
                stage.drop_connections()
            elif what == "restart":
                await stage.restart_venue(lasts_s)
            else:
                switch = stage.mute_venue if what == "mute" else stage.partition
                switch(is_on=True)
                await asyncio.sleep(lasts_s)
                switch(is_on=False)
        await self._until(until_s)

    async def _until(self, moment_s: float) -> None:
        await asyncio.sleep(max(moment_s - self._world.now_s, 0.0))

    async def _at_rest(self) -> None:
        waited_s = 0
        while not self._stage.is_settled():
            waited_s += 10
            assert waited_s <= SETTLE_S_MAX, "the engine does not come to rest"
            await asyncio.sleep(10)

    def soak(self, unhandled: Sequence[str]) -> Soak:
        """Judge what was played."""
        stage, journal = self._stage, self._stage.log_dir / "journal"
        evidence = Evidence(
            journal_dir=journal,
            venue=stage.witness.truth(),
            engine=stage.boots[-1].engine,
            failures=[Failure(i.error, i.before) for i in stage.lives if i.error is not None],
            unhandled=unhandled,
            quarantines=[boot.quarantine for boot in stage.boots if boot.quarantine],
        )
        audit = verify_audit(stage.log_dir / "audit.jsonl")
        return Soak(
            samples=self._samples,
            settled=self._samples[self.settle :],
            findings=judge(evidence),
            chain_problem=verify_chain(journal).problem,
            audit_problem=audit.problem
            or disagreement(journal, lines=audit.lines, head=audit.head),
            rolled=_rolled(journal),
            incidents=+stage.injected,
            faults=+self._faults.fired,
            branches=branches_of(journal, stage.boots),
            starts=len(stage.lives),
            steps=self._world.loop.steps,
            digest=self._world.digest,
        )


def _rolled(journal: Path) -> list[str]:
    marks = [r.body for r in read_facts(journal) if isinstance(r.body, AccountMarked)]
    return [mark.session for mark in marks if mark.kind is MarkKind.SESSION]
