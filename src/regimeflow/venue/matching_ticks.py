"""What a quote or a print offers each kind of order.

Quotes are the better evidence: while a symbol has them, orders that take liquidity wait for the
next quote and prints only fill resting limits and trigger stops. Of the order the functions
change only what belongs to price watching: trigger, trail, place in the queue.
"""

from __future__ import annotations

from regimeflow.model.market import Quote, Trade
from regimeflow.model.order import OrderType
from regimeflow.venue.costs import Opportunity, Role
from regimeflow.venue.matching_bars import stop_level
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.orders import WorkingOrder


def at_quote(order: WorkingOrder, quote: Quote, model: ExecutionModel) -> Opportunity | None:
    """The chance an order has against a displayed quote; at most the displayed size.

    A stop triggers when the side it would take reaches it.
    """
    if order.side.sign > 0:
        far, far_size, near, near_size = quote.ask, quote.ask_size, quote.bid, quote.bid_size
    else:
        far, far_size, near, near_size = quote.bid, quote.bid_size, quote.ask, quote.ask_size
    if order.order_type is OrderType.MARKET_ON_CLOSE:
        return None
    is_there = far > 0.0 and far_size > 0.0
    if order.is_limit:
        limit = float(order.limit_price or 0)
        better_by = order.side.sign * (limit - far)
        if is_there and better_by >= 0.0:
            return _crossed(order, far, far_size, better_by, model)
        _join_queue(order, limit, near, near_size)
        return None
    if not is_there:
        return None
    if order.order_type is OrderType.MARKET_ON_OPEN or order.is_market:
        return Opportunity(Role.QUOTED, far, far_size)
    if not _is_stop_reached(order, far):
        return None
    if order.order_type is OrderType.STOP_LIMIT:
        return at_quote(order, quote, model)
    return Opportunity(Role.QUOTED, far, far_size)


def at_trade(
    order: WorkingOrder, trade: Trade, model: ExecutionModel, *, is_quoted: bool
) -> Opportunity | None:
    """The chance an order has at a print; at most the size printed, except on a trade-through."""
    if order.order_type is OrderType.MARKET_ON_CLOSE:
        return None
    if order.is_limit:
        return _limit_at_trade(order, trade, model, is_quoted=is_quoted)
    if order.is_market or order.order_type is OrderType.MARKET_ON_OPEN:
        return None if is_quoted else _taken(order, trade)
    stop = stop_level(order)
    if not _is_stop_reached(order, trade.price) or is_quoted or order.is_limit:
        return None
    worse = trade.price if stop is None else _worse(order, stop, trade.price)
    return Opportunity(Role.TAKER, worse, trade.size)


def post(order: WorkingOrder, quote: Quote | None, last_price: float | None) -> None:
    """Decide on arrival whether a limit order is marketable, by the quote or the last price.

    One that is not rests at once, behind what is displayed at its price. Without any price it
    counts as marketable, which is the worse case: it then pays the spread.
    """
    if not order.is_limit:
        return
    limit = float(order.limit_price or 0)
    order.is_resting, order.queue_ahead = False, None
    if quote is not None:
        far, near, size = quote.ask, quote.bid, quote.bid_size
        if order.side.sign < 0:
            far, near, size = quote.bid, quote.ask, quote.ask_size
        if far <= 0.0 or order.side.sign * (limit - far) < 0.0:
            _join_queue(order, limit, near, size)
    elif last_price is not None:
        order.is_resting = order.side.sign * (limit - last_price) < 0.0


def _crossed(
    order: WorkingOrder, far: float, far_size: float, better_by: float, model: ExecutionModel
) -> Opportunity | None:
    """The other side stands at our limit or beyond it."""
    if not order.is_resting:
        return Opportunity(Role.QUOTED, far, far_size)
    limit = float(order.limit_price or 0)
    if better_by > 0.0:
        return Opportunity(Role.MAKER, limit)
    if model.limit_fill == "through":
        return None
    return Opportunity(Role.MAKER, limit, far_size)


def _join_queue(order: WorkingOrder, limit: float, near: float, near_size: float) -> None:
    """Rest, and learn from the own side of the quote how much stands before us."""
    order.is_resting = True
    behind_by = order.side.sign * (near - limit)
    if behind_by < 0.0:
        order.queue_ahead = 0.0
    elif behind_by == 0.0:
        # Less is displayed than we thought was ahead: some of it has gone.
        known = order.queue_ahead
        order.queue_ahead = near_size if known is None else min(known, near_size)


def _limit_at_trade(
    order: WorkingOrder, trade: Trade, model: ExecutionModel, *, is_quoted: bool
) -> Opportunity | None:
    limit = float(order.limit_price or 0)
    better_by = order.side.sign * (limit - trade.price)
    if not order.is_resting:
        if is_quoted:
            return None
        order.is_resting = True
        return _taken(order, trade) if better_by > 0.0 else None
    if better_by > 0.0:
        return Opportunity(Role.MAKER, limit)
    # A print that took the other side of the book did not come for us.
    if better_by < 0.0 or trade.aggressor is order.side:
        return None
    if model.limit_fill == "touch":
        return Opportunity(Role.MAKER, limit, trade.size)
    if model.limit_fill == "through" or order.queue_ahead is None:
        return None
    reaches_us = trade.size - order.queue_ahead
    order.queue_ahead = max(0.0, -reaches_us)
    return Opportunity(Role.MAKER, limit, reaches_us) if reaches_us > 0.0 else None


def _taken(order: WorkingOrder, trade: Trade) -> Opportunity:
    return Opportunity(Role.TAKER, trade.price, trade.size)


def _is_stop_reached(order: WorkingOrder, price: float) -> bool:
    """Trigger the stop when `price` has reached it; let a trailing stop follow otherwise."""
    stop = stop_level(order)
    if stop is not None and order.side.sign * (price - stop) >= 0.0:
        order.is_triggered = True
    elif order.order_type is OrderType.TRAILING_STOP:
        order.ratchet(price)
    return order.is_triggered


def _worse(order: WorkingOrder, one: float, other: float) -> float:
    return max(one, other) if order.side.sign > 0 else min(one, other)
