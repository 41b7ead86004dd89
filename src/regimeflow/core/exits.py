"""Exits: those a filled entry asks for, and which working orders are exits at all.

Pure functions over values and books; the desk sends and cancels.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from regimeflow.core.ledger import Ledger
from regimeflow.core.order_factory import build_order
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Order, TimeInForce


def bracket_legs(
    instrument: Instrument,
    entry: Order,
    quantity: Decimal,
    price: Decimal,
    next_order_id: Callable[[StrategyId], tuple[ClientOrderId, IntentId]],
) -> list[Order]:
    """The exits for `quantity` of an entry that filled at `price`: stop first, then target.

    Two cancel each other.
    """
    legs = []
    for limit_price, stop_price in (
        (None, entry.stop_loss_price),
        (entry.take_profit_price, None),
    ):
        if limit_price is None and stop_price is None:
            continue
        number, intent = next_order_id(entry.strategy_id)
        leg = build_order(
            instrument,
            entry.side.opposite,
            quantity,
            price,
            number,
            intent,
            limit_price=limit_price,
            stop_price=stop_price,
            time_in_force=TimeInForce.GTC,
            reduce_only=True,
            tag="take_profit" if stop_price is None else "stop_loss",
        )
        leg.parent_id = entry.client_order_ids[0]
        legs.append(leg)
    if len(legs) > 1:
        for leg in legs:
            leg.oco_group = legs[0].client_order_id
    return legs


def entries_of(ledger: Ledger, strategy_id: StrategyId) -> list[Order]:
    """A strategy's working orders but those that can only close what it holds, oldest first.

    Of a one-cancels-other group the first leg speaks for all: only one can fill.
    """
    held: dict[str, Decimal] = {}
    groups: set[str] = set()
    entries = []
    for order in ledger.orders.open.values():
        if order.strategy_id != strategy_id or order.reduce_only or order.oco_group in groups:
            continue
        symbol, moves = order.symbol, order.leaves_quantity * order.side.sign
        if symbol not in held:
            held[symbol] = ledger.portfolio.strategy_position(strategy_id, symbol).quantity
        if moves * held[symbol] < 0 and abs(moves) <= abs(held[symbol]):
            held[symbol] += moves
            if order.oco_group is not None:
                groups.add(order.oco_group)
        else:
            entries.append(order)
    return entries
