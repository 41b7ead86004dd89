"""Exits: those a filled entry asks for, and which working orders are exits at all.

Pure functions over values and books; the desk sends and cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from decimal import Decimal

from regimeflow.core.closing_orders import CLOSE
from regimeflow.core.ledger import Ledger
from regimeflow.core.order_factory import build_order
from regimeflow.core.risk.proposal import exit_room
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, OrderStatus, TimeInForce

OCO = "oco"
"""Reason of cancelling an exit whose sibling filled."""
ANNULLED = "its entry was annulled"
"""Reason of cancelling exits for more than remains of their entry."""
STOP_LOSS = "stop_loss"
TAKE_PROFIT = "take_profit"


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
            tag=TAKE_PROFIT if stop_price is None else STOP_LOSS,
        )
        leg.parent_id = entry.root_id
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


def bracketed(
    ledger: Ledger, strategy_id: StrategyId, symbol: str
) -> list[tuple[Order, list[Order]]]:
    """A strategy's entries that ask for exits, newest first, each with its exits, oldest first."""
    exits: dict[ClientOrderId, list[Order]] = {}
    entries = []
    for order in ledger.orders.by_root.values():
        if (order.strategy_id, order.symbol) != (strategy_id, symbol):
            continue
        if order.parent_id is not None:
            exits.setdefault(order.parent_id, []).append(order)
        elif order.take_profit_price is not None or order.stop_loss_price is not None:
            entries.append(order)
    entries.sort(key=age, reverse=True)
    return [(entry, sorted(exits.get(entry.root_id, []), key=age)) for entry in entries]


def age(order: Order) -> tuple[int, int, str]:
    """Sorts a strategy's orders from old to new; ids count up. What is looked up by its root has
    another order in an engine that went on from saved books."""
    return order.created_ns, len(order.root_id), order.root_id


def unprotected(ledger: Ledger, closing: Collection[str]) -> list[tuple[Order, str, Decimal]]:
    """What is held of filled entries without an exit that they asked for: entry, its tag, how much.

    As the books alone tell. Symbols in `closing` are left out, and exits that were cancelled on
    purpose are not missed. What a strategy holds is of its newest entries.
    """
    exits: dict[ClientOrderId, list[Order]] = {}
    entries: dict[tuple[StrategyId, str], list[Order]] = {}
    for order in ledger.orders.by_root.values():
        if order.parent_id is not None:
            exits.setdefault(order.parent_id, []).append(order)
        elif order.filled_quantity and order.symbol not in closing:
            entries.setdefault((order.strategy_id, order.symbol), []).append(order)
    found = []
    for (strategy_id, symbol), orders in sorted(entries.items()):
        left = ledger.portfolio.strategy_position(strategy_id, symbol).quantity
        for entry in sorted(orders, key=age, reverse=True):
            if left * entry.side.sign <= 0:
                continue
            legs = exits.get(entry.root_id, [])
            open_quantity = entry.filled_quantity - sum(leg.filled_quantity for leg in legs)
            held = max(min(open_quantity, abs(left)), ZERO)
            left -= held * entry.side.sign
            for tag, price in (
                (STOP_LOSS, entry.stop_loss_price),
                (TAKE_PROFIT, entry.take_profit_price),
            ):
                missing = held - sum(_covered_by(leg, legs) for leg in legs if leg.tag == tag)
                if price is not None and missing > 0:
                    found.append((entry, tag, missing))
    return found


def room_of(ledger: Ledger, leg: Order) -> Decimal:
    """How much of an exit the gate would let out beside what works."""
    exposure = ledger.orders.exposure
    counted, _ = exposure.counted_in_group(leg.oco_group)
    position = ledger.portfolio.position(leg.symbol).quantity
    return exit_room(leg.side, position, exposure.of(leg.symbol), counted)


def outlived(ledger: Ledger, leg: Order) -> list[Order]:
    """Orders like an exit that work although their sibling is filled: the venue ends them."""
    orders = ledger.orders
    like = [o for o in orders.open.values() if (o.symbol, o.side) == (leg.symbol, leg.side)]
    filled = {o.oco_group for o in orders.by_root.values() if o.status is OrderStatus.FILLED}
    return [o for o in like if o.oco_group is not None and o.oco_group in filled]


def ended_by_itself(leg: Order) -> bool:
    """Whether an exit has ended that nobody asked to be cancelled, but for a sibling's fill."""
    return not leg.is_open and leg.cancel_reason in ("", OCO)


def is_missed(leg: Order, legs: Iterable[Order]) -> bool:
    """Whether an exit has ended by itself, and no sibling's fill was the cause; `legs` may be all
    orders of a run."""
    return ended_by_itself(leg) and not any(
        leg.oco_group is not None
        and other.oco_group == leg.oco_group
        and other.filled_quantity
        and other is not leg
        for other in legs
    )


def _covered_by(leg: Order, legs: list[Order]) -> Decimal:
    """How much an exit covers: it works, its sibling ended it, or somebody wanted it gone."""
    # What is taken off an annulled entry, or for a close that is forgotten, works no longer.
    if is_missed(leg, legs) or leg.cancel_reason in (ANNULLED, CLOSE):
        return ZERO
    return leg.quantity - leg.filled_quantity
