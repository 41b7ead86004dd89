"""The strategy of the journal beside it; its source is hashed there, so it never changes."""

from __future__ import annotations

from collections import deque
from typing import ClassVar

from regimeflow.model.events import OrderFilled
from regimeflow.model.market import Quote
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.context import Context


class InTurns(Strategy):
    """Buys and sells in turns, one order every third quote, of a drawn size."""

    transient: ClassVar[tuple[str, ...]] = ("starts",)

    def initialize(self, ctx: Context) -> None:
        """Begin with nothing seen."""
        self.starts = 0
        self.mids: deque[float] = deque(maxlen=4)
        self.quotes = 0
        self.fills = 0

    def on_start(self) -> None:
        """Count what no state holds."""
        self.starts += 1

    def on_quote(self, quote: Quote) -> None:
        """Every third quote: an order near the middle of what was seen."""
        self.mids.append(quote.mid)
        self.quotes += 1
        if self.quotes % 3:
            return
        price = sum(self.mids) / len(self.mids)
        size = self.ctx.rng.randint(1, 9)
        if self.fills % 2:
            self.ctx.sell(quote.symbol, size, limit_price=price - 1)
        else:
            self.ctx.buy(quote.symbol, size, limit_price=price + 1)

    def on_fill(self, fill: OrderFilled) -> None:
        """Whose turn it is."""
        self.fills += 1
