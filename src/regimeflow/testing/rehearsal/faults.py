"""Faults of a rehearsal's venue: by chance, only while the hostile phase lasts, each counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence

from regimeflow.testing.venues.faults import FaultKind, SeededFaults, parse_fault


class HostileFaults:
    """A `VenueFaults` with a switch; `fired` counts what struck, `on_strike` is told."""

    def __init__(self, specs: Sequence[str], rng: random.Random) -> None:
        self.specs = tuple(specs)
        self.is_on = False
        self.fired: Counter[str] = Counter()
        self.on_strike: Callable[[FaultKind], None] = lambda kind: None
        self._seeded = SeededFaults([parse_fault(spec) for spec in specs], rng)
        self._once: list[tuple[FaultKind, str, float]] = []

    def next_time(self, kind: FaultKind, verb: str, value: float = 0.0) -> None:
        """Strike once, at the next chance of that kind and verb, whatever the switch says."""
        self._once.append((kind, verb, value))

    def strikes(self, kind: FaultKind, verb: str = "") -> float | None:
        """The value of the fault if it strikes now."""
        for planned in self._once:
            if planned[:2] == (kind, verb):
                self._once.remove(planned)
                return self._struck(kind, planned[2])
        if not self.is_on:
            return None
        value = self._seeded.strikes(kind, verb)
        return None if value is None else self._struck(kind, value)

    def _struck(self, kind: FaultKind, value: float) -> float:
        self.fired[kind.value] += 1
        self.on_strike(kind)
        return value
