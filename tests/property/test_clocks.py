"""Time as the engine keeps it and as a broker tells it: never back, never more wrong than said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.brokers.venue_clock import DRIFT, VenueClock
from regimeflow.live.clock import SLOW, SOONEST_S, EngineClock
from regimeflow.model.timestamps import NS_PER_S

START_NS = 1_700_000_000 * NS_PER_S
PACES = st.sampled_from([0.25, 1.0, 60.0, 200_000.0])
LAPSES_S = st.floats(0.0, 50_000.0)
STEPS = st.lists(
    st.one_of(
        LAPSES_S,
        st.integers(-(10**15), 10**15),
        st.tuples(st.integers(-(10**15), 10**15)),
    ),
    max_size=40,
)
"""A float lets time pass, an integer adjusts the clock, a tuple says what the journal holds."""


class Watched:
    """A clock over a monotonic time that a test moves."""

    def __init__(self, pace: float) -> None:
        self.now_s = 1_000.0
        self.clock = EngineClock(lambda: self.now_s, START_NS, pace=pace)
        self.told = [self.clock.now_ns()]
        self.adjusted = 0
        self.clock.listeners.append(self._count)

    def play(self, steps: list[float | int | tuple[int]]) -> None:
        for step in steps:
            if isinstance(step, float):
                self.now_s += step
            elif isinstance(step, int):
                self.clock.adjust(step)
            else:
                self.clock.not_before(self.told[-1] + step[0])
            self.told.append(self.clock.now_ns())

    def _count(self) -> None:
        self.adjusted += 1


@given(steps=STEPS, pace=PACES)
def test_clock_never_decreases_whatever_steps_it_takes(
    steps: list[float | int | tuple[int]], pace: float
) -> None:
    watched = Watched(pace)
    watched.play(steps)
    assert watched.told == sorted(watched.told)
    assert watched.adjusted == sum(type(step) is int for step in steps)


@given(steps=STEPS, pace=PACES)
def test_clock_that_is_ahead_runs_slowly_and_is_right_again_in_bounded_time(
    steps: list[float | int | tuple[int]], pace: float
) -> None:
    watched = Watched(pace)
    watched.play(steps)
    clock = watched.clock
    ahead_s = max(watched.told[-1] - clock.aim_ns(), 0) / NS_PER_S / pace
    watched.now_s += ahead_s / 2
    between_ns = clock.now_ns()
    assert between_ns >= watched.told[-1] + int(ahead_s / 2 * SLOW * pace * NS_PER_S) - pace * 1e5
    watched.now_s += ahead_s * (1 / (1 - SLOW) - 0.5) + 1e-3
    assert clock.now_ns() == clock.aim_ns()


@given(steps=STEPS, pace=PACES, wait_ns=st.integers(1, 10**17))
def test_alarm_rings_when_the_clock_shows_its_time_and_not_before(
    steps: list[float | int | tuple[int]], pace: float, wait_ns: int
) -> None:
    watched = Watched(pace)
    watched.play(steps)
    due_ns = watched.told[-1] + wait_ns
    delay_s = watched.clock.delay_s(due_ns)
    rounding_s = 1e-5 + delay_s * 1e-9
    assert delay_s >= SOONEST_S
    early = max(delay_s - rounding_s, 0.0)
    watched.now_s += early
    assert watched.clock.now_ns() <= due_ns
    watched.now_s += delay_s - early + rounding_s
    assert watched.clock.now_ns() >= due_ns


READINGS = st.lists(
    st.tuples(st.floats(0.0, 30.0), st.floats(0.0, 5.0), st.floats(0.0, 1.0)),
    min_size=1,
    max_size=30,
)
"""Pause before the question, round trip, and where in it the broker read its clock."""


@given(readings=READINGS, drift=st.floats(-DRIFT, DRIFT), pace=PACES, look_s=st.floats(0.0, 300.0))
def test_brokers_time_is_never_more_wrong_than_its_uncertainty(
    readings: list[tuple[float, float, float]], drift: float, pace: float, look_s: float
) -> None:
    clock, now_s = VenueClock(), 5_000.0
    clock.speed = pace
    rounding_ns = int(1e-6 * pace * NS_PER_S) + 2

    def true_ns(at_s: float) -> int:
        return START_NS + int(at_s * (1.0 + drift) * pace * NS_PER_S)

    for pause_s, trip_s, share in readings:
        sent_s = now_s + pause_s
        now_s = sent_s + trip_s
        clock.take(sent_s, now_s, true_ns(sent_s + share * trip_s))
        assert abs(clock.at(now_s) - true_ns(now_s)) <= clock.error_ns(now_s) + rounding_ns
    now_s += look_s
    assert abs(clock.at(now_s) - true_ns(now_s)) <= clock.error_ns(now_s) + rounding_ns


@given(readings=READINGS, step_s=st.one_of(st.floats(-9e4, -20.0), st.floats(20.0, 9e4)))
def test_broker_whose_clock_steps_is_believed_at_its_next_answer(
    readings: list[tuple[float, float, float]], step_s: float
) -> None:
    clock, now_s, by_s = VenueClock(), 5_000.0, 0.0
    for number, (pause_s, trip_s, share) in enumerate(readings):
        by_s = step_s if number >= len(readings) // 2 else 0.0
        sent_s = now_s + pause_s
        now_s = sent_s + trip_s
        clock.take(sent_s, now_s, START_NS + int((sent_s + share * trip_s + by_s) * NS_PER_S))
        error_ns = clock.at(now_s) - START_NS - int((now_s + by_s) * NS_PER_S)
        assert abs(error_ns) <= clock.error_ns(now_s) + 1_000
