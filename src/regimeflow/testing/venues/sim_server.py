"""The simulated venue as a server: one WebSocket at `/v1`, any number of clients, its own books.

It runs on any asyncio loop and reads no clock but the loop's (or the one it is given), draws
nothing itself and starts no thread. Venue time is data time: it stands still until the first
trading client greets, then advances by `speed` seconds for each second of the clock. Invariants:
what leaves was written down before; at most one client trades; reports are never dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from aiohttp import WSCloseCode, WSMsgType, web
from msgspec.structs import replace

from regimeflow.brokers.capabilities import SIM_CAPABILITIES
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim.wire import MESSAGE_CHARS_MAX
from regimeflow.errors import UsageError, VenueProtocolError
from regimeflow.live.server_log import server_logger
from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing.venues.admittance import Admittance
from regimeflow.testing.venues.connection import QUEUE_MAX, Connection
from regimeflow.testing.venues.faults import NoFaults, VenueFaults
from regimeflow.testing.venues.greeter import Greeter
from regimeflow.testing.venues.replies import Replies
from regimeflow.testing.venues.report_outlet import ReportOutlet
from regimeflow.testing.venues.report_store import Numbered
from regimeflow.testing.venues.request_desk import RequestDesk
from regimeflow.testing.venues.sim_machine import Emission, VenueMachine

TURN_MOMENTS = 2_000
"""Moments played before other work of the loop gets its turn."""
SLEEP_S_MAX = 3_600.0
HEARTBEAT_S = 1.0


class SimVenueServer:
    """Serves one `VenueMachine`.

    `account` and `currency` are what it calls itself; `bar_size_ns` is that of its data, None
    for data that is not bars alone. `speed` is above 0. `clock` gives seconds and defaults
    to the loop's. Without `has_own_time` its data are of the world's time, as a real broker's
    are, and it says so. Raises UsageError for a speed that never moves.
    """

    def __init__(
        self,
        machine: VenueMachine,
        *,
        account: str = "SIM",
        currency: str = "USD",
        speed: float = 1.0,
        bar_size_ns: int | None = None,
        clock: Callable[[], float] | None = None,
        faults: VenueFaults | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        queue_max: int = QUEUE_MAX,
        has_own_time: bool = True,
    ) -> None:
        if not speed > 0:
            raise UsageError(f"speed {speed}: a venue that serves others needs a speed above 0")
        self.machine = machine
        self.speed = speed
        self.bar_size_ns = bar_size_ns
        self.capabilities = replace(SIM_CAPABILITIES, has_own_time=has_own_time)
        self.connections: list[Connection] = []
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self.queue_max = queue_max
        self._origin: tuple[float, int] | None = None
        self._turn_handle: asyncio.TimerHandle | None = None
        self._heartbeat_handle: asyncio.TimerHandle | None = None
        self._runner: web.AppRunner | None = None
        self._numbered = 0
        self._has_ended = False
        self._is_muted = False
        policy = faults or NoFaults()
        self._replies = Replies(machine)
        self._outlet = ReportOutlet(
            faults=policy, replies=self._replies, broadcast=self._broadcast, bust=self.bust
        )
        names = {"account": account, "currency": currency}
        self.admittance = admittance = Admittance(policy)
        self._greeter = Greeter(self, self._outlet, policy, admittance, **names)
        self._desk = RequestDesk(self, self._replies, self._outlet, policy, admittance, **names)

    # --- running ------------------------------------------------------------------------

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> str:
        """Listen; returns the address, such as `http://127.0.0.1:40001`."""
        self._loop = asyncio.get_running_loop()
        self._clock = self._clock or self._loop.time
        application = web.Application()
        application.router.add_get("/v1", self._serve)
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=1.0, logger=server_logger("venue")
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        self._beat()
        bound = self._runner.addresses[0]
        return f"http://{bound[0]}:{bound[1]}"

    async def stop(self) -> None:
        """Close every connection and stop listening; the books stay where they are."""
        for handle in (self._turn_handle, self._heartbeat_handle):
            if handle is not None:
                handle.cancel()
        for connection in list(self.connections):
            connection.cut()
        if self._runner is not None:
            await self._runner.cleanup()

    def disconnect_all(self) -> None:
        """Reset every connection, as a network failure would."""
        for connection in list(self.connections):
            connection.cut()

    def mute(self, *, is_on: bool) -> None:
        """Swallow what is said, as a link that is half open does, on connections old and new.

        Turned off, it holds for new connections only: what a dead link swallowed stays lost.
        """
        self._is_muted = is_on
        for connection in self.connections:
            connection.is_muted = connection.is_muted or is_on

    def bust(self, execution_id: str) -> None:
        """Annul an execution and tell everybody."""
        self.catch_up()
        numbered = self.machine.bust(self.machine.now_ns, execution_id)
        if numbered is not None:
            self.publish([numbered])

    # --- time ---------------------------------------------------------------------------

    def begin(self) -> None:
        """Let time run from where it stands; harmless when it runs."""
        if self._origin is None:
            assert self._clock is not None
            self._origin = (self._clock(), self.machine.now_ns)
            self.rearm()

    def catch_up(self) -> int:
        """Let everything happen that is due by now, tell everybody, and return the time."""
        ts_ns = self._now_ns()
        self.publish(self.machine.advance(ts_ns))
        return ts_ns

    def rearm(self) -> None:
        """Set the alarm for what happens next."""
        if self._turn_handle is not None:
            self._turn_handle.cancel()
            self._turn_handle = None
        if self._origin is None or self._has_ended:
            return
        delay_s = (self.machine.alarm_ns - self._now_ns()) / NS_PER_S / self.speed
        delay_s = min(max(delay_s, 0.0), SLEEP_S_MAX)
        self._turn_handle = self._loop.call_later(delay_s, self._turn)

    def _now_ns(self) -> int:
        machine = self.machine
        if self._origin is None or self._clock is None:
            return machine.now_ns
        origin_s, origin_ns = self._origin
        elapsed_ns = int((self._clock() - origin_s) * self.speed * NS_PER_S)
        return max(origin_ns + elapsed_ns, machine.now_ns)

    def _turn(self) -> None:
        self.publish(self.machine.advance(self._now_ns(), TURN_MOMENTS))
        if self.machine.is_over and not self._has_ended:
            self._has_ended = True
            self.say_ended(self.connections)
        self.rearm()

    def say_ended(self, connections: Sequence[Connection]) -> None:
        """Tell that the data is over, if it is."""
        if self._has_ended:
            for connection in connections:
                if connection.is_greeted:
                    connection.send(m.Ended(venue_ns=self.machine.now_ns))

    def _beat(self) -> None:
        if self._origin is not None:
            self.catch_up()
        self.machine.mark()
        for connection in list(self.connections):
            if connection.is_greeted:
                connection.send(m.HeartbeatPush(venue_ns=self.machine.now_ns))
        self._heartbeat_handle = self._loop.call_later(self._heartbeat_s, self._beat)

    # --- telling ------------------------------------------------------------------------

    def publish(self, emissions: Sequence[Emission]) -> None:
        """Tell everybody concerned, after it has been written down."""
        if not emissions:
            return
        self.machine.mark()
        for emission in emissions:
            if isinstance(emission, Numbered):
                self._outlet.publish(emission)
            elif isinstance(emission, Quote | Trade | Bar):
                self._push_market(emission)
            elif isinstance(emission, SessionOpened | SessionClosed):
                push = m.SessionPush(
                    is_open=isinstance(emission, SessionOpened),
                    session=t.session_line(emission.session),
                )
                self._broadcast(push)
            else:
                self._desk.answer(emission)

    def _broadcast(self, push: m.Report | m.SessionPush) -> None:
        for connection in list(self.connections):
            if connection.is_greeted:
                connection.send(push)

    def _push_market(self, event: Quote | Trade | Bar) -> None:
        subscribed = [c for c in self.connections if event.symbol in c.symbols]
        if not subscribed:
            return
        if isinstance(event, Quote):
            quote = m.QuotePush(
                symbol=event.symbol,
                ts_ns=event.ts_venue_ns,
                bid=event.bid,
                ask=event.ask,
                bid_size=event.bid_size,
                ask_size=event.ask_size,
            )
            for connection in subscribed:
                connection.send_quote(quote)
            return
        push: m.TradePush | m.BarPush
        if isinstance(event, Trade):
            push = m.TradePush(
                symbol=event.symbol,
                ts_ns=event.ts_venue_ns,
                price=event.price,
                size=event.size,
                aggressor=event.aggressor,
            )
        else:
            push = m.BarPush(bar=t.bar_line(event))
        for connection in subscribed:
            connection.send(push)

    # --- connections --------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=MESSAGE_CHARS_MAX, compress=False, timeout=1.0)
        await ws.prepare(request)
        self._numbered += 1
        connection = Connection(self._numbered, ws, request.transport, self.queue_max)
        connection.is_muted = self._is_muted
        self.connections.append(connection)
        writer = self._loop.create_task(connection.write())
        try:
            await self._listen(connection)
        finally:
            connection.is_cut = True
            self.connections.remove(connection)
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
        return ws

    async def _listen(self, connection: Connection) -> None:
        async for message in connection.ws:
            if message.type is not WSMsgType.TEXT:
                break
            try:
                request = m.decode_request(message.data)
            except VenueProtocolError as error:
                reason = str(error).encode()[:120]
                await connection.ws.close(code=WSCloseCode.PROTOCOL_ERROR, message=reason)
                break
            if isinstance(request, m.Hello):
                self._greeter.greet(connection, request)
            else:
                self._desk.take(connection, request)
            self.rearm()
