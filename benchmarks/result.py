"""What one measurement found, in a form that a table and a machine can both read."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row. `measured` and `floor` are in `unit`; `is_met` compares `compared` with `aim`.

    `floor` is None where there is nothing to compare with. `detail` says how the figure came
    about: event counts, orders per event, what the floor is.
    """

    name: str
    what: str
    unit: str
    measured: float
    floor: float | None
    aim: str
    is_met: bool | None
    detail: str
    rate_per_s: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many floors the measured figure is."""
        return self.measured / self.floor if self.floor else None


Benchmark = Callable[[], list[Result]]
