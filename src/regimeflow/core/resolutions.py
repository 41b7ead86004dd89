"""What evidence means to the books: pure values from the broker's own words.

The ledger applies them; see `OrderResolved`, `ExternalAdopted` and the fills that no book takes.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.core.applied import Applied
from regimeflow.core.executions import Executions
from regimeflow.core.order_table import Happening
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import IntentId
from regimeflow.model.order import Order, OrderStatus

_RESOLUTIONS = {
    OrderStatus.IN_DOUBT: Happening.LOST_SIGHT,
    OrderStatus.NOT_FOUND: Happening.ABSENCE_PROVED,
    OrderStatus.NEW: Happening.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED: Happening.ACCEPTED,
    OrderStatus.REJECTED: Happening.REJECTED,
    OrderStatus.CANCELED: Happening.CANCELED,
    OrderStatus.EXPIRED: Happening.EXPIRED,
    OrderStatus.FILLED: Happening.ACCEPTED,
}


def resolution_of(status: OrderStatus) -> Happening:
    """What a status in evidence does to the order; one on its way to another is a working one."""
    return _RESOLUTIONS.get(status, Happening.ACCEPTED)


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


def replaced_as(record: OrderRecord, ts_ns: int) -> e.OrderReplaced:
    """What the answer to a replacement would have said, from the broker's own list."""
    return e.OrderReplaced(
        client_order_id=record.client_order_id,
        orig_client_order_id=record.client_order_id,
        broker_order_id=record.broker_order_id,
        quantity=record.quantity,
        limit_price=record.limit_price,
        stop_price=record.stop_price,
        ts_venue_ns=ts_ns,
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
