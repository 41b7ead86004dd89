"""Swing highs and lows of a price, at constant cost per bar.

A swing ends when the close has turned back from its extreme by a fraction; only then is the
extreme a pivot. The extreme in the making is known too, and may still move.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

PIVOTS_KEPT = 4


@dataclass(slots=True)
class Pivot:
    """A turning point: which bar (counted from 0) and at what close."""

    bar_number: int
    price: float


@dataclass(slots=True)
class ZigZag:
    """Follows closes; `pivots` are the last confirmed turning points, oldest first.

    `direction` is +1 while `extreme` is a high in the making, -1 for a low, 0 before the first
    swing. Pivots alternate between highs and lows by construction.
    """

    threshold_fraction: float
    pivots: deque[Pivot] = field(default_factory=lambda: deque(maxlen=PIVOTS_KEPT))
    direction: int = 0
    bar_number: int = -1
    extreme: Pivot = field(default_factory=lambda: Pivot(0, 0.0))

    def add(self, close: float) -> bool:
        """Take in a close; True when this bar is the extreme of the swing in the making."""
        self.bar_number += 1
        if self.bar_number == 0:
            self.extreme = Pivot(0, close)
            return False
        change = close / self.extreme.price - 1.0
        if change * self.direction > 0.0:
            self.extreme = Pivot(self.bar_number, close)
            return True
        if abs(change) < self.threshold_fraction:
            return False
        self.pivots.append(self.extreme)
        self.direction = 1 if change > 0.0 else -1
        self.extreme = Pivot(self.bar_number, close)
        return True

    def rescale(self, ratio: float) -> None:
        """Bring every price kept to the share's new size (a split of `ratio` for one)."""
        for pivot in (*self.pivots, self.extreme):
            pivot.price /= ratio
