"""Executions as the books have them: booked once, reversed when annulled, refused when odd.

A journal holds reports as they came, and a venue repeats, annuls and corrects. Whoever counts
fills from records asks this fold what a record did, by the same rules as the ledger
(`core/executions.py`), so that no count can differ from the books.
"""

from __future__ import annotations

import msgspec

from regimeflow.core.executions import Executions
from regimeflow.core.resolutions import refusal_of
from regimeflow.model.events import FillBusted, FillCorrected, OrderFilled
from regimeflow.model.evidence import BustRecovered, FillRecovered
from regimeflow.model.ids import ExecutionId


class Booking(msgspec.Struct, frozen=True):
    """One change of the books by an execution: it counts, or (`is_reversal`) no longer does.

    `uses_up` says of a reversal that the order does not get the quantity back.
    """

    fill: OrderFilled
    is_reversal: bool = False
    uses_up: bool = False


class ExecutionFold:
    """Takes records in journal order. Memory: that of `Executions`, whatever the run's length."""

    __slots__ = ("_executions",)

    def __init__(self) -> None:
        self._executions = Executions()

    def bookings(self, body: object) -> tuple[Booking, ...]:
        """What the record did to positions, in order; nothing for a repeat or a refused report."""
        kind = type(body)
        if kind is OrderFilled:
            return self._book(body)  # type: ignore[arg-type]
        if isinstance(body, FillRecovered):
            return self._book(body.fill)
        if isinstance(body, FillBusted):
            self._executions.await_annulled(body.execution_id)
            return self._reverse(body.execution_id, uses_up=True)
        if isinstance(body, BustRecovered):
            return self.bookings(body.bust) or self._book(body.fill)
        if isinstance(body, FillCorrected):
            return self._reverse(body.corrects, uses_up=False) + self._book(body.fill)
        return ()

    def _book(self, fill: OrderFilled) -> tuple[Booking, ...]:
        executions = self._executions
        if executions.is_repeat(fill) or refusal_of(executions, fill) is not None:
            return ()
        executions.note(fill)
        booked = Booking(fill)
        if executions.annulled_early.pop(fill.execution_id, self) is None:
            return (booked, Booking(fill, is_reversal=True, uses_up=True))
        return (booked,)

    def _reverse(self, execution_id: ExecutionId, *, uses_up: bool) -> tuple[Booking, ...]:
        fill = self._executions.annul(execution_id)
        return () if fill is None else (Booking(fill, is_reversal=True, uses_up=uses_up),)
