"""What the shell notices about time: a wall that steps, a venue that does, a loop that stood."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from regimeflow.live.clock import EngineClock
from regimeflow.live.clock_watch import ClockWatch
from regimeflow.live.session_clock import SessionClock
from regimeflow.live.timer_service import TimerService
from regimeflow.model import events as e
from regimeflow.model.commands import SetTimer
from regimeflow.model.ids import TimerId
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_MINUTE, NS_PER_MS, NS_PER_S
from regimeflow.testing import World

PAUSE_S = 10.0


class Watch:
    """A watch on one host of a world; `events` is what went in, with the clock's time."""

    def __init__(self, world: World, *, follows_wall: bool = True, pace: float = 1.0) -> None:
        self.host = world.host("engine")
        self.wall = self.host.clock
        self.loop = asyncio.get_running_loop()
        anchor_ns = self.wall.wall_ns()
        self.clock = EngineClock(self.loop.time, anchor_ns, pace=pace)
        self.began_ns = anchor_ns
        self.events: list[e.Event] = []
        self.at_ns: list[int] = []
        self.watch = ClockWatch(
            self.loop,
            self.clock,
            self._take,
            pause_s=PAUSE_S,
            wall_ns=self.wall.wall_ns if follows_wall else None,
        )

    def _take(self, event: e.Event) -> None:
        if isinstance(event, e.ClockAdjusted):
            self.clock.adjust(event.delta_ns)
        self.events.append(event)
        self.at_ns.append(self.clock.now_ns())

    def follow(self, step_ns: int) -> None:
        """The wall steps, and the broker says that it is right."""
        self.wall.step(step_ns)
        self.watch.deliver(e.ClockMeasured("sim", self.wall.wall_ns(), NS_PER_MS))
        assert self.clock.aim_ns() == self.wall.wall_ns()

    def of(self, kind: type) -> list[e.Event]:
        return [event for event in self.events if isinstance(event, kind)]


def play(scenario: Callable[[World], Awaitable[None]]) -> None:
    async def play(world: World) -> None:
        await scenario(world)

    with World(1) as world:
        world.run(play)


def test_wall_that_steps_is_followed_once_in_each_direction() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.watch.start()
        for step_s in (9, -3):
            await asyncio.sleep(5)
            seen.wall.step(step_s * NS_PER_S)
        await asyncio.sleep(100)
        seen.watch.close()
        assert seen.events == [
            e.ClockAdjusted(9 * NS_PER_S, "wall"),
            e.ClockAdjusted(-3 * NS_PER_S, "wall"),
        ]
        assert seen.at_ns == sorted(seen.at_ns)
        assert seen.clock.now_ns() == seen.wall.wall_ns()

    play(scenario)


@pytest.mark.parametrize("step_ns", [NS_PER_HOUR, -NS_PER_HOUR])
def test_wall_that_steps_by_a_pause_is_told_once_and_not_followed_against_the_broker(
    step_ns: int,
) -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.watch.start()
        seen.wall.step(step_ns)
        await asyncio.sleep(20)
        for _ in range(2):
            seen.watch.deliver(e.ClockMeasured("sim", seen.clock.aim_ns(), NS_PER_MS))
        assert [event for event in seen.events if type(event) is not e.ClockMeasured] == [
            e.ClockStepped(step_ns, "wall")
        ]
        seen.wall.step(-step_ns)
        await asyncio.sleep(20)
        assert seen.of(e.ClockAdjusted) == []
        seen.wall.step(step_ns)
        await asyncio.sleep(20)
        assert len(seen.of(e.ClockStepped)) == 2
        seen.watch.close()

    play(scenario)


@pytest.mark.parametrize("step_ns", [NS_PER_HOUR, -NS_PER_HOUR])
def test_wall_that_steps_by_a_pause_is_followed_once_the_broker_agrees_with_it(
    step_ns: int,
) -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.wall.step(step_ns)
        seen.watch.deliver(e.Heartbeat("sim"))
        broker = e.ClockMeasured("sim", seen.wall.wall_ns() + NS_PER_S, NS_PER_MS)
        seen.watch.deliver(broker)
        assert seen.events == [
            e.ClockStepped(step_ns, "wall"),
            e.Heartbeat("sim"),
            e.ClockAdjusted(step_ns, "wall"),
            broker,
        ]
        assert seen.clock.aim_ns() == seen.wall.wall_ns()

    play(scenario)


def test_wall_that_wobbles_by_less_than_the_tolerance_is_left_alone() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.watch.start()
        for _ in range(20):
            await asyncio.sleep(1)
            seen.wall.step(NS_PER_MS)
            await asyncio.sleep(1)
            seen.wall.step(-NS_PER_MS)
        seen.watch.close()
        assert seen.events == []

    play(scenario)


