"""Exits over a split: those that entries ask for, and those that could not leave yet.

Only the engine knows of either, so it restates them itself, with the rounding that the venue has
for what works there. An order's own quantity and prices are the venue's to restate: it reports
them (`OrderReplaced`), and they are never changed here.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Order, Side


def restate_bracket(instrument: Instrument, entry: Order, ratio: Decimal) -> None:
    """Bring the exit prices an entry asks for to shares after a split of `ratio` for one."""
    exit_side = entry.side.opposite
    entry.take_profit_price = _restated(
        instrument.price_after_split, entry.take_profit_price, ratio, exit_side
    )
    entry.stop_loss_price = _restated(
        instrument.stop_after_split, entry.stop_loss_price, ratio, exit_side
    )


def restate_unsent(instrument: Instrument, leg: Order, ratio: Decimal) -> None:
    """Bring an exit that no venue has yet to new shares: whole lots of them, maybe none."""
    leg.quantity = instrument.quantize_quantity(leg.quantity * ratio)
    leg.limit_price = _restated(instrument.price_after_split, leg.limit_price, ratio, leg.side)
    leg.stop_price = _restated(instrument.stop_after_split, leg.stop_price, ratio, leg.side)


def _restated(
    restate: Callable[[Decimal, Decimal, Side], Decimal],
    price: Decimal | None,
    ratio: Decimal,
    side: Side,
) -> Decimal | None:
    if price is None:
        return None
    try:
        return restate(price, ratio, side)
    except (ValueError, ArithmeticError):
        return price  # far beyond any market, before and after: no reason to stop the books
