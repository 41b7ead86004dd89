"""Buy once and hold: the baseline every other strategy should beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from regimeflow.model.market import Bar
from regimeflow.model.order import Order, OrderStatus
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.builtin.parameters import Parameters
from regimeflow.strategy.context import Context


class BuyAndHold(Strategy):
    """Buy `quantity` of `symbol` at market, once, and never sell.

    An empty `symbol` means the first of the run's symbols. `warmup_bars` is how many bars of the
    symbol come before the first order. What a day order could not fill before it expired is
    bought on the next bar; an order that is denied or rejected is not tried again.
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {
        "symbol": "",
        "quantity": 1.0,
        "warmup_bars": 0,
    }
    transient: ClassVar[tuple[str, ...]] = ("symbol", "quantity", "warmup_bars")

    def initialize(self, ctx: Context) -> None:
        """Read the parameters; raises ConfigError when one is out of its bounds."""
        params = Parameters(self, ctx)
        is_named = ctx.params.get("symbol", "") != ""
        self.symbol = params.symbol("symbol", ctx) if is_named else ctx.symbols[0]
        self.quantity = params.positive("quantity")
        self.warmup_bars = params.integer("warmup_bars", at_least=0)
        self.bars_seen = 0
        self.is_wanting = True

    def on_bar(self, bar: Bar) -> None:
        """Order on the first bar that has `warmup_bars` bars before it."""
        if not self.is_wanting or bar.symbol != self.symbol:
            return
        ctx = self.ctx
        if self.bars_seen >= self.warmup_bars and not ctx.is_warmup:
            self.is_wanting = False
            ctx.target_position(self.symbol, self.quantity)
        self.bars_seen += 1

    def on_order_update(self, order: Order) -> None:
        """Buy the rest of an order that expired."""
        if order.status is OrderStatus.EXPIRED:
            self.is_wanting = True
        elif order.status in (OrderStatus.DENIED, OrderStatus.REJECTED):
            self.ctx.log(f"{order.symbol}: the order was {order.status}: {order.reason}")
