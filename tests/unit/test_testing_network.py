"""TCP as a process meets it: in order, once, late, in pieces, or broken."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.testing import ROUGH, Host, LinkProfile, Outcome, World

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def serving(handler: Handler, port: int = 7000) -> Callable[[], Coroutine[None, None, None]]:
    """A program that serves `handler` until it is killed."""

    async def program() -> None:
        server = await asyncio.start_server(handler, port=port)
        await server.serve_forever()

    return program


def start_venue(world: World, handler: Handler) -> Host:
    host = world.host("venue")
    host.start(serving(handler))
    return host


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while content := await reader.read(65_536):
        writer.write(content)
        await writer.drain()
    writer.close()


@given(
    seed=st.integers(0, 10_000),
    writes=st.lists(st.binary(min_size=1, max_size=3_000), min_size=1, max_size=20),
    split=st.floats(0, 1),
    tail=st.floats(0, 0.5),
    window=st.integers(50, 5_000),
)
def test_bytes_arrive_once_and_in_order_however_they_are_cut_and_delayed(
    seed: int, writes: list[bytes], split: float, tail: float, window: int
) -> None:
    link = LinkProfile(
        jitter=2.0, split_chance=split, tail_chance=tail, tail_s=5.0, window_bytes=window
    )

    async def scenario(world: World) -> bytes:
        start_venue(world, echo)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        for content in writes:
            writer.write(content)
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    with World(seed, link=link) as world:
        assert world.run(scenario) == b"".join(writes)


def test_segments_of_one_moment_are_never_reordered() -> None:
    """A heap orders equal times as it likes; one timer for the head of each pipe does not."""
    link = LinkProfile(jitter=0.0, split_chance=1.0)
    content = bytes(range(256)) * 40

    async def scenario(world: World) -> bytes:
        start_venue(world, echo)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        for value in content:
            writer.write(bytes([value]))
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return answer

    with World(2, link=link) as world:
        assert world.run(scenario) == content


def test_slow_reader_stops_the_writer_and_lets_it_go_on() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(100)
        total = len(await reader.read())
        writer.write(str(total).encode())
        writer.close()

    async def scenario(world: World) -> tuple[float, bytes]:
        start_venue(world, slow)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        for _ in range(50):
            writer.write(bytes(10_000))
            await writer.drain()
        waited_until_s = world.now_s
        writer.write_eof()
        answer = await reader.read()
        writer.close()
        return waited_until_s, answer

    with World(1) as world:
        waited_until_s, answer = world.run(scenario)
    assert answer == b"500000"
    assert waited_until_s > 100


def test_reset_inside_a_message_delivers_a_prefix_and_then_the_error() -> None:
    received: list[bytes] = []

    async def record(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        try:
            while content := await reader.read(100):
                received.append(content)
        except ConnectionResetError:
            received.append(b"RESET")

    async def scenario(world: World) -> None:
        start_venue(world, record)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        world.net.set_link("world", "venue", LinkProfile(reset_chance=1.0))
        writer.write(b"submit order 1")
        with pytest.raises(ConnectionResetError):
            await reader.read()

    for seed in range(20):
        received.clear()
        with World(seed) as world:
            world.run(scenario)
        assert received[-1] == b"RESET"
        prefix = b"".join(received[:-1])
        assert b"submit order 1".startswith(prefix)
        assert prefix != b"submit order 1"


def test_partition_holds_everything_until_it_heals() -> None:
    async def scenario(world: World) -> tuple[bytes, float]:
        start_venue(world, echo)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        world.net.partition("world", "venue")
        writer.write(b"ping")
        world.loop.call_later(60, world.net.heal, "world", "venue")
        answer = await reader.readexactly(4)
        healed_s = world.now_s
        await asyncio.sleep(2_000)
        writer.write(b"pong")
        answer += await reader.readexactly(4)
        writer.close()
        return answer, healed_s

    with World(1) as world:
        answer, healed_s = world.run(scenario)
    assert answer == b"pingpong"
    assert 61 < healed_s < 62


def test_partition_without_end_times_the_writer_out_and_only_it() -> None:
    async def scenario(world: World) -> float:
        start_venue(world, echo)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        idle_reader, idle_writer = await asyncio.open_connection("venue", 7000)
        world.net.partition("world", "venue")
        writer.write(b"ping")
        with pytest.raises(TimeoutError):
            await reader.read()
        assert not idle_reader.at_eof()
        idle_writer.close()
        return world.now_s

    with World(1) as world:
        assert 900 < world.run(scenario) < 910


def test_connecting_tells_refusal_silence_and_unknown_names_apart() -> None:
    async def scenario(world: World) -> None:
        world.host("venue")
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("venue", 7000)
        world.net.partition("venue", "world")
        with pytest.raises(TimeoutError):
            await asyncio.open_connection("venue", 7000)
        assert world.now_s > 127
        with pytest.raises(socket.gaierror):
            await asyncio.open_connection("nowhere", 7000)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", 7000)

    with World(1) as world:
        world.run(scenario)


def test_loopback_port_can_be_forwarded_to_a_venue() -> None:
    async def program() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", 8001)
        writer.write(b"hello")
        answer = await reader.readexactly(5)
        writer.close()
        return answer

    async def scenario(world: World) -> object:
        world.host("venue").start(serving(echo, port=8001))
        world.net.names.forward("127.0.0.1", 8001, to="venue")
        await asyncio.sleep(1)
        engine = world.host("engine")
        engine.start(program)
        return (await engine.ended(within_s=10)).value

    with World(1) as world:
        assert world.run(scenario) == b"hello"


def test_second_server_on_a_port_is_refused_until_the_first_is_gone() -> None:
    async def scenario(world: World) -> None:
        venue = start_venue(world, echo)
        await asyncio.sleep(1)
        other = world.host("other")
        other.start(serving(echo))
        await asyncio.sleep(1)
        first = await asyncio.start_server(echo, port=7000)
        with pytest.raises(OSError, match="in use"):
            await asyncio.start_server(echo, port=7000)
        first.close()
        await first.wait_closed()
        (await asyncio.start_server(echo, port=7000)).close()
        venue.kill()
        assert (await venue.ended(within_s=1)).outcome is Outcome.KILLED
        venue.start(serving(echo))
        await asyncio.sleep(1)
        assert venue.is_running

    with World(1) as world:
        world.run(scenario)


def test_rough_links_leave_nothing_open_behind() -> None:
    async def client(number: int) -> bool:
        try:
            reader, writer = await asyncio.open_connection("venue", 7000)
            writer.write(bytes([number]) * 5_000)
            writer.write_eof()
            answer = await reader.read()
            writer.close()
        except OSError:
            return False
        return answer == bytes([number]) * 5_000

    async def scenario(world: World) -> list[bool]:
        start_venue(world, echo)
        await asyncio.sleep(1)
        answers = await asyncio.gather(*(client(number) for number in range(100)))
        await asyncio.sleep(1_000)
        return answers

    with World(9, link=ROUGH) as world:
        answers = world.run(scenario, is_strict=False)
        assert 50 < sum(answers) < 100
        assert world.net.open_ends == 0
