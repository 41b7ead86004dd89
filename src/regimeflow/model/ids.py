"""Identifiers as distinct types, so that one cannot be passed where another belongs."""

from __future__ import annotations

from typing import NewType

import msgspec

StrategyId = NewType("StrategyId", str)
ClientOrderId = NewType("ClientOrderId", str)
"""Ours: at most 32 of `[A-Za-z0-9_-]`; deterministic; never reused."""
BrokerOrderId = NewType("BrokerOrderId", str)
ExecutionId = NewType("ExecutionId", str)
"""The venue's name of one fill; the key by which a fill is counted once."""
TimerId = NewType("TimerId", str)

CLIENT_ORDER_ID_LENGTH_MAX = 32


class IntentId(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Why an order exists: the k-th wish of one strategy about one market event.

    Both engines (live and shadow) derive the same intent id from the same data, which is how
    their orders are paired. It is journaled and never put on the wire. `symbol` is what the order
    trades, `event_symbol` that of the event where it is another; `ordinal` counts the events of
    one symbol at one venue time.
    """

    strategy_id: StrategyId
    symbol: str
    ts_venue_ns: int
    ordinal: int
    k: int
    event_symbol: str = ""
