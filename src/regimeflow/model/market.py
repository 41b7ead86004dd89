"""Market observations, as floats, with the venue's own time.

They are encoded as arrays (tag first), which is what makes a journaled quote about 50 bytes.
Fields may only ever be appended, with a default, so that older journals stay readable.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import msgspec

from regimeflow.model.order import Side


class Bar(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """Prices of the half-open interval `[ts_open_ns, ts_close_ns)`; known at its close.

    `size_ns` is the nominal size (86,400 s for a daily bar whatever the session's length).
    Volume is in units traded. Prices are raw, never adjusted.
    """

    symbol: str
    ts_open_ns: int
    ts_close_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    size_ns: int = 86_400_000_000_000

    @property
    def ts_venue_ns(self) -> int:
        """The moment the bar is complete."""
        return self.ts_close_ns

    def restated(self, ratio: float) -> Bar:
        """The same bar in shares after a split of `ratio` new for one old."""
        return Bar(
            self.symbol,
            self.ts_open_ns,
            self.ts_close_ns,
            self.open / ratio,
            self.high / ratio,
            self.low / ratio,
            self.close / ratio,
            self.volume * ratio,
            self.size_ns,
        )


class Quote(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """Best bid and ask with displayed sizes. Zero on a side means: no one is there."""

    symbol: str
    ts_venue_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float

    @property
    def mid(self) -> float:
        """Half-way between bid and ask; meaningless when a side is zero."""
        return 0.5 * (self.bid + self.ask)


class Trade(msgspec.Struct, frozen=True, gc=False, array_like=True, tag=True):
    """One print. `aggressor` is None where the venue does not say."""

    symbol: str
    ts_venue_ns: int
    price: float
    size: float
    aggressor: Side | None = None


class BookSnapshot(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A whole book: `(price, size)` levels, best first."""

    symbol: str
    ts_venue_ns: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class BookDelta(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """Changed levels of a book; size zero removes the level."""

    symbol: str
    ts_venue_ns: int
    bids: tuple[tuple[float, float], ...]
    asks: tuple[tuple[float, float], ...]


class ActionKind(StrEnum):
    """Corporate actions the engine understands."""

    SPLIT = "split"
    DIVIDEND = "dividend"


class CorporateAction(msgspec.Struct, frozen=True, tag=True):
    """A split or a cash dividend, in force before the opening of its ex-date.

    Split: `value` is new shares per old share (2 for two-for-one, 0.1 for one-for-ten).
    Dividend: `value` is cash per share in the instrument's currency.
    """

    symbol: str
    ts_venue_ns: int
    kind: ActionKind
    value: Decimal


MarketEvent = Bar | Quote | Trade | BookSnapshot | BookDelta
