"""Events through the whole backtest path: feed, schedule, pump, engine, strategy, venue.

The floor of each is the barest loop there can be: prebuilt events handed to an empty callback.
Engine and floor run by turns, a few milliseconds each, so that a neighbour that slows the machine
slows both; what is reported is all of one over all of the other, in processor time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from time import process_time_ns

from benchmarks.result import Result
from benchmarks.strategies import Watcher
from benchmarks.workload import Run, make_bars, make_quotes, plan_over
from regimeflow.data.feed import in_memory_feed
from regimeflow.model.market import MarketEvent
from regimeflow.run.plan import RunPlan

QUOTES = 1_000_000
BARS = 500_000
ORDER_BARS = 60_000
SLICE_EVENTS = 2_048
CALLBACKS_PER_S = 18_000_000
"""What the aims were set against: a ratio is kept, an absolute figure is the machine's."""


def quotes() -> list[Result]:
    """A strategy that does nothing, over quotes."""
    events = make_quotes(QUOTES)
    plan = plan_over(in_memory_feed(events), "benchmarks.strategies:Watcher")
    return [_measure("quotes", "no-op strategy over quotes", plan, events, 1_500_000)]


def bars() -> list[Result]:
    """The built-in moving averages over one-minute bars."""
    events = make_bars(BARS)
    plan = plan_over(
        in_memory_feed(events), "moving_average_cross", fast_period=10, slow_period=30, quantity=100
    )
    return [_measure("bars", "SMA(10, 30) over one-minute bars", plan, events, 600_000)]


def orders() -> list[Result]:
    """A market order on every bar: gate, venue, acceptance, fill, books, callbacks."""
    events = make_bars(ORDER_BARS)
    plan = plan_over(in_memory_feed(events), "benchmarks.strategies:BarTrader")
    return [_measure("orders", "a market order on every bar", plan, events, 60_000)]


def _measure(
    name: str, what: str, plan: RunPlan, events: Sequence[MarketEvent], aim_per_s: int
) -> Result:
    count = len(events)
    rehearsal = Run(plan)
    stream_events = rehearsal.to_end()
    run = Run(plan)
    figures, floors = _by_turns(run, stream_events, events)
    figure, floor = sum(figures) / count, sum(floors) / count
    aim_ratio = CALLBACKS_PER_S / aim_per_s
    return Result(
        name=name,
        what=what,
        unit="ns/event",
        measured=figure,
        floor=floor,
        aim=f"{aim_per_s:,}/s where the floor does {CALLBACKS_PER_S:,}/s: {aim_ratio:.0f} floors",
        is_met=figure / floor <= aim_ratio,
        detail=f"{count:,} events, {run.link.orders / count:.4f} orders and "
        f"{len(run.fills) / count:.4f} fills per event; floor: an empty callback over the same "
        f"events, by turns, {SLICE_EVENTS:,} at a time",
        rate_per_s=1e9 / figure,
    )


def _by_turns(
    run: Run, stream_events: int, events: Sequence[MarketEvent]
) -> tuple[list[int], list[int]]:
    """Processor time of each slice of the stream, and of the bare loop over a slice of events."""
    figures, floors = [], []
    starts = range(0, len(events), SLICE_EVENTS)
    slice_events = stream_events // len(starts) + 1
    gc.collect()
    gc.freeze()
    for start in starts:
        part = events[start : start + SLICE_EVENTS]
        before_ns = process_time_ns()
        _callback_loop(part)
        between_ns = process_time_ns()
        run.take_some(slice_events)
        after_ns = process_time_ns()
        floors.append(between_ns - before_ns)
        figures.append(after_ns - between_ns)
    gc.unfreeze()
    return figures, floors


def _callback_loop(events: Sequence[MarketEvent]) -> None:
    call: Callable[..., None] = Watcher().on_quote
    for event in events:
        call(event)
