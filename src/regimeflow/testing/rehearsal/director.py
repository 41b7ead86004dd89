"""One run of one scenario with one seed: hostile phase, healing, settling, judgement.

Everything follows from the seed and the configuration; a verdict names both in the command that
repeats it.
"""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from regimeflow.config import Config
from regimeflow.errors import ConfigError
from regimeflow.model.order import ZERO
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing import PERFECT, Death, DiskFaults, Outcome, World
from regimeflow.testing.checkers import Finding, judge
from regimeflow.testing.evidence import Evidence, Failure
from regimeflow.testing.failures import let_go
from regimeflow.testing.rehearsal.branches import branches_of
from regimeflow.testing.rehearsal.conduct import FAULTED, FORBIDDEN, conduct_of
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.scenarios import (
    RANDOM,
    SCENARIOS,
    Scenario,
    swarm,
)
from regimeflow.testing.rehearsal.stage import ENGINE, FAULT, VENUE, Stage
from regimeflow.testing.rehearsal.stand import Stand, set_up
from regimeflow.testing.rehearsal.timeline import Line

CALM_S = 20
"""Trading before the faults begin, and again after they end."""
SETTLE_S_MAX = 240
AT_REST_S = 3
QUIET_S = 5


@dataclass(frozen=True)
class Verdict:
    """What one run did and whether it held. Times are virtual seconds.

    `recovered_s` is from the healing to equal books, nothing in doubt, no hold and trading as
    before the faults; None if never, or if it `needs_operator`, which says why;
    `may_need_operator` is why this scenario may end so.
    `blind_s` is how long the engine was dead or its books unproved, `blind_exposure` the most that
    was at stake meanwhile; `cash` and `positions` are the venue's at the end. `has_struck` says
    whether the scenario's own faults ever met the engine.
    """

    scenario: str
    story: str
    seed: int
    findings: Sequence[Finding]
    injected: Counter[str]
    branches: Counter[str]
    recovered_s: float | None
    orders: int
    fills: int
    boots: int
    kills: int
    power_cuts: int
    blind_s: int
    blind_exposure: Decimal
    virtual_s: float
    digest: str
    steps: int
    timeline: Sequence[Line]
    cash: Decimal
    positions: dict[str, Decimal]
    has_struck: bool
    needs_operator: str
    may_need_operator: str

    @property
    def is_ok(self) -> bool:
        """Whether every invariant held."""
        return all(finding.holds for finding in self.findings)

    @property
    def has_faulted(self) -> bool:
        """Whether a strategy faulted."""
        return any(f.invariant in (FAULTED, FORBIDDEN) and not f.holds for f in self.findings)

    @property
    def nothing_shown(self) -> str:
        """Why a run in which nothing was violated proves nothing; empty when it does."""
        if not self.is_ok:
            return ""
        if not self.orders:
            return "no order reached the venue"
        return "" if self.has_struck else "the fault of the scenario never struck"


def scenario_of(name: str, seed: int) -> Scenario:
    """The named scenario; the swarm's is drawn from the seed."""
    return swarm(random.Random(f"{seed}/swarm")) if name == RANDOM else SCENARIOS[name]


def rehearse(config: Config, scenario: Scenario, seed: int) -> Verdict:
    """Run a scenario to its end and judge it. Raises SimulationFailed if the world breaks."""
    stand = set_up(config, seed=seed, trading_s=scenario.lasts_s + 2 * CALM_S)
    with (
        quietly() as warned,
        tempfile.TemporaryDirectory(prefix="regimeflow-") as directory,
        World(
            seed,
            directory=Path(directory),
            start_ns=stand.parts.start_ns,
            faults=scenario.name,
        ) as world,
    ):
        try:
            return _played(world, stand, scenario, warned)
        finally:
            let_go(sys.exc_info()[1])


def _played(
    world: World, stand: Stand, scenario: Scenario, warned: Sequence[warnings.WarningMessage]
) -> Verdict:
    """In a frame of its own: whoever still refers to the dead would keep them from burial."""
    act = _Act(world, stand, scenario)
    world.run(act.play, is_strict=False)
    unhandled = [*world.loop.unhandled, *(str(warning.message) for warning in warned)]
    return act.verdict(unhandled)


