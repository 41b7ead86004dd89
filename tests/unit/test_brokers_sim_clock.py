"""How the simulated broker's adapter learns the venue's time: it asks, and asks again in doubt."""

from __future__ import annotations

import json

import pytest

from regimeflow.brokers.protocol import CLOCK_TOLD_EVERY_S
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.session import LINK
from regimeflow.brokers.venue_clock import WINDOW
from regimeflow.model.events import ClockMeasured
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from tests.faults.sim_talk import VENUE_NS, SimTalk

TRIP_S = 0.040


def at(now_s: float, step_s: float = 0.0) -> int:
    """The venue's time at our `now_s`: it began when we were greeted."""
    return VENUE_NS + round((now_s + step_s) * NS_PER_S)


def ask(talk: SimTalk, now_s: float) -> int:
    """Let time come to `now_s`; the number of the question that is then asked, 0 for none."""
    talk.now_s = now_s
    before = len(talk.requested("time"))
    assert talk.session.tick(now_s) is None
    talk.written += [json.loads(text) for text in talk.session.take_outgoing()]
    asked = talk.requested("time")[before:]
    if not asked:
        return 0
    number = asked[0]["id"]
    assert isinstance(number, int)
    return number


def answer(talk: SimTalk, number: int, *, step_s: float = 0.0, trip_s: float = TRIP_S) -> None:
    """The venue reads its clock half way, and its answer arrives."""
    read_ns = at(talk.now_s + trip_s / 2, step_s)
    talk.now_s += trip_s
    talk.say(m.TimeTold(id=number, venue_ns=read_ns))


def tell(talk: SimTalk) -> ClockMeasured | None:
    return talk.session.time.tell(LINK, talk.now_s)


def test_greeting_tells_the_time_and_news_is_told_once() -> None:
    talk = SimTalk()
    assert tell(talk) == ClockMeasured(LINK, VENUE_NS, 1)
    assert tell(talk) is None


def test_venue_is_asked_every_ten_seconds_and_half_the_round_trip_is_uncertain() -> None:
    talk = SimTalk()
    number, asked_s = 0, 0.0
    for _ in range(WINDOW + 1):
        asked_s += CLOCK_TOLD_EVERY_S
        assert ask(talk, asked_s - 0.1) == 0
        last, number = number, ask(talk, asked_s)
        assert number > last
        answer(talk, number)
    measured = tell(talk)
    assert measured is not None
    assert measured.ts_venue_ns == pytest.approx(at(talk.now_s), abs=NS_PER_MS)
    assert 20 * NS_PER_MS <= measured.uncertainty_ns <= 21 * NS_PER_MS


def test_answer_that_is_lost_is_forgotten_and_asked_for_again() -> None:
    talk = SimTalk()
    tell(talk)
    first = ask(talk, CLOCK_TOLD_EVERY_S)
    second = ask(talk, 2 * CLOCK_TOLD_EVERY_S)
    assert second > first
    talk.cut()
    assert talk.session.time.due_s is None
    talk.greet(epoch=1)
    assert tell(talk) is not None
    talk.say(m.TimeTold(id=second, venue_ns=1))
    assert tell(talk) is None


@pytest.mark.parametrize("step_s", [0.5, 3_600.0, -3.0])
def test_push_that_cannot_be_makes_it_ask_at_once_and_believe_the_answer(step_s: float) -> None:
    talk = SimTalk()
    tell(talk)
    talk.now_s = 4.0
    talk.say(m.HeartbeatPush(venue_ns=at(4.0)))
    assert ask(talk, 4.0) == 0
    talk.say(m.HeartbeatPush(venue_ns=at(4.0, step_s)))
    number = ask(talk, 4.0)
    assert number
    answer(talk, number, step_s=step_s)
    measured = tell(talk)
    assert measured is not None
    assert measured.ts_venue_ns == pytest.approx(at(talk.now_s, step_s), abs=NS_PER_MS)


def test_push_that_is_merely_late_asks_for_nothing() -> None:
    talk = SimTalk()
    talk.now_s = 4.0
    talk.say(m.HeartbeatPush(venue_ns=at(3.1)))
    assert ask(talk, 4.0) == 0


def test_odd_pushes_ask_once_a_second_at_most() -> None:
    talk = SimTalk()
    asked = 0
    for tenth in range(10, 61):
        talk.now_s = tenth / 10
        talk.say(m.HeartbeatPush(venue_ns=at(talk.now_s, 100.0)))
        asked += bool(ask(talk, talk.now_s))
    assert 4 <= asked <= 6
