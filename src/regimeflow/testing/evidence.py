"""What is judged of a run: the venue's side of it, the engine's, and how its processes ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from regimeflow.core.engine import Engine
from regimeflow.model.account import FillRecord
from regimeflow.model.order import ZERO
from regimeflow.testing.open_orders import Working

DISK, KILLED = "disk", "killed"


@dataclass(frozen=True)
class VenueTruth:
    """What the venue holds at the end, and what it saw on the way.

    `taken` counts arrivals by client order id; `entries_ns` has the venue's time of each order and
    replacement, by its own id, that could increase a position; `exceeded` the limits found broken
    at an arrival.
    """

    taken: Counter[str]
    entries_ns: dict[str, int]
    exceeded: Sequence[str]
    executions: frozenset[str]
    open_orders: Mapping[str, Working]
    positions: dict[str, Decimal]
    cash: Decimal
    fees: Decimal = ZERO
    fills: Mapping[str, FillRecord] = field(default_factory=dict)
    undurable: Sequence[str] = ()
    nameless: Sequence[str] = ()


@dataclass(frozen=True)
class Failure:
    """How a process ended by itself, and what had been done to the engine before."""

    error: BaseException
    before: frozenset[str]


@dataclass(frozen=True)
class Evidence:
    """Everything that is judged. `failures` are how processes ended that were not killed,
    `quarantines` why starts did not trust the strategies."""

    journal_dir: Path
    venue: VenueTruth
    engine: Engine
    failures: Sequence[Failure] = ()
    unhandled: Sequence[str] = ()
    quarantines: Sequence[str] = ()
    has_settled: bool = True
