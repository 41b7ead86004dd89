"""The stage of one rehearsal: a venue and an engine on two hosts, and whoever restarts them.

The engine is the real `LiveRunner`; the supervisor does what a process manager does, and starts
it again a second after it ended. Everything that a scenario may do to them is a method here,
and is counted in `injected`.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec

from regimeflow.errors import JournalError, StartRefused
from regimeflow.journal.segments import SegmentKind, list_segments
from regimeflow.live.boot import Booted
from regimeflow.live.runner import LiveRunner, LiveSummary
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run import policy
from regimeflow.testing import Death, DiskFaults, Ending, LinkProfile, Outcome, World
from regimeflow.testing.evidence import KILLED
from regimeflow.testing.rehearsal import rest
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.stand import PORT, Stand
from regimeflow.testing.rehearsal.tending import TendedAtOnce
from regimeflow.testing.rehearsal.timeline import NotedConsole, Timeline
from regimeflow.testing.rehearsal.watched import watched_machine
from regimeflow.testing.rehearsal.witness import WatchedMachine, Witness
from regimeflow.testing.venues.faults import FaultKind
from regimeflow.testing.venues.sim_log import VenueLog
from regimeflow.testing.venues.sim_program import ACCOUNT
from regimeflow.testing.venues.sim_server import SimVenueServer

RESTART_AFTER_S = 1.0
LIFE_S_MAX = 10_000_000.0
BOOTS_MAX = 400
VENUE, ENGINE = "venue", "engine"
FAULT = "fault"
_DEATHS = {Death.KILL: "kill -9 of the engine", Death.POWER_CUT: "power cut at the engine"}


class Life(NamedTuple):
    """One incarnation of the engine, as it ended; `before` names what was done to it by then."""

    outcome: Outcome
    error: BaseException | None
    steps: int
    before: frozenset[str] = frozenset()


class Stage:
    """Venue, engine and faults of one run; `boots` is what each start of the engine found, `unlike`
    the starts at which strategies decided otherwise than before.

    A venue `on_world_time` has no time of its own, as a real broker has none: the engine keeps
    the wall's. The venue's own clock may be wrong all the same.
    """

    def __init__(
        self, world: World, stand: Stand, faults: HostileFaults, *, on_world_time: bool = False
    ) -> None:
        self.world = world
        self.stand = stand
        self.faults = faults
        self.venue = world.host(VENUE)
        self.engine = world.host(ENGINE)
        self.config = stand.config_in(self.log_dir)
        limits = policy.risk_policy(self.config, bar_open_time_ns=None)
        self.witness = Witness(limits, self._is_durable)
        self.injected: Counter[str] = Counter()
        self.timeline = Timeline(lambda: world.now_s)
        faults.on_strike = self._note_strike
        self.boots: list[Booted] = []
        self.lives: list[Life] = []
        self.unlike: list[str] = []
        self.server: SimVenueServer | None = None
        self.next_kill: tuple[int, Death] = (0, Death.KILL)
        self._before = rest.Trading()
        self.runner: LiveRunner | None = None
        self._closing = asyncio.Event()
        self._is_over = False
        self._on_world_time = on_world_time
        self._began_ns = self.venue.clock.wall_ns()
        world.net.names.forward("127.0.0.1", PORT, to=VENUE)

    @property
    def log_dir(self) -> Path:
        """Where the engine writes."""
        return self.engine.directory / "logs"

    # --- programs ---------------------------------------------------------------------------

    async def open_venue(self) -> None:
        """Start the venue and wait until it listens; it goes on from its own log."""
        listening = asyncio.get_running_loop().create_future()
        self.venue.start(self._serve, listening)
        async with asyncio.timeout(60):
            await listening

    async def supervise(self) -> None:
        """Start the engine whenever it does not run, until `stop`."""
        while not self._is_over:
            kill_at, death = self.next_kill
            self.next_kill = (0, Death.KILL)
            self.engine.start(self._live, kill_at=kill_at, death=death)
            ending = await self.engine.ended(within_s=LIFE_S_MAX)
            self._note(ending)
            if len(self.lives) >= BOOTS_MAX:
                return
            await asyncio.sleep(RESTART_AFTER_S)

    def stop(self) -> None:
        """Ask the engine for an orderly end; it is not started again."""
        self._is_over = True
        if self.runner is not None:
            self.runner.request_stop("the rehearsal ends")

    async def close_venue(self) -> None:
        """End the venue in order."""
        self._closing.set()
        await self.venue.ended(within_s=60)

    @property
    def machine(self) -> WatchedMachine:
        """The venue's books, those of the newest incarnation."""
        assert self.witness.machine is not None
        return self.witness.machine

    def is_settled(self) -> bool:
        """Whether the engine runs with equal books, nothing unsettled and no hold."""
        if not self.engine.is_running or not self.boots:
            return False
        return rest.is_settled(self.boots[-1].engine, self.machine)

    def is_at_rest(self) -> bool:
        """Whether it is settled and trades as before the faults, without an operator's help."""
        return self.is_settled() and not self.operator_needed()

    def note_trading(self) -> None:
        """From here on the engine's trading is compared with what it is now."""
        if self.boots:
            self._before = rest.trading_of(self.boots[-1].engine)

    def operator_needed(self) -> str:
        """What only an operator can bring back; empty when nothing."""
        return rest.operator_needed(self._before, self.boots[-1].engine) if self.boots else ""

    # --- what scenarios do --------------------------------------------------------------------

    def kill_engine(self, death: Death = Death.KILL) -> None:
        """End the engine's process; the supervisor starts another."""
        if self.engine.is_running:
            self._inject(f"engine {death.value}", _DEATHS[death])
            self.engine.kill(death)

    def kill_engine_at(self, step: int, death: Death = Death.KILL) -> None:
        """Let the next incarnation die before its step number `step`."""
        self.next_kill = (step, death)

    async def restart_venue(self, after_s: float) -> None:
        """Kill the venue's process and start it again; its books survive."""
        self._inject("venue restart", f"the venue's process is killed, for {after_s:.1f} s")
        self.venue.kill(Death.KILL)
        await asyncio.sleep(after_s)
        await self.open_venue()

    def mute_venue(self, *, is_on: bool) -> None:
        """Half-open connections: the venue says nothing more."""
        if self.server is not None:
            if is_on:
                self._inject("mute", "the venue takes everything and says nothing")
            self.server.mute(is_on=is_on)

    def drop_connections(self) -> None:
        """Reset every connection between the two."""
        self._inject("reset", "the connection is reset")
        self.world.net.reset_connections(ENGINE, VENUE)

    def partition(self, *, is_on: bool) -> None:
        """Let nothing through, in both directions."""
        net = self.world.net
        if is_on:
            self._inject("partition", "nothing gets through, in either direction")
        for source, target in ((ENGINE, VENUE), (VENUE, ENGINE)):
            (net.partition if is_on else net.heal)(source, target)

    def set_link(self, link: LinkProfile) -> None:
        """How bytes travel from now on, in both directions."""
        self.world.net.set_link(ENGINE, VENUE, link)
        self.world.net.set_link(VENUE, ENGINE, link)

    def set_disk(self, faults: DiskFaults) -> None:
        """What the engine's disk does from now on."""
        if faults != DiskFaults():
            self._inject("disk", f"the disk fails: {faults}")
        self.engine.disk.faults = faults

    def lose_market_data(self, rng: random.Random) -> None:
        """Take synced market data from a machine that is down; harmless while it runs."""
        segments = list_segments(self.log_dir / "journal", SegmentKind.MARKET)
        if segments and not self.engine.is_running and not self.engine.disk.faults.is_read_only:
            self._inject("market data lost", "the disk loses market data that was synced")
            path = segments[-1].path
            self.engine.disk.truncate(path, rng.randint(0, path.stat().st_size))

    def step_clock(self, delta_ns: int) -> None:
        """Set the engine's wall clock."""
        self._inject("clock step", f"the wall clock steps by {delta_ns / NS_PER_S:+.0f} s")
        self.engine.clock.step(delta_ns)

    def correct_clock(self) -> None:
        """Set the engine's wall clock right, as a time service does in the end."""
        self.engine.clock.correct()

    def step_venue_clock(self, delta_ns: int) -> None:
        """Set the venue's clock; set back, its time stands until it is reached again."""
        step_s = f"{delta_ns / NS_PER_S:+.1f} s"
        self._inject("venue clock step", f"the venue's clock steps by {step_s}")
        self.venue.clock.step(delta_ns)

    def suspend_engine(self) -> None:
        """Stop the engine's process without ending it; `resume_engine` lets it go on."""
        if self.engine.is_running:
            self._inject("engine stopped", "the engine's process is stopped")
            self.engine.suspend()

    def resume_engine(self) -> None:
        """Let a stopped engine go on; harmless for one that runs."""
        life = self.engine.incarnation
        if life is not None and life.is_stopped:
            self.timeline.note("the engine's process goes on", FAULT)
        self.engine.resume()

    # --- inside -------------------------------------------------------------------------------

    def _inject(self, name: str, story: str) -> None:
        self.injected[name] += 1
        self.timeline.note(story, FAULT)

    def _note_strike(self, kind: FaultKind) -> None:
        self.timeline.note(f"the venue misbehaves: {kind.value.replace('_', ' ')}", FAULT)

    async def _live(self) -> LiveSummary:
        self.runner = LiveRunner(
            self.config,
            NotedConsole(self.timeline),
            on_booted=self._on_booted,
            start_upkeep=TendedAtOnce,
        )
        if self._is_over:
            self.runner.request_stop("the rehearsal ends")
        return await self.runner.run()

    def _on_booted(self, booted: Booted) -> None:
        self.boots.append(booted)
        if booted.quarantine and not rest.has_lost_records(booted, self.log_dir / "journal"):
            self.unlike.append(f"start {len(self.boots)}: {booted.quarantine}")

    async def _serve(self, listening: asyncio.Future[None]) -> None:
        parts = self.stand.parts
        self._closing = closing = asyncio.Event()
        with VenueLog(self.venue.directory / "state", identity=parts.identity) as log:
            machine = watched_machine(self.witness, parts, log)
            self.server = SimVenueServer(
                machine,
                account=ACCOUNT,
                currency=parts.currency,
                bar_size_ns=parts.bar_size_ns,
                clock=self._venue_clock_s,
                faults=self.faults,
                heartbeat_s=self.stand.heartbeat_s,
                has_own_time=not self._on_world_time,
            )
            await self.server.start(port=PORT)
            if not listening.done():
                listening.set_result(None)
            await closing.wait()
            await self.server.stop()

    def _is_durable(self, name: str) -> bool:
        return self.engine.disk.holds(msgspec.msgpack.encode(name), under="logs/journal")

    def _venue_clock_s(self) -> float:
        return (self.venue.clock.wall_ns() - self._began_ns) / NS_PER_S

    def _note(self, ending: Ending) -> None:
        killed = [KILLED for life in self.lives if life.outcome is Outcome.KILLED]
        before = frozenset([*self.injected, *self.faults.fired, *killed])
        error = ending.error
        self.lives.append(Life(ending.outcome, error, ending.steps, before))
        if error is not None:
            self.timeline.note(f"the engine ended: {error}", "bad")
        if isinstance(error, StartRefused | JournalError):
            self.injected[f"engine refused: {type(error).__name__}"] += 1
