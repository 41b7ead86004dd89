"""F51 and F52 in the adapter: silent while its venue takes no requests, and asking in measure."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.suspension import Suspension
from regimeflow.model import commands as c
from regimeflow.model import events as e
from tests.faults.sim_talk import VENUE_NS, SimTalk, refusal

BANNED = "banned: because"


def test_f51_ban_is_told_first_and_nothing_is_written_until_it_is_over() -> None:
    """What was under way is refused by the venue, what was not written here, both for good."""
    talk = SimTalk()
    for name in ("o1", "o2"):
        talk.submit(name)
    talk.submit("o3", is_written=False)
    first, second = [request["id"] for request in talk.requested("submit")]
    told = talk.say(refusal(first, "banned", retry_after_s=120))
    assert [type(event) for event in told] == [e.LinkDown, e.OrderRejected, e.OrderRejected]
    assert told[0] == e.LinkDown(e.REQUESTS, f"{BANNED}, until 1970-01-01T00:02:01.000000000Z")
    reasons = [event.reason for event in told if isinstance(event, e.OrderRejected)]
    assert [reason.partition(":")[0] for reason in reasons] == ["not sent", "banned"]
    (refused,) = talk.say(refusal(second, "banned", retry_after_s=120))
    assert isinstance(refused, e.OrderRejected)
    written = len(talk.written)
    talk.session.execute(c.RequestSnapshot("s1", c.SnapshotScope.ALL), talk.now_s)
    talk.submit("o4")
    assert [type(event) for event in talk.pass_time(119)] == [e.SnapshotFailed, e.OrderRejected]
    assert len(talk.written) == written, "something was written to a venue that bans"
    assert not talk.pass_time(2)
    assert [request["verb"] for request in talk.written[written:]] == ["time"], "asked once"
    number = talk.written[-1]["id"]
    assert isinstance(number, int)
    assert talk.say(m.TimeTold(id=number, venue_ns=VENUE_NS))[0] == e.LinkUp(
        e.REQUESTS, "the venue takes requests again"
    )
    talk.submit("o5")
    assert talk.written[-1]["verb"] == "submit"


def test_f51_ban_that_is_prolonged_is_told_with_its_new_end() -> None:
    talk = SimTalk()
    talk.submit("o1")
    talk.say(refusal(talk.written[-1]["id"], "banned", retry_after_s=120))
    talk.pass_time(121)
    (told,) = talk.say(refusal(talk.written[-1]["id"], "banned", retry_after_s=600))
    assert told == e.LinkDown(e.REQUESTS, f"{BANNED}, until 1970-01-01T00:12:02.000000000Z")
    written = len(talk.written)
    talk.pass_time(598)
    assert len(talk.written) == written


def test_f51_question_that_gets_no_answer_is_asked_again_soon() -> None:
    talk = SimTalk()
    talk.submit("o1")
    talk.say(refusal(talk.written[-1]["id"], "banned", retry_after_s=1))
    written = len(talk.written)
    talk.pass_time(60)
    assert 4 < len(talk.written) - written < 8
    assert not [event for event in talk.pass_time(1) if isinstance(event, e.LinkUp)]


def test_f51_question_that_gets_no_answer_does_not_shorten_a_ban_named_meanwhile() -> None:
    suspension = Suspension()
    suspension.refused(1, BANNED, 0.0, 60.0)
    suspension.question = 2
    suspension.refused(3, BANNED, 60.1, 3_600.0)
    suspension.unanswered(2, 65.0)
    assert not suspension.is_due(3_600.0)
    assert suspension.is_due(3_660.1)


def test_f52_key_that_is_revoked_is_asked_about_ever_later_and_told_once() -> None:
    talk = SimTalk()
    talk.submit("o1")
    told = talk.refuse("forbidden")
    assert [type(event) for event in told] == [e.LinkDown, e.OrderRejected]
    asked_s: list[float] = []
    for second in range(6 * 3_600):
        written = len(talk.written)
        assert not talk.pass_time(1)
        if len(talk.written) > written:
            asked_s.append(second)
            assert not talk.refuse("forbidden"), "told once"
    pauses = [round(later - earlier) for earlier, later in pairwise(asked_s)]
    assert pauses[:4] == [120, 240, 480, 900]
    assert set(pauses[4:]) == {900}


def test_f52_greeting_that_is_refused_inside_a_run_waits_and_goes_on() -> None:
    talk = SimTalk()
    talk.cut()
    talk.session.connected(talk.now_s)
    talk.session.take_outgoing()
    number = talk.session.requests.next_id - 1
    (told,) = talk.say(refusal(number, "forbidden"))
    assert isinstance(told, e.LinkDown)
    assert not talk.session.failure
    assert talk.session.tick(talk.now_s), "the connection is of no use"
    talk.cut()
    assert talk.session.egress.suspension.wait_s(talk.now_s) == 60
    talk.now_s += 61
    talk.greet(1)
    talk.pass_time(0)
    assert [request["verb"] for request in talk.written[-1:]] == ["time"]


@pytest.mark.parametrize("code", ["wrong_account", "forbidden", "banned"])
def test_f52_first_greeting_that_is_refused_is_not_repeated(code: str) -> None:
    session = SimTalk.ungreeted()
    session.connected(0.0)
    session.take_outgoing()
    session.receive(w.encode(refusal(session.requests.next_id - 1, code)), 0.0)
    assert session.failure.startswith(code)
    assert ReconnectPolicy(max_attempts=3).delay_s(4, random.Random(1)) is None
    assert ReconnectPolicy(is_enabled=False).delay_s(1, random.Random(1)) is None
