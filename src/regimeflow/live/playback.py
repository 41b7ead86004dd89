"""A playback: the schedule's events through the pump, at the pace asked for.

The one clock is the data. `speed` only sleeps, polls are due in data time, and nothing here is
ever stamped by the wall, which is why a playback decides exactly as a backtest does.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from decimal import Decimal

from regimeflow.config import Config
from regimeflow.live.archive import END_OF_DATA
from regimeflow.live.boot import Booted
from regimeflow.live.polls import Polls
from regimeflow.model.events import MARKET_EVENT_TYPES, EngineStarted, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Pump

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
        delay_s = pace.delay_s(loop.time(), ts_ns)
        if delay_s > 0:
            pump.commit()
            on_idle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), delay_s)
                break
        pump.take(ts_ns, event)
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
