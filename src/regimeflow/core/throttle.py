"""Order rate limits over sliding windows. A throttle denies, it never queues: a wish that
waits is a stale wish (what must leave all the same waits in `core/duty_wait.py`). One fifth of
each rate (at least one) is kept for cancels and for orders that reduce risk, so that getting out
never starves behind getting in.
"""

from __future__ import annotations

from collections import deque

from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S


class RateWindow:
    """At most `count_max` messages in any `window_ns`; zero means no limit."""

    __slots__ = ("count_max", "entry_count_max", "sent_ns", "window_ns")

    def __init__(self, count_max: int, window_ns: int) -> None:
        self.count_max = count_max
        self.window_ns = window_ns
        reserve = max(count_max // 5, 1)
        self.entry_count_max = max(count_max - reserve, 1)
        self.sent_ns: deque[int] = deque(maxlen=count_max or 1)

    def count_in_window(self, ts_ns: int) -> int:
        """Messages sent in the window that ends at `ts_ns`; asking changes nothing."""
        since_ns = ts_ns - self.window_ns
        count = 0
        for sent_ns in reversed(self.sent_ns):
            if sent_ns <= since_ns:
                break
            count += 1
        return count

    def has_room(self, ts_ns: int, *, is_reducing: bool) -> bool:
        """Whether one more message may leave now."""
        if not self.count_max:
            return True
        room = self.count_max if is_reducing else self.entry_count_max
        return self.count_in_window(ts_ns) < room

    def frees_ns(self, ts_ns: int) -> int:
        """When one more message that reduces risk may leave, if no other leaves until then."""
        if self.has_room(ts_ns, is_reducing=True):
            return ts_ns
        return self.sent_ns[-self.count_max] + self.window_ns

    def note(self, ts_ns: int) -> None:
        """Count a message that leaves now."""
        if not self.count_max:
            return
        sent = self.sent_ns
        while sent and sent[0] <= ts_ns - self.window_ns:
            sent.popleft()
        sent.append(ts_ns)


class Throttle:
    """The account's order rates: per second and per minute."""

    __slots__ = ("per_minute", "per_second")

    def __init__(self, per_second_max: int, per_minute_max: int) -> None:
        self.per_second = RateWindow(per_second_max, NS_PER_S)
        self.per_minute = RateWindow(per_minute_max, NS_PER_MINUTE)

    def full_window(self, ts_ns: int, *, is_reducing: bool) -> RateWindow | None:
        """The window that has no room for one more message, or None."""
        if not self.per_second.has_room(ts_ns, is_reducing=is_reducing):
            return self.per_second
        if not self.per_minute.has_room(ts_ns, is_reducing=is_reducing):
            return self.per_minute
        return None

    def frees_ns(self, ts_ns: int) -> int:
        """When one more message that reduces risk may leave, if no other leaves until then."""
        return max(self.per_second.frees_ns(ts_ns), self.per_minute.frees_ns(ts_ns))

    def note(self, ts_ns: int) -> None:
        """Count a message (new, replace or cancel) that leaves now."""
        self.per_second.note(ts_ns)
        self.per_minute.note(ts_ns)
