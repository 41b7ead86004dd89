"""Order rates hold in every sliding window, however the messages come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.core.throttle import RateWindow

WINDOW_NS = 1_000


@given(
    st.integers(1, 12),
    st.lists(st.tuples(st.integers(0, 700), st.booleans()), max_size=80),
)
def test_no_window_ever_holds_more_than_the_rate_nor_more_entries_than_their_share(
    count_max: int, wishes: list[tuple[int, bool]]
) -> None:
    window, now_ns = RateWindow(count_max, WINDOW_NS), 0
    sent: list[int] = []
    for pause_ns, is_reducing in wishes:
        now_ns += pause_ns
        seen = window.count_in_window(now_ns)
        assert seen == sum(now_ns - WINDOW_NS < at_ns <= now_ns for at_ns in sent)
        room = count_max if is_reducing else max(count_max - max(count_max // 5, 1), 1)
        assert window.has_room(now_ns, is_reducing=is_reducing) == (seen < room)
        if seen < room:
            window.note(now_ns)
            sent.append(now_ns)
    for end_ns in sent:
        assert sum(end_ns - WINDOW_NS < at_ns <= end_ns for at_ns in sent) <= count_max


@given(st.lists(st.integers(0, 5_000), max_size=30))
def test_a_rate_of_zero_limits_nothing(pauses: list[int]) -> None:
    window, now_ns = RateWindow(0, WINDOW_NS), 0
    for pause_ns in pauses:
        now_ns += pause_ns
        assert window.has_room(now_ns, is_reducing=False)
        window.note(now_ns)
