"""Orders sent a moment ago, so that the same order twice is taken for a mistake (C12)."""

from __future__ import annotations

from collections import deque
from decimal import Decimal

import msgspec

from regimeflow.model.commands import SubmitOrder
from regimeflow.model.order import Order, OrderType, Side

RECENT_ORDERS_MAX = 1_000
"""Oldest forgotten first; more than this within one window is the throttle's business."""

_Key = tuple[str, Side, OrderType, Decimal, Decimal | None, Decimal | None, str | None]


class SentOrder(msgspec.Struct, frozen=True, array_like=True):
    """When an order left, and what makes another one the same."""

    sent_ns: int
    symbol: str
    side: Side
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    stop_price: Decimal | None
    parent_id: str | None


class RecentOrders:
    """What was sent when, for as long as the duplicate window can ask."""

    __slots__ = ("_sent",)

    def __init__(self) -> None:
        self._sent: deque[tuple[int, _Key]] = deque(maxlen=RECENT_ORDERS_MAX)

    def capture(self, after_ns: int) -> list[SentOrder]:
        """What was sent later than `after_ns`; nobody asks for more."""
        return [SentOrder(sent_ns, *key) for sent_ns, key in self._sent if sent_ns > after_ns]

    def restore(self, saved: list[SentOrder]) -> None:
        """Remember what was captured."""
        self._sent.clear()
        self._sent.extend((sent.sent_ns, _key(sent)) for sent in saved)

    def note(self, ts_ns: int, command: SubmitOrder) -> None:
        """Remember an order that leaves now."""
        self._sent.append((ts_ns, _key(command)))

    def last_sent_ns(self, order: Order, after_ns: int) -> int | None:
        """When the same order last left, if later than `after_ns`."""
        key = _key(order)
        for sent_ns, sent_key in reversed(self._sent):
            if sent_ns <= after_ns:
                return None
            if sent_key == key:
                return sent_ns
        return None


def _key(order: Order | SubmitOrder | SentOrder) -> _Key:
    return (
        order.symbol,
        order.side,
        order.order_type,
        order.quantity,
        order.limit_price,
        order.stop_price,
        order.parent_id,
    )
