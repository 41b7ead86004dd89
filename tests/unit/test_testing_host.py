"""Death at any step: nothing is tidied up, nothing leaks, and the next life begins clean."""

from __future__ import annotations

import asyncio
import gc
from pathlib import Path

import pytest

from regimeflow.errors import StartRefused, UsageError
from regimeflow.journal.disk import OsDisk
from regimeflow.live.lock import EngineLock
from regimeflow.testing import Death, Ending, Host, Outcome, TimeLimit, World


async def writer(directory: Path) -> str:
    """Writes ten synced lines, one a second, and would tidy up if it were asked to end."""
    log = OsDisk().open_append(directory / "log")
    try:
        for number in range(10):
            log.write(f"line {number}\n".encode())
            log.sync()
            await asyncio.sleep(1)
    finally:
        (directory / "tidied").write_text("this must not appear after a kill")
        log.close()
    return "done"


async def run_to_end(host: Host, *, kill_at: int = 0, death: Death = Death.KILL) -> Ending:
    host.start(writer, host.directory, kill_at=kill_at, death=death)
    return await host.ended(within_s=100)


def lines_after(seed: int, kill_at: int, death: Death) -> tuple[Ending, list[str], bool]:
    """How it ended, the lines that are whole, and whether it tidied up."""

    async def scenario(world: World) -> Ending:
        return await run_to_end(world.host("engine"), kill_at=kill_at, death=death)

    with World(seed) as world:
        ending = world.run(scenario)
        directory = world.host("engine").directory
        log = directory / "log"
        whole = log.read_text("utf-8", "replace").splitlines(keepends=True) if log.exists() else []
        is_tidied = (directory / "tidied").exists()
    return ending, [line for line in whole if line.endswith("\n")], is_tidied


def test_every_step_of_a_window_can_be_the_last_and_none_tidies_up() -> None:
    steps = lines_after(1, 0, Death.KILL)[0].steps
    assert steps > 30
    written: list[int] = []
    for kill_at in range(1, steps + 1):
        ending, lines, is_tidied = lines_after(1, kill_at, Death.KILL)
        assert not is_tidied
        assert ending.outcome is Outcome.KILLED
        assert ending.steps == kill_at
        assert lines == [f"line {number}\n" for number in range(len(lines))]
        written.append(len(lines))
    assert written == sorted(written)
    assert (written[0], written[-1]) == (0, 10)


def test_power_cut_keeps_every_synced_line_and_maybe_a_part_of_the_next() -> None:
    outcomes = set()
    for seed in range(15):
        for kill_at in range(6, 30, 8):
            _, kept, _ = lines_after(seed, kill_at, Death.POWER_CUT)
            _, cached, _ = lines_after(seed, kill_at, Death.KILL)
            assert kept[: len(cached) - 1] == cached[: len(cached) - 1] or kept == []
            outcomes.add(len(cached) - len(kept))
    assert 0 in outcomes
    assert max(outcomes) > 0


def test_finished_process_returns_its_value_and_its_steps() -> None:
    ending, lines, is_tidied = lines_after(1, 0, Death.KILL)
    assert (ending.outcome, ending.value) == (Outcome.RETURNED, "done")
    assert (len(lines), is_tidied) == (10, True)


def test_dead_tasks_are_kept_and_then_buried_without_a_trace(tmp_path: Path) -> None:
    tidied: list[str] = []

    async def patient() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            tidied.append("finally ran")
            (tmp_path / "stray.txt").write_text("x")

    async def scenario(world: World) -> None:
        host = world.host("engine")
        host.start(patient)
        await asyncio.sleep(1)
        host.kill()
        gc.collect()
        await asyncio.sleep(1)
        assert tidied == []

    with World(1) as world:
        world.run(scenario)
        assert tidied == []
    # Collected at the end of the world, where nothing it does has an effect.
    assert not (tmp_path / "stray.txt").exists()


def test_stopped_process_misses_nothing_and_runs_on_in_order() -> None:
    async def scenario(world: World) -> None:
        host, seen = world.host("engine"), []

        async def ticking() -> None:
            for number in range(6):
                await asyncio.sleep(1)
                seen.append((number, world.now_s))

        host.start(ticking)
        await asyncio.sleep(1.5)
        host.suspend()
        assert host.is_running
        await asyncio.sleep(10)
        assert seen == [(0, 1.0)]
        host.resume()
        ending = await host.ended(within_s=10)
        assert ending.outcome is Outcome.RETURNED
        assert seen == [(0, 1.0), (1, 11.5), (2, 12.5), (3, 13.5), (4, 14.5), (5, 15.5)]

    with World(1) as world:
        world.run(scenario)


