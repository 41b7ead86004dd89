"""What must leave, or end, and did not: it stays due until it is done or a person is told.

Duties are cancels that the engine or an operator asked for (`core/cancels.py`), flattens
(`core/closings.py`) and the exits of filled entries (`core/protection.py`). A rejection proves that
nothing happened, so they are sent again; what was lost and proved absent is not, since it may yet
arrive. A strategy's own orders and cancels are wishes: what is refused is told to it.
"""

from __future__ import annotations

from regimeflow.core.closing_orders import is_flatten
from regimeflow.core.desk import Desk
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model.events import CancelRejected, Event, OrderRejected, RequestKind
from regimeflow.model.order import Order, OrderStatus


def follow_report(desk: Desk, ts_ns: int, report: Event, order: Order | None) -> None:
    """A report (no fill) changed an order: what was refused is due as before."""
    if order is None:
        return
    if isinstance(report, CancelRejected):
        if report.response_to is RequestKind.CANCEL:
            desk.cancels.on_refused(ts_ns, order)
        else:
            follow_end(desk, ts_ns, order, order.status, was_replaced=True)
    else:
        end = OrderStatus.REJECTED if isinstance(report, OrderRejected) else order.status
        follow_end(desk, ts_ns, order, end)


def follow_end(
    desk: Desk, ts_ns: int, order: Order, end: OrderStatus, *, was_replaced: bool = False
) -> None:
    """However it became known that an order has ended, what it leaves undone is due or told.

    `end` is what the venue calls it: one that was refused after a part filled is `CANCELED` here.
    Where it `was_replaced`, the leg that worked is gone and what was to take its place was refused.
    """
    if order.is_open or desk.cancels.is_unwanted(order) or end is OrderStatus.FILLED:
        return
    if end is not OrderStatus.REJECTED:
        if was_replaced or not _is_taken_along(desk, order):
            _tell_undone(desk, order)
    elif order.parent_id is not None:
        desk.protection.place_again(ts_ns, order)
    elif is_flatten(order):
        desk.closings.take_back(ts_ns, order, *desk.next_order_id(EXTERNAL))
    else:
        desk.closings.tell_ended(order)


def follow_absence(desk: Desk, order: Order) -> None:
    """It never arrived, as far as can be proved: a person is told what it leaves undone."""
    if not desk.cancels.is_unwanted(order):
        _tell_undone(desk, order)


def follow_annulment(desk: Desk, symbol: str, order: Order | None) -> None:
    """Less is held than was: no exit may be for more; a flatten goes on for what is left."""
    if order is not None:
        desk.protection.shrink(order.strategy_id, symbol)
        if order.parent_id is not None and not order.is_open:
            desk.protection.tell_ended(order)  # it closed less than it was taken to have closed
    for closing in desk.closings.shrink(symbol):
        if is_flatten(closing):
            desk.flatten(symbol, closing.tag)


def _tell_undone(desk: Desk, order: Order) -> None:
    if order.parent_id is None:
        desk.closings.tell_ended(order)
    else:
        desk.protection.tell_ended(order)


def _is_taken_along(desk: Desk, leg: Order) -> bool:
    """Whether a broker that links exits cancelled it beside one that works on in our books: then a
    fill of that one is on its way. A broker that ends both for another reason reports both."""
    is_linked = leg.parent_id is not None and desk.oco_at_broker
    return is_linked and leg.status is OrderStatus.CANCELED and bool(desk.siblings(leg))
