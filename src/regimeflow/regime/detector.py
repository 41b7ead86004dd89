"""What every regime detector promises.

A detector is a pure function of (model file, closed bars in order). The same class runs in a
backtest, live, in a shadow and in a replay; it never sees a forming bar, never revises what it
has said, and refits nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from regimeflow.model.market import Bar


class RegimeState(msgspec.Struct, frozen=True, gc=False):
    """What a detector knows after a bar.

    `label` is empty and `probabilities` are () until `is_warm`. Probabilities belong to the
    labels in the model's order and sum to 1. `seq` counts the bars taken in.
    """

    label: str
    probabilities: tuple[float, ...]
    model_id: str
    seq: int
    is_warm: bool
    index: int = -1

    @property
    def probability(self) -> float:
        """Probability of `label`; 0 before the detector is warm."""
        return self.probabilities[self.index] if self.is_warm else 0.0


class RegimeDetector(Protocol):
    """One detector follows one symbol."""

    @property
    def model_id(self) -> str:
        """SHA-256 of the model file, in hexadecimal."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, calmest first."""
        ...

    @property
    def state(self) -> RegimeState:
        """What the last `update` returned."""
        ...

    def update(self, bar: Bar) -> RegimeState:
        """Take in the next closed bar of the symbol, in order of time."""
        ...

    def on_split(self, ratio: Decimal | float) -> None:
        """The next bar's prices are per new share; `ratio` is new shares per old share."""
        ...

    def snapshot(self) -> bytes:
        """Everything that later updates depend on, bit for bit."""
        ...

    def restore(self, data: bytes) -> None:
        """Go on where `snapshot` was taken; raises ConfigError for another model's snapshot."""
        ...
