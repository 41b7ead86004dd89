"""Pending timers as state: what is due, for whom. The shell arms them; the core only knows."""

from __future__ import annotations

ENGINE = "engine"
"""Owner of the timers that no strategy set; no strategy may be called so."""
TIMERS_MAX = 10_000
"""Pending timers at most; one more is the strategy's fault."""


class Timers:
    """Pending timers by owner and id. Setting one again moves it."""

    __slots__ = ("pending",)

    def __init__(self) -> None:
        self.pending: dict[tuple[str, str], int] = {}

    def set(self, owner: str, timer_id: str, due_ns: int) -> None:
        """Remember that `timer_id` of `owner` is due at `due_ns`."""
        self.pending[owner, timer_id] = due_ns

    def cancel(self, owner: str, timer_id: str) -> None:
        """Forget a timer; harmless when it is not pending."""
        self.pending.pop((owner, timer_id), None)

    def fire(self, owner: str, timer_id: str, due_ns: int) -> bool:
        """Take a timer that fired; False when it was cancelled or moved meanwhile."""
        if self.pending.get((owner, timer_id)) != due_ns:
            return False
        del self.pending[owner, timer_id]
        return True
