"""The market event in hand, and the names of the wishes that are made about it."""

from __future__ import annotations

from regimeflow.model.ids import IntentId, StrategyId


class MarketMoment:
    """Gives every wish an intent id of its own, the same wherever the same data is seen.

    The market handler writes `symbol` and `ts_venue_ns` at every event. `ordinals` holds the
    symbols whose last event came at the time of the one before; `wish_count` is of this event.
    """

    __slots__ = ("ordinals", "symbol", "ts_venue_ns", "wish_count")

    def __init__(self) -> None:
        self.symbol = ""
        self.ts_venue_ns = 0
        self.ordinals: dict[str, int] = {}
        self.wish_count: dict[StrategyId, int] = {}

    def next_intent(self, strategy_id: StrategyId) -> IntentId:
        """The name of a strategy's next wish."""
        k = self.wish_count.get(strategy_id, 0)
        self.wish_count[strategy_id] = k + 1
        ordinal = self.ordinals.get(self.symbol, 0)
        return IntentId(strategy_id, self.symbol, self.ts_venue_ns, ordinal, k)
