"""Requests that are never answered: one timer looks, while any are under way.

A venue that acknowledges a request and then says nothing more leaves an order PENDING for ever.
After the settle window such an order is in doubt: it is told, asked after, and counts fully.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core.timers import ENGINE
from regimeflow.model.commands import DiscrepancyFound, SetTimer
from regimeflow.model.ids import TimerId
from regimeflow.model.order import OrderStatus

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

ANSWERS = TimerId("answers")
_UNANSWERED = frozenset(
    {OrderStatus.PENDING_NEW, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_REPLACE}
)


class AnswerWatch:
    """Watches the answers to one engine's requests (with a broker behind a link)."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self) -> None:
        """A request leaves: look, after the settle window, whether it was answered."""
        engine = self._engine
        if (ENGINE, ANSWERS) not in engine.ledger.timers.pending:
            engine.emit(SetTimer(ANSWERS, ENGINE, engine.now_ns + engine.setup.settle_window_ns))

    def on_due(self) -> None:
        """Put in doubt what nobody answered; look again while requests are under way."""
        engine = self._engine
        since_ns = engine.now_ns - engine.setup.settle_window_ns
        waiting = [o for o in engine.ledger.orders.open.values() if o.status in _UNANSWERED]
        for order in waiting:
            if order.updated_ns > since_ns or order.in_doubt:
                continue
            status = order.status.value
            why = f"{order.symbol}: no answer within the settle window; asking after it"
            engine.order_truth.doubt(order, f"no answer while {status}")
            engine.discrepancies.report(
                DiscrepancyFound("unanswered", order.standing_id, status, "silent", why)
            )
        if waiting:
            self.begin()
