"""What evidence means to the books: the broker's own words, applied as reports would be.

See `OrderResolved`, `ExternalAdopted` and the fills that no book takes.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from regimeflow.core.applied import Applied
from regimeflow.core.executions import Executions
from regimeflow.core.legs import listed_terms
from regimeflow.core.order_table import Happening
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import ClientOrderId, IntentId
from regimeflow.model.order import Order, OrderStatus

if TYPE_CHECKING:
    from regimeflow.core.orders import Orders

_RESOLUTIONS = {
    OrderStatus.IN_DOUBT: Happening.LOST_SIGHT,
    OrderStatus.NOT_FOUND: Happening.ABSENCE_PROVED,
    OrderStatus.NEW: Happening.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED: Happening.ACCEPTED,
    OrderStatus.REJECTED: Happening.REJECTED,
    OrderStatus.CANCELED: Happening.CANCELED,
    OrderStatus.EXPIRED: Happening.EXPIRED,
    OrderStatus.FILLED: Happening.FILLED,
}


def resolution_of(status: OrderStatus) -> Happening:
    """What a status in evidence does to the order; one on its way to another is a working one."""
    return _RESOLUTIONS.get(status, Happening.ACCEPTED)


def apply_resolution(orders: Orders, ts_ns: int, notice: c.OrderResolved) -> None:
    """Take evidence into the books as the reports would have been that it stands for.

    A list speaks of one leg (`notice.order`). `notice` names the same leg or, where every newer
    one is proved never to have come, the newest.
    """
    order, record = orders.get(notice.client_order_id), notice.order
    if order is None:
        return
    happening = resolution_of(notice.status)
    is_named = record is not None and record.client_order_id in order.client_order_ids
    leg = record.client_order_id if record is not None and is_named else notice.client_order_id
    awaited = [other for other in order.client_order_ids if other in orders.replacements]
    if record is not None and (leg in awaited or _lives_again(order, record)):
        if happening is not Happening.REJECTED:
            orders.stand(ts_ns, order, listed_terms(record, order, ts_ns))
            if not record.status.is_terminal:
                return
    elif notice.status.is_terminal if record is None else notice.client_order_id in awaited:
        for other in awaited:
            orders.report(ts_ns, other, Happening.REPLACE_REJECTED)
    orders.report(
        ts_ns,
        leg,
        happening,
        reason=notice.evidence,
        broker_order_id=record.broker_order_id if record is not None else None,
    )


def _lives_again(order: Order, record: OrderRecord) -> bool:
    return not order.is_open and not record.status.is_terminal


def listed_as(record: OrderRecord, leg: ClientOrderId) -> c.OrderResolved:
    """The broker lists an order in this state; see `apply_resolution` for which leg to name."""
    evidence = f"the broker lists it as {record.status}"
    return c.OrderResolved(
        client_order_id=leg, status=record.status, evidence=evidence, order=record
    )


def in_doubt(order: Order, evidence: str) -> c.OrderResolved:
    """Nothing answers for an order."""
    return c.OrderResolved(
        client_order_id=order.client_order_ids[-1], status=OrderStatus.IN_DOUBT, evidence=evidence
    )


def proved_absent(order: Order) -> c.OrderResolved:
    """No leg of it works: it was never there, or ended as its old leg did."""
    return c.OrderResolved(
        client_order_id=order.client_order_ids[-1],
        status=order.ended_leg or OrderStatus.NOT_FOUND,
        evidence="settle window passed; unknown to a query and missing in a full list",
    )


def adopted_order(ts_ns: int, record: OrderRecord, worst_price: Decimal) -> Order:
    """An order of the broker's that nobody here sent, as the books count it from now on."""
    part_filled = OrderStatus.PARTIALLY_FILLED if record.filled_quantity else OrderStatus.NEW
    return Order(
        client_order_id=record.client_order_id,
        strategy_id=EXTERNAL,
        symbol=record.symbol,
        side=record.side,
        order_type=record.order_type,
        quantity=record.quantity,
        limit_price=record.limit_price,
        stop_price=record.stop_price,
        tag=EXTERNAL,
        intent_id=IntentId(EXTERNAL, record.symbol, 0, 0, 0),
        status=part_filled,
        filled_quantity=record.filled_quantity,
        worst_price=worst_price,
        broker_order_id=record.broker_order_id,
        client_order_ids=(record.client_order_id,),
        created_ns=ts_ns,
        updated_ns=ts_ns,
    )


def refusal_of(executions: Executions, fill: e.OrderFilled) -> Applied | None:
    """Why an execution cannot be booked: told, never guessed at; None when it can be."""
    if executions.is_other(fill):
        return _unbooked(fill, "execution_reused", "its id belongs to another execution")
    if executions.is_past_horizon(fill):
        return _unbooked(fill, "old_execution", "older than the executions kept in memory")
    is_possible = all(n.is_finite() and n > 0 for n in (fill.quantity, fill.price))
    if not is_possible or not fill.fee.is_finite():
        return _unbooked(fill, "impossible_fill", "no execution has such a quantity, price or fee")
    return None


def impossible_cash(posting: e.CashPosted) -> c.DiscrepancyFound:
    """A posting whose amount is no number: booked, it would make the cash no number either."""
    return c.DiscrepancyFound(
        kind="impossible_cash",
        subject=posting.activity_id or posting.kind,
        ours="not booked",
        theirs=str(posting.amount),
        detail=f"{posting.kind} {posting.symbol}: the broker posts an amount that is no number",
    )


def _unbooked(fill: e.OrderFilled, kind: str, why: str) -> Applied:
    return Applied(
        None,
        c.DiscrepancyFound(
            kind=kind,
            subject=fill.execution_id,
            ours="not booked",
            theirs=f"{fill.side} {fill.quantity} {fill.symbol} at {fill.price}",
            detail=why,
        ),
    )
