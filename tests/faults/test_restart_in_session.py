"""A process that starts inside a session: the session goes on, nothing of it begins again."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from regimeflow.brokers.sim.feed_state import FeedState
from regimeflow.core.ledger_state import capture_ledger, decode_ledger, ledger_from, ledger_state
from regimeflow.core.on_session import END_OF_DAY
from regimeflow.core.timers import ENGINE
from regimeflow.journal.reader import read_facts
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ExecutionId
from regimeflow.model.order import Side
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_S
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.scripted_broker import ScriptedBroker, linked_configuration, run_life
from tests.unit.core_samples import DAY_ZERO_NS, World, limited, session


def restart(desk: LinkedDesk, running: Session | None = None) -> list[c.Output]:
    """A new process, which the venue tells what is open; its outputs about that."""
    desk.feed(e.EngineStarted(2))
    outputs: list[c.Output] = []
    for event in FeedState().turn_to(running or session()):
        outputs += desk.feed(event)
    desk.raise_link()
    desk.sweep()
    return outputs


def anchor(world: World) -> float:
    return world.engine.ledger.losses.anchor


def test_restart_inside_a_session_forgives_no_loss_of_the_day(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=limited(daily_loss_limit=1_000))
    desk.hold(100)
    desk.quote(91.0)
    restart(desk)
    assert anchor(desk) == 100_000
    assert desk.trading == "active"
    desk.quote(89.0)
    assert desk.trading == "reducing"
    assert desk.try_to_buy() != ""


def test_restart_inside_a_session_begins_nothing_a_second_time(make_desk: MakeDesk) -> None:
    desk = make_desk(mark_interval_ns=30 * NS_PER_MINUTE)
    desk.wait(3_600)
    desk.quote(100.0)
    watchdog, marks = desk.engine.market_handler.watchdog, desk.outputs(c.AccountMarked)
    before = watchdog.sessions
    assert restart(desk) == []
    desk.quote(100.0)
    assert watchdog.sessions == before
    assert desk.outputs(c.AccountMarked) == marks
    desk.lapse(7 * 3_600)
    fired = [event for _, event, _ in desk.log if isinstance(event, e.TimerFired)]
    assert [event.owner for event in fired if event.timer_id == END_OF_DAY] == [ENGINE]
    rolled = [saved.session for saved in desk.outputs(c.StrategyStateSaved)]
    assert rolled == [session().date]


def test_restart_behind_the_end_of_a_session_rolls_it_once(desk: LinkedDesk) -> None:
    """The venue's clock is behind ours: it says that the session still runs."""
    desk.lapse(7 * 3_600)
    restart(desk)
    desk.lapse(60)
    assert len(desk.outputs(c.StrategyStateSaved)) == 1


def test_close_that_the_venue_moves_ends_no_day_of_losses(desk: LinkedDesk) -> None:
    desk.hold(100)
    desk.quote(91.0)
    longer = msgspec.structs.replace(session(), close_ns=session().close_ns + NS_PER_HOUR)
    feed = FeedState()
    feed.turn_to(session())
    for event in feed.turn_to(longer):
        desk.feed(event)
    assert anchor(desk) == 100_000
    assert desk.engine.market.session == longer
    pending = desk.engine.ledger.timers.pending
    assert pending[ENGINE, END_OF_DAY] == longer.close_ns - desk.engine.setup.end_of_day_lead_ns


@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_losses_of_each_session_count_from_its_own_open(restarts: int, desk: LinkedDesk) -> None:
    desk.hold(100)
    for day, price in enumerate((90.0, 80.0, 70.0), start=1):
        desk.quote(price)
        desk.feed(e.SessionClosed(session(day - 1)))
        desk.lapse((session(day).open_ns - desk.now_ns) / NS_PER_S)
        desk.feed(e.SessionOpened(session(day)))
        assert anchor(desk) == 90_000 + 100 * price
        desk.quote(price - 5.0)
        for _ in range(restarts):
            restart(desk, session(day))
        assert anchor(desk) == 90_000 + 100 * price


def test_sessions_without_a_pause_and_of_two_calendars_are_each_opened_once() -> None:
    world = World(is_open=False)

    def day(calendar: str, number: int) -> e.SessionOpened:
        open_ns = DAY_ZERO_NS + number * NS_PER_DAY
        date = f"2024-01-{2 + number:02d}"
        return e.SessionOpened(Session(calendar, date, open_ns, open_ns + NS_PER_DAY))

    world.now_ns = DAY_ZERO_NS
    anchors = []
    for calendar, number in (("A", 0), ("B", 0), ("A", 0), ("B", 0), ("A", 1), ("B", 0)):
        world.feed(e.CashPosted("", "fee", "", amount=Decimal(-100), ts_venue_ns=world.now_ns))
        world.feed(day(calendar, number))
        anchors.append(anchor(world))
    assert anchors == [99_900, 99_800, 99_800, 99_800, 99_500, 99_500]


def test_carried_books_know_which_session_is_open(desk: LinkedDesk) -> None:
    ledger = desk.engine.ledger
    carried = decode_ledger(ledger_state(ledger))
    assert carried.opened_sessions == {session().calendar: session().date}
    books = desk.engine.setup.books()
    assert capture_ledger(ledger_from(books, carried)) == capture_ledger(ledger)
    values = msgspec.msgpack.decode(ledger_state(ledger))
    del values["opened_sessions"]
    older = ledger_from(books, decode_ledger(msgspec.msgpack.encode(values)))
    assert older.losses.opened == {}


def test_what_a_strategy_sends_in_the_start_is_not_put_in_doubt_by_it(tmp_path: Path) -> None:
    """Its requests are new; what the last process left unanswered is in doubt all the same."""
    raw = linked_configuration(duplicate_order_window_ms=0)
    raw["strategy"]["name"] = "tests.faults.strategies_at_fault:TidiesAtTheStart"

    def trade(broker: ScriptedBroker) -> None:
        broker.come_up()
        (bought,) = broker.orders_sent()
        broker.say(fill_of(bought, broker.now_ns), broker.quote())
        _, resting = broker.orders_sent()
        broker_id = BrokerOrderId("b-2")
        broker.say(e.OrderAccepted(resting.client_order_id, broker_id, broker.now_ns))
        broker.say(broker.quote(99.0))

    first = ScriptedBroker(trade)
    run_life(tmp_path, first, configured=raw)
    _, resting, unanswered = (order.client_order_id for order in first.orders_sent())
    second = ScriptedBroker(lambda broker: None, first.now_ns + NS_PER_S)
    run_life(tmp_path, second, configured=raw)
    assert [o.client_order_id for o in second.orders_sent(c.CancelOrder)] == [resting, unanswered]
    assert [o.side for o in second.orders_sent()] == [Side.SELL]
    facts = [record.body for record in read_facts(tmp_path / "journal")]
    doubted = [fact for fact in facts if isinstance(fact, e.OutcomeUnknown)]
    assert [(fact.client_order_id, fact.request) for fact in doubted] == [
        (unanswered, e.RequestKind.SUBMIT)
    ]


def fill_of(order: c.SubmitOrder, ts_ns: int) -> e.OrderFilled:
    return e.OrderFilled(
        client_order_id=order.client_order_id,
        broker_order_id=BrokerOrderId("b-1"),
        execution_id=ExecutionId("x-1"),
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        price=Decimal(100),
        fee=Decimal(0),
        ts_venue_ns=ts_ns,
    )
