"""How long a request and its answers travel: one draw an order, so that nothing overtakes.

A draw is keyed by what the order is (seed, strategy, intent), never by when it is asked for or by
ids that differ between runs.
"""

from __future__ import annotations

import random

from regimeflow.model.commands import CancelOrder, Command, QueryOrder, ReplaceOrder, SubmitOrder
from regimeflow.venue.model import ExecutionModel


class LinkLatency:
    """One-way latencies; `drawn` maps client order ids and is empty without jitter."""

    __slots__ = ("_model", "drawn")

    def __init__(self, model: ExecutionModel) -> None:
        self._model = model
        self.drawn: dict[str, int] = {}

    def of(self, command: Command) -> int:
        """Nanoseconds from the engine to the venue for this command; at least 1."""
        model = self._model
        if not model.latency_jitter_ns:
            return model.latency_ns
        if isinstance(command, SubmitOrder):
            return self.drawn.setdefault(command.client_order_id, self._draw(command))
        if isinstance(command, ReplaceOrder):
            latency_ns = self.drawn.get(command.orig_client_order_id, model.latency_ns)
            return self.drawn.setdefault(command.client_order_id, latency_ns)
        if isinstance(command, CancelOrder | QueryOrder):
            return self.drawn.get(command.client_order_id, model.latency_ns)
        return model.latency_ns

    def _draw(self, command: SubmitOrder) -> int:
        intent, model = command.intent_id, self._model
        key = f"{model.seed}/{command.strategy_id}/{intent.symbol}/{intent.ts_venue_ns}"
        draw = random.Random(f"{key}/{intent.ordinal}/{intent.k}")
        return model.latency_ns + draw.randrange(model.latency_jitter_ns + 1)
