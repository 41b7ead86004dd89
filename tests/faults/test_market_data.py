"""F55 to F61: feeds that fall silent, lie, repeat themselves, or flood."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import msgspec
import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.core.engine import Engine
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.errors import InvariantViolated
from regimeflow.journal.records import Record
from regimeflow.live import inbox as inbox_module
from regimeflow.live.clock import EngineClock
from regimeflow.live.inbox import CONFLATE_ABOVE, Inbox
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import TimerId
from regimeflow.model.market import Quote, Trade
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_S
from regimeflow.run.pump import Pump
from regimeflow.run.recorder import MemoryRecorder
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.unit.core_samples import World, scripted, session
from tests.unit.journal_samples import filled

SILENCE_S = 10
WATCHED = RiskPolicy(reference_age_ns_max=60 * NS_PER_S)


class Nowhere:
    """A link that takes every command."""

    def execute(self, ts_ns: int, command: c.Command) -> None:
        """Nobody listens."""


def watched(make_desk: MakeDesk, **setup: object) -> LinkedDesk:
    return make_desk(stale_after_ns=SILENCE_S * NS_PER_S, policy=WATCHED, **setup)


def pass_in_silence(desk: LinkedDesk, seconds: int) -> list[c.Output]:
    outputs: list[c.Output] = []
    for _ in range(seconds):
        desk.wait(1)
        outputs += desk.feed(e.Heartbeat("engine"))
    return outputs


def try_without_a_quote(desk: LinkedDesk) -> str:
    """Try an entry in ABC at the quote of another symbol; the control that denied it."""
    strategy = desk.seat().strategy
    strategy.todo.append(lambda ctx: ctx.buy("ABC", 1, limit_price=90.0))
    desk.feed(Quote("XYZ", desk.now_ns, 50.0, 50.0, 1.0, 1.0))
    return desk.denial(strategy.done.pop())


def test_f55_silent_feed_stops_entries_and_cancels_within_its_limit(make_desk: MakeDesk) -> None:
    desk = watched(make_desk)
    order_id = desk.buy(price=99.0)
    desk.accept(order_id)
    assert not pass_in_silence(desk, SILENCE_S - 1)
    outputs = pass_in_silence(desk, 2)
    stale = [o for o in outputs if isinstance(o, c.HealthChanged)]
    assert [(o.component, o.status) for o in stale] == [
        ("feed:ABC", c.HealthStatus.STALE),
        ("feed:XYZ", c.HealthStatus.STALE),
    ]
    assert try_without_a_quote(desk) == "C19"
    assert any(isinstance(o, c.CancelOrder) for o in outputs)
    assert desk.engine.market.reference("ABC", desk.now_ns, 10**18) is None
    desk.quote(100.0)
    assert desk.engine.market.reference("ABC", desk.now_ns, 10**18) is not None
    assert desk.try_to_buy() == ""


def told_of(desk: LinkedDesk, symbol: str) -> list[str]:
    """What was told of a symbol's feed."""
    changes = [o for o in desk.outputs(c.HealthChanged) if isinstance(o, c.HealthChanged)]
    return [o.status.value for o in changes if o.component == f"feed:{symbol}"]


def test_f55_symbol_that_never_delivers_is_told_once_and_recovers(make_desk: MakeDesk) -> None:
    desk = watched(make_desk)
    pass_in_silence(desk, SILENCE_S - 1)
    assert told_of(desk, "XYZ") == []
    pass_in_silence(desk, 20 * SILENCE_S)
    assert told_of(desk, "XYZ") == ["stale"]
    desk.quote(50.0, symbol="XYZ")
    assert told_of(desk, "XYZ") == ["stale", "ok"]
    assert set(desk.engine.market.stale) == {"ABC"}


def test_f55_engine_to_which_nothing_is_ever_delivered_says_so() -> None:
    """As one that starts anew while its feed is mute: it has heard nothing, and works orders."""
    world = World(stale_after_ns=SILENCE_S * NS_PER_S)
    for _ in range(2 * SILENCE_S):
        world.wait(1)
        world.feed(e.Heartbeat("engine"))
    changes = [o for o in world.outputs(c.HealthChanged) if isinstance(o, c.HealthChanged)]
    assert [(o.component, o.status.value) for o in changes] == [
        ("feed:ABC", "stale"),
        ("feed:XYZ", "stale"),
    ]


