"""Why a venue refuses an order: one function a question, each answering with a reason or None.

The same instrument rules bind the live adapters, so a refusal here is a refusal there.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.model.commands import SubmitOrder
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import OrderType, Side
from regimeflow.venue.ledger import Ledger
from regimeflow.venue.orders import IMMEDIATE

NEEDS_LIMIT = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
NEEDS_STOP = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
MAY_BE_IMMEDIATE = frozenset({OrderType.MARKET, OrderType.LIMIT})


def refusal(command: SubmitOrder, instrument: Instrument | None, ledger: Ledger) -> str | None:
    """Why this submission is refused whatever the market does; None when it is sound."""
    if instrument is None:
        return f"unknown symbol {command.symbol}"
    return (
        _malformed(command)
        or off_grid(
            instrument,
            quantity=command.quantity,
            prices=(
                ("limit price", command.limit_price),
                ("stop price", command.stop_price),
                ("trail amount", command.trail_amount),
            ),
        )
        or below_minimum(
            instrument,
            quantity=command.quantity,
            price=command.limit_price or command.stop_price or command.worst_price,
        )
        or _not_shortable(command, instrument, ledger)
        or _not_reducing(command, ledger)
    )


def off_grid(
    instrument: Instrument,
    *,
    quantity: Decimal,
    prices: tuple[tuple[str, Decimal | None], ...],
) -> str | None:
    """A quantity off the lot, or a price off the tick."""
    if quantity <= 0 or quantity % instrument.lot_size:
        return f"quantity {quantity} is not a positive multiple of lot {instrument.lot_size}"
    for name, price in prices:
        if price is not None and (price <= 0 or price % instrument.tick_size):
            return f"{name} {price} is not a positive multiple of tick {instrument.tick_size}"
    return None


def below_minimum(instrument: Instrument, *, quantity: Decimal, price: Decimal) -> str | None:
    """A value below the instrument's minimum, at the order's own or its worst price."""
    notional = quantity * price * instrument.multiplier
    if notional < instrument.min_notional:
        return f"value {notional} is below the minimum {instrument.min_notional}"
    return None


def over_leverage(
    command: SubmitOrder,
    instrument: Instrument,
    *,
    position: Decimal,
    gross_exposure: Decimal,
    equity: Decimal,
    leverage_max: Decimal,
) -> str | None:
    """An order that opens more than `leverage_max` times equity; closing is always allowed."""
    resulting = abs(position + command.side.sign * command.quantity)
    opened = max(resulting - abs(position), Decimal(0))
    if not opened:
        return None
    price = command.limit_price or command.worst_price
    needed = gross_exposure + opened * price * instrument.multiplier
    if needed > leverage_max * equity:
        return f"insufficient buying power: {needed} needed, {leverage_max * equity} available"
    return None


def _malformed(command: SubmitOrder) -> str | None:
    kind = command.order_type
    if (command.limit_price is not None) != (kind in NEEDS_LIMIT):
        return f"a {kind.value} order takes {'a' if kind in NEEDS_LIMIT else 'no'} limit price"
    if kind in NEEDS_STOP and command.stop_price is None:
        return f"a {kind.value} order takes a stop price"
    if kind is OrderType.TRAILING_STOP:
        if (command.trail_amount is None) == (command.trail_fraction is None):
            return "a trailing stop takes a trail amount or a trail fraction"
        if command.trail_fraction is not None and not 0 < command.trail_fraction < 1:
            return f"trail fraction {command.trail_fraction} is not between 0 and 1"
    if command.time_in_force in IMMEDIATE and kind not in MAY_BE_IMMEDIATE:
        return f"{command.time_in_force.value} is for market and limit orders, not {kind.value}"
    return None


def _not_shortable(command: SubmitOrder, instrument: Instrument, ledger: Ledger) -> str | None:
    if command.side is Side.BUY or instrument.is_shortable:
        return None
    held = ledger.position(command.symbol)
    if held >= command.quantity:
        return None
    return f"{command.symbol} cannot be sold short: {held} held, {command.quantity} offered"


def _not_reducing(command: SubmitOrder, ledger: Ledger) -> str | None:
    if command.reduce_only and not ledger.reducible(command.symbol, command.side):
        return f"reduce-only: the position of {ledger.position(command.symbol)} is not reduced"
    return None
