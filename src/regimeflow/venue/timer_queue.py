"""Timers of a playback, fired by the data's clock.

Timers of the owners named periodic fire at most once in each gap between market events: work
that repeats by the clock must not run a thousand times in a night that lasts no time. What is
held back fires once, late, after the next market event.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heapify, heappop, heappush

from regimeflow.model.commands import CancelTimer, SetTimer
from regimeflow.model.events import TimerFired
from regimeflow.model.ids import TimerId
from regimeflow.venue.outbox import NEVER_NS

_Entry = tuple[int, int, str, str]
"""When it fires, when it was due, its id, its owner."""


class TimerQueue:
    """Pending timers in `(due, id)` order; setting one again moves it. Bounded by the engine."""

    __slots__ = ("_fired", "_heap", "_held", "_pending", "_periodic_owners")

    def __init__(self, periodic_owners: Collection[str] = ()) -> None:
        self._periodic_owners = frozenset(periodic_owners)
        self._pending: dict[tuple[str, str], _Entry] = {}
        self._heap: list[_Entry] = []
        self._fired: set[tuple[str, str]] = set()
        self._held: list[_Entry] = []

    def set(self, ts_ns: int, command: SetTimer) -> None:
        """Arm a timer; one that is overdue fires at once."""
        due_ns = command.due_ns
        entry = (max(due_ns, ts_ns), due_ns, str(command.timer_id), command.owner)
        self._pending[command.owner, command.timer_id] = entry
        self._push(entry)

    def cancel(self, command: CancelTimer) -> None:
        """Forget a timer; harmless when it is not pending."""
        self._pending.pop((command.owner, command.timer_id), None)

    def next_ns(self) -> int:
        """When the next timer fires; `NEVER_NS` when none is pending or all are held back."""
        heap = self._heap
        while heap and self._pending.get((heap[0][3], heap[0][2])) != heap[0]:
            heappop(heap)
        return heap[0][0] if heap else NEVER_NS

    def pop(self) -> tuple[int, TimerFired]:
        """Fire the timer that `next_ns` found."""
        fire_ns, due_ns, timer_id, owner = heappop(self._heap)
        del self._pending[owner, timer_id]
        if owner in self._periodic_owners:
            self._fired.add((owner, timer_id))
        return fire_ns, TimerFired(TimerId(timer_id), owner, due_ns, fire_ns - due_ns)

    def end_gap(self, ts_ns: int) -> bool:
        """A market event at `ts_ns` ends the gap: what was held back may fire after it.

        True when something was, so that `next_ns` may have changed.
        """
        self._fired.clear()
        has_held = bool(self._held)
        if has_held:
            held, self._held = self._held, []
            for entry in held:
                if self._pending.get((entry[3], entry[2])) == entry:
                    late = (max(entry[0], ts_ns), *entry[1:])
                    self._pending[entry[3], entry[2]] = late
                    self._heap.append(late)
            heapify(self._heap)
        return has_held

    def _push(self, entry: _Entry) -> None:
        if (entry[3], entry[2]) in self._fired:
            self._held.append(entry)
        else:
            heappush(self._heap, entry)
