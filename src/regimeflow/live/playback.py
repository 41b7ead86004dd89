"""A playback: the schedule's events through the pump, at the pace asked for.

The one clock is the data. `speed` only sleeps, polls are due in data time, and nothing here is
ever stamped by the wall, which is why a playback decides exactly as a backtest does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from decimal import Decimal

from regimeflow.config import Config
from regimeflow.live.archive import END_OF_DATA
from regimeflow.live.boot import Booted
from regimeflow.live.polls import Polls
from regimeflow.model.events import MARKET_EVENT_TYPES, EngineStarted, Event, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Pump

WISH_S = 0.1
"""How long a wish of an operator may wait while nothing is due."""
WISHES_MAX = 100
TURN_S = 0.005
"""How long the loop plays before it looks after signals: the longest delay of an order to stop."""
Progress = Callable[[int, int], None]


async def play(
    config: Config,
    plan: RunPlan,
    pump: Pump,
    booted: Booted,
    stop: asyncio.Event,
    progress: Progress | None,
    on_idle: Callable[[], None],
    wishes: OperatorWishes,
) -> str | None:
    """Play until the data ends or `stop` is set; the reason of the end, None when stopped.

    `on_idle` is called where nothing waits for it, some two hundred times a second at most.
    """
    schedule, live = booted.schedule, config.live
    assert schedule is not None
    assert live is not None
    if booted.unwritten:
        pump.finish_cut_event(booted.last_event_seq, booted.unwritten)
    item = None if booted.is_resumed else schedule.next()
    if item is not None:
        pump.ts_ns = item[0]
    number = booted.recovered.boot + 1
    pump.take(pump.ts_ns, EngineStarted(number))
    pump.open_epoch("start" if number == 1 else "restart", boot=number)
    pump.take(pump.ts_ns, LinkUp("sim", "in process"))
    if booted.is_resumed:
        # Only now: what strategies ask for at a restart may be due before the next data.
        item = schedule.next()
    polls, pace = Polls(config), _Pace(live.broker_config.speed, pump.ts_ns)
    loop = asyncio.get_running_loop()
    total, done = plan.feed.event_count, 0
    turn_ends = loop.time() + TURN_S
    while item is not None and not stop.is_set():
        ts_ns, event = item
        if pace.delay_s(loop.time(), ts_ns) > 0:
            pump.commit()
            on_idle()
            await _wait(pace, ts_ns, stop, wishes)
            if stop.is_set():
                break
        pump.take(ts_ns, event)
        wishes.carry_out(pump)
        if type(event) in MARKET_EVENT_TYPES:
            done += 1
            # Not after other events: the answer to a poll would set off the next one all night.
            if ts_ns >= polls.next_ns:
                pump.request_snapshot(polls.due(ts_ns))
        item = schedule.next()
        if loop.time() >= turn_ends:
            if progress is not None:
                progress(done, total)
            on_idle()
            await asyncio.sleep(0)
            turn_ends = loop.time() + TURN_S
    return END_OF_DATA if item is None else None


async def _wait(pace: _Pace, ts_ns: int, stop: asyncio.Event, wishes: OperatorWishes) -> None:
    """Sleep until `ts_ns` is due, the stop, or a wish: the pace is for show and gives way."""
    loop = asyncio.get_running_loop()
    while not stop.is_set() and not wishes.waiting:
        delay_s = min(pace.delay_s(loop.time(), ts_ns), WISH_S)
        if delay_s <= 0:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), delay_s)


class OperatorWishes:
    """Events of an operator that wait for the next event of the data.

    That one has been drawn from the schedule already: what a wish leads to may not come before it.
    One is carried out an instant of the data, or a resume would seem not to know of the halt that
    it answers. At most `WISHES_MAX` wait; the control address refuses more.
    """

    def __init__(self) -> None:
        self.waiting: deque[tuple[Event, Callable[[], None]]] = deque()
        self._last_ns = -1

    def put(self, event: Event, on_done: Callable[[], None]) -> None:
        """Take a wish; `on_done` is called once it was processed."""
        if len(self.waiting) < WISHES_MAX:
            self.waiting.append((event, on_done))

    def carry_out(self, pump: Pump) -> None:
        """Process the first that waits, unless this instant has had its own."""
        if self.waiting and pump.ts_ns > self._last_ns:
            self._last_ns = pump.ts_ns
            event, on_done = self.waiting.popleft()
            pump.take(pump.ts_ns, event)
            pump.commit()
            on_done()


class _Pace:
    """How long to wait before an event: `speed` data seconds pass in one wall second."""

    __slots__ = ("_origin_ns", "_origin_s", "_speed")

    def __init__(self, speed: Decimal, origin_ns: int) -> None:
        self._speed = float(speed)
        self._origin_ns = origin_ns
        self._origin_s: float | None = None

    def delay_s(self, now_s: float, ts_ns: int) -> float:
        if not self._speed:
            return 0.0
        if self._origin_s is None:
            self._origin_s = now_s
        return self._origin_s + (ts_ns - self._origin_ns) / NS_PER_S / self._speed - now_s
