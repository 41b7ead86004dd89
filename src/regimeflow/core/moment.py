"""The market event in hand, as intent ids name it: shared by who observes and who orders."""

from __future__ import annotations

import msgspec

from regimeflow.model.ids import StrategyId


class MarketMoment(msgspec.Struct):
    """The `ordinal`-th event of a symbol at one time of the venue, and the wishes it led to."""

    symbol: str = ""
    ts_venue_ns: int = 0
    ordinal: int = 0
    wish_count: dict[StrategyId, int] = {}

    def restore(self, saved: MarketMoment) -> None:
        """Become `saved`, in place: more than one component holds this object."""
        self.symbol, self.ts_venue_ns = saved.symbol, saved.ts_venue_ns
        self.ordinal, self.wish_count = saved.ordinal, dict(saved.wish_count)
