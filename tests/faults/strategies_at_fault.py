"""Strategies that a run is interrupted with: named here, loaded as a user's would be."""

from __future__ import annotations

from typing import Any

from regimeflow.model.market import Bar, Quote
from regimeflow.model.order import Side, TimeInForce
from regimeflow.strategy.base import Strategy


class RestFarAway(Strategy):
    """One order a bar, each so far away that it rests for ever."""

    bars: int

    def initialize(self, ctx: Any) -> None:
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        self.bars += 1
        self.ctx.submit_order(
            bar.symbol,
            Side.BUY,
            self.bars,
            limit_price=1.0,
            time_in_force=TimeInForce.GTC,
        )


class WantsToBuy(Strategy):
    """One share a quote, at a price that rests."""

    def initialize(self, ctx: Any) -> None:
        """Nothing to read."""

    def on_quote(self, quote: Quote) -> None:
        self.ctx.buy(quote.symbol, 1, limit_price=quote.bid - 1)


class TidiesAtTheStart(Strategy):
    """Works two purchases at a time; at every start it withdraws them and sells what it has."""

    def initialize(self, ctx: Any) -> None:
        """Nothing to read."""

    def on_start(self) -> None:
        for order in self.ctx.open_orders():
            self.ctx.cancel_order(order.client_order_id)
        held = self.ctx.get_position("AAPL").quantity
        if held > 0:
            self.ctx.sell("AAPL", held, limit_price=110.0)

    def on_quote(self, quote: Quote) -> None:
        if len(self.ctx.open_orders()) < 2:
            self.ctx.buy(quote.symbol, 1, limit_price=quote.bid - len(self.ctx.open_orders()))


class RestsAndWithdraws(Strategy):
    """One order a bar, so far away that it rests; then those before it are withdrawn."""

    def initialize(self, ctx: Any) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        older = self.ctx.open_orders()
        self.ctx.submit_order(bar.symbol, Side.BUY, 1, limit_price=1.0)
        for order in older:
            self.ctx.cancel_order(order.client_order_id)
