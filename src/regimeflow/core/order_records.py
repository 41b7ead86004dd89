"""From what was decided to the record of an order: the terms as they left, or were refused."""

from __future__ import annotations

from regimeflow.core.risk.proposal import Denial
from regimeflow.model.commands import OrderDenied, SubmitOrder
from regimeflow.model.ids import ClientOrderId, IntentId
from regimeflow.model.order import Order, OrderStatus


def order_from_command(ts_ns: int, command: SubmitOrder) -> Order:
    """The order as it left: PENDING_NEW, with every term of the command."""
    return Order(
        client_order_id=command.client_order_id,
        strategy_id=command.strategy_id,
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        quantity=command.quantity,
        limit_price=command.limit_price,
        stop_price=command.stop_price,
        trail_amount=command.trail_amount,
        trail_fraction=command.trail_fraction,
        time_in_force=command.time_in_force,
        expire_ns=command.expire_ns,
        reduce_only=command.reduce_only,
        for_next_open=command.for_next_open,
        parent_id=command.parent_id,
        oco_group=command.oco_group,
        take_profit_price=command.take_profit_price,
        stop_loss_price=command.stop_loss_price,
        tag=command.tag,
        intent_id=command.intent_id,
        status=OrderStatus.PENDING_NEW,
        worst_price=command.worst_price,
        client_order_ids=(command.client_order_id,),
        created_ns=ts_ns,
        updated_ns=ts_ns,
    )


def order_from_denial(ts_ns: int, notice: OrderDenied) -> Order:
    """The order as it was refused here: DENIED, and nothing of it ever left."""
    return Order(
        client_order_id=notice.client_order_id,
        strategy_id=notice.strategy_id,
        symbol=notice.symbol,
        side=notice.side,
        order_type=notice.order_type,
        quantity=notice.quantity,
        intent_id=notice.intent_id,
        status=OrderStatus.DENIED,
        client_order_ids=(notice.client_order_id,),
        reason=notice.message,
        created_ns=ts_ns,
        updated_ns=ts_ns,
    )


def renewed(order: Order, client_order_id: ClientOrderId, intent_id: IntentId) -> Order:
    """What is left of an order that has ended, as one that has not left yet."""
    return Order(
        client_order_id=client_order_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity - order.filled_quantity,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
        time_in_force=order.time_in_force,
        reduce_only=order.reduce_only,
        parent_id=order.parent_id,
        oco_group=order.oco_group,
        tag=order.tag,
        intent_id=intent_id,
        client_order_ids=(client_order_id,),
    )


def denial_of(order: Order, denial: Denial) -> OrderDenied:
    """The notice that a control refused an order."""
    return OrderDenied(
        client_order_id=order.client_order_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        intent_id=order.intent_id,
        control=denial.control,
        limit=denial.limit,
        observed=denial.observed,
        message=denial.message,
    )
