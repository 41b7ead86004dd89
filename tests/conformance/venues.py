"""The ways to reach a simulated venue, behind one face: in process, and over real sockets.

Venue time moves only while a test waits: each look at what has arrived lets a tenth of a second
of data pass. A networked venue gets its time from a clock the test holds.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.brokers.sim.client import SimBrokerClient
from regimeflow.model.commands import Command
from regimeflow.model.events import Event
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_S
from regimeflow.testing.venues.faults import ScriptedFaults
from regimeflow.testing.venues.playback import Playback
from regimeflow.testing.venues.sim_log import VenueLog
from regimeflow.testing.venues.sim_machine import VenueMachine
from regimeflow.testing.venues.sim_server import SimVenueServer
from regimeflow.venue import SimVenue
from tests.conformance.orders import CALENDAR, CASH, INSTRUMENTS, MODEL, START_NS, quotes

LOOK_S = 0.1
"""Data time that passes with each look."""
LOOKS_MAX = 2_500
E = TypeVar("E")


class Venue(Protocol):
    """A venue as a behaviour sees it; `events` is all that has been delivered."""

    events: list[Event]

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def execute(self, command: Command) -> None: ...

    async def look(self) -> None: ...


async def until(venue: Venue, is_true: Callable[[], bool], what: str) -> None:
    """Let time pass until something is true; fail, showing what happened, if it never is."""
    for _ in range(LOOKS_MAX):
        if is_true():
            return
        await venue.look()
    pytest.fail(f"{what}: never happened; seen {[e for e in venue.events if not _is_market(e)]}")


async def rest(venue: Venue, looks: int = 30) -> None:
    """Let some time pass, for what must not happen."""
    for _ in range(looks):
        await venue.look()


def of(venue: Venue, kind: type[E], name: str | None = None) -> list[E]:
    """The delivered events of one type, about one order if named."""
    found = [event for event in venue.events if isinstance(event, kind)]
    return [e for e in found if name is None or getattr(e, "client_order_id", None) == name]


def _is_market(event: Event) -> bool:
    return type(event).__name__ in ("Quote", "Heartbeat", "DataConflated")


def new_venue() -> SimVenue:
    return SimVenue(instruments=INSTRUMENTS, model=MODEL, calendar=CALENDAR, cash=CASH)


class InProcessVenue:
    """The venue called directly, as a playback does."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._venue = new_venue()
        self._quotes = (quote for chunk in quotes() for quote in chunk)
        self._next = next(self._quotes)
        self._now_ns = START_NS

    async def start(self) -> None:
        self._venue.on_session_opened(CALENDAR.sessions[0])

    async def stop(self) -> None: ...

    def execute(self, command: Command) -> None:
        self._venue.execute(self._now_ns, command)

    async def look(self) -> None:
        self._now_ns += int(LOOK_S * NS_PER_S)
        while self._next.ts_venue_ns <= self._now_ns:
            self._drain(self._next.ts_venue_ns)
            self._venue.on_market(self._next)
            self.events.append(self._next)
            self._next = next(self._quotes)
        self._drain(self._now_ns)

    def _drain(self, ts_ns: int) -> None:
        while (report := self._venue.pop_due(ts_ns)) is not None:
            self.events.append(report[1])


class NetworkedVenue:
    """The venue behind its server, a client on the other end of a real socket."""

    def __init__(self, state: Path | None = None, **client_options: object) -> None:
        self.events: list[Event] = []
        self.faults = ScriptedFaults()
        self.client_options: dict[str, object] = {
            "request_timeout_s": 0.5,
            "heartbeat_timeout_s": 0.4,
            "reconnect": ReconnectPolicy(initial_ms=5, max_ms=20),
            **client_options,
        }
        self.heartbeat_s = 0.05
        self.queue_max = 50_000
        self._state = state
        self._clock_s = 0.0
        self._log: VenueLog | None = None
        self._port = 0

    async def start(self) -> None:
        await self.start_server()
        await self.start_client()

    async def start_server(self) -> None:
        """Serve; again on the same port and from the same state after `stop_server`."""
        log = None if self._state is None else VenueLog(self._state, identity="test")
        self._log = log
        playback = Playback(
            quotes(), calendar=CALENDAR, end_ns=START_NS + NS_PER_DAY, bar_span_ns=0
        )
        machine = VenueMachine(
            new_venue(), playback, instruments=INSTRUMENTS, start_ns=START_NS, log=log
        )
        self._clock_s = 0.0
        self.server = SimVenueServer(
            machine,
            clock=lambda: self._clock_s,
            faults=self.faults,
            heartbeat_s=self.heartbeat_s,
            queue_max=self.queue_max,
        )
        url = await self.server.start(port=self._port)
        self._port = int(url.rsplit(":", 1)[1])
        self.url = url

    async def stop_server(self) -> None:
        await self.server.stop()
        if self._log is not None:
            self._log.close()

    def new_client(
        self, seed: int = 1, *, options: dict[str, object] | None = None
    ) -> SimBrokerClient:
        """A client that has not connected."""
        merged = {**self.client_options, **(options or {})}
        return SimBrokerClient(
            url=self.url,
            symbols=["ABC"],
            rng=random.Random(seed),
            **merged,  # type: ignore[arg-type]
        )

    async def start_client(self, **options: object) -> None:
        """Connect and run; options as for `SimBrokerClient`."""
        self.client = self.new_client(options=options)
        await self.client.connect()
        self.running = asyncio.get_running_loop().create_task(self.client.run(self.events.append))

    async def stop_client(self) -> None:
        await self.client.close()
        await self.running

    async def stop(self) -> None:
        await self.stop_client()
        await self.stop_server()

    def execute(self, command: Command) -> None:
        self.client.execute(0, command)

    def pass_time(self, data_s: float) -> None:
        """Let venue time pass at once."""
        self._clock_s += data_s
        self.server.catch_up()

    async def look(self) -> None:
        self.pass_time(LOOK_S)
        await asyncio.sleep(0.002)
