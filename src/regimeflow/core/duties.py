"""What must end, and did not: it stays due until it is done.

Duties are cancels that the engine or an operator asked for (`core/cancels.py`). A strategy's own
are wishes: what is refused is told to it.
"""

from __future__ import annotations

from regimeflow.core.desk import Desk
from regimeflow.model.events import CancelRejected, Event, RequestKind
from regimeflow.model.order import Order


def follow_report(desk: Desk, ts_ns: int, report: Event, order: Order | None) -> None:
    """A report (no fill) changed an order: what was refused is due as before."""
    if order is None or not isinstance(report, CancelRejected):
        return
    if report.response_to is RequestKind.CANCEL:
        desk.cancels.on_refused(ts_ns, order)