def test_process_killed_while_it_is_stopped_never_runs_again() -> None:
    async def scenario(world: World) -> None:
        host, seen = world.host("engine"), []

        async def ticking() -> None:
            while True:
                await asyncio.sleep(1)
                seen.append(world.now_s)

        host.start(ticking)
        host.suspend()
        await asyncio.sleep(5)
        host.kill()
        host.resume()
        await asyncio.sleep(5)
        assert seen == []
        assert not host.is_running

    with World(1) as world:
        world.run(scenario)


def test_lock_of_a_dead_process_is_free_and_that_of_a_living_one_is_not() -> None:
    async def locking(directory: Path) -> None:
        with EngineLock(directory):
            await asyncio.Event().wait()

    async def scenario(world: World) -> None:
        host = world.host("engine")
        host.start(locking, host.directory)
        await asyncio.sleep(1)
        with pytest.raises(StartRefused), EngineLock(host.directory):
            pass
        host.kill()
        host.start(locking, host.directory)
        await asyncio.sleep(1)
        assert host.is_running

    with World(1) as world:
        world.run(scenario)


def test_half_written_stream_of_a_dead_process_is_lost_with_its_buffer() -> None:
    async def buffering(directory: Path) -> None:
        with (directory / "status").open("w") as stream:
            stream.write("in the buffer")
            await asyncio.Event().wait()

    async def scenario(world: World) -> None:
        host = world.host("engine")
        host.start(buffering, host.directory)
        await asyncio.sleep(1)
        host.kill()

    with World(1) as world:
        world.run(scenario)
        status = world.host("engine").directory / "status"
        world.close()
        assert not status.exists() or status.read_text() == ""


@pytest.mark.parametrize("death", list(Death))
def test_peer_of_a_dead_process_hears_an_end_or_silence(death: Death) -> None:
    async def scenario(world: World) -> str:
        host = world.host("venue")
        host.start(listening)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        host.kill(death)
        try:
            async with asyncio.timeout(60):
                await reader.read()
            heard = "end"
        except ConnectionResetError:
            heard = "reset"
        except TimeoutError:
            heard = "silence"
            host.start(listening)
            writer.write(b"anyone there?")
            with pytest.raises(ConnectionResetError):
                await reader.read()
        writer.close()
        return heard

    heard = set()
    for seed in range(12):
        with World(seed) as world:
            heard.add(world.run(scenario))
    assert heard == ({"end", "reset"} if death is Death.KILL else {"silence"})


async def accept(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def listening() -> None:
    await (await asyncio.start_server(accept, port=7000)).serve_forever()


def test_bytes_on_their_way_to_a_dead_process_are_answered_by_a_reset() -> None:
    async def scenario(world: World) -> None:
        host = world.host("venue")
        host.start(listening)
        await asyncio.sleep(1)
        reader, writer = await asyncio.open_connection("venue", 7000)
        writer.write(b"order 1")
        host.kill()

        async def lose() -> None:
            await reader.read()
            await writer.wait_closed()

        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(lose(), 60)

    for seed in range(12):
        with World(seed) as world:
            world.run(scenario)


def test_machine_that_is_off_is_silent_and_one_without_the_process_refuses() -> None:
    async def scenario(world: World) -> None:
        host = world.host("venue")
        host.start(listening)
        await asyncio.sleep(1)
        host.kill(Death.KILL)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("venue", 7000)
        host.start(listening)
        await asyncio.sleep(1)
        host.kill(Death.POWER_CUT)
        with pytest.raises(TimeoutError):
            await asyncio.open_connection("venue", 7000)

    with World(1) as world:
        world.run(scenario)


def test_error_of_a_program_is_an_ending_and_not_an_error_of_the_world() -> None:
    async def failing() -> None:
        raise ValueError("bad config")

    async def scenario(world: World) -> Ending:
        host = world.host("engine")
        host.start(failing)
        return await host.ended(within_s=1)

    with World(1) as world:
        ending = world.run(scenario)
    assert ending.outcome is Outcome.RAISED
    assert isinstance(ending.error, ValueError)


def test_waiting_for_a_process_has_an_end() -> None:
    async def scenario(world: World) -> None:
        host = world.host("engine")
        host.start(asyncio.Event().wait)
        with pytest.raises(UsageError, match="already runs"):
            host.start(asyncio.Event().wait)
        with pytest.raises(TimeLimit, match="engine#1 still runs after 5 s"):
            await host.ended(within_s=5)

    with World(1) as world:
        world.run(scenario)
