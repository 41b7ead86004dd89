"""Executions booked so far, by the venue's id: how a fill is counted once, for ever.

At most `EXECUTION_IDS_MAX` ids stay in memory, oldest dropped first. A fill older than the
oldest dropped one can no longer be told from a repeat (`is_past_horizon`); it is refused as a
discrepancy rather than guessed. The journal keeps them all. An id that comes back with other
terms is no repeat (a venue began its numbers anew): it is refused as well, never dropped in
silence. An annulled execution is reversed once, however often that is reported; the annulment may
come before the execution itself.
"""

from __future__ import annotations

from collections import OrderedDict
from decimal import Decimal

from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import Side

EXECUTION_IDS_MAX = 100_000


class Executions:
    """Executions by id, in order of booking."""

    __slots__ = ("annulled", "annulled_early", "booked", "horizon_ns")

    def __init__(self) -> None:
        # A plain dict would search past all it has dropped to find its oldest entry.
        self.booked: OrderedDict[ExecutionId, OrderFilled] = OrderedDict()
        self.annulled: OrderedDict[ExecutionId, None] = OrderedDict()
        self.annulled_early: OrderedDict[ExecutionId, None] = OrderedDict()
        self.horizon_ns = 0

    def is_repeat(self, fill: OrderFilled) -> bool:
        """Whether this very execution has been booked already, or was annulled long ago."""
        known = self.booked.get(fill.execution_id)
        if known is None:
            name = fill.execution_id
            return name in self.annulled and name not in self.annulled_early
        return _terms(known) == _terms(fill)

    def is_other(self, fill: OrderFilled) -> bool:
        """Whether its id belongs to a booked execution of other terms."""
        known = self.booked.get(fill.execution_id)
        return known is not None and _terms(known) != _terms(fill)

    def is_booked(self, execution_id: ExecutionId) -> bool:
        """Whether an execution of this id is in the books and stands."""
        return execution_id in self.booked and execution_id not in self.annulled

    def of_order(self, client_order_id: ClientOrderId) -> list[OrderFilled]:
        """The executions of this id that are in the books and stand, oldest first."""
        return [
            fill
            for execution_id, fill in self.booked.items()
            if fill.client_order_id == client_order_id and execution_id not in self.annulled
        ]

    def is_past_horizon(self, fill: OrderFilled) -> bool:
        """Whether a repeat of it could not be told from a new one."""
        return fill.ts_venue_ns < self.horizon_ns

    def annul(self, execution_id: ExecutionId) -> OrderFilled | None:
        """Remember that it was annulled; the fill to reverse, None where there is none (left)."""
        if execution_id in self.annulled:
            return None
        self.annulled[execution_id] = None
        if len(self.annulled) > EXECUTION_IDS_MAX:
            self.annulled.popitem(last=False)
        return self.booked.get(execution_id)

    def await_annulled(self, execution_id: ExecutionId) -> None:
        """It was annulled before it was reported: it may still come, and counts for nothing."""
        if execution_id not in self.booked and execution_id not in self.annulled:
            self.annulled_early[execution_id] = None
            if len(self.annulled_early) > EXECUTION_IDS_MAX:
                self.annulled_early.popitem(last=False)

    def note(self, fill: OrderFilled) -> None:
        """Remember an execution that is being booked."""
        self.booked[fill.execution_id] = fill
        if len(self.booked) > EXECUTION_IDS_MAX:
            _, oldest = self.booked.popitem(last=False)
            self.horizon_ns = max(self.horizon_ns, oldest.ts_venue_ns + 1)


def _terms(fill: OrderFilled) -> tuple[ClientOrderId, str, Side, Decimal, Decimal]:
    """What makes two reports of one id the same execution (a fee may be stated late)."""
    return (fill.client_order_id, fill.symbol, fill.side, fill.quantity, fill.price)
