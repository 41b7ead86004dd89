"""The simulated venue's server: who may come in, what it repeats, what it survives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.errors import StartRefused, UsageError
from regimeflow.model.events import DataConflated, FeedGap, LinkDown, LinkUp
from regimeflow.model.market import Quote
from regimeflow.model.reports import BrokerSnapshot, OrderAccepted, OrderFilled
from regimeflow.model.timestamps import NS_PER_DAY
from regimeflow.testing.venues.sim_server import SimVenueServer
from tests.conformance.orders import QUOTES, START_NS, snapshot, submit
from tests.conformance.venues import NetworkedVenue, of, rest, until


def play(scenario: Callable[[NetworkedVenue], Awaitable[None]], venue: NetworkedVenue) -> None:
    async def run() -> None:
        await venue.start()
        try:
            await scenario(venue)
        finally:
            await venue.stop()

    asyncio.run(run())


def test_second_engine_on_the_account_is_refused() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        with pytest.raises(StartRefused, match=r"account_in_use.*Stop the other engine"):
            await venue.new_client(seed=2).connect()
        await rest(venue, 5)
        assert not of(venue, LinkDown)

    play(scenario, NetworkedVenue())


def test_takeover_evicts_the_engine_that_trades() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        other = venue.new_client(seed=2, options={"is_takeover": True})
        truth = await other.connect()
        assert truth.account_id == "SIM"
        assert "account_in_use" in await venue.running
        await other.close()

    play(scenario, NetworkedVenue())


def test_same_engine_takes_over_its_own_dead_connection() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        await venue.new_client(options={"client_name": "engine-1"}).connect()
        assert len([c for c in venue.server.connections if c.is_trading]) == 1

    play(scenario, NetworkedVenue(client_name="engine-1", reconnect=ReconnectPolicy(60_000)))


def test_venue_says_what_bars_it_is_going_to_push() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        venue.server.bar_size_ns = NS_PER_DAY
        truth = await venue.new_client(options={"client_name": "engine-1"}).connect()
        assert truth.bar_size_ns == NS_PER_DAY

    play(scenario, NetworkedVenue(client_name="engine-1"))


def test_wrong_account_is_refused_with_both_names() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        said = r"account LIVE7 asked for, this is SIM. Name the account that it serves"
        with pytest.raises(StartRefused, match=said):
            await venue.new_client(options={"account": "LIVE7"}).connect()

    play(scenario, NetworkedVenue())


def test_venue_that_is_not_there_is_named_with_the_way_out() -> None:
    async def connect() -> None:
        venue = NetworkedVenue()
        venue.url = "http://127.0.0.1:1"
        await venue.new_client().connect()

    with pytest.raises(StartRefused, match="venue sim --port"):
        asyncio.run(connect())


def test_reconnecting_is_given_up_after_the_last_attempt() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        await venue.stop_server()
        assert "gave up after 3 attempts" in await venue.running
        await venue.start_server()

    reconnect = ReconnectPolicy(initial_ms=1, max_ms=2, max_attempts=3)
    play(scenario, NetworkedVenue(reconnect=reconnect))


def test_killed_venue_continues_from_its_file(tmp_path: Path) -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        venue.execute(submit("o1", quantity=500))
        venue.execute(submit("o2", limit="50.00"))
        await until(venue, lambda: len(of(venue, OrderFilled)) == 2, "second part")
        # Nothing is written on the way down: the file is as a kill would leave it.
        await venue.stop_server()
        await venue.start_server()
        await until(venue, lambda: len(of(venue, LinkUp)) == 2, "reconnection")
        await until(venue, lambda: len(of(venue, OrderFilled)) == 5, "the other parts")
        venue.execute(snapshot("s1"))
        await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
        listed = of(venue, BrokerSnapshot)[0]
        assert listed.positions is not None
        assert listed.orders is not None
        assert [p.quantity for p in listed.positions] == [Decimal(500)]
        assert [order.client_order_id for order in listed.orders] == ["o2"]
        assert len(of(venue, OrderAccepted)) == 2
        times = [e.ts_venue_ns for e in venue.events if isinstance(e, Quote)]
        assert times == sorted(times)

    play(scenario, NetworkedVenue(tmp_path / "venue.state"))


def test_restarted_engine_gets_every_fill_of_the_run() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        venue.execute(submit("o1", quantity=300))
        await until(venue, lambda: len(of(venue, OrderFilled)) == 3, "fills")
        await venue.stop_client()
        before = of(venue, OrderFilled)
        venue.events.clear()
        await venue.start_client()
        await until(venue, lambda: len(of(venue, OrderFilled)) == 3, "fills again")
        assert of(venue, OrderFilled) == before
        assert not of(venue, OrderAccepted)

    play(scenario, NetworkedVenue())


def test_slow_client_is_cut_off_and_loses_no_report() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        venue.execute(submit("o1", quantity=5_000))
        await until(venue, lambda: bool(of(venue, OrderFilled)), "first part")
        # The queue overflows inside one turn; what was missed is repeated in one go, also where
        # it is more than the queue takes.
        venue.pass_time(60.0)
        await until(venue, lambda: len(of(venue, OrderFilled)) == 50, "all parts")
        assert of(venue, LinkDown)
        assert len({fill.execution_id for fill in of(venue, OrderFilled)}) == 50
        gap = of(venue, FeedGap)[0]
        assert gap.symbol == "ABC"
        assert gap.ts_to_ns > gap.ts_from_ns

    venue = NetworkedVenue()
    venue.queue_max = 20
    play(scenario, venue)


def test_quotes_that_wait_are_replaced_and_counted() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        await until(venue, lambda: bool(of(venue, Quote)), "first quote")
        count = len(of(venue, Quote))
        venue.pass_time(500.0)
        await until(venue, lambda: bool(of(venue, DataConflated)), "conflation")
        assert of(venue, DataConflated)[0].count >= 498
        await rest(venue, 3)
        assert len(of(venue, Quote)) - count < 10
        assert not of(venue, LinkDown)

    play(scenario, NetworkedVenue())


def test_end_of_the_data_ends_the_run() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        venue.pass_time(QUOTES + 90_000.0)
        assert await venue.running == "end of data"

    play(scenario, NetworkedVenue())


def test_first_hello_starts_the_clock() -> None:
    async def run() -> None:
        venue = NetworkedVenue()
        await venue.start_server()
        venue.pass_time(1_000.0)
        assert venue.server.machine.now_ns == START_NS
        await venue.start_client()
        venue.pass_time(5.0)
        assert venue.server.machine.now_ns == START_NS + 5_000_000_000
        await venue.stop()

    asyncio.run(run())


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        '{"verb": "hello"}',
        '{"verb": "cancel", "id": 1, "id": 2}',
        '{"verb": "query", "id": NaN, "client_order_id": "a", "symbol": "ABC"}',
        '{"verb": "dance", "id": 1}',
    ],
)
def test_client_that_breaks_the_protocol_is_dropped(text: str) -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        async with aiohttp.ClientSession() as http, http.ws_connect(venue.url + "/v1") as ws:
            await ws.send_str(text)
            message = await ws.receive(timeout=2.0)
            assert message.type is aiohttp.WSMsgType.CLOSE
            assert message.data == aiohttp.WSCloseCode.PROTOCOL_ERROR
        await rest(venue, 3)
        assert not of(venue, LinkDown)

    play(scenario, NetworkedVenue())


def test_stranger_is_told_to_greet_first() -> None:
    async def scenario(venue: NetworkedVenue) -> None:
        async with aiohttp.ClientSession() as http, http.ws_connect(venue.url + "/v1") as ws:
            await ws.send_str('{"verb": "snapshot", "id": 1, "scope": "all"}')
            assert "not_greeted" in await ws.receive_str(timeout=2.0)

    play(scenario, NetworkedVenue())


def test_speed_of_zero_is_refused() -> None:
    async def serve() -> None:
        venue = NetworkedVenue()
        await venue.start_server()
        machine = venue.server.machine
        await venue.stop_server()
        SimVenueServer(machine, speed=0.0)

    with pytest.raises(UsageError, match="speed above 0"):
        asyncio.run(serve())
