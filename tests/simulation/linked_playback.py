"""A run behind a link without a network: recorded data and the simulated venue in one process.

The engine, the pump, the journal and the folds are those of a linked run; only the wire is left
out, so that years are played in seconds. `Trouble` makes the venue what venues are: requests are
lost, reports come twice or never, the link drops.
"""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path
from typing import NamedTuple

from regimeflow.core.engine import Engine
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.commands import Command
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.manifest import write_manifest
from regimeflow.run.plan import LinkTraits, RunPlan, make_plan
from regimeflow.run.pump import Pump
from regimeflow.run.starting_point import KeptState
from regimeflow.venue.schedule import SimSchedule
from tests.simulation.playback import RunConfiguration, config_in

TRAITS = LinkTraits(
    settle_window_ns=43_200 * NS_PER_S, query_interval_ns=21_600 * NS_PER_S, has_native_oco=True
)
"""Long ones: what is asked again and again is asked all night in data time."""
MARKET_SEGMENT_BYTES_MIN = 2_000
"""Some days to a segment."""
REPORTS = (e.OrderAccepted, e.OrderFilled, e.OrderCanceled)


class Kept(NamedTuple):
    """The state of one session's end."""

    state: KeptState
    payload: bytes


class Played(NamedTuple):
    """A journal, what it was made with, the engine at its end, and every state on the way."""

    journal: Path
    plan: RunPlan
    engine: Engine
    states: list[Kept]


class Trouble:
    """The venue behind the pump; with a seed it errs."""

    def __init__(self, schedule: SimSchedule, seed: int | None) -> None:
        self._schedule = schedule
        self._rng = random.Random(seed)
        self._is_on = seed is not None
        self._unheard: list[e.Event] = []

    def execute(self, ts_ns: int, command: Command) -> None:
        """Hand a command on, or lose it on the way."""
        if isinstance(command, c.SubmitOrder) and self._strikes(0.05):
            lost = e.OutcomeUnknown(command.client_order_id, e.RequestKind.SUBMIT, "no answer")
            self._unheard.append(lost)
            return
        self._schedule.execute(ts_ns, command)

    def heard(self, event: e.Event) -> list[e.Event]:
        """What the engine hears of an event: it, nothing, it twice, or a link that drops too."""
        if isinstance(event, REPORTS) and self._strikes(0.05):
            return []
        told, self._unheard = [event, *self._unheard], []
        if isinstance(event, REPORTS) and self._strikes(0.1):
            told.append(event)
        if self._strikes(0.002):
            told += [e.LinkDown("sim", "reset"), e.LinkUp("sim", "again")]
        return told

    def _strikes(self, chance: float) -> bool:
        return self._is_on and self._rng.random() < chance


def linked_plan(raw: RunConfiguration, log_dir: Path) -> RunPlan:
    """The plan of a playback as if its venue were behind a link."""
    return dataclasses.replace(make_plan(config_in(raw, log_dir), "live"), link=TRAITS)


def play_linked(raw: RunConfiguration, log_dir: Path, *, seed: int | None = None) -> Played:
    """Play the data to its end, in one life; `seed` makes trouble."""
    plan, journal = linked_plan(raw, log_dir), log_dir / "journal"
    write_manifest(journal, plan)
    engine, schedule, states = plan.new_engine(), plan.new_schedule(), []
    venue = Trouble(schedule, seed)
    writer = JournalWriter(journal, durability=Durability.PROCESS)

    pump = Pump(engine, writer, venue, fingerprint=plan.fingerprint())

    def keep(_: int, state: KeptState, payload: bytes) -> None:
        states.append(Kept(state, payload))
        writer.end_market_segment(MARKET_SEGMENT_BYTES_MIN)

    pump.keep_state(keep)
    item = schedule.next()
    assert item is not None
    pump.ts_ns = item[0]
    pump.take(pump.ts_ns, e.EngineStarted(1))
    pump.open_epoch("start", boot=1)
    pump.take(pump.ts_ns, e.LinkUp("sim", "in process"))
    polls = 0
    while item is not None:
        ts_ns, event = item
        for heard in venue.heard(event):
            pump.take(ts_ns, heard)
        polls += type(event) in e.MARKET_EVENT_TYPES
        if type(event) in e.MARKET_EVENT_TYPES and polls % 7 == 0:
            command = c.RequestSnapshot(f"poll-{ts_ns}-{polls}", c.SnapshotScope.ALL)
            pump.request_snapshot(command)
        item = schedule.next()
    pump.take(pump.ts_ns, e.EngineStopped("end of data"))
    writer.close()
    return Played(journal, plan, engine, states)
