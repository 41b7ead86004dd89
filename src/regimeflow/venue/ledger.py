"""The venue's own books: cash, positions, every fill, every posting.

They are the truth the engine's books are reconciled against. Invariant, at every moment:
`cash == opening cash - sum(side * quantity * price * multiplier + fee) + sum(postings)`.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

import msgspec

from regimeflow.model.account import FillRecord, PositionRecord
from regimeflow.model.events import CashPosted
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Side
from regimeflow.venue.fees import CENT, FeeState

FILLS_LISTED_MAX = 1_000
"""Most fills one snapshot lists; the newest are kept. Everything stays in the books."""


class Ledger(msgspec.Struct):
    """Cash in account currency, positions in units; negative is short."""

    cash: Decimal
    positions: dict[str, Decimal] = {}
    fills: list[FillRecord] = []
    postings: list[CashPosted] = []
    fee_state: FeeState = msgspec.field(default_factory=FeeState)
    financed_until_ns: int = 0
    annulled: list[FillRecord] = []

    @property
    def executed(self) -> int:
        """Executions so far, those annulled since included: no number is used twice."""
        return len(self.fills) + len(self.annulled)

    def position(self, symbol: str) -> Decimal:
        """Units held; zero when flat."""
        return self.positions.get(symbol, ZERO)

    def reducible(self, symbol: str, side: Side) -> Decimal:
        """How many units an order of that side could close without flipping the position."""
        return max(-side.sign * self.position(symbol), ZERO)

    def book_fill(self, fill: FillRecord, multiplier: Decimal) -> None:
        """Move position and cash by one execution."""
        signed = fill.side.sign * fill.quantity
        self._set_position(fill.symbol, self.position(fill.symbol) + signed)
        self.cash -= signed * fill.price * multiplier + fill.fee
        self.fills.append(fill)

    def post(
        self, *, kind: str, symbol: str, label: str, amount: Decimal, ts_ns: int
    ) -> CashPosted:
        """Move cash without a fill; the activity id is the same in every run."""
        activity_id = "-".join(
            part for part in (kind, symbol, label, str(len(self.postings) + 1)) if part
        )
        posting = CashPosted(activity_id, kind, symbol, amount, ts_ns)
        self.cash += amount
        self.postings.append(posting)
        return posting

    def split(self, instrument: Instrument, ratio: Decimal) -> Decimal:
        """New shares for old; returns the fraction of a lot that is left, to be paid in cash."""
        exact = self.position(instrument.symbol) * ratio
        lots = (exact / instrument.lot_size).to_integral_value(rounding=ROUND_DOWN)
        whole = lots * instrument.lot_size
        self._set_position(instrument.symbol, whole)
        return exact - whole

    def recent_fills(self, since_ns: int) -> tuple[FillRecord, ...]:
        """Fills at or after `since_ns`, oldest first, at most the newest `FILLS_LISTED_MAX`."""
        recent = self.fills[-FILLS_LISTED_MAX:]
        return tuple(fill for fill in recent if fill.ts_venue_ns >= since_ns)

    def annulled_fills(self, since_ns: int) -> tuple[FillRecord, ...]:
        """Those that were taken out of `recent_fills` again, as they were."""
        recent = self.annulled[-FILLS_LISTED_MAX:]
        return tuple(fill for fill in recent if fill.ts_venue_ns >= since_ns)

    def position_records(self) -> tuple[PositionRecord, ...]:
        """Positions that are not flat, by symbol."""
        return tuple(
            PositionRecord(symbol, quantity) for symbol, quantity in sorted(self.positions.items())
        )

    def _set_position(self, symbol: str, quantity: Decimal) -> None:
        if quantity:
            self.positions[symbol] = quantity
        else:
            self.positions.pop(symbol, None)


def to_cents(amount: Decimal) -> Decimal:
    """An amount as a broker posts it: to the cent, halves away from zero."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
