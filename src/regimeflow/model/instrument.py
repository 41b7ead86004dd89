"""What can be traded, and the one place where observations become obligations.

Strategies think in floats; orders are exact. `quantize_price` and `quantize_quantity` are the
only crossing. The rounding direction is part of the promise: a price is rounded so that the
order is never more aggressive than asked, a quantity is never rounded up.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache

import msgspec

from regimeflow.model.order import Side

Number = int | float | str | Decimal
PRICES_KEPT_MAX = 4_096
"""Floats whose exact value is remembered, least recently used dropped first."""
STEP_DIGITS_MAX = 24
"""A size of this many digits, counted in ticks or lots, is a mistake; arithmetic has 28."""


class AssetClass(StrEnum):
    """Which market conventions apply (sessions, shorting, fee rounding)."""

    EQUITY = "equity"
    CRYPTO = "crypto"


def decimal_from(number: Number) -> Decimal:
    """The exact value a user means: `0.1` means one tenth, not its binary neighbour.

    Raises ValueError for anything that is not a finite number.
    """
    if type(number) is float:
        return _shortest(number)
    if isinstance(number, bool):
        raise ValueError(f"a truth value is not a number: {number!r}")
    try:
        value = number if isinstance(number, Decimal) else Decimal(str(number))
    except InvalidOperation:
        raise ValueError(f"not a number: {number!r}") from None
    if not value.is_finite():
        raise ValueError(f"not a finite number: {number!r}")
    return value


@lru_cache(maxsize=PRICES_KEPT_MAX)
def _shortest(number: float) -> Decimal:
    """A float in its shortest decimal form; the same prices are asked for again and again."""
    value = Decimal(repr(number))
    if not value.is_finite():
        raise ValueError(f"not a finite number: {number!r}")
    return value


class Instrument(msgspec.Struct, frozen=True):
    """One tradable symbol with its venue rules; all steps in quote currency or units."""

    symbol: str
    asset_class: AssetClass = AssetClass.EQUITY
    currency: str = "USD"
    tick_size: Decimal = Decimal("0.01")
    lot_size: Decimal = Decimal(1)
    min_notional: Decimal = Decimal(0)
    multiplier: Decimal = Decimal(1)
    is_shortable: bool = True

    # Each raises ValueError for what is no number, or far beyond any market.

    def quantize_price(self, price: Number, side: Side) -> Decimal:
        """`price` on the tick grid: down for a buy, up for a sell (never more aggressive)."""
        rounding = ROUND_FLOOR if side is Side.BUY else ROUND_CEILING
        return self._on_grid(decimal_from(price), self.tick_size, rounding)

    def quantize_stop(self, price: Number, side: Side) -> Decimal:
        """A stop on the tick grid: up for a buy, down for a sell (never triggers earlier)."""
        rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
        return self._on_grid(decimal_from(price), self.tick_size, rounding)

    def quantize_quantity(self, quantity: Number) -> Decimal:
        """`quantity` on the lot grid, towards zero."""
        return self._on_grid(decimal_from(quantity), self.lot_size, ROUND_DOWN)

    def price_after_split(self, price: Decimal, ratio: Decimal, side: Side) -> Decimal:
        """A limit in shares after a split of `ratio` new for one old; at least one tick."""
        return max(self.quantize_price(price / ratio, side), self.tick_size)

    def stop_after_split(self, price: Decimal, ratio: Decimal, side: Side) -> Decimal:
        """A stop in shares after a split of `ratio` new for one old; at least one tick."""
        return max(self.quantize_stop(price / ratio, side), self.tick_size)

    @staticmethod
    def _on_grid(value: Decimal, step: Decimal, rounding: str) -> Decimal:
        steps = (value / step).to_integral_value(rounding=rounding)
        if steps.adjusted() >= STEP_DIGITS_MAX:
            raise ValueError(
                f"{value} is too large: more than {STEP_DIGITS_MAX} digits in steps of {step}"
            )
        return steps * step
