"""What is done to the engine: named stories, and a swarm that mixes everything by chance.

A scenario is a set of venue faults, a link and a script. The script runs in virtual time while
the faults are on; afterwards everything heals and the engine has to come back by itself. The
swarm takes a random subset for each seed: everything at once finds less, because an engine that
is always down does nothing that could go wrong.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.testing import Death, DiskFaults, LinkProfile
from regimeflow.testing.rehearsal.operator import COMMANDED, operate
from regimeflow.testing.rehearsal.stage import Stage
from regimeflow.testing.venues.faults import parse_fault

HOSTILE_S = 180
Script = Callable[[Stage, random.Random], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Scenario:
    """A story; `faults` as on the command line of `venue sim` (see `parse_fault`).

    `first_kill` is the step before which the engine's first life ends, and how (0: it does not).
    `on_world_time`: the venue keeps the world's time, as a real broker does, not its own.
    `may_need_operator`: why the engine may rightly end with exits only until an operator resumes.
    """

    name: str
    story: str
    faults: tuple[str, ...] = ()
    link: LinkProfile | None = None
    script: Script | None = None
    lasts_s: int = HOSTILE_S
    first_kill: tuple[int, Death] = (0, Death.KILL)
    on_world_time: bool = False
    may_need_operator: str = ""


async def _gateway_restart(stage: Stage, rng: random.Random) -> None:
    for _ in range(4):
        await asyncio.sleep(rng.uniform(10, 30))
        stage.drop_connections()
        stage.partition(is_on=True)
        await asyncio.sleep(rng.uniform(2, 20))
        stage.partition(is_on=False)


async def _mute_feed(stage: Stage, rng: random.Random) -> None:
    for _ in range(3):
        await asyncio.sleep(rng.uniform(10, 30))
        stage.mute_venue(is_on=True)
        await asyncio.sleep(rng.uniform(3, 25))
        stage.mute_venue(is_on=False)


async def _drop_after_partial(stage: Stage, rng: random.Random) -> None:
    for _ in range(10):
        seen = len(stage.machine.venue.ledger.fills)
        for _ in range(200):
            await asyncio.sleep(0.1)
            if len(stage.machine.venue.ledger.fills) > seen:
                break
        stage.drop_connections()
        await asyncio.sleep(rng.uniform(1, 5))


async def _crash_storm(stage: Stage, rng: random.Random) -> None:
    for _ in range(12):
        death = rng.choice(list(Death))
        if rng.random() < 0.5:
            stage.kill_engine_at(rng.randint(20, 600), death)
        await asyncio.sleep(rng.uniform(0.5, 20))
        stage.kill_engine(death)
        if death is Death.POWER_CUT and rng.random() < 0.15:
            stage.lose_market_data(rng)


async def _clock_skew(stage: Stage, rng: random.Random) -> None:
    for _ in range(8):
        await asyncio.sleep(rng.uniform(5, 15))
        by_ns = rng.choice((rng.randint(20, 3_000) * NS_PER_MS, rng.randint(4, 3_600) * NS_PER_S))
        stage.step_clock(rng.choice((-1, 1)) * by_ns)
        stage.engine.clock.set_rate(rng.choice((0.9, 0.999, 1.0, 1.001, 1.1)))
        if rng.random() < 0.5:
            stage.step_venue_clock(rng.choice((-1, 1)) * rng.randint(1, 3_000) * NS_PER_MS)
            stage.venue.clock.set_rate(rng.choice((0.99, 0.999, 1.0, 1.001, 1.01)))
        if rng.random() < 0.3:
            stage.kill_engine()
        if rng.random() < 0.7:
            await asyncio.sleep(rng.uniform(0.1, 8))
            stage.correct_clock()


async def _pause(stage: Stage, rng: random.Random) -> None:
    for _ in range(4):
        await asyncio.sleep(rng.uniform(5, 15))
        stage.suspend_engine()
        await asyncio.sleep(rng.choice((rng.uniform(0.1, 5), rng.uniform(11, 30))))
        stage.resume_engine()


async def _lost_order(stage: Stage, rng: random.Random) -> None:
    await _next_order(stage)
    stage.mute_venue(is_on=True)
    await asyncio.sleep(rng.uniform(4, 6))
    stage.drop_connections()
    stage.mute_venue(is_on=False)
    await asyncio.sleep(20)
    await _next_order(stage)
    stage.kill_engine()


async def _next_order(stage: Stage) -> None:
    """Wait until an order has arrived at the venue; nothing has been said about it yet."""
    taken = stage.witness.taken.total()
    for _ in range(HOSTILE_S * 20):
        if stage.witness.taken.total() > taken:
            return
        await asyncio.sleep(0.05)


async def _venue_restart(stage: Stage, rng: random.Random) -> None:
    for _ in range(3):
        await asyncio.sleep(rng.uniform(15, 35))
        await stage.restart_venue(rng.uniform(0.5, 10))


async def _disk_trouble(stage: Stage, rng: random.Random) -> None:
    for _ in range(3):
        await asyncio.sleep(rng.uniform(10, 30))
        stage.set_disk(
            rng.choice(
                (
                    DiskFaults(sync_error_chance=0.05),
                    DiskFaults(write_error_chance=0.02),
                    DiskFaults(free_bytes=rng.randint(0, 20_000)),
                    DiskFaults(is_read_only=True),
                    DiskFaults(sync_s=0.5),
                )
            )
        )
        await asyncio.sleep(rng.uniform(3, 15))
        stage.set_disk(DiskFaults())


_LATE = "an order that the venue takes after it was given up is a difference for a person to judge"
_OPERATED = "an operator halted trading, and a resume was refused or came while no engine was up"
_CUT = "decisions whose market data the disk lost cannot be verified"
_ROUGH = LinkProfile(jitter=0.6, tail_chance=0.02, tail_s=0.5, split_chance=0.3, stall_chance=0.002)
_BREAKING = LinkProfile(
    latency_s=0.05, jitter=0.8, tail_chance=0.05, tail_s=1.0, split_chance=0.3,
    reset_chance=0.003, stall_chance=0.002, refuse_chance=0.1,
)  # fmt: skip

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario(
            "gateway-restart", "the connection drops and stays away", script=_gateway_restart
        ),
        Scenario(
            "lost-order",
            "an order arrives and nobody answers; the next one is on its way at a kill -9",
            script=_lost_order,
        ),
        Scenario("mute-feed", "the socket is open and says nothing", script=_mute_feed),
        Scenario(
            "submit-timeout",
            "orders are lost, or taken without an answer, or taken late",
            faults=("lost_request:submit:0.2", "lost_reply:submit:0.3", "late_accept:submit:0.2:4"),
            may_need_operator=_LATE,
        ),
        Scenario(
            "partial-then-drop", "the connection resets after fills", script=_drop_after_partial
        ),
        Scenario(
            "duplicate-fills",
            "reports come twice, late, before the acknowledgement, and again at every greeting",
            faults=("duplicate_report:0.5:2", "reorder:0.2:0.3", "fill_before_ack:0.3", "replay:1"),
            script=_drop_after_partial,
        ),
        Scenario(
            "crash-storm", "the process is killed and the power cut again and again",
            script=_crash_storm, may_need_operator=_CUT,
        ),
        Scenario(
            "clock-skew", "the wall clock and the broker's jump and drift", script=_clock_skew,
            on_world_time=True,
        ),
        Scenario("pause", "the process is stopped for a while and goes on", script=_pause),
        Scenario(
            "rate-ban",
            "429, then a ban",
            faults=("rate_limit:0.1:2", "ban:submit:0.1:10", "server_error:0.1"),
        ),
        Scenario(
            "stale-snapshot",
            "snapshots are old or cut short, fills are left out, queries lie",
            faults=(
                "stale_snapshot:0.4", "partial_snapshot:0.2", "omitted_fill:0.4",
                "lying_status:0.5", "lost_reply:submit:0.2",
            ),
        ),
        Scenario(
            "venue-restart",
            "the venue goes down, comes back from its own books, and counts anew",
            faults=("new_epoch:0.3",),
            script=_venue_restart,
        ),
        Scenario(
            "disk-trouble", "the disk fails, fills up, turns slow", script=_disk_trouble,
            may_need_operator="what could not be written is found at the broker as a difference",
        ),
    )
}  # fmt: skip
RANDOM = "random"
_MENU = (
    "lost_request:0.05", "lost_reply:submit:0.2", "lost_reply:0.05", "late_accept:submit:0.2:3",
    "disconnect:submit:0.1", "server_error:0.05", "server_error:submit:0.1:0", "rate_limit:0.05:2",
    "ban:0.01:8", "duplicate_report:0.3:2", "reorder:0.2:0.5", "fill_before_ack:0.3:2",
    "omitted_fill:0.2", "lying_status:0.3", "stale_snapshot:0.2", "partial_snapshot:0.1",
    "replay:0.5", "new_epoch:0.1", "unknown_status:0.03", "bust:0.1:0.5",
)  # fmt: skip
_SCRIPTS = (
    _gateway_restart, _mute_feed, _drop_after_partial, _crash_storm, _clock_skew,
    _venue_restart, _disk_trouble,
)  # fmt: skip


FAULTS = (
    *sorted({parse_fault(spec).kind.value for spec in _MENU}),
    "rough link", "reset", "partition", "mute", "engine kill", "engine power_cut", "engine stopped",
    "clock step", "venue clock step", "venue restart", "disk", "market data lost",
    *(f"operator {verb}" for verb in COMMANDED),
)  # fmt: skip
"""Everything that the swarm does to an engine, as a verdict counts what it injected."""


def swarm(rng: random.Random) -> Scenario:
    """A scenario of a random subset of all faults: about a quarter of them, at most two scripts,
    and sometimes pauses beside them.

    Never an annulment with reports of unknown kind: one that cannot be read is for a person to
    mend, and the engine rightly stays held.
    """
    faults = tuple(fault for fault in _MENU if rng.random() < 0.25)
    if any(fault.startswith("unknown_status") for fault in faults):
        faults = tuple(fault for fault in faults if not fault.startswith("bust"))
    scripts = rng.sample(_SCRIPTS, rng.randint(0, 2))
    link = rng.choice((None, None, _ROUGH, _BREAKING))
    if rng.random() < 0.15:  # drawn last: a new kind of trouble leaves the old seeds their stories
        scripts.append(_pause)
    is_operated = rng.random() < 0.15
    if is_operated:
        scripts.append(operate)

    async def together(stage: Stage, chance: random.Random) -> None:
        streams = [random.Random(chance.random()) for _ in scripts]
        async with asyncio.TaskGroup() as group:
            for script, stream in zip(scripts, streams, strict=True):
                group.create_task(script(stage, stream))

    named = [script.__name__.strip("_").replace("_", "-") for script in scripts]
    roughness = {None: "clean", _ROUGH: "rough", _BREAKING: "breaking"}[link]
    story = ", ".join([*named, *faults, f"{roughness} link"])
    # A venue on the world's time would be behind it after a restart, as no real one is.
    on_world_time = _clock_skew in scripts and _venue_restart not in scripts
    return Scenario(
        RANDOM, story, faults, link, together, on_world_time=on_world_time,
        may_need_operator=f"{_LATE}; {_CUT}" + (f"; {_OPERATED}" if is_operated else ""),
    )  # fmt: skip