def test_f55_silence_counts_from_the_opening_for_what_was_never_heard() -> None:
    world = World(stale_after_ns=SILENCE_S * NS_PER_S, is_open=False)
    heartbeat, opened_ns = e.Heartbeat("engine"), session().open_ns + 600 * NS_PER_S
    world.now_ns = opened_ns - 1_000
    world.feed(heartbeat)
    assert not world.outputs(c.HealthChanged)
    world.feed(e.SessionOpened(msgspec.structs.replace(session(), open_ns=opened_ns)))
    world.wait(SILENCE_S - 1)
    assert not world.feed(heartbeat)
    world.wait(2)
    assert len([o for o in world.feed(heartbeat) if isinstance(o, c.HealthChanged)]) == 2


def test_f55_daily_feed_that_never_delivers_a_symbol_is_told_after_two_sessions() -> None:
    world = World(is_daily=True, bar_size_ns=NS_PER_DAY)
    told = []
    for day in range(3):
        world.feed(e.SessionOpened(session(day)))
        world.bar(100.0)
        world.feed(e.SessionClosed(session(day)))
        due_ns = session(day).close_ns + 1
        world.now_ns = due_ns
        outputs = world.feed(e.TimerFired(TimerId("session_end"), "engine", due_ns))
        told.append([o.component for o in outputs if isinstance(o, c.HealthChanged)])
    assert told == [[], ["feed:XYZ"], []]


def test_f55_silence_cancels_no_flatten_of_an_operator(make_desk: MakeDesk) -> None:
    desk = watched(make_desk)
    desk.hold(10)
    desk.feed(e.Flatten("operator"))
    desk.accept(desk.outputs(c.SubmitOrder)[-1].client_order_id)
    pass_in_silence(desk, 2 * SILENCE_S)
    assert "ABC" in desk.engine.market.stale
    assert not desk.outputs(c.CancelOrder)


def test_f56_heartbeats_and_other_symbols_keep_no_symbol_fresh(make_desk: MakeDesk) -> None:
    desk = watched(make_desk)
    for _ in range(2 * SILENCE_S):
        desk.wait(1)
        desk.feed(e.Heartbeat("sim"))
        desk.quote(50.0, symbol="XYZ")
    assert set(desk.engine.market.stale) == {"ABC"}
    assert desk.try_to(lambda ctx: ctx.buy("XYZ", 1, limit_price=50.0)) == ""


@pytest.mark.parametrize(
    ("bid", "ask"), [(101.0, 99.0), (0.0, 100.0), (math.nan, 100.0), (100.0, math.inf)]
)
def test_f57_quote_that_cannot_be_true_values_nothing(
    bid: float, ask: float, make_desk: MakeDesk
) -> None:
    desk = make_desk()
    desk.hold(10)
    equity = desk.engine.ledger.portfolio.equity
    desk.quote(bid, ask)
    assert desk.engine.ledger.portfolio.equity == equity
    desk.engine.market.trades.clear()
    desk.engine.market.bars.clear()
    assert desk.engine.market.reference("ABC", desk.now_ns, 10**18) is None
    before = len(desk.outputs(c.SubmitOrder))
    assert desk.try_to(lambda ctx: ctx.buy("ABC", 1, limit_price=90.0)) == "C19"
    assert len(desk.outputs(c.SubmitOrder)) == before
    assert desk.try_to_buy() == ""
    assert len(desk.outputs(c.SubmitOrder)) == before + 1


def test_f57_entry_without_a_fresh_price_is_denied_and_an_exit_is_not(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=RiskPolicy(reference_age_ns_max=NS_PER_S))
    desk.hold(5)
    seat = desk.seat()
    desk.wait(30)
    seat.strategy.todo += [
        lambda ctx: ctx.buy("ABC", 1, limit_price=100.0),
        lambda ctx: ctx.sell("ABC", 5),
    ]
    desk.feed(Quote("XYZ", desk.now_ns, 50.0, 50.0, 1.0, 1.0))
    entry, exit_id = seat.strategy.done
    assert desk.denial(entry) == "C19"
    assert desk.denial(exit_id) == ""


