"""Executions booked so far, by the venue's id: how a fill is counted once, for ever.

At most `EXECUTION_IDS_MAX` ids stay in memory, oldest dropped first. A fill older than the
oldest dropped one can no longer be told from a repeat (`is_past_horizon`); it is refused as a
discrepancy rather than guessed. The journal keeps them all.
"""

from __future__ import annotations

from collections import OrderedDict

from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import ExecutionId

EXECUTION_IDS_MAX = 100_000


class Executions:
    """Executions by id, in order of booking."""

    __slots__ = ("booked", "horizon_ns")

    def __init__(self) -> None:
        # A plain dict would search past all it has dropped to find its oldest entry.
        self.booked: OrderedDict[ExecutionId, OrderFilled] = OrderedDict()
        self.horizon_ns = 0

    def is_repeat(self, fill: OrderFilled) -> bool:
        """Whether this execution has been booked already."""
        return fill.execution_id in self.booked

    def is_booked(self, execution_id: ExecutionId) -> bool:
        """Whether an execution of this id is in the books."""
        return execution_id in self.booked

    def is_past_horizon(self, fill: OrderFilled) -> bool:
        """Whether a repeat of it could not be told from a new one."""
        return fill.ts_venue_ns < self.horizon_ns

    def note(self, fill: OrderFilled) -> None:
        """Remember an execution that is being booked."""
        self.booked[fill.execution_id] = fill
        if len(self.booked) > EXECUTION_IDS_MAX:
            _, oldest = self.booked.popitem(last=False)
            self.horizon_ns = max(self.horizon_ns, oldest.ts_venue_ns + 1)
