"""Reports on their way to the engine, and requests on their way to the venue: two ordered queues.

Both are heaps keyed by `(due_ns, number)`; the number is the order of creation, so that equal
times keep it. What is under way is bounded by the engine's own throttles and order limits.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")
NEVER_NS = (1 << 63) - 1
"""Later than every moment."""


class DueQueue(Generic[T]):
    """Items with the moment at which they are due, taken in order.

    `next_ns` is when the first item is due, `NEVER_NS` when there is none; it is kept, not
    computed, because it is read many times for each change.
    """

    __slots__ = ("_heap", "_number", "next_ns")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._number = 0
        self.next_ns = NEVER_NS

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, due_ns: int, item: T) -> None:
        """Put an item behind those already due at `due_ns`."""
        self._number += 1
        heappush(self._heap, (due_ns, self._number, item))
        self.next_ns = self._heap[0][0]

    def pop(self) -> tuple[int, T]:
        """Take the first item and its moment; raises IndexError when there is none."""
        due_ns, _, item = heappop(self._heap)
        self.next_ns = self._heap[0][0] if self._heap else NEVER_NS
        return due_ns, item

    def dump(self) -> list[tuple[int, int, T]]:
        """The content in order, for `load`."""
        return sorted(self._heap, key=lambda entry: entry[:2])

    def load(self, entries: list[tuple[int, int, T]]) -> None:
        """Replace the content."""
        self._heap = list(entries)
        heapify(self._heap)
        self.next_ns = self._heap[0][0] if self._heap else NEVER_NS
        self._number = max((number for _, number, _ in entries), default=0)
