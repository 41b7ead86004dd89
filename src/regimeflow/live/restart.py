"""What a start settles about the one before: which number it has, and what may have left."""

from __future__ import annotations

from regimeflow.core.approved import Approved, EngineOutput, plain
from regimeflow.core.orders import Orders
from regimeflow.model import events as e
from regimeflow.model.commands import ReplaceOrder, SubmitOrder
from regimeflow.model.order import Order, OrderStatus
from regimeflow.model.timestamps import NS_PER_S

CUT_OFF = "cut off by a crash before it was sent; never sent late"
RESTARTED = "the engine was restarted"
FATE_UNKNOWN = {
    OrderStatus.PENDING_NEW: e.RequestKind.SUBMIT,
    OrderStatus.PENDING_CANCEL: e.RequestKind.CANCEL,
    OrderStatus.PENDING_REPLACE: e.RequestKind.REPLACE,
}
"""Requests that may have left without an answer, by the state that waits for it."""


def boot_number(latest: int, now_ns: int) -> int:
    """The number of this start: greater than any before it, also than those nobody remembers.

    The broker's clock in seconds, so that client order ids are never used twice, not even when
    the journal is an old backup, was moved away, or lost its tail; at least one above `latest`,
    since a simulated venue's clock may stand still.
    """
    return max(latest + 1, now_ns // NS_PER_S)


def unanswered(orders: Orders) -> list[e.Event]:
    """The report of each request that may have left before this start and has no answer.

    To be asked before the start: what strategies send in it is this process's own request, and
    waits for its answer like any other.
    """
    return [
        e.OutcomeUnknown(order.client_order_ids[-1], FATE_UNKNOWN[order.status], RESTARTED)
        for order in orders.open.values()
        if is_unanswered(order)
    ]


def is_unanswered(order: Order | None) -> bool:
    """Whether a request for this order is under way, as far as the books know."""
    return order is not None and order.status in FATE_UNKNOWN


def refusal_of(output: EngineOutput, ts_ns: int) -> e.Event | None:
    """The report of an order or replacement that never left; None for anything else."""
    command = plain(output) if isinstance(output, Approved) else None
    if isinstance(command, SubmitOrder):
        return e.OrderRejected(command.client_order_id, CUT_OFF, ts_ns)
    if isinstance(command, ReplaceOrder):
        return e.CancelRejected(command.client_order_id, e.RequestKind.REPLACE, CUT_OFF, ts_ns)
    return None
