"""The virtual loop: time that jumps, an order that follows from the seed, ends that are named."""

from __future__ import annotations

import asyncio
import itertools
import signal

import pytest

from regimeflow.testing import Deadlock, Livelock, TimeLimit, UnhandledErrors, World
from regimeflow.testing.loop import Policy


def order_of_wakeups(policy: Policy, seed: int) -> tuple[list[str], str]:
    """Ten tasks wait for one event, ten plain callbacks run at that moment; who comes when."""
    seen: list[str] = []

    async def scenario(world: World) -> None:
        start = asyncio.Event()

        async def waiter(number: int) -> None:
            await start.wait()
            seen.append(f"task {number}")

        async with asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(waiter(number))
            await asyncio.sleep(1)
            start.set()
            for number in range(10):
                world.loop.call_soon(seen.append, f"callback {number}")

    with World(seed, policy=policy) as world:
        world.run(scenario)
        return seen, world.digest


def test_a_day_passes_in_the_time_its_callbacks_take() -> None:
    async def scenario(world: World) -> float:
        for _ in range(24):
            await asyncio.sleep(3_600)
        return world.loop.time()

    with World(1) as world:
        assert world.run(scenario, max_virtual_s=86_401) == 86_400.0


def test_timers_of_one_moment_fire_in_the_order_they_were_set() -> None:
    seen: list[int] = []

    async def scenario(world: World) -> None:
        for number in range(200):
            world.loop.call_at(5.0, seen.append, number)
        await asyncio.sleep(6)

    with World(1) as world:
        world.run(scenario)
    assert seen == list(range(200))


def test_fifo_keeps_the_documented_order_of_asyncio() -> None:
    expected = [f"task {n}" for n in range(10)] + [f"callback {n}" for n in range(10)]
    assert order_of_wakeups("fifo", 3)[0] == expected


def test_shuffle_permutes_tasks_by_the_seed_and_never_callbacks() -> None:
    first, second = order_of_wakeups("shuffle", 3), order_of_wakeups("shuffle", 4)
    assert first == order_of_wakeups("shuffle", 3)
    assert first != second
    for seen, _ in (first, second):
        callbacks = [name for name in seen if name.startswith("callback")]
        assert callbacks == [f"callback {n}" for n in range(10)]
        assert sorted(seen) == sorted(order_of_wakeups("fifo", 3)[0])


def test_failing_group_cancels_its_children_in_one_order() -> None:
    """Stock tasks hash by address: twenty runs of this gave twenty orders."""

    def order_of_cancellation() -> list[int]:
        cancelled: list[int] = []

        async def child(number: int) -> None:
            try:
                await asyncio.sleep(1_000)
            finally:
                cancelled.append(number)

        async def failing() -> None:
            await asyncio.sleep(1)
            raise ValueError("down")

        async def scenario(world: World) -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(30):
                    group.create_task(child(number))
                group.create_task(failing())

        with World(1) as world, pytest.raises(ExceptionGroup):
            world.run(scenario)
        return cancelled

    first = order_of_cancellation()
    assert sorted(first) == list(range(30))
    assert [order_of_cancellation() for _ in range(5)] == [first] * 5


def test_deadlock_names_the_waiting_task_and_its_line() -> None:
    async def never_told(event: asyncio.Event) -> None:
        await event.wait()

    async def scenario(world: World) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(never_told(asyncio.Event()), name="order watcher")

    with World(1) as world, pytest.raises(Deadlock, match=r"order watcher in .*never_told"):
        world.run(scenario)


def test_cancelled_timers_do_not_hide_a_deadlock() -> None:
    async def scenario(world: World) -> None:
        for _ in range(2_000):
            world.loop.call_later(10, print).cancel()
        await asyncio.Event().wait()

    with World(1) as world, pytest.raises(Deadlock):
        world.run(scenario)


def test_spinning_without_time_passing_is_a_livelock() -> None:
    async def scenario(world: World) -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    with World(1) as world, pytest.raises(Livelock, match="task-1 ran last"):
        world.run(scenario, max_steps=10_000)


def test_scenario_that_waits_for_ever_in_virtual_time_is_stopped() -> None:
    async def scenario(world: World) -> None:
        for _ in itertools.count():
            await asyncio.sleep(1)

    with World(1) as world, pytest.raises(TimeLimit, match="within 60 virtual seconds"):
        world.run(scenario, max_virtual_s=60)


def test_failure_says_everything_that_is_needed_to_repeat_it() -> None:
    async def scenario(world: World) -> None:
        raise ValueError("books differ")

    with (
        World(41, policy="shuffle", faults="net") as world,
        pytest.raises(ValueError, match="books differ") as caught,
    ):
        world.run(scenario)
    (note,) = caught.value.__notes__
    for part in ("seed=41", "policy=shuffle", "python=3.", "git=", "faults=net", "digest"):
        assert part in note


def test_error_that_nobody_awaits_fails_the_run() -> None:
    async def scenario(world: World) -> None:
        world.loop.call_soon(lambda: 1 // 0)
        await asyncio.sleep(1)

    with World(1) as world, pytest.raises(UnhandledErrors, match="ZeroDivisionError"):
        world.run(scenario)


def test_work_for_threads_runs_on_the_loop_and_keeps_its_error() -> None:
    async def scenario(world: World) -> int:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return await asyncio.to_thread(sum, [1, 2, 3])

    with World(1) as world:
        assert world.run(scenario) == 6


def test_signal_reaches_the_handler_of_the_running_process() -> None:
    async def program() -> str:
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        await stopped.wait()
        return "stopped in order"

    async def scenario(world: World) -> str:
        host = world.host("engine")
        host.start(program)
        await asyncio.sleep(1)
        assert host.send_signal(signal.SIGTERM)
        assert not host.send_signal(signal.SIGINT)
        return str((await host.ended(within_s=1)).value)

    with World(1) as world:
        assert world.run(scenario) == "stopped in order"


def test_blocking_call_makes_every_timer_late() -> None:
    async def scenario(world: World) -> float:
        world.loop.call_later(1, world.loop.block, 30.0)
        await asyncio.sleep(2)
        return world.loop.time()

    with World(1) as world:
        assert world.run(scenario) == 31.0
