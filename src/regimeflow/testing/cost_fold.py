"""What positions cost, folded anew from the venue's executions, in exact fractions.

By average cost: a reduction takes its share of the cost with it. The figure depends on the order
of executions, so they are taken as the journal learned of them, with the venue's numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from regimeflow.model.account import FillRecord


def costs_of(
    fills: Mapping[str, FillRecord], bookings: Iterable[tuple[str, bool]]
) -> dict[str, Fraction]:
    """Cost by symbol, before multipliers; an annulment books the opposite execution."""
    held: dict[str, tuple[Fraction, Fraction]] = {}
    booked: set[str] = set()
    annulled: set[str] = set()
    for execution_id, is_fill in bookings:
        fill = fills.get(execution_id)
        known = booked if is_fill else annulled
        is_early = is_fill and execution_id in annulled
        if fill is None or execution_id in known or is_early:
            continue
        known.add(execution_id)
        if not is_fill and execution_id not in booked:
            continue
        signed = Fraction(fill.quantity) * fill.side.sign * (1 if is_fill else -1)
        quantity, cost = held.get(fill.symbol, (Fraction(0), Fraction(0)))
        held[fill.symbol] = _moved(quantity, cost, signed, Fraction(fill.price))
    return {symbol: cost for symbol, (_, cost) in held.items()}


def _moved(
    quantity: Fraction, cost: Fraction, signed: Fraction, price: Fraction
) -> tuple[Fraction, Fraction]:
    after = quantity + signed
    if quantity * signed >= 0:
        return after, cost + signed * price
    if abs(signed) < abs(quantity):
        return after, cost * after / quantity
    return after, after * price
