"""The schedule: total order, sessions, timers, openings across chunks, the end of the data."""

from __future__ import annotations

from itertools import pairwise

import pytest

from regimeflow.errors import DataError, UsageError
from regimeflow.model.commands import CancelTimer, Command, RequestSnapshot, SetTimer, SnapshotScope
from regimeflow.model.events import (
    BrokerSnapshot,
    Event,
    OrderFilled,
    SessionClosed,
    SessionOpened,
    TimerFired,
)
from regimeflow.model.ids import TimerId
from regimeflow.model.market import Bar
from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.venue import ExecutionModel, SimSchedule
from tests.unit.venue_world import Run, calendar, close_ns, daily, minute, open_ns, quote, submit

S = 1_000_000_000
FLAT = (100.0, 100.0, 100.0, 100.0)


def timer(name: str, due_ns: int, owner: str = "s") -> SetTimer:
    return SetTimer(TimerId(name), owner, due_ns)


def fired(run: Run) -> list[tuple[int, str, int]]:
    return [
        (ts_ns, event.timer_id, event.late_ns)
        for ts_ns, event in run.log
        if isinstance(event, TimerFired)
    ]


def test_sessions_surround_their_bars_and_the_last_one_closes() -> None:
    run = Run([daily(0), daily(1), minute(2, 0, FLAT)])
    sessions = [(ts, type(e)) for ts, e in run.log if isinstance(e, SessionOpened | SessionClosed)]
    assert sessions == [
        (open_ns(0), SessionOpened), (close_ns(0), SessionClosed),
        (open_ns(1), SessionOpened), (close_ns(1), SessionClosed),
        (open_ns(2), SessionOpened), (close_ns(2), SessionClosed),
    ]  # fmt: skip


def test_events_of_one_moment_come_by_class() -> None:
    run = Run([daily(0), daily(1)], {0: [timer("t", close_ns(1))]})
    assert [type(event).__name__ for ts, event in run.log if ts == close_ns(1)] == [
        "TimerFired",
        "SessionClosed",
        "Bar",
    ]


def test_timers_fire_in_order_of_due_and_id_and_can_be_moved_and_cancelled() -> None:
    due = open_ns(1)
    commands: list[Command] = [
        timer("b", due), timer("a", due), timer("gone", due), timer("moved", due),
        CancelTimer(TimerId("gone"), "s"), timer("moved", due + 5),
    ]  # fmt: skip
    run = Run([daily(0), daily(1)], {0: commands})
    assert fired(run) == [(due, "a", 0), (due, "b", 0), (due + 5, "moved", 0)]


def test_an_overdue_timer_fires_at_once_and_says_how_late() -> None:
    run = Run([daily(0), daily(1)], {0: [timer("t", close_ns(0) - 7)]})
    assert fired(run) == [(close_ns(0), "t", 7)]


def test_timers_of_the_end_of_day_fire_after_the_last_bar_and_later_ones_do_not() -> None:
    commands: list[Command] = [timer("eod", close_ns(0) + S), timer("late", close_ns(0) + S + 1)]
    run = Run([daily(0)], {0: commands})
    assert fired(run) == [(close_ns(0) + S, "eod", 0)]


def test_a_periodic_timer_fires_once_in_each_gap() -> None:
    def again(ts_ns: int, event: Event) -> list[Command]:
        is_start = isinstance(event, SessionOpened) and ts_ns == open_ns(0)
        is_mine = isinstance(event, TimerFired)
        return [timer("beat", ts_ns + 30 * S, "engine")] if is_start or is_mine else []

    bars = [minute(0, number, FLAT) for number in range(5)]
    once = Run(bars, react=again, periodic_owners=("engine",))
    assert [ts - open_ns(0) for ts, _, _ in fired(once)][:4] == [30 * S, 60 * S, 120 * S, 180 * S]
    assert len(fired(once)) <= len(bars) + 1
    always = Run(bars, react=again)
    assert len(fired(always)) == 6.5 * 3600 / 30


@pytest.mark.parametrize("chunk", [1, 2, 3, 1_000])
def test_chunks_do_not_change_what_happens(chunk: int) -> None:
    bars = [
        minute(0, n, (100.0 + n,) * 4, symbol=name) for n in range(9) for name in ("ABC", "XYZ")
    ]
    orders = {4: [submit("a")], 7: [submit("b", symbol="XYZ")], 8: [submit("c", Side.SELL)]}
    model = ExecutionModel(latency_ns=S, fees="ibkr_fixed")
    whole = Run(bars, orders, model=model)
    assert Run(bars, orders, model=model, chunk=chunk).log == whole.log
    assert len(whole.fills) == 3


def test_an_opening_is_reported_before_other_events_of_that_bar() -> None:
    """The bar of ABC lies chunks ahead when it opens; its fill comes between the quotes."""
    quotes = [quote(open_ns(1) + n * S, 10.0, 10.1) for n in range(1, 50)]
    others = [type(q)("XYZ", *[getattr(q, f) for f in q.__struct_fields__[1:]]) for q in quotes]
    run = Run([daily(0), *others, daily(1)], {0: [submit()]}, chunk=5)
    (fill_ns,) = [ts for ts, event in run.log if isinstance(event, OrderFilled)]
    assert fill_ns == open_ns(1) + 2


def test_time_never_decreases() -> None:
    bars = [minute(0, n, FLAT) for n in range(30)]
    model = ExecutionModel(latency_ns=7 * S)
    run = Run(bars, {n: [submit(f"o{n}")] for n in range(0, 30, 3)}, model=model)
    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(run.log))


def test_the_last_orders_are_answered_before_the_end() -> None:
    run = Run([daily(0)], {0: [submit(), RequestSnapshot("r", SnapshotScope.ALL)]})
    (snapshot,) = run.of(BrokerSnapshot)
    assert snapshot.orders is not None
    assert [record.client_order_id for record in snapshot.orders] == ["o1"]


def test_data_out_of_order_is_refused() -> None:
    with pytest.raises(DataError, match=r"ABC: an event of .* follows one of .*; sort the data"):
        Run([daily(1), daily(0)])


def test_next_and_iteration_share_one_stream() -> None:
    run = Run([daily(0)])
    again = SimSchedule(
        chunks=iter([[daily(0)]]),
        venue=run.venue,
        calendar=calendar(),
        start_ns=0,
        end_ns=close_ns(5),
    )
    first = again.next()
    rest = list(again)
    assert [first, *rest] == run.log
    assert again.next() is None


def test_events_after_the_end_do_not_pass() -> None:
    run = Run([])
    cut = SimSchedule(
        chunks=iter([[daily(0), daily(1)], [daily(2)]]),
        venue=run.venue,
        calendar=calendar(),
        start_ns=0,
        end_ns=close_ns(0),
    )
    assert [event for _, event in cut if isinstance(event, Bar)] == [daily(0)]
    with pytest.raises(UsageError, match="ends at 1, before its start 2"):
        SimSchedule(chunks=iter([]), venue=run.venue, calendar=calendar(), start_ns=2, end_ns=1)


def test_a_limit_order_left_at_the_end_of_the_data_stays_open() -> None:
    order = submit("o1", Side.BUY, 100, OrderType.LIMIT, limit=90, tif=TimeInForce.GTC)
    run = Run([daily(0), daily(1)], {0: [order]})
    assert run.endings == []
    assert not run.venue.orders[0].is_done
