"""Trade the spread of two related symbols back to its mean.

Source: E. Gatev, W. Goetzmann, K. Rouwenhorst, "Pairs Trading: Performance of a Relative-Value
Arbitrage Rule", Review of Financial Studies 19 (2006), for the rule; R. Engle, C. Granger,
Econometrica 55 (1987), for the hedge ratio as the slope of a regression of the log prices.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.order import Order, OrderStatus
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.builtin.parameters import Parameters
from regimeflow.strategy.builtin.rolling_regression import RollingRegression
from regimeflow.strategy.context import Context

FLAT = (0.0, 0.0)


class PairsTrading(Strategy):
    """Sell what is dear and buy what is cheap when log A strays from its line on log B.

    Over the last `lookback` pairs of bars with the same close, log A is regressed on log B. `z`
    is the newest residual in standard deviations. At `|z| >= entry_z` the pair is entered
    against `z`; at `|z| <= exit_z` it is left at once, also during the cooldown. The quantity of
    A is `base_qty` times a scale that grows with `|z|` from `min_qty_scale` at `entry_z` to
    `max_qty_scale` at `max_z` and no further; it is raised as `|z|` grows and lowered only by the
    exit. B gets the same money times the slope. Entries and raises are `cooldown_bars` apart.

    A slope of zero or less is no hedge: nothing is entered. With `allow_short` false the leg to
    be sold short is left out. When one leg is denied or rejected, the other is closed.
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {
        "symbol_a": "",
        "symbol_b": "",
        "lookback": 120,
        "entry_z": 2.0,
        "exit_z": 0.5,
        "max_z": 4.0,
        "allow_short": True,
        "base_qty": 10.0,
        "min_qty_scale": 0.5,
        "max_qty_scale": 2.0,
        "cooldown_bars": 5,
    }
    transient: ClassVar[tuple[str, ...]] = (*parameters, "warmup_bars")

    def initialize(self, ctx: Context) -> None:
        """Read the parameters; raises ConfigError unless exit_z < entry_z <= max_z."""
        params = Parameters(self, ctx)
        self.symbol_a = params.symbol("symbol_a", ctx)
        self.symbol_b = params.symbol("symbol_b", ctx)
        self.lookback = params.integer("lookback", at_least=3)
        self.entry_z = params.positive("entry_z")
        self.exit_z = params.number("exit_z")
        self.max_z = params.number("max_z")
        self.allow_short = params.flag("allow_short")
        self.base_qty = params.positive("base_qty")
        self.min_qty_scale = params.positive("min_qty_scale")
        self.max_qty_scale = params.number("max_qty_scale")
        self.cooldown_bars = params.integer("cooldown_bars", at_least=0)
        if self.symbol_a == self.symbol_b:
            raise params.refuse("symbol_b", self.symbol_b, "another symbol than symbol_a")
        if self.exit_z >= self.entry_z:
            raise params.refuse("exit_z", self.exit_z, f"less than entry_z ({self.entry_z:g})")
        if self.max_z < self.entry_z:
            raise params.refuse("max_z", self.max_z, f"at least entry_z ({self.entry_z:g})")
        if self.max_qty_scale < self.min_qty_scale:
            low = f"at least min_qty_scale ({self.min_qty_scale:g})"
            raise params.refuse("max_qty_scale", self.max_qty_scale, low)
        self.warmup_bars = self.lookback
        self.begin()

    def begin(self) -> None:
        """State of a run that has seen nothing."""
        self.regression = RollingRegression(self.lookback)
        self.half_pair: tuple[str, int, float] = ("", 0, 0.0)
        self.pairs_since_signal = self.cooldown_bars
        self.side = 0
        self.scale = 0.0
        self.targets = FLAT
        self.is_aimed = True

    def on_start(self) -> None:
        """Begin again when the restored state is of another `lookback`."""
        if self.regression.length != self.lookback:
            self.begin()

    def on_bar(self, bar: Bar) -> None:
        """Wait for both bars of one moment, then look at the spread."""
        if bar.symbol not in (self.symbol_a, self.symbol_b) or not bar.close > 0.0:
            return
        symbol, ts_close_ns, close = self.half_pair
        if not symbol or ts_close_ns != bar.ts_close_ns or symbol == bar.symbol:
            self.half_pair = (bar.symbol, bar.ts_close_ns, bar.close)
            return
        self.half_pair = ("", 0, 0.0)
        if bar.symbol == self.symbol_a:
            self.on_pair(price_a=bar.close, price_b=close)
        else:
            self.on_pair(price_a=close, price_b=bar.close)

    def on_pair(self, *, price_a: float, price_b: float) -> None:
        """Both symbols closed at the same moment."""
        self.pairs_since_signal += 1
        self.regression.add(math.log(price_b), math.log(price_a))
        fit = self.regression.slope_and_z()
        if self.ctx.is_warmup:
            return
        if fit is not None:
            self.judge(*fit, price_a / price_b)
        if not self.is_aimed:
            self.aim()

    def judge(self, slope: float, z: float, price_ratio: float) -> None:
        """Set the targets for this `z`; `price_ratio` is shares of B worth one of A."""
        distance = abs(z)
        if distance <= self.exit_z:
            if self.side != 0:
                self.retarget(FLAT, side=0, scale=0.0)
            return
        if distance < self.entry_z or slope <= 0.0 or self.is_cooling:
            return
        side = -1 if z > 0.0 else 1
        scale = self.scale_at(distance)
        if side == self.side and scale <= self.scale:
            return
        quantity_a = side * self.base_qty * scale
        quantity_b = -quantity_a * slope * price_ratio
        if not self.allow_short:
            quantity_a, quantity_b = max(quantity_a, 0.0), max(quantity_b, 0.0)
        self.retarget((quantity_a, quantity_b), side=side, scale=scale)

    @property
    def is_cooling(self) -> bool:
        """True for the first `cooldown_bars` pairs after a signal."""
        return self.pairs_since_signal <= self.cooldown_bars

    def scale_at(self, distance: float) -> float:
        """How much of `base_qty` to hold at `|z|` = `distance`."""
        span = self.max_z - self.entry_z
        share = min((distance - self.entry_z) / span, 1.0) if span > 0.0 else 1.0
        return self.min_qty_scale + (self.max_qty_scale - self.min_qty_scale) * share

    def retarget(self, targets: tuple[float, float], *, side: int, scale: float) -> None:
        """New targets, to be aimed at before this bar is over."""
        self.targets, self.side, self.scale = targets, side, scale
        self.pairs_since_signal = 0
        self.is_aimed = False

    def aim(self) -> None:
        """Order what is missing to the targets."""
        self.is_aimed = True
        self.ctx.target_position(self.symbol_a, self.targets[0])
        self.ctx.target_position(self.symbol_b, self.targets[1])

    def on_order_update(self, order: Order) -> None:
        """Never stay on one leg: close both when one is refused, order again what expired."""
        if order.status in (OrderStatus.DENIED, OrderStatus.REJECTED) and self.targets != FLAT:
            self.ctx.log(f"{order.symbol}: leg {order.status} ({order.reason}); closing the pair")
            self.retarget(FLAT, side=0, scale=0.0)
            self.aim()
        elif order.status in (OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.EXPIRED):
            self.is_aimed = False

    def on_corporate_action(self, action: CorporateAction) -> None:
        """Bring the logs kept so far, and the target of the leg, to the share's new size."""
        if action.kind is not ActionKind.SPLIT:
            return
        ratio = float(action.value)
        quantity_a, quantity_b = self.targets
        if action.symbol == self.symbol_a:
            self.regression.shift(y_by=-math.log(ratio))
            self.targets = (quantity_a * ratio, quantity_b)
        elif action.symbol == self.symbol_b:
            self.regression.shift(x_by=-math.log(ratio))
            self.targets = (quantity_a, quantity_b * ratio)
