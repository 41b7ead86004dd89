"""When an adapter asks a venue that takes no requests."""

from __future__ import annotations

from regimeflow.brokers.suspension import PAUSE_S, PAUSE_S_MAX, WAIT_S_MIN, Suspension


def test_time_that_the_venue_names_is_waited_for_and_not_less_than_a_second() -> None:
    suspension = Suspension()
    assert suspension.refused(1, "banned", 10.0, 120.0)
    assert (suspension.is_due(129.9), suspension.is_due(130.0)) == (False, True)
    assert suspension.wait_s(100.0) == 30.0
    suspension.question = 2
    assert suspension.refused(2, "banned", 130.0, 0.001)
    assert suspension.until_s == 130.0 + WAIT_S_MIN


def test_pauses_double_up_to_their_bound_where_no_time_is_named() -> None:
    suspension, now_s, pauses = Suspension(), 0.0, []
    suspension.refused(1, "forbidden", now_s, 0.0)
    for number in range(2, 2_000):
        pauses.append(suspension.wait_s(now_s))
        now_s = suspension.until_s
        suspension.question = number
        suspension.refused(number, "forbidden", now_s, 0.0)
    assert pauses[:5] == [PAUSE_S, 120.0, 240.0, 480.0, PAUSE_S_MAX]
    assert set(pauses[4:]) == {PAUSE_S_MAX}


def test_requests_under_way_when_it_begins_shorten_and_double_nothing() -> None:
    suspension = Suspension()
    assert suspension.refused(1, "banned", 0.0, 120.0)
    for number in range(2, 50):
        assert not suspension.refused(number, "banned", 0.1, 119.0)
        assert not suspension.refused(number, "forbidden", 0.1, 0.0)
        suspension.unanswered(number, 0.1)
        assert not suspension.answered(number)
    assert (suspension.until_s, suspension.reason) == (120.0, "banned")


def test_only_the_answer_to_the_question_ends_it_and_the_next_begins_anew() -> None:
    suspension = Suspension()
    for _ in range(2):
        assert suspension.refused(1, "forbidden", 0.0, 0.0)
        assert suspension.until_s == PAUSE_S
        suspension.question = 7
        assert not suspension.is_due(PAUSE_S), "asked once at a time"
        assert not suspension.answered(8)
        assert suspension.answered(7)
        assert not suspension.reason
        assert suspension.wait_s(0.0) == 0.0
