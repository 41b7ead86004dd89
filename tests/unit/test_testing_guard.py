"""The guard: virtual answers for those who may ask, a refusal with the remedy for the rest."""

from __future__ import annotations

import asyncio
import os
import random
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing import ForbiddenCall, World
from regimeflow.testing.clock import START_NS


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        (time.time, "bar.ts_close_ns"),
        (time.monotonic_ns, "bar.ts_close_ns"),
        (random.random, "ctx.rng"),
        (uuid.uuid4, "ctx.rng"),
        (lambda: os.urandom(8), "ctx.rng"),
        (lambda: random.SystemRandom().random(), "ctx.rng"),
        (lambda: vars(time)["sleep"](1), "asyncio.sleep"),
        (lambda: threading.Thread(target=print).start(), "one loop"),
        (lambda: Path("stray.txt").write_text("x"), "ctx.log"),
        (lambda: Path("stray").mkdir(), "ctx.log"),
        (lambda: os.open("stray.txt", os.O_CREAT | os.O_WRONLY), "ctx.log"),
    ],
)
def test_unrepeatable_call_is_refused_with_what_to_do_instead(
    call: Callable[[], object], remedy: str
) -> None:
    # Looked up when called: a reference taken before the world ran would pass the guard.
    found = {"time": time, "monotonic_ns": time, "random": random, "uuid4": uuid}
    name = call.__name__

    async def scenario(world: World) -> None:
        (getattr(found[name], name) if name in found else call)()

    with World(1) as world, pytest.raises(ForbiddenCall, match=remedy):
        world.run(scenario)


def test_allowed_module_gets_virtual_time_and_repeatable_chance() -> None:
    def draw() -> tuple[float, int, str, bytes]:
        async def scenario(world: World) -> tuple[float, int, str, bytes]:
            await asyncio.sleep(10)
            return time.time(), time.monotonic_ns(), str(uuid.uuid4()), os.urandom(4)

        with World(5, allowed=[__name__]) as world:
            return world.run(scenario)

    first = draw()
    assert first == draw()
    assert first[:2] == (START_NS / NS_PER_S + 10, 10 * NS_PER_S)


def test_each_host_reads_its_own_wrong_wall_clock() -> None:
    async def program() -> tuple[int, int]:
        return time.time_ns(), time.monotonic_ns()

    async def scenario(world: World) -> list[tuple[int, int]]:
        fast = world.host("fast", skew_ns=5 * NS_PER_S)
        fast.clock.set_rate(1.5)
        stepped = world.host("stepped")
        await asyncio.sleep(10)
        stepped.clock.step(-3 * NS_PER_S)
        seen = []
        for host in (fast, stepped):
            host.start(program)
            seen.append((await host.ended(within_s=1)).value)
            host.clock.correct()
            assert host.clock.wall_ns() == START_NS + 10 * NS_PER_S
        return seen

    with World(1, allowed=[__name__]) as world:
        seen = world.run(scenario)
    since_start_s = [(wall_ns - START_NS) / NS_PER_S for wall_ns, _ in seen]
    assert since_start_s == [5 + 15, 10 - 3]
    assert [monotonic_ns for _, monotonic_ns in seen] == [10 * NS_PER_S] * 2


def test_everything_is_as_before_once_the_world_stands_still() -> None:
    before = (time.time, os.open, os.urandom, random.random, open, threading.Thread.start)

    async def scenario(world: World) -> None:
        assert time.time is not before[0]

    with World(1) as world:
        world.run(scenario)
        after = (time.time, os.open, os.urandom, random.random, open, threading.Thread.start)
        assert after == before


def test_directory_that_was_named_may_be_written(tmp_path: Path) -> None:
    async def scenario(world: World) -> None:
        (tmp_path / "report.txt").write_text("done")

    with World(1, writable=[tmp_path]) as world:
        world.run(scenario)
    assert (tmp_path / "report.txt").read_text() == "done"
