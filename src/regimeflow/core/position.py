"""One position, exact. The ledger keeps total cost, never average cost (which must round)."""

from __future__ import annotations

from decimal import Decimal

from regimeflow.model.order import ZERO, Side


class Position:
    """Quantity, total cost, realised profit and fees of one symbol; negative is short.

    `cost` has the sign of `quantity`: what was paid for a long, minus what was received for a
    short, times the multiplier. Invariant: the sum of all cash moved by fills (before fees)
    equals `realized_pnl - cost`. `quantity_float` mirrors `quantity` times the multiplier and
    is synced at each fill, so that valuing a position per event costs one multiplication.
    """

    __slots__ = (
        "cost",
        "fees",
        "multiplier",
        "quantity",
        "quantity_float",
        "realized_pnl",
        "symbol",
    )

    def __init__(self, symbol: str, multiplier: Decimal = Decimal(1)) -> None:
        self.symbol = symbol
        self.multiplier = multiplier
        self.quantity = ZERO
        self.cost = ZERO
        self.realized_pnl = ZERO
        self.fees = ZERO
        self.quantity_float = 0.0

    def apply_fill(self, side: Side, quantity: Decimal, price: Decimal, fee: Decimal) -> Decimal:
        """Book one execution; returns the cash it moves (negative for a buy), fee included.

        A fill that crosses through flat closes the old position and opens the remainder.
        """
        signed = quantity if side is Side.BUY else -quantity
        value = signed * price * self.multiplier
        held = self.quantity
        if held and (held > 0) != (signed > 0):
            self._reduce(signed, value)
        else:
            self.quantity = held + signed
            self.cost += value
        self.fees += fee
        self.quantity_float = float(self.quantity * self.multiplier)
        return -value - fee

    def _reduce(self, signed: Decimal, value: Decimal) -> None:
        held = self.quantity
        if abs(signed) >= abs(held):
            closed_value = value * (-held / signed) if signed != -held else value
            self.realized_pnl -= self.cost + closed_value
            self.quantity = held + signed
            self.cost = value - closed_value
            return
        # Rounded once here; the same figure leaves cost and enters profit, so nothing is lost.
        closed_cost = self.cost * (-signed / held)
        self.realized_pnl -= value + closed_cost
        self.quantity = held + signed
        self.cost -= closed_cost

    def apply_split(self, ratio: Decimal, lot_size: Decimal) -> None:
        """New shares for old at `ratio`, whole lots only; total cost is unchanged.

        The broker pays any fraction in cash (reported as `CashPosted`). A position that was all
        fraction is closed: its cost is realised, so that the next one starts clean.
        """
        exact = self.quantity * ratio
        self.quantity = (exact / lot_size).to_integral_value(rounding="ROUND_DOWN") * lot_size
        if not self.quantity:
            self.realized_pnl -= self.cost
            self.cost = ZERO
        self.quantity_float = float(self.quantity * self.multiplier)

    def add_free(self, quantity: Decimal) -> None:
        """Take over units at no cost (what a split's rounding leaves between owners)."""
        self.quantity += quantity
        self.quantity_float = float(self.quantity * self.multiplier)

    @property
    def average_price(self) -> float:
        """Mean entry price of what is held; 0.0 when flat."""
        if not self.quantity:
            return 0.0
        return float(self.cost / self.quantity / self.multiplier)
