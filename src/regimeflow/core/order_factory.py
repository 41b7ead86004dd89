"""From what a strategy says to an exact order: the one crossing from floats to obligations.

A call that can never make sense (a limit order without a limit price) raises UsageError, the
strategy's fault. What depends on the market or the limits is judged later by the gate.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.errors import UsageError
from regimeflow.model.ids import ClientOrderId, IntentId
from regimeflow.model.instrument import Instrument, Number, decimal_from
from regimeflow.model.order import Order, OrderType, Side, TimeInForce

_NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_NEEDS_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})


def build_order(
    instrument: Instrument,
    side: Side,
    quantity: Number | None,
    mark: Decimal,
    client_order_id: ClientOrderId,
    intent_id: IntentId,
    *,
    notional: Number | None = None,
    order_type: OrderType | None = None,
    limit_price: Number | None = None,
    stop_price: Number | None = None,
    trail_amount: Number | None = None,
    trail_fraction: Number | None = None,
    time_in_force: TimeInForce = TimeInForce.DAY,
    expire_ns: int | None = None,
    reduce_only: bool = False,
    take_profit: Number | None = None,
    stop_loss: Number | None = None,
    tag: str = "",
) -> Order:
    """An order in state CREATED, on the instrument's grid.

    `mark` converts a notional; a notional that buys less than one lot gives quantity zero,
    which the gate denies. Exits of a bracket are rounded as orders of the opposite side.
    """
    exit_side = side.opposite
    try:
        order = Order(
            client_order_id=client_order_id,
            strategy_id=intent_id.strategy_id,
            symbol=instrument.symbol,
            side=side,
            order_type=order_type
            or _implied_type(limit_price, stop_price, trail_amount, trail_fraction),
            quantity=_units(instrument, quantity, notional, mark),
            limit_price=None
            if limit_price is None
            else instrument.quantize_price(limit_price, side),
            stop_price=None if stop_price is None else instrument.quantize_stop(stop_price, side),
            trail_amount=None if trail_amount is None else _distance(instrument, trail_amount),
            trail_fraction=None if trail_fraction is None else decimal_from(trail_fraction),
            time_in_force=time_in_force,
            expire_ns=expire_ns,
            reduce_only=reduce_only,
            take_profit_price=None
            if take_profit is None
            else instrument.quantize_price(take_profit, exit_side),
            stop_loss_price=None
            if stop_loss is None
            else instrument.quantize_stop(stop_loss, exit_side),
            tag=tag,
            intent_id=intent_id,
            client_order_ids=(client_order_id,),
        )
    except (ValueError, ArithmeticError) as error:
        raise UsageError(f"{instrument.symbol}: {error}") from error
    _check_terms(order)
    return order


def new_terms(
    instrument: Instrument,
    order: Order,
    quantity: Number | None,
    limit_price: Number | None,
    stop_price: Number | None,
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """New quantity, limit and stop on the grid; None leaves a term as it is.

    Raises UsageError for a price that this type of order does not have.
    """
    for name, new, old in (
        ("limit price", limit_price, order.limit_price),
        ("stop price", stop_price, order.stop_price),
    ):
        if new is not None and old is None:
            raise UsageError(f"{order.symbol}: a {order.order_type} order has no {name} to change")
    try:
        return (
            None if quantity is None else instrument.quantize_quantity(quantity),
            None if limit_price is None else instrument.quantize_price(limit_price, order.side),
            None if stop_price is None else instrument.quantize_stop(stop_price, order.side),
        )
    except (ValueError, ArithmeticError) as error:
        raise UsageError(f"{order.symbol}: {error}") from error


def _units(
    instrument: Instrument, quantity: Number | None, notional: Number | None, mark: Decimal
) -> Decimal:
    if (quantity is None) == (notional is None):
        raise UsageError(f"{instrument.symbol}: give either a quantity or a notional")
    if quantity is not None:
        units = instrument.quantize_quantity(quantity)
    elif mark <= 0:
        raise UsageError(f"{instrument.symbol}: no price yet to convert a notional with")
    else:
        budget = decimal_from(notional)  # type: ignore[arg-type]
        units = instrument.quantize_quantity(budget / (mark * instrument.multiplier))
    if units < 0:
        raise UsageError(
            f"{instrument.symbol}: quantity {units} is negative; the side says the direction"
        )
    return units


def _distance(instrument: Instrument, amount: Number) -> Decimal:
    """A trail as it was said, once it is known to be of a size that prices can have."""
    instrument.quantize_price(amount, Side.BUY)
    return decimal_from(amount)


def _implied_type(
    limit_price: Number | None,
    stop_price: Number | None,
    trail_amount: Number | None,
    trail_fraction: Number | None,
) -> OrderType:
    if trail_amount is not None or trail_fraction is not None:
        return OrderType.TRAILING_STOP
    if stop_price is not None:
        return OrderType.STOP if limit_price is None else OrderType.STOP_LIMIT
    return OrderType.MARKET if limit_price is None else OrderType.LIMIT


def _check_terms(order: Order) -> None:
    kind = order.order_type
    problems = []
    if (order.limit_price is not None) != (kind in _NEEDS_LIMIT):
        problems.append("a limit price belongs to LIMIT and STOP_LIMIT orders, and only there")
    if (order.stop_price is not None) != (kind in _NEEDS_STOP):
        problems.append("a stop price belongs to STOP and STOP_LIMIT orders, and only there")
    trails = (order.trail_amount is not None) + (order.trail_fraction is not None)
    if trails != (kind is OrderType.TRAILING_STOP):
        problems.append("a TRAILING_STOP takes exactly one of trail_amount and trail_fraction")
    if (order.expire_ns is not None) != (order.time_in_force is TimeInForce.GTD):
        problems.append("expire_ns belongs to GTD orders, and only there")
    trail = order.trail_amount if order.trail_amount is not None else order.trail_fraction
    if trail is not None and trail <= 0:
        problems.append("a trail must be positive")
    if order.trail_fraction is not None and order.trail_fraction >= 1:
        problems.append("a trail_fraction is below 1 (0.05 is 5 %)")
    if problems:
        raise UsageError(f"{order.symbol} {kind} order: " + "; ".join(problems))
