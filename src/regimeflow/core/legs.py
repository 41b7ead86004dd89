"""The legs of one order: the one that stands, and replacements that are not answered yet.

A venue may change an order in place, or end the old leg and begin a new one. Until a replacement
is answered either leg may live: the end of one is not the end of the order. Once a newer leg
stands, no end of an older one says anything of the order.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from regimeflow.core.exposure import ROUND_UP_12
from regimeflow.core.order_table import ENDS, Happening
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import ReplaceOrder
from regimeflow.model.events import OrderReplaced
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import ZERO, Order, OrderStatus

Asked = Mapping[ClientOrderId, ReplaceOrder]
"""Replacements that are not answered yet, by their own id."""
_ENDED_BY = {
    Happening.CANCELED: OrderStatus.CANCELED,
    Happening.EXPIRED: OrderStatus.EXPIRED,
    Happening.REJECTED: OrderStatus.REJECTED,
    Happening.FILLED: OrderStatus.FILLED,
}
_MAY_BE_ABSENT = frozenset({OrderStatus.PENDING_CANCEL, OrderStatus.IN_DOUBT})
_END_OF = {status: happening for happening, status in _ENDED_BY.items()}


def meaning_of(
    order: Order, leg: ClientOrderId, told: Happening, asked: dict[ClientOrderId, ReplaceOrder]
) -> Happening:
    """What a report about one leg means to the order; what it answers is no longer `asked`.

    An end is that of the order only where no newer leg may live; then, or once the last
    replacement is refused, the order ends as its leg did.
    """
    if leg in asked and (
        told is Happening.REJECTED or (told in ENDS and is_superseded(order, leg))
    ):
        told = Happening.REPLACE_REJECTED  # the new leg was refused, not the order
    if told is Happening.REPLACE_REJECTED:
        asked.pop(leg, None)
        ended = order.ended_leg
        if ended is None or is_awaited_after(order, order.standing_id, asked):
            return told
        return _END_OF[ended]
    if told is Happening.CANCEL_REJECTED and order.ended_leg is not None:
        return Happening.LEG_ENDED  # it could not be cancelled, for it had ended
    if told is Happening.CANCEL_REJECTED and order.in_doubt and order.status in _MAY_BE_ABSENT:
        return Happening.CANCEL_REJECTED_IN_DOUBT
    if told not in ENDS or not order.is_open:
        return told
    if is_awaited_after(order, leg, asked):
        order.ended_leg = _ENDED_BY[told]
        return Happening.LEG_ENDED
    replacement = asked.pop(leg, None)
    if replacement is not None:  # it ended under its new id: it had been taken
        take_terms(order, replacement, replacement.worst_price)
    return told


def withholds_end(order: Order, told: Happening, counted: Decimal) -> bool:
    """Keep an end that counts fills which are not booked: they may come, so nothing is free yet."""
    is_early = order.is_open and told in ENDS and counted > order.used_quantity
    if is_early:
        order.ended_leg, order.counted_at_end = _ENDED_BY[told], counted
    return is_early


def due_end(order: Order, asked: Asked) -> Happening | None:
    """The end that waited for the fills it counts, once they are booked."""
    is_due = order.is_open and order.used_quantity >= order.counted_at_end > 0
    if order.ended_leg is None or not is_due or is_awaited(order, asked):
        return None
    return _END_OF[order.ended_leg]


def is_of_the_past(order: Order, leg: ClientOrderId, told: Happening, asked: Asked) -> bool:
    """Whether a report is of a leg that is known to be over, and so says nothing of the order."""
    if told is Happening.ACCEPTED and order.ended_leg is not None:
        return True  # its successor is not heard of yet
    is_over = is_superseded(order, leg) and leg not in asked
    return is_over and (told is Happening.ACCEPTED or told in ENDS)


def quantity_max(order: Order, asked: Asked) -> Decimal:
    """The largest total that may fill: its own, or that of an unanswered replacement."""
    waiting = [asked.get(other) for other in order.client_order_ids[1:]]
    return max(order.quantity, *(r.quantity for r in waiting if r is not None), ZERO)


def is_awaited_after(order: Order, leg: ClientOrderId, asked: Asked) -> bool:
    """Whether a replacement newer than this leg is unanswered, and so may live without it."""
    ids = order.client_order_ids
    newer = ids[ids.index(leg) + 1 :] if leg in ids else ids
    return any(other in asked for other in newer)


def is_awaited(order: Order, asked: Asked) -> bool:
    """Whether a replacement of this order is unanswered."""
    return bool(asked) and any(leg in asked for leg in order.client_order_ids)


def is_superseded(order: Order, leg: ClientOrderId) -> bool:
    """Whether a newer leg is known to have taken the place of this one."""
    return leg in order.client_order_ids and leg not in not_superseded(order)


def is_settled(order: Order) -> bool:
    """Whether nothing of an order is in doubt."""
    return not order.is_open or not (order.in_doubt or order.status is OrderStatus.IN_DOUBT)


def is_over(order: Order, record: OrderRecord) -> bool:
    """Whether a list shows that the order has ended, not only an older leg of it."""
    return record.status.is_terminal and not is_superseded(order, record.client_order_id)


def not_superseded(order: Order) -> tuple[ClientOrderId, ...]:
    """The leg that stands, and those asked for since."""
    return order.client_order_ids[order.client_order_ids.index(order.standing_id) :]


def is_newer(order: Order, leg: ClientOrderId) -> bool:
    """Whether this leg is not known to have stood yet."""
    ids = order.client_order_ids
    return leg not in ids[: ids.index(order.standing_id) + 1]


def newest_leg(order: Order, asked: Asked) -> ClientOrderId:
    """The leg to ask after: the newest replacement that is unanswered, else what stands."""
    newest_first = reversed(order.client_order_ids)
    return next((leg for leg in newest_first if leg in asked), order.standing_id)


def leg_to_cancel(order: Order) -> ClientOrderId:
    """What works or, where that has ended, what may have taken its place."""
    return order.standing_id if order.ended_leg is None else order.client_order_ids[-1]


def take_terms(order: Order, terms: OrderReplaced | ReplaceOrder, worst_price: Decimal) -> None:
    """The order stands on this leg from now on."""
    order.worst_price = worst_price
    order.current_id = terms.client_order_id
    order.quantity = terms.quantity
    order.limit_price = terms.limit_price
    order.stop_price = terms.stop_price
    order.ended_leg = None


def listed_terms(record: OrderRecord, order: Order, ts_ns: int) -> OrderReplaced:
    """What an answer to a replacement would have said, from the broker's own list.

    A price that the list does not state is as it was.
    """
    limit, stop = record.limit_price, record.stop_price
    return OrderReplaced(
        client_order_id=record.client_order_id,
        orig_client_order_id=record.client_order_id,
        broker_order_id=record.broker_order_id,
        quantity=record.quantity,
        limit_price=order.limit_price if limit is None else limit,
        stop_price=order.stop_price if stop is None else stop,
        ts_venue_ns=ts_ns,
    )


def rescaled(order: Order, report: OrderReplaced) -> Decimal:
    """The worst price after a change the venue made by itself: it moves as the terms moved."""
    for new, old in (
        (report.limit_price, order.limit_price),
        (report.stop_price, order.stop_price),
        (order.quantity, report.quantity),
    ):
        if new and old:
            return (
                order.worst_price
                if new == old
                else ROUND_UP_12.divide(order.worst_price * new, old)
            )
    return order.worst_price
