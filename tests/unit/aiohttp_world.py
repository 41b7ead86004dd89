"""An aiohttp venue and an aiohttp client on two hosts, unmodified; run as a program it prints.

`python -m tests.unit.aiohttp_world SEED POLICY MESSAGES` prints answers and digest, so that
processes with different hash seeds can be compared.
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp
from aiohttp import web

from regimeflow.testing import LinkProfile, World
from regimeflow.testing.loop import Policy

ROUGH_BUT_WHOLE = LinkProfile(jitter=0.8, split_chance=0.3, tail_chance=0.05, tail_s=0.2)


async def on_time(_: web.Request) -> web.Response:
    return web.json_response({"serverTime": 1})


async def on_order(request: web.Request) -> web.Response:
    return web.Response(body=(await request.read())[::-1])


async def on_stream(request: web.Request) -> web.WebSocketResponse:
    stream = web.WebSocketResponse(heartbeat=20)
    await stream.prepare(request)
    async for message in stream:
        await stream.send_str(f"re {message.data}")
    return stream


async def venue() -> None:
    """Serves until it is killed."""
    app = web.Application()
    app.router.add_get("/time", on_time)
    app.router.add_post("/order", on_order)
    app.router.add_get("/stream", on_stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, port=8080).start()
    await asyncio.Event().wait()


async def client(messages: int) -> list[object]:
    """A GET, a big POST, and a WebSocket with one message a second; what came back."""
    url, body = "http://venue:8080", bytes(range(256)) * 1_000
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}/time") as answer:
            time = await answer.json()
        async with session.post(f"{url}/order", data=body) as answer:
            is_reversed = await answer.read() == body[::-1]
        in_order = 0
        async with session.ws_connect(f"{url}/stream", heartbeat=30) as stream:
            for number in range(messages):
                await stream.send_str(str(number))
                in_order += await stream.receive_str() == f"re {number}"
                await asyncio.sleep(1)
    return [time, is_reversed, in_order]


async def group_that_fails() -> list[int]:
    """The order in which a failing group cancels: by address in stock asyncio."""
    order: list[int] = []

    async def child(number: int) -> None:
        try:
            await asyncio.sleep(100)
        finally:
            order.append(number)

    async def fail() -> None:
        await asyncio.sleep(1)
        raise OSError("down")

    try:
        async with asyncio.TaskGroup() as group:
            for number in range(20):
                group.create_task(child(number))
            group.create_task(fail())
    except* OSError:
        order.append(-1)
    return order


def converse(seed: int, policy: Policy, messages: int) -> tuple[list[object], str, int]:
    """Answers, digest and steps of one world."""

    async def scenario(world: World) -> list[object]:
        world.host("venue").start(venue)
        await asyncio.sleep(0.1)
        engine = world.host("engine")
        engine.start(client, messages)
        ending = await engine.ended(within_s=2 * messages + 60)
        if ending.error is not None:
            raise ending.error
        return [ending.value, await group_that_fails()]

    with World(seed, policy=policy, link=ROUGH_BUT_WHOLE) as world:
        answers = world.run(scenario)
        return answers, world.digest, world.loop.steps


if __name__ == "__main__":
    policy: Policy = "shuffle" if sys.argv[2] == "shuffle" else "fifo"
    print(*converse(int(sys.argv[1]), policy, int(sys.argv[3])))
