"""Every session is valued and rolled once, however it meets the one that follows."""

from __future__ import annotations

import pytest

from regimeflow.core.approved import plain
from regimeflow.core.engine_state import decode_engine_state, engine_state, restore_engine
from regimeflow.core.on_session import SESSION_END
from regimeflow.core.timers import ENGINE
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY
from tests.unit.core_samples import DAY_ZERO_NS, World, scripted, session
from tests.unit.eventful_engines import fresh_setup


def whole_day(day: int) -> Session:
    """One of sessions that follow each other without a pause."""
    open_ns = DAY_ZERO_NS + day * NS_PER_DAY
    return Session("24/7", f"2024-01-{2 + day:02d}", open_ns, open_ns + NS_PER_DAY)


def rolled(world: World) -> list[str]:
    """The session of each saved state, in order."""
    return [saved.session for saved in world.outputs(c.StrategyStateSaved)]


def valued(world: World) -> list[str]:
    """The session of each mark at a session's end, in order."""
    marks = world.outputs(c.AccountMarked)
    return [mark.session for mark in marks if mark.kind is c.MarkKind.SESSION]


def fire_end(world: World) -> None:
    """Let the end of the session come due, if it is awaited."""
    due_ns = world.engine.ledger.timers.pending[ENGINE, SESSION_END]
    world.now_ns = max(world.now_ns, due_ns)
    world.feed(e.TimerFired(SESSION_END, ENGINE, due_ns), after_ns=0)


@pytest.mark.parametrize("early_ns", [0, 400_000])
@pytest.mark.parametrize("order", ["close open end", "close end open", "end close open"])
def test_sessions_without_a_pause_are_each_rolled_in_any_order_of_events(
    order: str, early_ns: int
) -> None:
    """However they meet, a state that is kept at a session's end goes on as the engine did."""
    world, kept = World(is_open=False), []

    def keep() -> None:
        state = engine_state(world.engine)
        assert state is not None
        kept.append((state, len(world.log), world.engine.outputs_so_far))

    world.engine.session_handler.before_roll = keep
    world.now_ns = whole_day(0).open_ns
    world.feed(e.SessionOpened(whole_day(0)), after_ns=0)
    for day in range(4):
        world.now_ns = whole_day(day).close_ns - early_ns
        for what in order.split():
            if what == "close":
                world.feed(e.SessionClosed(whole_day(day)), after_ns=0)
            elif what == "open":
                world.feed(e.SessionOpened(whole_day(day + 1)), after_ns=0)
            else:
                fire_end(world)
    dates = [whole_day(day).date for day in range(4)]
    assert rolled(world) == valued(world) == dates
    due_ns = world.engine.ledger.timers.pending[ENGINE, SESSION_END]
    assert due_ns == whole_day(4).close_ns + 1
    assert kept
    for state, events, outputs in kept:
        engine = restore_engine(fresh_setup(world.engine.setup), decode_engine_state(state))
        assert list(map(plain, engine.resume_roll())) == world.log[events][2][outputs:]


def test_session_whose_end_nobody_saw_is_rolled_before_the_next_one_begins() -> None:
    world = World()
    world.now_ns = session(1).open_ns
    world.feed(e.SessionClosed(session(0)), after_ns=0)
    world.feed(e.SessionOpened(session(1)), after_ns=0)
    assert rolled(world) == valued(world) == [session(0).date]
    late = e.TimerFired(SESSION_END, ENGINE, session(0).close_ns + 1)
    assert world.feed(late) == []
    fire_end(world)
    assert rolled(world) == [session(0).date, session(1).date]


def test_night_that_a_morning_catches_up_with_is_no_place_to_begin_from() -> None:
    """What follows the roll is the morning's: a state could not go on with it."""
    world, kept = World(), []
    world.engine.session_handler.before_roll = lambda: kept.append(world.now_ns)
    world.now_ns = session(1).open_ns
    world.feed(e.SessionOpened(session(1)), after_ns=0)
    assert rolled(world) == [session(0).date]
    assert not kept
    fire_end(world)
    assert len(kept) == 1


def test_daily_strategy_hears_the_end_of_the_day_that_ended() -> None:
    days: list[str] = []
    strategy = scripted(on_end_of_day=lambda self, day: days.append(day.date))
    world = World(strategy, is_daily=True, is_open=False)
    world.now_ns = whole_day(0).open_ns
    world.feed(e.SessionOpened(whole_day(0)), after_ns=0)
    world.now_ns = whole_day(0).close_ns
    world.feed(e.SessionClosed(whole_day(0)), after_ns=0)
    world.feed(e.SessionOpened(whole_day(1)), after_ns=0)
    fire_end(world)
    assert days == [whole_day(0).date]
