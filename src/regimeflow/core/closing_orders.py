"""What a closing order is: a strategy's, an operator's, or the engine's for what nobody ordered."""

from __future__ import annotations

from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model.order import Order

CLOSE = "close"
"""Tag of a strategy's closing orders, and of no others; reason of the cancels they wait for."""
FLATTEN = "flatten"
"""Tag of an operator's closing orders."""


def is_flatten(order: Order) -> bool:
    """Whether it is a closing order of ours that no strategy asked for; nor was it adopted."""
    return order.strategy_id == EXTERNAL and order.intent_id.ts_venue_ns != 0


def is_operators(order: Order) -> bool:
    """Whether it is a closing order of an operator's flatten."""
    return (order.strategy_id, order.tag) == (EXTERNAL, FLATTEN)


def closes(order: Order) -> bool:
    """Whether it is an exit by intent, not only by what happens to be held."""
    return order.reduce_only or is_flatten(order) or order.tag == CLOSE
