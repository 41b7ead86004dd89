"""Which reports have been seen: every number once, holes known.

Invariant: `take` says True at most once for a number, whatever is repeated, reordered or lost.
"""

from __future__ import annotations

AHEAD_MAX = 10_000
"""Numbers remembered beyond a hole; past that the hole is given up."""


class ReportSequence:
    """`last` is the newest number before which nothing is missing."""

    __slots__ = ("_ahead", "_older", "last", "repeats")

    def __init__(self, last: int = 0) -> None:
        self.last = last
        self._ahead: set[int] = set()
        # While old fills are being repeated to an engine that forgot its place: those seen.
        self._older: set[int] | None = None
        self.repeats = 0

    def take(self, number: int) -> bool:
        """True when the report of this number is new."""
        if number <= self.last:
            if self._older is not None and number not in self._older:
                self._older.add(number)
                return True
            self.repeats += 1
            return False
        if number in self._ahead:
            self.repeats += 1
            return False
        self._ahead.add(number)
        self._close_up()
        return True

    @property
    def has_hole(self) -> bool:
        """Whether a number before one that was seen is missing."""
        return bool(self._ahead)

    @property
    def is_overrun(self) -> bool:
        """Whether too much has been seen beyond a hole."""
        return len(self._ahead) > AHEAD_MAX

    def restart(self, last: int, *, accepts_older: bool = False) -> None:
        """Begin anew after `last`: a first connection, or a new epoch of the venue."""
        self.last = last
        self._ahead.clear()
        self._older = set() if accepts_older else None

    def end_older(self) -> None:
        """The repeated old fills are complete."""
        self._older = None

    def give_up_holes(self) -> None:
        """Treat what is missing as lost: a snapshot has to tell."""
        self.last = max(self._ahead, default=self.last)
        self._ahead.clear()

    def _close_up(self) -> None:
        while self.last + 1 in self._ahead:
            self.last += 1
            self._ahead.discard(self.last)
