"""The socket of the simulated venue's adapter: the only file of it that awaits.

One background task owns the connection: it connects, reads, writes, watches deadlines and
reconnects with backoff; `close` ends it. The conversation itself lives in `session.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import cast

import aiohttp

from regimeflow.brokers.capabilities import SIM_CAPABILITIES, Capabilities
from regimeflow.brokers.protocol import AccountTruth, Deliver, ReconnectPolicy
from regimeflow.brokers.sim.greeting import State
from regimeflow.brokers.sim.session import LINK, SimSession
from regimeflow.brokers.sim.wire import MESSAGE_CHARS_MAX
from regimeflow.errors import StartRefused, UsageError, VenueProtocolError
from regimeflow.model.commands import Command
from regimeflow.model.market import Bar

PATH = "/v1"
CLOSE_TIMEOUT_S = 1.0
END_OF_DATA = "end of data"
CLOSED = "closed"
WAYS_OUT = {
    "account_in_use": "Stop the other engine: two must never trade on one account",
    "wrong_account": "Name the account that it serves in live.account_id, or leave that out",
    "banned": "Start again when the ban is over",
    "forbidden": "Check the key, what it permits, and the addresses that may use it",
    "bad_request": "Run venue and engine from one version of RegimeFlow",
}
"""What to do about a greeting that was refused, by the code of the refusal."""


class SimBrokerClient:
    """A `BrokerClient` for a simulated venue at `url` (`http://127.0.0.1:N`).

    `client_name` names this engine: a connection of the same name is taken over, of another
    name refused; left out, it is drawn from `rng`. `rng` also spreads reconnections. Timeouts
    are wall seconds. `resume_fill_seq` 0 has every fill of the run repeated after a start,
    which a durable engine counts once; None repeats none.
    """

    name = "sim"
    capabilities: Capabilities = SIM_CAPABILITIES

    def __init__(
        self,
        *,
        url: str,
        symbols: Sequence[str],
        rng: random.Random,
        account: str = "",
        client_name: str = "",
        request_timeout_s: float = 5.0,
        heartbeat_timeout_s: float = 10.0,
        reconnect: ReconnectPolicy = ReconnectPolicy(),  # noqa: B008 - frozen
        resume_fill_seq: int | None = 0,
        is_takeover: bool = False,
    ) -> None:
        self._url = url.rstrip("/")
        self._rng = rng
        self._reconnect = reconnect
        self._request_timeout_s = request_timeout_s
        self._session = SimSession(
            client=client_name or f"{rng.getrandbits(64):016x}",
            symbols=symbols,
            account=account,
            request_timeout_s=request_timeout_s,
            heartbeat_timeout_s=heartbeat_timeout_s,
            resume_fill_seq=resume_fill_seq,
            is_takeover=is_takeover,
        )
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._deliver: Deliver | None = None
        self._histories: dict[int, asyncio.Future[list[Bar] | str]] = {}
        self._end_reason = ""
        self._has_been_up = False
        self._task: asyncio.Task[None] | None = None

    # --- the protocol -------------------------------------------------------------------

    async def connect(self) -> AccountTruth:
        """Greet the venue. Raises StartRefused when it cannot be reached or refuses us."""
        if self._task is not None:
            raise UsageError("connect is called once; a client reconnects by itself")
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._task = self._loop.create_task(self._main())
        try:
            await self._ready
        except StartRefused:
            await self.close()
            raise
        return cast("AccountTruth", self._session.truth)

    async def run(self, deliver: Deliver) -> str:
        """Deliver events until closed, until the data is over, or until reconnecting is given up.

        What happened since `connect` comes first. Whatever `deliver` raises ends the connection
        and is raised here.
        """
        if self._task is None:
            raise UsageError("run before connect")
        self._deliver = deliver
        self._session.subscribe(self._loop.time())
        self._wake.set()
        await asyncio.shield(self._task)
        return self._end_reason

    def execute(self, ts_ns: int, command: Command) -> None:
        """Hand a command to the connection; what becomes of it arrives as an event."""
        self._session.execute(command, self._loop.time())
        self._wake.set()

    async def history(self, symbol: str, bars: int, end_ns: int) -> list[Bar]:
        """The last `bars` bars complete by `end_ns`, oldest first.

        Raises StartRefused when the venue does not answer with bars.
        """
        number = self._session.request_history(symbol, bars, end_ns, self._loop.time())
        future = self._histories[number] = self._loop.create_future()
        self._wake.set()
        found: list[Bar] | str = await future
        if isinstance(found, str):
            raise StartRefused(f"no history of {symbol} from {self._url}: {found}")
        return found

    async def close(self) -> None:
        """Drop the connection; `run` returns."""
        if self._task is None:
            return
        self._end_reason = self._end_reason or CLOSED
        self._wake.set()
        await asyncio.gather(self._task, return_exceptions=True)

    def venue_ns(self) -> int:
        """The venue's time now, extrapolated from its last word."""
        return self._session.venue_ns(self._loop.time())

    # --- the connection -----------------------------------------------------------------

    async def _main(self) -> None:
        try:
            async with aiohttp.ClientSession() as http:
                await self._keep_connected(http)
        finally:
            self._session.disconnected(self._end_reason or CLOSED, self._loop.time())
            for future in self._histories.values():
                future.cancel()
            if not self._ready.done():
                self._ready.set_exception(StartRefused(self._refusal(self._end_reason)))

    async def _keep_connected(self, http: aiohttp.ClientSession) -> None:
        attempt = 0
        while True:
            self._has_been_up = False
            reason = await self._connection(http)
            self._session.disconnected(reason, self._loop.time())
            self._flush()
            if not self._ready.done() or self._session.failure:
                self._end_reason = self._end_reason or reason
            elif self._session.has_ended:
                self._end_reason = self._end_reason or END_OF_DATA
            if self._end_reason:
                return
            attempt = 1 if self._has_been_up else attempt + 1
            delay_s = self._reconnect.delay_s(attempt, self._rng)
            if delay_s is None:
                self._end_reason = f"gave up after {attempt - 1} attempts to reconnect: {reason}"
                return
            suspended_s = self._session.egress.suspension.wait_s(self._loop.time())
            await self._back_off(max(delay_s, suspended_s))

    async def _connection(self, http: aiohttp.ClientSession) -> str:
        """One connection from its opening to its end; returns why it ended."""
        try:
            async with asyncio.timeout(self._request_timeout_s):
                ws = await http.ws_connect(
                    self._url + PATH,
                    max_msg_size=MESSAGE_CHARS_MAX,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_TIMEOUT_S),
                )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return str(error) or f"no answer in {self._request_timeout_s:g} s"
        self._session.connected(self._loop.time())
        reader = self._loop.create_task(self._read(ws))
        reason = CLOSED
        try:
            reason = await self._converse(ws, reader)
        except (aiohttp.ClientError, OSError) as error:
            reason = f"the connection broke: {error}"
        finally:
            # Whatever is not settled by now is not settled by waiting for a polite farewell.
            self._session.disconnected(reason, self._loop.time())
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await ws.close()
        return reason

    async def _converse(
        self, ws: aiohttp.ClientWebSocketResponse, reader: asyncio.Task[str]
    ) -> str:
        """Write what is queued and watch the deadlines, until something ends the connection."""
        session = self._session
        while True:
            reason = session.tick(self._loop.time())
            self._flush()
            if reader.done():
                return reader.result()
            if session.failure or reason:
                return session.failure or reason or ""
            if session.has_ended or self._end_reason:
                return self._end_reason or END_OF_DATA
            if session.has_outgoing and not ws.closed:
                async with asyncio.timeout(self._heartbeat_timeout_s):
                    for text in session.take_outgoing():
                        await ws.send_str(text)
                continue
            await self._pause(session.next_deadline_s)

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> str:
        """Feed the session until the connection ends; returns why it did."""
        try:
            async for message in ws:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return f"the venue sent a {message.type.name.lower()} frame"
                self._session.receive(message.data, self._loop.time())
                self._flush()
                self._wake.set()
        except VenueProtocolError as error:
            return f"protocol broken: {error}"
        finally:
            self._wake.set()
        return f"the venue closed the connection (code {ws.close_code})"

    async def _pause(self, deadline_s: float | None) -> None:
        """Sleep until woken, or until `deadline_s`."""
        alarm = None if deadline_s is None else self._loop.call_at(deadline_s, self._wake.set)
        await self._wake.wait()
        self._wake.clear()
        if alarm is not None:
            alarm.cancel()

    async def _back_off(self, delay_s: float) -> None:
        until_s = self._loop.time() + delay_s
        while self._loop.time() < until_s and not self._end_reason:
            await self._pause(until_s)
            self._flush()

    # --- what it says -------------------------------------------------------------------

    def _flush(self) -> None:
        """Hand over what the session has to say; delivering may make it say more."""
        session = self._session
        if session.state is State.UP:
            self._has_been_up = True
            if not self._ready.done():
                self._ready.set_result(None)
        histories, session.answers.histories = session.answers.histories, []
        for number, found in histories:
            future = self._histories.pop(number, None)
            if future is not None and not future.done():
                future.set_result(found)
        deliver = self._deliver
        if deliver is None:
            return
        # What time it is there is worked out as it is told: time passes while events wait.
        measured = session.time.tell(LINK, self._loop.time())
        if measured is not None:
            deliver(measured)
        while session.events:
            events, session.events = session.events, []
            for event in events:
                deliver(event)

    def _refusal(self, reason: str) -> str:
        failure = self._session.failure
        if failure:
            way_out = WAYS_OUT.get(failure.partition(":")[0], "Correct live.broker_config")
            return f"the venue at {self._url} refused: {failure}. {way_out}"
        return (
            f"the simulated venue at {self._url} cannot be reached: {reason}. Start it with "
            "`regimeflow venue sim --port N …`, or correct live.broker_config.url"
        )
