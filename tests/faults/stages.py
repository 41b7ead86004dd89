"""The real engine, the simulated venue and the network between them, in a world of virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.brokers.sim.client import SimBrokerClient
from regimeflow.config import load_config
from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import Record
from regimeflow.model.events import Event
from regimeflow.testing import World
from regimeflow.testing.rehearsal.director import quietly
from regimeflow.testing.rehearsal.faults import HostileFaults
from regimeflow.testing.rehearsal.stage import Stage
from regimeflow.testing.rehearsal.stand import URL, Stand, set_up

SYMBOL = "AAPL"
SETTLING_S = 20
VIRTUAL_S_MAX = 100_000.0
"""A day, and what comes before and after it."""
Play = Callable[[World, Stage, HostileFaults], Awaitable[Any]]


class Played(NamedTuple):
    """What a play came to: the engine's facts, and whatever the play returned."""

    facts: list[Record]
    result: Any

    def of(self, kind: type) -> list[Any]:
        """The facts of one kind, oldest first."""
        return [record.body for record in self.facts if isinstance(record.body, kind)]

    def times_ns(self, kind: type) -> list[int]:
        """When they were."""
        return [record.ts_ns for record in self.facts if isinstance(record.body, kind)]


def engine_configuration(strategy: str, **live: object) -> dict[str, Any]:
    """A configuration whose venue is on the stage."""
    return {
        "strategy": {"name": strategy, "id": "s"},
        "live": {
            "broker": "sim",
            "symbols": [SYMBOL],
            "broker_config": {"url": "http://127.0.0.1:1"},
            "max_orders_per_minute": 0,
            **live,
        },
    }


def on_stage(
    play: Play,
    *,
    strategy: str,
    trading_s: int = 400,
    is_engine_run: bool = True,
    **live: object,
) -> Played:
    """Open the venue, run the engine on it through `play`, and end both in order.

    What `play` returns must not refer to the world: its dead processes are buried by then.
    """
    with quietly(), World(1, faults="stage") as world:
        configuration = load_config(engine_configuration(strategy, **live), environ={})
        stand = set_up(configuration, seed=1, trading_s=trading_s)
        return _played(world, stand, play, is_engine_run=is_engine_run)


def _played(world: World, stand: Stand, play: Play, *, is_engine_run: bool) -> Played:
    """In a frame of its own: whoever still refers to the dead would keep them from burial."""
    faults = HostileFaults([], world.rng("faults"))
    stage = Stage(world, stand, faults)

    async def whole(_: World) -> Any:
        await stage.open_venue()
        supervisor: asyncio.Task[None] | None = None
        if is_engine_run:
            supervisor = asyncio.get_running_loop().create_task(stage.supervise())
            await asyncio.sleep(SETTLING_S)
        result = await play(world, stage, faults)
        if supervisor is not None:
            stage.stop()
            await supervisor
        await stage.close_venue()
        return result

    result = world.run(whole, max_virtual_s=VIRTUAL_S_MAX, is_strict=False)
    return Played(list(read_facts(stage.log_dir / "journal")) if is_engine_run else [], result)


class Caller:
    """The adapter alone on the engine's host, and every event that it delivers."""

    def __init__(self, stage: Stage) -> None:
        self.events: list[Event] = []
        self.broker: SimBrokerClient
        self._stage = stage
        self._is_up = asyncio.Event()

    async def call(self) -> SimBrokerClient:
        """Start the process; returns once it is connected."""
        self._stage.engine.start(self._run)
        await self._is_up.wait()
        return self.broker

    async def _run(self) -> str:
        self.broker = SimBrokerClient(
            url=URL,
            symbols=[SYMBOL],
            rng=random.Random(1),
            client_name="caller",
            reconnect=ReconnectPolicy(),
        )
        await self.broker.connect()
        self._is_up.set()
        return await self.broker.run(self.events.append)


def of(events: Sequence[Event], kind: type) -> list[Any]:
    """The events of one kind, oldest first."""
    return [event for event in events if isinstance(event, kind)]
