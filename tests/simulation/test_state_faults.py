"""Kills, power cuts and bad disks while states are written and segments compressed and pruned.

The real engine in a simulated world, through sessions of a minute. Whatever happens, a start from
a kept state is the start there would have been without one, and never lacks what it needs.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from regimeflow.core.engine_state import engine_digest
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.journal.reader import read_records
from regimeflow.journal.state_files import list_states, state_path
from regimeflow.live import boot_linked as booting
from regimeflow.live import runner
from regimeflow.live.boot import Booted
from regimeflow.live.boot_linked import boot_linked
from regimeflow.run.linked_fold import PRUNED, Restart
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Observer
from regimeflow.run.starting_point import BEGINNING, possible_starts
from regimeflow.testing import Death
from regimeflow.testing.raw_files import read_file, write_file
from regimeflow.testing.rehearsal.director import scenario_of
from regimeflow.testing.rehearsal.scenarios import SCENARIOS, Scenario
from regimeflow.testing.rehearsal.stage import Stage
from tests.simulation import short_sessions
from tests.simulation.rehearsed import busy_config, told
from tests.simulation.short_sessions import Sessions, rehearse_short

SEEDS = range(1, 1 + max(int(os.environ.get("REGIMEFLOW_SIM_SEEDS", "4")) // 2, 1))


def played(scenario: Scenario, seed: int) -> Sessions:
    """A rehearsal over short sessions in which nothing may be lost or doubled."""
    sessions = rehearse_short(busy_config(), scenario, seed)
    assert sessions.verdict.is_ok, told(sessions.verdict)
    assert all(life.quarantine != PRUNED for life in sessions.lives)
    return sessions


def is_whole(journal: Path, seq: int) -> bool:
    """Whether every record up to `seq` is there. A disk may lose market data that a state has
    behind it: then the start from the state knows more than the journal."""
    there = {record.seq for record in read_records(journal)}
    return there.issuperset(range(1, seq + 1))


def compared(
    boot: Callable[..., Booted], patch: pytest.MonkeyPatch, wholes: list[int]
) -> Callable[..., Booted]:
    """Boot as the engine does, and once more as if there were no states; compare the two."""
    possible = possible_starts

    def boot_twice(
        plan: RunPlan,
        journal: Path,
        observers: Sequence[Observer],
        *,
        change: Restart | None = None,
    ) -> Booted:
        quick = boot(plan, journal, observers, change=change)
        with patch.context() as other:
            other.setattr(
                booting, "possible_starts", lambda *a: possible(*a)._replace(starts=[BEGINNING])
            )
            slow = boot(plan, journal, (), change=change)
        assert quick.last_event_seq == slow.last_event_seq
        ours, theirs = quick.engine.ledger, slow.engine.ledger
        assert ours.orders.executions.booked == theirs.orders.executions.booked
        assert ours.portfolio.cash == theirs.portfolio.cash
        assert list(ours.orders.open) == list(theirs.orders.open)
        if is_whole(journal, quick.from_seq):
            wholes.append(quick.from_seq)
            assert engine_digest(quick.engine) == engine_digest(slow.engine)
            assert ledger_digest(ours) == ledger_digest(theirs)
            assert (quick.quarantine, quick.rebuilt_as) == (slow.quarantine, slow.rebuilt_as)
            assert len(quick.unwritten) == len(slow.unwritten)
        return quick

    return boot_twice


@pytest.mark.parametrize("seed", SEEDS)
def test_every_start_in_a_storm_of_crashes_is_the_one_without_states(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_sessions, "KEPT_NS", 10**15)
    wholes: list[int] = []
    monkeypatch.setattr(runner, "boot_linked", compared(boot_linked, monkeypatch, wholes))
    played(SCENARIOS["crash-storm"], seed)
    assert wholes
    wholes.clear()
    sessions = played(Scenario("kills", "the process is killed", script=_kills), seed)
    assert len([from_seq for from_seq in wholes if from_seq]) > 3
    assert len(wholes) == len(sessions.lives)
    assert sessions.pruned_before == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", ["crash-storm", "disk-trouble", "random"])
def test_pruning_amid_faults_never_takes_what_a_start_needs(name: str, seed: int) -> None:
    sessions = played(scenario_of(name, seed), seed)
    if name == "disk-trouble":  # the others may die too often to get there
        assert sessions.compressed + sessions.pruned_before > 0


async def _kills(stage: Stage, rng: random.Random) -> None:
    """Only deaths that leave what was written: nothing is missing in the journal afterwards."""
    for _ in range(12):
        if rng.random() < 0.7:
            stage.kill_engine_at(rng.randint(200, 900))
        await asyncio.sleep(rng.uniform(5, 20))
        stage.kill_engine()


async def _rot(stage: Stage, rng: random.Random) -> None:
    """The newest state goes bad again and again, and the engine dies."""
    for _ in range(12):
        await asyncio.sleep(rng.uniform(5, 25))
        journal = stage.log_dir / "journal"
        for seq in (list_states(journal) if journal.is_dir() else [])[-1:]:
            path = str(state_path(journal, seq))
            content = bytearray(read_file(path))
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            write_file(path, bytes(content))
        stage.kill_engine(rng.choice(list(Death)))


@pytest.mark.parametrize("seed", SEEDS)
def test_rotten_states_are_told_and_only_cost_time(seed: int) -> None:
    scenario = Scenario("rot", "states go bad on the disk", script=_rot)
    sessions = played(scenario, seed)
    said = [line for life in sessions.lives for line in life.told]
    assert any("is damaged" in line for line in said)
