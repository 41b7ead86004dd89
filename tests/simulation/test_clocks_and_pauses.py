"""Clocks that step and processes that stand still, in a whole simulated world: all is noticed,
journaled, and held against entries until it is over.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Generic, NamedTuple, TypeVar

import pytest

from regimeflow.journal.reader import read_records
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.testing.checkers import Finding, judge
from regimeflow.testing.evidence import Evidence
from regimeflow.testing.rehearsal import director
from regimeflow.testing.rehearsal.director import Verdict
from regimeflow.testing.rehearsal.scenarios import SCENARIOS, Scenario, Script
from regimeflow.testing.rehearsal.stage import Stage
from tests.simulation.rehearsed import busy_config, told

T = TypeVar("T")
STEPS_MS = (90, -40, 1_500, -1_400, 30_000, -29_000, 250, -60)
"""All but one are shorter than a pause, which is ten seconds long here."""


class Noted(NamedTuple, Generic[T]):
    """One record of a kind."""

    seq: int
    ts_ns: int
    body: T


@dataclass
class Played:
    """One rehearsal: its verdict, its journal, and which orders could increase a position."""

    verdict: Verdict
    records: list[Record] = field(default_factory=list)
    entries: frozenset[str] = frozenset()

    def of(self, kind: type[T]) -> list[Noted[T]]:
        return [Noted(r.seq, r.ts_ns, r.body) for r in self.records if isinstance(r.body, kind)]

    def health(self, component: str) -> list[Noted[c.HealthChanged]]:
        return [noted for noted in self.of(c.HealthChanged) if noted.body.component == component]

    def entries_between(self, first: int, last: int) -> list[str]:
        """Orders of that stretch of the journal that could increase a position."""
        sent = [n.body.client_order_id for n in self.of(c.SubmitOrder) if first < n.seq < last]
        return [order_id for order_id in sent if order_id in self.entries]


def play(monkeypatch: pytest.MonkeyPatch, scenario: Scenario, seed: int = 1) -> Played:
    """Rehearse, keeping the journal that the rehearsal throws away."""
    seen: list[Evidence] = []
    records: list[Record] = []

    def keeping(evidence: Evidence) -> list[Finding]:
        seen.append(evidence)
        records.extend(read_records(evidence.journal_dir))
        return judge(evidence)

    monkeypatch.setattr(director, "judge", keeping)
    verdict = director.rehearse(busy_config(), scenario, seed)
    assert verdict.is_ok, told(verdict)
    times = [record.ts_ns for record in records]
    assert times == sorted(times), "time went backwards in the journal"
    return Played(verdict, records, frozenset(seen[0].venue.entries_ns))


def stepping(step: str) -> Script:
    """A script that steps one of the two clocks, each time far enough apart to be seen alone."""

    async def script(stage: Stage, rng: random.Random) -> None:
        for step_ms in STEPS_MS:
            await asyncio.sleep(15)
            getattr(stage, step)(step_ms * NS_PER_MS)
        await asyncio.sleep(15)

    return script


WALL_STEPS = Scenario("steps", "it steps", script=stepping("step_clock"), on_world_time=True)


def test_every_step_of_the_wall_is_journaled_with_its_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = play(monkeypatch, WALL_STEPS)
    adjusted = [noted.body for noted in played.of(e.ClockAdjusted)]
    assert {body.clock for body in adjusted} == {"wall"}
    # The broker contradicts the longest step, which is told and not followed; the next one leads
    # back to a second off. At the end the wall is set right, once more.
    (stepped,) = played.of(e.ClockStepped)
    assert stepped.body.delta_ns / NS_PER_MS == pytest.approx(30_000, abs=1)
    deltas_ms = [body.delta_ns / NS_PER_MS for body in adjusted]
    followed_ms = [90, -40, 1_500, -1_400, 1_000, 250, -60]
    assert deltas_ms == pytest.approx([*followed_ms, -sum(followed_ms)], abs=1)


def test_wall_and_broker_that_jump_together_are_followed_as_after_a_suspension(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(stage: Stage, rng: random.Random) -> None:
        for length_s in (30, 60):
            await asyncio.sleep(20)
            stage.step_clock(length_s * NS_PER_S)
            stage.step_venue_clock(length_s * NS_PER_S)
        await asyncio.sleep(20)

    scenario = Scenario("suspension", "it sleeps", script=script, lasts_s=70, on_world_time=True)
    played = play(monkeypatch, scenario)
    told_ms = [noted.body.delta_ns / NS_PER_MS for noted in played.of(e.ClockStepped)]
    followed_ms = [noted.body.delta_ns / NS_PER_MS for noted in played.of(e.ClockAdjusted)]
    assert told_ms[:2] == followed_ms[:2] == pytest.approx([30_000, 60_000], abs=1)


def test_wall_beyond_the_limit_is_told_and_denies_until_it_agrees(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    played = play(monkeypatch, WALL_STEPS)
    about_clock = played.health("clock")
    statuses = [noted.body.status for noted in about_clock]
    assert statuses[0] is statuses[-1] is c.HealthStatus.OK
    assert {c.HealthStatus.STALE, c.HealthStatus.DOWN} <= set(statuses)
    for wrong, right in pairwise(about_clock):
        if wrong.body.status is not c.HealthStatus.OK:
            assert played.entries_between(wrong.seq, right.seq) == []


def test_every_step_of_a_venue_with_its_own_time_is_followed_and_journaled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = stepping("step_venue_clock")
    played = play(monkeypatch, Scenario("steps", "the venue's clock steps", script=script))
    adjusted = [noted.body for noted in played.of(e.ClockAdjusted)]
    assert {body.clock for body in adjusted} == {"sim"}
    # Set back, a venue's time stands until it is reached again: that is followed bit by bit, and
    # swallows the last step forward.
    forward_ms = [body.delta_ns / NS_PER_MS for body in adjusted if body.delta_ns > 0]
    assert forward_ms == pytest.approx([90, 1_500, 30_000], abs=20)
    last = played.of(e.ClockMeasured)[-1]
    assert abs(last.body.ts_venue_ns - last.ts_ns) < 20 * NS_PER_MS


def test_pause_is_journaled_with_its_length_and_nothing_enters_before_the_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def script(stage: Stage, rng: random.Random) -> None:
        for length_s in (12.0, 4.0, 25.0, 60.0):
            await asyncio.sleep(15)
            stage.suspend_engine()
            await asyncio.sleep(length_s)
            stage.resume_engine()

    played = play(monkeypatch, Scenario("pauses", "the process is stopped", script=script))
    stalled = played.of(e.LoopStalled)
    # A second of looking more or less; what is shorter than the heartbeat's limit is no pause.
    noticed_s = [noted.body.length_ns / NS_PER_S for noted in stalled]
    assert noticed_s == pytest.approx([12.5, 25.5, 60.5], abs=0.6)
    proofs = [n.seq for n in played.health("books") if n.body.status is c.HealthStatus.OK]
    for pause in stalled:
        before = max(record.ts_ns for record in played.records if record.seq < pause.seq)
        assert pause.ts_ns - before > 11 * NS_PER_S, "something was taken before the pause"
        proof = next(seq for seq in proofs if seq > pause.seq)
        assert played.entries_between(pause.seq, proof) == []


@pytest.mark.parametrize("name", ["clock-skew", "pause"])
def test_rehearsed_story_reaches_its_branch(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    played = play(monkeypatch, SCENARIOS[name], seed=2)
    branch = {"clock-skew": "clock adjusted", "pause": "pause noticed"}[name]
    assert played.verdict.branches[branch] > 0
