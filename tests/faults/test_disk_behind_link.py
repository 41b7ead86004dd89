"""F66 and F67 behind a link: the journal dies, and what works at the venue is cancelled."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import pytest

from regimeflow.config import load_config
from regimeflow.errors import JournalError
from regimeflow.testing import DiskFaults, World
from regimeflow.testing.rehearsal.director import quietly
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.stage import Stage
from regimeflow.testing.rehearsal.stand import REQUEST_TIMEOUT_MS, set_up

CONFIGURATION = {
    "strategy": {"name": "tests.faults.strategies_at_fault:RestFarAway", "id": "s"},
    "live": {
        "broker": "sim",
        "symbols": ["AAPL"],
        "broker_config": {"url": "http://127.0.0.1:1"},
        "max_orders_per_minute": 0,
    },
}
TRADING_S = 30
END_S_MAX = 60
FULL, READ_ONLY = DiskFaults(free_bytes=0), DiskFaults(is_read_only=True)


class Death(NamedTuple):
    """How a life of the engine ended, how long that took, and what then works at the venue."""

    error: BaseException | None
    took_s: float
    working: frozenset[str]


def death_of(disk: DiskFaults, *lost_verbs: str) -> Death:
    """Let the disk die under a trading engine; the venue hears none of `lost_verbs` any more."""
    with quietly(), World(1, faults="disk") as world:
        return _played(world, disk, lost_verbs)


def _played(world: World, disk: DiskFaults, lost_verbs: tuple[str, ...]) -> Death:
    """In a frame of its own: whoever still refers to the dead would keep them from burial."""
    faults = HostileFaults([f"lost_request:{verb}:1" for verb in lost_verbs], world.rng("faults"))
    stand = set_up(load_config(CONFIGURATION, environ={}), seed=1, trading_s=120)
    stage = Stage(world, stand, faults)

    async def play(_: World) -> Death:
        await stage.open_venue()
        supervisor = asyncio.get_running_loop().create_task(stage.supervise())
        await asyncio.sleep(TRADING_S)
        assert stage.witness.truth().open_orders, "nothing works, so nothing is shown"
        faults.is_on = True
        stage.set_disk(disk)
        began_s = world.now_s
        ending = await stage.engine.ended(within_s=END_S_MAX)
        took_s = world.now_s - began_s
        stage.stop()
        await supervisor
        working = stage.witness.truth().open_orders.keys()
        await stage.close_venue()
        return Death(ending.error, took_s, frozenset(working))

    return world.run(play, is_strict=False)


@pytest.mark.parametrize("disk", [FULL, READ_ONLY])
def test_f66_journal_that_dies_behind_a_link_cancels_what_works_at_the_venue(
    disk: DiskFaults,
) -> None:
    death = death_of(disk)
    assert isinstance(death.error, JournalError)
    assert death.working == frozenset()


def test_f67_venue_that_hears_no_cancel_keeps_no_dead_run_alive() -> None:
    death = death_of(READ_ONLY, "cancel")
    assert isinstance(death.error, JournalError)
    assert death.working
    assert death.took_s < REQUEST_TIMEOUT_MS / 1_000 + 10
