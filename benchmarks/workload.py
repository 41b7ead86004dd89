"""Deterministic markets in memory, and a pump over the real plan that runs through them.

Events carry the times of real New York sessions; prices are a seeded random walk on the tick.
The plan comes from a configuration, so limits, fees and the fill model are a user's defaults.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from functools import cache
from itertools import islice

from regimeflow.config import load_config
from regimeflow.data.feed import Feed
from regimeflow.data.session_table import load_calendar
from regimeflow.model.commands import Command, SubmitOrder
from regimeflow.model.events import EngineStarted
from regimeflow.model.market import Bar, MarketEvent, Quote
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_MS, ns_from_date
from regimeflow.run.plan import RunPlan, make_plan
from regimeflow.run.pump import Pump
from regimeflow.run.recorder import MemoryRecorder, Recorder
from regimeflow.venue.schedule import SimSchedule

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
QUOTE_STEP_NS = 100 * NS_PER_MS
FIRST_DAY = date(2015, 1, 2)
LAST_DAY = date(2024, 12, 31)
LIMITS = {
    "max_order_value": 50_000,
    "max_position": 1_000,
    "max_notional": 200_000,
    "max_drawdown": 0.5,
    "daily_loss_limit": 50_000,
    "max_orders_per_minute": 0,
    "duplicate_order_window_ms": 0,
}
"""What a careful user sets; the two rate controls are off, or they would deny the benchmark."""


@cache
def sessions() -> tuple[Session, ...]:
    """Ten years of New York sessions."""
    calendar = load_calendar("XNYS", ns_from_date(FIRST_DAY), ns_from_date(LAST_DAY))
    return tuple(calendar.sessions)


def stream_quotes(
    count: int, chunk_events: int = 8_192, step_ns: int = QUOTE_STEP_NS
) -> Iterator[list[MarketEvent]]:
    """`count` quotes of four symbols by turns, one every `step_ns` of open time, in chunks."""
    walk = random.Random(7)
    mids = dict.fromkeys(SYMBOLS, 100.0)
    chunk: list[MarketEvent] = []
    left = count
    for session in sessions():
        for step, ts_ns in enumerate(range(session.open_ns, session.close_ns, step_ns)):
            if not left:
                break
            symbol = SYMBOLS[step & 3]
            mid = mids[symbol] = max(mids[symbol] + walk.choice((-0.01, 0.0, 0.01)), 1.0)
            bid, ask = round(mid - 0.01, 2), round(mid + 0.01, 2)
            chunk.append(Quote(symbol, ts_ns, bid, ask, 300.0, 400.0))
            left -= 1
            if len(chunk) == chunk_events:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def make_quotes(count: int, step_ns: int = QUOTE_STEP_NS) -> list[MarketEvent]:
    """The same quotes, all at once."""
    return [quote for chunk in stream_quotes(count, step_ns=step_ns) for quote in chunk]


def make_bars(count: int) -> list[MarketEvent]:
    """`count` one-minute bars of one symbol."""
    walk = random.Random(11)
    bars: list[MarketEvent] = []
    last = 100.0
    for session in sessions():
        for open_ns in range(session.open_ns, session.close_ns, NS_PER_MINUTE):
            if len(bars) == count:
                return bars
            close = max(round(last + walk.gauss(0.0, 0.05), 2), 1.0)
            high = round(max(last, close) + 0.02, 2)
            low = round(min(last, close) - 0.02, 2)
            volume = float(walk.randrange(1_000, 20_000))
            close_ns = open_ns + NS_PER_MINUTE
            bars.append(
                Bar(SYMBOLS[0], open_ns, close_ns, last, high, low, close, volume, NS_PER_MINUTE)
            )
            last = close
    raise ValueError(f"ten years of sessions hold {len(bars)} minutes, asked for {count}")


def plan_over(feed: Feed, strategy: str, **params: object) -> RunPlan:
    """The plan of a backtest with the named strategy over `feed`."""
    config = load_config(
        {
            "strategy": {"name": strategy, "params": params},
            "live": {
                "broker": "sim",
                "paper": True,
                "symbols": list(feed.symbols),
                "risk": {"limits": LIMITS},
            },
            "backtest": {
                "data": {"type": "csv", "data_directory": "."},
                "start_date": FIRST_DAY.isoformat(),
                "end_date": LAST_DAY.isoformat(),
                "initial_capital": 1_000_000,
            },
        },
        environ={},
    )
    return make_plan(config, "backtest", feed=feed)


class CountingLink:
    """Passes commands on to a schedule and counts the orders among them."""

    __slots__ = ("_schedule", "orders")

    def __init__(self, schedule: SimSchedule) -> None:
        self._schedule = schedule
        self.orders = 0

    def execute(self, ts_ns: int, command: Command) -> None:
        """Carry out a command."""
        if type(command) is SubmitOrder:
            self.orders += 1
        self._schedule.execute(ts_ns, command)


class Run:
    """One pass over the data, freshly made: schedule, pump and link, the strategy started."""

    def __init__(self, plan: RunPlan, recorder: Recorder | None = None) -> None:
        self.schedule = plan.new_schedule()
        self.link = CountingLink(self.schedule)
        self.pump = Pump(plan.new_engine(), recorder or MemoryRecorder(), self.link)
        self.fills = self.schedule.venue.ledger.fills
        self.pump.take(0, EngineStarted(1))

    def take_some(self, count: int) -> None:
        """Put `count` events of the stream through; reports and sessions count like prints."""
        take = self.pump.take
        for ts_ns, event in islice(self.schedule, count):
            take(ts_ns, event)

    def to_end(self) -> int:
        """Put every event that is left through; returns how many there were."""
        take = self.pump.take
        taken = 0
        for ts_ns, event in self.schedule:
            take(ts_ns, event)
            taken += 1
        return taken
