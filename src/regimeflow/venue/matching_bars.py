"""What a bar offers each kind of order: at its OPEN, the first print, and in its RANGE.

Inside a bar the order of high and low is unknown, so the worst one for the order's holder is
assumed. The functions read the order and the bar and answer with an `Opportunity` or None; of
the order they change only what belongs to price watching: trigger and trail.
"""

from __future__ import annotations

from regimeflow.model.market import Bar
from regimeflow.model.order import OrderType
from regimeflow.venue.costs import Opportunity, Role
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.orders import WorkingOrder


def at_open(order: WorkingOrder, price: float, model: ExecutionModel) -> Opportunity | None:
    """The chance an order has at the opening print `price`, having arrived before it.

    A resting limit that the opening passes over gets the better print; a stop gets the opening
    when that is worse than the stop.
    """
    if order.order_type is OrderType.MARKET_ON_OPEN:
        return Opportunity(Role.AUCTION, price)
    if order.order_type is OrderType.MARKET_ON_CLOSE:
        return None
    if not order.is_market and not order.is_limit and not _trigger(order, price):
        if order.order_type is OrderType.TRAILING_STOP:
            # The opening is the bar's first price: what follows may fall from it.
            order.ratchet(price)
        return None
    if order.is_market:
        return Opportunity(Role.TAKER, price)
    return _limit_at_print(order, price, model)


def in_range(order: WorkingOrder, bar: Bar, model: ExecutionModel) -> Opportunity | None:
    """The chance an order has between the opening and the close of `bar`.

    A market order has none: it waits for the next opening. A trailing stop is judged by its best
    price before this bar's extremes, which count only from the next bar on.
    """
    if order.is_market or order.order_type is OrderType.MARKET_ON_OPEN:
        return None
    if order.order_type is OrderType.MARKET_ON_CLOSE:
        is_last = bar.ts_close_ns == order.expire_ns
        return Opportunity(Role.AUCTION, bar.close) if is_last else None
    if order.expire_ns and bar.ts_close_ns > order.expire_ns:
        # It ends inside the bar: whether the price came before or after is unknown.
        return None
    if order.is_limit:
        favourable = bar.low if order.side.sign > 0 else bar.high
        return _resting_limit(order, favourable, model)
    return _stop_in_range(order, bar)


def _stop_in_range(order: WorkingOrder, bar: Bar) -> Opportunity | None:
    sign = order.side.sign
    adverse, favourable = (bar.high, bar.low) if sign > 0 else (bar.low, bar.high)
    stop = stop_level(order)
    if not _trigger(order, adverse):
        if order.order_type is OrderType.TRAILING_STOP:
            order.ratchet(favourable)
        return None
    # The opening was not beyond the stop, or the stop would have triggered there.
    assert stop is not None
    if order.order_type is not OrderType.STOP_LIMIT:
        return Opportunity(Role.TAKER, stop)
    limit = _limit(order)
    if sign * (limit - stop) >= 0.0:
        return Opportunity(Role.TAKER, stop)
    # The stop lies beyond the limit: only the close is known to come after the trigger.
    order.is_resting = True
    return Opportunity(Role.MAKER, limit) if sign * (limit - bar.close) > 0.0 else None


def stop_level(order: WorkingOrder) -> float | None:
    """The price that triggers a stop; None for a trailing stop that has seen no price."""
    if order.order_type is OrderType.TRAILING_STOP:
        return order.trail_stop()
    return None if order.stop_price is None else float(order.stop_price)


def _trigger(order: WorkingOrder, price: float) -> bool:
    """Trigger the stop when `price` has reached it."""
    stop = stop_level(order)
    if stop is not None and order.side.sign * (price - stop) >= 0.0:
        order.is_triggered = True
    return order.is_triggered


def _limit_at_print(order: WorkingOrder, price: float, model: ExecutionModel) -> Opportunity | None:
    better_by = order.side.sign * (_limit(order) - price)
    if order.is_resting:
        is_touched = model.limit_fill == "touch" and better_by == 0.0
        return Opportunity(Role.PRINTED, price) if better_by > 0.0 or is_touched else None
    order.is_resting = True
    # Without a spread a print at the limit is a marketable price; with one it is not.
    if better_by > 0.0 or (better_by == 0.0 and model.is_frictionless):
        return Opportunity(Role.TAKER, price)
    return None


def _resting_limit(
    order: WorkingOrder, favourable: float, model: ExecutionModel
) -> Opportunity | None:
    limit = _limit(order)
    beyond_by = order.side.sign * (limit - favourable)
    if beyond_by > 0.0 or (beyond_by == 0.0 and model.limit_fill == "touch"):
        return Opportunity(Role.MAKER, limit)
    return None


def _limit(order: WorkingOrder) -> float:
    assert order.limit_price is not None
    return float(order.limit_price)
