"""F46 and F74: clocks that step, run wrong or are not known, and processes that stand still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from regimeflow.core.holds import RECONCILE
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.journal.reader import read_records
from regimeflow.live.clock import EngineClock
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.market import Quote
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_MS, NS_PER_S
from tests.faults.desk_script import LinkedDesk, MakeDesk
from tests.faults.scripted_broker import (
    START_NS,
    BuyUntilItLeaves,
    ScriptedBroker,
    linked_configuration,
    run_life,
)
from tests.unit.core_samples import BARS_OLD_NS, puppet

LIMIT_MS = 500
PAUSE_S = 60.0
COMPARED = RiskPolicy(reference_age_ns_max=BARS_OLD_NS, max_clock_offset_ms=LIMIT_MS)


def told(desk: LinkedDesk, ahead_ms: float, blur_ms: float = 1.0) -> list[c.Output]:
    """The broker says what time it is, so much ahead of ours."""
    ts_ns = desk.now_ns + 1_000 + int(ahead_ms * NS_PER_MS)
    return desk.feed(e.ClockMeasured("sim", ts_ns, int(blur_ms * NS_PER_MS)))


def in_journal(log_dir: Path, kind: type) -> list[Any]:
    return [r for r in read_records(log_dir / "journal") if isinstance(r.body, kind)]


# --- F46: clocks ----------------------------------------------------------------------------


def test_f46_engine_clock_never_steps_back() -> None:
    now_s = 0.0
    clock = EngineClock(lambda: now_s, 100 * NS_PER_S)
    told_ns = [clock.now_ns()]
    for delta_s in (-10, 0, 0, +3, -1, 0):
        now_s += 2.0
        clock.adjust(delta_s * NS_PER_S)
        told_ns.append(clock.now_ns())
    assert told_ns == sorted(told_ns)
    assert told_ns[0] < told_ns[-1] < 100 * NS_PER_S + 12 * NS_PER_S


def test_f46_clock_beyond_its_limit_stops_entries_and_goes_on_by_itself(
    make_desk: MakeDesk,
) -> None:
    changes: list[c.HealthChanged] = []
    listening = puppet(on_health=lambda self, change: changes.append(change))
    desk = make_desk(listening, policy=COMPARED)
    told(desk, 3)
    desk.hold(10)
    assert desk.try_to_buy() == ""
    told(desk, -LIMIT_MS - 2)
    assert desk.try_to_buy() == "C21"
    (denied,) = desk.outputs(c.OrderDenied)
    assert (denied.limit, "502 ms behind" in denied.observed) == ("max_clock_offset_ms 500", True)
    assert "timedatectl" in denied.message
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 10)) == ""
    told(desk, -LIMIT_MS)
    assert desk.try_to_buy() == ""
    about_clock = [change.status for change in changes if change.component == "clock"]
    assert about_clock == [c.HealthStatus.OK, c.HealthStatus.DOWN, c.HealthStatus.OK]


def test_f46_clock_that_is_not_known_stops_entries(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=COMPARED)
    assert desk.try_to_buy() == "C21"
    told(desk, 0)
    assert desk.try_to_buy() == ""
    desk.wait(61)
    outputs = desk.feed(e.Heartbeat("engine"))
    assert [o.status for o in outputs if isinstance(o, c.HealthChanged)] == [c.HealthStatus.STALE]
    assert desk.try_to_buy() == "C21"
    told(desk, 0)
    assert desk.try_to_buy() == ""


def test_f46_clock_that_was_set_stops_entries_until_it_is_compared_and_proved(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk(policy=COMPARED, pause_ns=10 * NS_PER_S)
    told(desk, 0)
    desk.now_ns += NS_PER_HOUR
    desk.feed(e.ClockAdjusted(NS_PER_HOUR, "wall"))
    told(desk, 0)
    assert desk.try_to_buy() == "C22"
    answer_to_the_last_request(desk)
    assert desk.try_to_buy() == ""
    desk.feed(e.ClockAdjusted(-NS_PER_S, "wall"))
    assert desk.try_to_buy() == "C21"
    told(desk, 0)
    assert desk.try_to_buy() == ""


def test_f46_wall_that_steps_by_a_pause_stops_entries_whoever_is_right(make_desk: MakeDesk) -> None:
    desk = make_desk(policy=COMPARED)
    told(desk, 0)
    outputs = desk.feed(e.ClockStepped(-NS_PER_HOUR, "wall"))
    assert [o.component for o in outputs if isinstance(o, c.HealthChanged)] == ["clock", "books"]
    assert desk.try_to_buy() == "C22"
    answer_to_the_last_request(desk)
    assert desk.try_to_buy() == "C21"
    told(desk, 0)
    assert desk.try_to_buy() == ""


def test_f46_venue_that_steps_is_followed_by_a_journaled_adjustment(tmp_path: Path) -> None:
    """Its time is ours: forward at once, back without ever going back."""

    def script(broker: ScriptedBroker) -> None:
        broker.come_up()
        for step_ns in (+NS_PER_HOUR, -2 * NS_PER_HOUR):
            broker.now_ns += step_ns
            broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS), e.Heartbeat("sim"))

    run_life(tmp_path, ScriptedBroker(script))
    deltas = [record.body.delta_ns for record in in_journal(tmp_path, e.ClockAdjusted)]
    assert deltas == pytest.approx([NS_PER_HOUR, -2 * NS_PER_HOUR], abs=NS_PER_S)
    records = list(read_records(tmp_path / "journal"))
    times = [record.ts_ns for record in records]
    assert times == sorted(times)
    (forward, _) = in_journal(tmp_path, e.ClockAdjusted)
    before = max(record.ts_ns for record in records if record.seq < forward.seq)
    assert NS_PER_HOUR <= forward.ts_ns - before < NS_PER_HOUR + NS_PER_S


def test_f46_wall_that_steps_is_followed_and_the_brokers_time_says_how_wrong_it_is(
    tmp_path: Path,
) -> None:
    """A real broker has no time of its own: the wall is ours, its clock only a check."""
    limits = {"max_clock_offset_ms": LIMIT_MS}
    configured = linked_configuration(BuyUntilItLeaves, risk={"limits": limits})

    def script(broker: ScriptedBroker) -> None:
        broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS))
        broker.wall_error_ns = 3 * NS_PER_S
        broker.come_up()
        broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS), broker.quote())
        assert not broker.orders_sent()
        broker.wall_error_ns = 0
        broker.say(e.Heartbeat("sim"), after_s=7.0)
        broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS), broker.quote())
        assert len(broker.orders_sent()) == 1

    broker = ScriptedBroker(script)
    broker.capabilities = msgspec.structs.replace(broker.capabilities, has_own_time=False)
    run_life(tmp_path, broker, configured=configured)
    adjusted = [record.body for record in in_journal(tmp_path, e.ClockAdjusted)]
    assert [body.clock for body in adjusted] == ["wall", "wall"]
    deltas = [body.delta_ns for body in adjusted]
    assert deltas == pytest.approx([3 * NS_PER_S, -3 * NS_PER_S], abs=NS_PER_S // 10)
    denied = [record.body.control for record in in_journal(tmp_path, c.OrderDenied)]
    assert denied == ["C21", "C21"]


@pytest.mark.parametrize("is_suspended", [True, False])
def test_f46_wall_that_steps_by_an_hour_is_followed_only_if_the_broker_agrees(
    is_suspended: bool, tmp_path: Path
) -> None:
    """A suspended machine and a wall that was set look the same until the broker is asked."""

    def script(broker: ScriptedBroker) -> None:
        broker.come_up()
        if is_suspended:
            broker.now_ns += NS_PER_HOUR
        else:
            broker.wall_error_ns = NS_PER_HOUR
        broker.say(broker.quote())
        broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS), e.Heartbeat("sim"))

    broker = ScriptedBroker(script)
    broker.capabilities = msgspec.structs.replace(broker.capabilities, has_own_time=False)
    run_life(tmp_path, broker)
    (stepped,) = in_journal(tmp_path, e.ClockStepped)
    assert stepped.body == e.ClockStepped(NS_PER_HOUR, "wall")
    quotes = in_journal(tmp_path, Quote)
    assert quotes[-2].seq < stepped.seq < quotes[-1].seq
    adjusted = [record.body for record in in_journal(tmp_path, e.ClockAdjusted)]
    assert adjusted == ([e.ClockAdjusted(NS_PER_HOUR, "wall")] if is_suspended else [])


@pytest.mark.parametrize("wall_error_ns", [NS_PER_HOUR, -NS_PER_HOUR])
def test_f46_start_with_a_wall_an_hour_off_takes_the_earlier_clock_and_enters_only_if_it_is_right(
    wall_error_ns: int, tmp_path: Path
) -> None:
    limits = {"max_clock_offset_ms": LIMIT_MS}
    configured = linked_configuration(BuyUntilItLeaves, risk={"limits": limits})

    def script(broker: ScriptedBroker) -> None:
        broker.say(e.ClockMeasured("sim", broker.now_ns, NS_PER_MS))
        broker.come_up()

    broker = ScriptedBroker(script)
    broker.capabilities = msgspec.structs.replace(broker.capabilities, has_own_time=False)
    broker.wall_error_ns = wall_error_ns
    run_life(tmp_path, broker, configured=configured)
    (started,) = in_journal(tmp_path, e.EngineStarted)
    assert started.ts_ns == START_NS + min(wall_error_ns, 0)
    is_right = wall_error_ns > 0
    assert len(broker.orders_sent()) == is_right
    assert len(in_journal(tmp_path, e.ClockStepped)) == is_right


# --- F74: pauses ----------------------------------------------------------------------------


def answer_to_the_last_request(desk: LinkedDesk) -> list[c.Output]:
    """The broker lists everything in answer to what the engine asked last."""
    request = desk.outputs(c.RequestSnapshot)[-1]
    return desk.feed(msgspec.structs.replace(desk.listing(), request_id=request.request_id))


def test_f74_engine_that_stood_still_enters_nothing_until_the_books_are_proved(
    make_desk: MakeDesk,
) -> None:
    desk = make_desk()
    desk.hold(10)
    asked_before = desk.outputs(c.RequestSnapshot)[-1].request_id
    desk.wait(PAUSE_S)
    outputs = desk.feed(e.LoopStalled(int(PAUSE_S * NS_PER_S)))
    (told_books,) = [o for o in outputs if isinstance(o, c.HealthChanged)]
    assert (told_books.component, told_books.status) == ("books", c.HealthStatus.STALE)
    assert "stood still for 60.0 s" in told_books.detail
    assert desk.try_to_buy() == "C22"
    assert desk.try_to(lambda ctx: ctx.sell("ABC", 5)) == ""
    # What lay in the socket meanwhile is as old as the pause, and proves nothing.
    desk.feed(msgspec.structs.replace(desk.listing(), request_id=asked_before))
    desk.sweep()
    assert desk.try_to_buy() == "C22"
    answer_to_the_last_request(desk)
    assert desk.try_to_buy() == ""


def test_f74_proof_that_is_lost_after_a_pause_is_asked_for_again(desk: LinkedDesk) -> None:
    desk.feed(e.LoopStalled(int(PAUSE_S * NS_PER_S)))
    first = desk.outputs(c.RequestSnapshot)[-1]
    assert any(isinstance(o, c.RequestSnapshot) for o in desk.lapse(10))
    assert desk.outputs(c.RequestSnapshot)[-1] != first
    assert ("engine", RECONCILE) in desk.engine.ledger.timers.pending
    answer_to_the_last_request(desk)
    assert desk.try_to_buy() == ""


def test_f74_pause_makes_silent_feeds_stale_at_once(make_desk: MakeDesk) -> None:
    desk = make_desk(stale_after_ns=10 * NS_PER_S)
    order_id = desk.buy(price=99.0)
    desk.accept(order_id)
    desk.wait(PAUSE_S)
    outputs = desk.feed(e.LoopStalled(int(PAUSE_S * NS_PER_S)))
    assert set(desk.engine.market.stale) == {"ABC", "XYZ"}
    assert any(isinstance(o, c.CancelOrder) for o in outputs)


def test_f74_pause_is_journaled_before_whatever_woke_the_engine(tmp_path: Path) -> None:
    seen: list[int] = []

    def script(broker: ScriptedBroker) -> None:
        broker.come_up(orders=None)
        broker.lapse(PAUSE_S)
        waiting = broker.quote()
        broker.say(broker.listing(), waiting, broker.quote())
        seen.append(len(broker.orders_sent()))

    run_life(tmp_path, ScriptedBroker(script))
    (stalled,) = in_journal(tmp_path, e.LoopStalled)
    assert stalled.body.length_ns == pytest.approx(PAUSE_S * NS_PER_S, rel=0.01)
    after_pause_ns = START_NS + int(PAUSE_S * NS_PER_S)
    first = next(r for r in read_records(tmp_path / "journal") if r.ts_ns >= after_pause_ns)
    assert first.seq == stalled.seq
    assert seen == [0]
    quotes = in_journal(tmp_path, Quote)
    assert all(quote.seq > stalled.seq for quote in quotes[-2:])