def test_f59_repeated_or_late_bar_triggers_nothing_again(make_desk: MakeDesk) -> None:
    seen: list[float] = []
    desk = make_desk(scripted(on_bar=lambda self, bar: seen.append(bar.close)))
    desk.bar(100.0)
    bars = [event for _, event, _ in desk.log if type(event).__name__ == "Bar"]
    desk.bar(101.0)
    equity = desk.engine.ledger.portfolio.equity
    desk.feed(desk.log[-1][1])
    assert not desk.kinds()
    desk.feed(bars[0])
    assert desk.kinds() == ["late_bar"]
    assert seen == [100.0, 101.0]
    assert desk.engine.ledger.portfolio.marks["ABC"] == 101.0
    assert desk.engine.ledger.portfolio.equity == equity
    assert [b.close for b in desk.engine.market.last_bars("ABC", 9, None)] == [100.0, 101.0]


class Flood:
    """An inbox whose first event makes `events` arrive while it is in hand."""

    def __init__(self, engine: Engine, events: Sequence[e.Event]) -> None:
        recorder = MemoryRecorder()
        self.taken: list[Record] = []
        pump = Pump(engine, recorder, Nowhere(), (self._on_record,))
        self._events = list(events)
        self.inbox = Inbox(pump, EngineClock(lambda: 0.0, 10**18))
        self.seen: list[e.Event] = []
        process = engine.process

        def watching(ts_ns: int, event: e.Event) -> Sequence[object]:
            self.seen.append(event)
            while self._events:
                self.inbox.deliver(self._events.pop(0))
            return process(ts_ns, event)

        pump.engine = _Watched(engine, watching)  # type: ignore[assignment]

    def _on_record(self, record: Record) -> None:
        self.taken.append(record)


class _Watched:
    def __init__(self, engine: Engine, process: object) -> None:
        self.process = process
        self.ledger = engine.ledger


def test_f60_burst_conflates_quotes_and_never_fills_or_trades() -> None:
    fills = [filled(execution_id=f"x{number}") for number in range(3)]
    burst: list[e.Event] = []
    for number in range(5 * CONFLATE_ABOVE):
        burst.append(Trade("ABC", number, 100.0, 1.0))
        burst.append(Quote("ABC", number, 99.0, 100.0 + number, 1.0, 1.0))
    flood = Flood(LinkedDesk().engine, [*burst, *fills])
    flood.inbox.deliver(e.Heartbeat("first"))
    trades = [event for event in flood.seen if isinstance(event, Trade)]
    quotes = [event for event in flood.seen if isinstance(event, Quote)]
    (told,) = [event for event in flood.seen if isinstance(event, e.DataConflated)]
    assert len(trades) == 5 * CONFLATE_ABOVE
    assert [event for event in flood.seen if isinstance(event, e.OrderFilled)] == fills
    assert quotes[-1] == burst[-1]
    assert told.count + len(quotes) == 5 * CONFLATE_ABOVE
    assert told.count > 3 * CONFLATE_ABOVE


def test_f60_queue_that_is_full_stops_the_engine_instead_of_losing_a_fill(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(inbox_module, "INBOX_MAX", 100)
    trades = [Trade("ABC", number, 100.0, 1.0) for number in range(200)]
    flood = Flood(LinkedDesk().engine, trades)
    with pytest.raises(InvariantViolated, match="wait for the engine"):
        flood.inbox.deliver(e.Heartbeat("first"))


def test_f61_reconnects_back_off_with_jitter_and_books_are_proved_anew(desk: LinkedDesk) -> None:
    policy = ReconnectPolicy(initial_ms=500, max_ms=30_000)
    rng = random.Random(1)
    for attempt in range(1, 200):
        whole_s = min(0.5 * 2 ** (attempt - 1), 30.0)
        delay_s = policy.delay_s(attempt, rng)
        assert delay_s is not None
        assert whole_s / 2 <= delay_s <= whole_s
    for _ in range(20):
        desk.drop_link()
        desk.raise_link()
        assert desk.try_to_buy() == "C22"
    desk.sweep()
    assert desk.try_to_buy() == ""