class _Act:
    """Plays one scenario and keeps what is needed to judge it."""

    def __init__(self, world: World, stand: Stand, scenario: Scenario) -> None:
        self._world = world
        self._scenario = scenario
        self._faults = HostileFaults(scenario.faults, world.rng("faults"))
        self._stage = Stage(world, stand, self._faults, on_world_time=scenario.on_world_time)
        self._recovered_s: float | None = None
        self._needs_operator = ""
        self._has_settled = False
        self._over_ns = stand.parts.feed.last_ns + QUIET_S * NS_PER_S
        self._blind_s = 0
        self._blind_exposure = ZERO

    async def play(self, _: World) -> None:
        """Calm, hostile, calm again, at rest."""
        stage, loop = self._stage, asyncio.get_running_loop()
        await stage.open_venue()
        stage.kill_engine_at(*self._scenario.first_kill)
        supervisor = loop.create_task(stage.supervise())
        watcher = loop.create_task(self._watch())
        await asyncio.sleep(CALM_S)
        await self._be_hostile()
        await self._heal()
        settled_s = await self._settled()
        self._recovered_s = settled_s if stage.is_at_rest() else None
        self._needs_operator = stage.operator_needed()
        await self._data_over()
        self._has_settled = await self._settled() is not None
        stage.stop()
        await supervisor
        watcher.cancel()
        await stage.close_venue()

    async def _be_hostile(self) -> None:
        self._stage.note_trading()
        self._faults.is_on = True
        if self._scenario.link is not None:
            self._stage.set_link(self._scenario.link)
            self._stage.injected["rough link"] += 1
            self._stage.timeline.note("the link turns rough", FAULT)
        began_s = self._world.now_s
        if self._scenario.script is not None:
            try:
                async with asyncio.timeout(self._scenario.lasts_s):
                    await self._scenario.script(self._stage, self._world.rng("script"))
            except TimeoutError:
                pass
        await asyncio.sleep(max(began_s + self._scenario.lasts_s - self._world.now_s, 0.0))

    async def _heal(self) -> None:
        stage = self._stage
        stage.timeline.note("everything heals", "dim")
        self._faults.is_on = False
        stage.set_link(PERFECT)
        stage.engine.disk.faults = DiskFaults()
        stage.resume_engine()
        for host in (stage.engine, stage.venue):
            host.clock.correct()
        for source, target in ((ENGINE, VENUE), (VENUE, ENGINE)):
            self._world.net.heal(source, target)
        if not stage.venue.is_running:
            await stage.open_venue()
        if stage.server is not None:
            stage.server.mute(is_on=False)

    async def _data_over(self) -> None:
        """Wait until no bar and no fill can come: a venue that was down is behind the world."""
        over_ns = self._over_ns
        for _ in range(SETTLE_S_MAX):
            await asyncio.sleep(1)
            if self._stage.machine.now_ns > over_ns:
                return

    async def _settled(self) -> float | None:
        """Wait until the engine is settled with equal books; returns how long that took."""
        began_s, calm = self._world.now_s, 0
        for _ in range(SETTLE_S_MAX):
            calm = calm + 1 if self._stage.is_settled() else 0
            if calm >= AT_REST_S:
                return self._world.now_s - began_s - AT_REST_S + 1
            await asyncio.sleep(1)
        return None

    async def _watch(self) -> None:
        """Once a second: is the engine blind, and what is at stake meanwhile?"""
        while True:
            await asyncio.sleep(1)
            stage = self._stage
            engine = stage.boots[-1].engine if stage.boots else None
            if not stage.engine.is_running or engine is None or engine.holds.account:
                self._blind_s += 1
                if stage.witness.machine is not None:
                    exposure = stage.witness.exposure(stage.machine)
                    self._blind_exposure = max(self._blind_exposure, exposure)

    def verdict(self, unhandled: Sequence[str]) -> Verdict:
        """Judge what was played. Raises ConfigError where the engine could never start."""
        stage, machine = self._stage, self._stage.machine
        if not stage.boots:
            raise ConfigError(f"the engine could not start: {stage.lives[0].error}")
        ledger, witness = machine.venue.ledger, stage.witness
        journal_dir = stage.log_dir / "journal"
        evidence = Evidence(
            journal_dir=journal_dir,
            venue=stage.witness.truth(),
            engine=stage.boots[-1].engine,
            failures=[Failure(i.error, i.before) for i in stage.lives if i.error is not None],
            unhandled=unhandled,
            quarantines=[boot.quarantine for boot in stage.boots if boot.quarantine],
            has_settled=self._has_settled,
        )
        # A judge runs the strategies again: what was refused to them then has to be refused now.
        with self._world.guarded():
            findings = [*judge(evidence), *conduct_of(journal_dir, stage.unlike)]
        return Verdict(
            scenario=self._scenario.name,
            story=self._scenario.story,
            seed=self._world.seed,
            findings=findings,
            injected=+(stage.injected + self._faults.fired),
            branches=branches_of(journal_dir, stage.boots),
            recovered_s=self._recovered_s,
            orders=witness.taken.total(),
            fills=len(ledger.fills),
            boots=len(stage.lives),
            power_cuts=sum(i.death is Death.POWER_CUT for i in stage.engine.incarnations),
            kills=sum(life.outcome is Outcome.KILLED for life in stage.lives),
            blind_s=self._blind_s,
            blind_exposure=self._blind_exposure,
            virtual_s=self._world.now_s,
            digest=self._world.digest,
            steps=self._world.loop.steps,
            timeline=stage.timeline.lines,
            cash=ledger.cash,
            positions=dict(ledger.positions),
            has_struck=self._has_struck(),
            needs_operator=self._needs_operator,
            may_need_operator=self._scenario.may_need_operator,
        )

    def _has_struck(self) -> bool:
        """Whether what the scenario is about happened; of the swarm's mixture, anything."""
        fired, done = self._faults.fired, self._stage.injected
        if self._scenario.faults and self._scenario.name != RANDOM:
            return bool(fired)
        return bool(fired or done)


@contextmanager
def quietly() -> Iterator[list[warnings.WarningMessage]]:
    """Collect warnings, and let the server's log of a killed venue's requests go unheard."""
    log = logging.getLogger("aiohttp.server")
    was_disabled, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", RuntimeWarning)
            yield warned
    finally:
        log.disabled = was_disabled
