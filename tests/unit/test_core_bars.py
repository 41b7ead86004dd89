"""Larger bars built from prints, quotes and smaller bars; bounded, split-adjusted history."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.bars import BarBuilder, bar_size_ns
from regimeflow.core.market_state import HISTORY_BARS_MAX
from regimeflow.errors import UsageError
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE
from tests.unit.core_samples import World, scripted, session

OPEN_NS = session().open_ns


def minute(number: int, close: float, *, open_ns: int = OPEN_NS, volume: float = 10.0) -> Bar:
    start_ns = open_ns + number * NS_PER_MINUTE
    end_ns = start_ns + NS_PER_MINUTE
    return Bar("ABC", start_ns, end_ns, close, close + 1, close - 1, close, volume, NS_PER_MINUTE)


def builder(size: str, day: int = 0, hours: float = 6.5) -> BarBuilder:
    made = BarBuilder("ABC", size)
    made.open_session(session(day, hours).open_ns, session(day, hours).close_ns)
    return made


def test_prints_make_bars_that_end_where_the_next_begins() -> None:
    made = builder("5m")
    for second, price in ((0, 10.0), (61, 12.0), (299, 9.0)):
        assert made.add_price(OPEN_NS + second * 10**9, price, 2.0) == []
    (bar,) = made.add_price(OPEN_NS + 300 * 10**9, 20.0, 2.0)
    assert (bar.ts_open_ns, bar.ts_close_ns) == (OPEN_NS, OPEN_NS + 5 * NS_PER_MINUTE)
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (10.0, 12.0, 9.0, 9.0, 6.0)


def test_minutes_make_hours_aligned_to_the_open_and_cut_at_the_close() -> None:
    made = builder("1h")
    hours = [bar for n in range(390) for bar in made.add_bar(minute(n, float(n)))]
    assert [bar.ts_open_ns for bar in hours] == [OPEN_NS + k * NS_PER_HOUR for k in range(7)]
    assert [bar.close for bar in hours] == [59.0, 119.0, 179.0, 239.0, 299.0, 359.0, 389.0]
    assert hours[-1].ts_close_ns == session().close_ns
    assert sum(bar.volume for bar in hours) == 3_900.0


def test_a_half_day_ends_its_last_bar_early() -> None:
    made = builder("1h", hours=3.5)
    hours = [bar for n in range(210) for bar in made.add_bar(minute(n, 1.0))]
    assert [bar.ts_close_ns - bar.ts_open_ns for bar in hours] == [NS_PER_HOUR] * 3 + [
        NS_PER_HOUR // 2
    ]


def test_bars_align_to_each_sessions_own_open_whatever_the_clock_on_the_wall() -> None:
    made = builder("2h")
    later_ns = OPEN_NS + NS_PER_DAY - NS_PER_HOUR  # the clocks went forward overnight
    made.open_session(later_ns, later_ns + 6 * NS_PER_HOUR)
    made.add_bar(minute(0, 1.0, open_ns=later_ns))
    (bar,) = made.flush()
    assert (bar.ts_open_ns, bar.ts_close_ns) == (later_ns, later_ns + 2 * NS_PER_HOUR)


def test_a_gap_in_the_data_leaves_no_empty_bars() -> None:
    made = builder("5m")
    made.add_bar(minute(0, 1.0))
    done = made.add_bar(minute(60, 2.0))
    assert [bar.close for bar in done] == [1.0]
    assert [bar.ts_open_ns for bar in made.flush()] == [OPEN_NS + NS_PER_HOUR]


def test_a_split_restates_the_bar_that_is_forming() -> None:
    made = builder("5m")
    made.add_bar(minute(0, 100.0))
    made.apply_split(2.0)
    made.add_bar(minute(1, 51.0))
    (bar,) = made.flush()
    assert (bar.open, bar.high, bar.close, bar.volume) == (50.0, 52.0, 51.0, 30.0)


@pytest.mark.parametrize("size", ["", "0m", "5", "5w", "-1m", "1.5h", "2d", "25h"])
def test_a_size_that_is_none_or_crosses_sessions_is_refused(size: str) -> None:
    with pytest.raises(UsageError):
        bar_size_ns(size)


def test_a_size_below_the_feeds_own_is_refused() -> None:
    with pytest.raises(UsageError, match="cannot be built"):
        World(scripted(on_bar=lambda self, bar: None, bar_size="30s"), bar_size_ns=NS_PER_MINUTE)


def test_every_built_bar_holds_all_its_minutes_of_every_symbol() -> None:
    """Two symbols' minutes come at one moment; neither may close the other's bar early."""
    seen: list[Bar] = []
    world = World(
        scripted(on_bar=lambda self, bar: seen.append(bar), bar_size="5m"),
        bar_size_ns=NS_PER_MINUTE,
    )
    for number in range(20):
        for symbol in ("ABC", "XYZ"):
            bar = minute(number, float(number))
            world.now_ns = bar.ts_close_ns
            of_symbol = Bar(symbol, *list(_fields(bar))[1:])
            world.feed(of_symbol, after_ns=0)
    for symbol in ("ABC", "XYZ"):
        closes = [(bar.close, bar.volume) for bar in seen if bar.symbol == symbol]
        assert closes == [(4.0, 50.0), (9.0, 50.0), (14.0, 50.0), (19.0, 50.0)]


def _fields(bar: Bar) -> Any:
    return (getattr(bar, name) for name in bar.__struct_fields__)


def test_a_builder_asked_for_inside_the_event_counts_its_bar_once() -> None:
    volumes: list[float] = []

    def on_health(self: Any, change: c.HealthChanged) -> None:
        self.ctx.get_bars("ABC", 1, "2m")

    def on_bar(self: Any, bar: Bar) -> None:
        volumes.extend(built.volume for built in self.ctx.get_bars("ABC", 1, "2m"))

    world = World(scripted(on_health=on_health, on_bar=on_bar), bar_size_ns=NS_PER_MINUTE)
    for number in range(2):
        world.now_ns = minute(number, 1.0).ts_close_ns
        world.feed(minute(number, 1.0), after_ns=0)
    assert volumes == [20.0]


def test_what_is_forming_is_completed_when_the_session_ends() -> None:
    seen: list[Bar] = []
    strategy = scripted(on_bar=lambda self, bar: seen.append(bar), bar_size="1h")
    world = World(strategy, bar_size_ns=NS_PER_MINUTE)
    world.bar(100.0)
    timer = next(t for t in world.outputs(c.SetTimer) if t.timer_id == "session_end")
    world.feed(e.TimerFired(timer.timer_id, timer.owner, timer.due_ns))
    assert [bar.close for bar in seen] == [100.0]


def test_history_is_bounded_and_split_adjusted() -> None:
    world = World()
    for number in range(HISTORY_BARS_MAX + 10):
        world.bar(float(number + 1))
    world.feed(CorporateAction("ABC", world.now_ns, ActionKind.SPLIT, Decimal(2)))
    bars = world.engine.market.last_bars("ABC", 5_000, None)
    assert len(bars) == HISTORY_BARS_MAX
    assert (bars[0].close, bars[0].volume) == (5.5, 200.0)
    assert world.engine.market.last_bars("ABC", 2, None) == bars[-2:]
    world.bar(600.0)
    assert world.engine.market.last_bars("ABC", 2, None)[-1].close == 600.0
