"""A strategy for runs whose disk fails: it trades, and always has an order that rests."""

from __future__ import annotations

from typing import Any

from regimeflow.model.market import Bar
from regimeflow.model.order import Side, TimeInForce
from regimeflow.strategy.base import Strategy


class TradesAndRests(Strategy):
    """Buys and sells in turn, with one order so far away that it never fills."""

    bars: int

    def initialize(self, ctx: Any) -> None:
        """Nothing has been seen."""
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        """One order every other bar, and the one that rests."""
        self.bars += 1
        if not any(order.tag == "rests" for order in self.ctx.open_orders(bar.symbol)):
            self.ctx.submit_order(
                bar.symbol,
                Side.BUY,
                1,
                limit_price=bar.close / 2,
                time_in_force=TimeInForce.GTC,
                tag="rests",
            )
        if self.bars % 4 == 1:
            self.ctx.buy(bar.symbol, 1)
        elif self.bars % 4 == 3:
            self.ctx.close_position(bar.symbol)
