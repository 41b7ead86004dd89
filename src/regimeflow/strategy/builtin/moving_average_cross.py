"""Be long while the fast simple moving average is above the slow one, else be flat.

Sketch: one bar costs a dictionary look-up, a dozen attribute reads and two additions (about
0.3 us); each `slow_period` bars both sums are computed afresh, exactly, so that rounding errors
never pile up and a long run gives the same signals as a short one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.order import Order, OrderStatus
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.builtin.parameters import Parameters
from regimeflow.strategy.context import Context

# Averages nearer to each other than this fraction count as equal: less than the rounding error
# of one sum could decide the side otherwise.
EQUAL_FRACTION = 1e-12


@dataclass(slots=True)
class Averages:
    """The last closes of one symbol in a ring, and their sums.

    `closes[index]` is the oldest close, the next one to be replaced. `fast_period` is the one
    `fast_sum` was made with, so that a changed parameter is noticed.
    """

    closes: list[float]
    fast_period: int
    index: int = 0
    fast_sum: float = 0.0
    slow_sum: float = 0.0
    is_full: bool = False
    is_long: bool | None = None

    def recompute(self) -> None:
        """Both sums afresh, correctly rounded."""
        closes, index = self.closes, self.index
        in_order = closes[index:] + closes[:index]
        self.fast_sum = math.fsum(in_order[-self.fast_period :])
        self.slow_sum = math.fsum(closes)


class MovingAverageCross(Strategy):
    """Hold `quantity` of each symbol while SMA(`fast_period`) > SMA(`slow_period`) of closes.

    Long only, each symbol by itself. The position is taken on the first tradable bar after
    `slow_period` closes, then at each crossing. Equal averages change nothing. Splits rescale
    the averages. What expired unfilled is ordered again on the next bar. A crossing while an
    order still works cancels that order, and the next bar trades.
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {
        "fast_period": 10,
        "slow_period": 30,
        "quantity": 1.0,
    }
    transient: ClassVar[tuple[str, ...]] = (
        "fast_period",
        "slow_period",
        "quantity",
        "warmup_bars",
    )

    def initialize(self, ctx: Context) -> None:
        """Read the parameters; raises ConfigError unless 1 <= fast_period < slow_period."""
        params = Parameters(self, ctx)
        self.fast_period = params.integer("fast_period", at_least=1)
        self.slow_period = params.integer("slow_period", at_least=2)
        self.quantity = params.positive("quantity")
        if self.fast_period >= self.slow_period:
            raise params.refuse(
                "fast_period", self.fast_period, f"less than slow_period ({self.slow_period})"
            )
        self.warmup_bars = self.slow_period
        self.averages: dict[str, Averages] = {}

    def on_start(self) -> None:
        """Begin the averages of symbols that have none, or have ones of other parameters."""
        for symbol in self.ctx.symbols:
            known = self.averages.get(symbol)
            if known is None or len(known.closes) != self.slow_period:
                self.averages[symbol] = Averages([0.0] * self.slow_period, self.fast_period)
            elif known.fast_period != self.fast_period:
                known.fast_period = self.fast_period
                known.recompute()

    def on_bar(self, bar: Bar) -> None:
        """Move both averages by one close and trade when the wanted side changes."""
        averages = self.averages.get(bar.symbol)
        if averages is None:
            return
        closes = averages.closes
        index = averages.index
        close = bar.close
        averages.slow_sum = slow_sum = averages.slow_sum + close - closes[index]
        averages.fast_sum = fast_sum = averages.fast_sum + close - closes[index - self.fast_period]
        closes[index] = close
        index += 1
        if index == self.slow_period:
            averages.index = 0
            averages.is_full = True
            averages.recompute()
            slow_sum, fast_sum = averages.slow_sum, averages.fast_sum
        else:
            averages.index = index
            if not averages.is_full:
                return
        # fast average less slow average, both times fast_period * slow_period
        spread = fast_sum * self.slow_period - slow_sum * self.fast_period
        is_long = spread > 0.0
        if is_long is averages.is_long or self.ctx.is_warmup:
            return
        if abs(spread) > EQUAL_FRACTION * slow_sum * self.fast_period:
            working = self.ctx.open_orders(bar.symbol)
            if working:  # an order that no longer fits; the next bar sees what it became
                averages.is_long = None
                for order in working:
                    self.ctx.cancel_order(order.client_order_id)
                return
            averages.is_long = is_long
            self.ctx.target_position(bar.symbol, self.quantity if is_long else 0)

    def on_order_update(self, order: Order) -> None:
        """Forget the side of a symbol whose order expired, so that the next bar orders again."""
        averages = self.averages.get(order.symbol)
        if averages is not None and order.status is OrderStatus.EXPIRED:
            averages.is_long = None

    def on_corporate_action(self, action: CorporateAction) -> None:
        """Bring the closes kept so far to the share's new size."""
        averages = self.averages.get(action.symbol)
        if averages is not None and action.kind is ActionKind.SPLIT:
            ratio = float(action.value)
            averages.closes[:] = [close / ratio for close in averages.closes]
            averages.recompute()