def test_wall_that_steps_is_told_before_the_event_that_comes_next() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.wall.step(NS_PER_S)
        seen.watch.deliver(e.Heartbeat("sim"))
        seen.wall.step(NS_PER_HOUR)
        seen.watch.deliver(e.Heartbeat("sim"))
        kinds = [type(event) for event in seen.events]
        assert kinds == [e.ClockAdjusted, e.Heartbeat, e.ClockStepped, e.Heartbeat]
        assert seen.at_ns[1] - seen.began_ns == NS_PER_S

    play(scenario)


def test_step_that_waits_behind_an_event_in_hand_is_told_once() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        waiting: list[e.Event] = []
        seen.watch._deliver = waiting.append
        seen.wall.step(NS_PER_S)
        for _ in range(3):
            seen.watch.deliver(e.Heartbeat("sim"))
        assert sum(isinstance(event, e.ClockAdjusted) for event in waiting) == 1
        seen.clock.adjust(NS_PER_S)
        seen.wall.step(NS_PER_S)
        seen.watch.look()
        assert sum(isinstance(event, e.ClockAdjusted) for event in waiting) == 2

    play(scenario)


@pytest.mark.parametrize("pace", [1.0, 600.0])
def test_venue_with_a_time_of_its_own_is_followed_beyond_its_uncertainty(pace: float) -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world, follows_wall=False, pace=pace)
        blur_ns = int(30 * NS_PER_MS * pace)
        for ahead_ms, is_followed in ((35, False), (45, True), (-35, False), (-90, True)):
            seen.events.clear()
            now_ns = seen.clock.aim_ns()
            told = e.ClockMeasured("sim", now_ns + int(ahead_ms * NS_PER_MS * pace), blur_ns)
            seen.watch.deliver(told)
            adjusted = [e.ClockAdjusted(told.ts_venue_ns - now_ns, "sim")]
            assert seen.events == [*(adjusted if is_followed else []), told]

    play(scenario)


def test_wall_is_nothing_to_a_clock_that_keeps_the_venues_time() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world, follows_wall=False)
        seen.watch.start()
        seen.wall.step(NS_PER_HOUR)
        await asyncio.sleep(60)
        seen.watch.close()
        assert seen.events == []

    play(scenario)


def test_loop_that_was_blocked_is_told_with_its_length_before_what_came_next() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        seen.watch.start()
        await asyncio.sleep(120)
        assert seen.events == []
        world.loop.block(PAUSE_S - 2)
        seen.watch.deliver(e.Heartbeat("sim"))
        assert seen.of(e.LoopStalled) == []
        world.loop.block(60.0)
        seen.watch.deliver(e.Heartbeat("sim"))
        stalled, beat = seen.events[-2:]
        assert isinstance(stalled, e.LoopStalled)
        assert stalled.length_ns == 60 * NS_PER_S
        assert isinstance(beat, e.Heartbeat)
        await asyncio.sleep(120)
        seen.watch.close()
        assert len(seen.of(e.LoopStalled)) == 1

    play(scenario)


def test_timers_are_armed_anew_when_the_clock_is_set() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        timers = TimerService(seen.loop, seen.clock, seen.watch.deliver)
        seen.watch.start()
        for name, after_ns in (("soon", 10 * NS_PER_MINUTE), ("late", 2 * NS_PER_HOUR)):
            timers.set(SetTimer(TimerId(name), "s", seen.began_ns + after_ns))
        await asyncio.sleep(5)
        seen.follow(NS_PER_HOUR)
        await asyncio.sleep(5)
        (fired,) = seen.of(e.TimerFired)
        assert isinstance(fired, e.TimerFired)
        assert (fired.timer_id, fired.late_ns > 45 * NS_PER_MINUTE) == ("soon", True)
        seen.follow(-NS_PER_MINUTE)
        await asyncio.sleep(3_600)
        assert len(seen.of(e.TimerFired)) == 1
        await asyncio.sleep(60)
        assert len(seen.of(e.TimerFired)) == 2
        assert seen.at_ns[-1] - seen.began_ns == pytest.approx(2 * NS_PER_HOUR, abs=NS_PER_S)
        timers.close()
        seen.watch.close()

    play(scenario)


def test_sessions_follow_a_clock_that_is_set() -> None:
    async def scenario(world: World) -> None:
        seen = Watch(world)
        open_ns = seen.began_ns + NS_PER_HOUR
        session = Session("TEST", "2023-11-14", open_ns, open_ns + NS_PER_HOUR)
        calendar = SessionCalendar("TEST", (session,))
        sessions = SessionClock(calendar, seen.clock, seen.watch.deliver, None)
        sessions.start()
        seen.watch.start()
        await asyncio.sleep(5)
        seen.follow(NS_PER_HOUR)
        await asyncio.sleep(5)
        assert isinstance(seen.events[-1], e.SessionOpened)
        sessions.close()
        seen.watch.close()

    play(scenario)
