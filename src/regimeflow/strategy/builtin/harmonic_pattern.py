"""Trade the turn at point D of a Gartley, Bat, Butterfly or Crab."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.order import Side
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.builtin.harmonic_ratios import HarmonicMatch, best_match
from regimeflow.strategy.builtin.parameters import Parameters
from regimeflow.strategy.builtin.zigzag import PIVOTS_KEPT, ZigZag
from regimeflow.strategy.context import Context


class HarmonicPattern(Strategy):
    """Buy a bullish and sell a bearish pattern as its last leg reaches D.

    X, A, B, C are the last four confirmed turning points of the closes (turns of at least
    `pivot_threshold_pct`, a fraction), all within the last `min_bars` bars; D is the extreme in
    the making, so the decision uses nothing that is not known at the bar's close. Each C is
    traded at most once and signals are more than `cooldown_bars` apart. A match needs each ratio
    within `tolerance` (a fraction of the ratio) and a mean fit of `min_confidence`.

    The quantity is `order_qty` times a scale from `min_qty_scale` (confidence 0) to
    `max_qty_scale` (confidence 1). Where the bar is wide (range over close of at least
    `vol_threshold_pct`), a passive limit order `limit_offset_bps` away from the close is used
    (`use_limit`); at or above `aggressive_confidence_threshold`, and for patterns that reach
    beyond X, a market order.

    A bearish pattern closes a long position; it opens a short one only with `allow_short`. Other
    exits are the risk section's (stop loss, trailing stop, time stop).
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {
        "symbol": "",
        "pivot_threshold_pct": 0.03,
        "tolerance": 0.1,
        "min_bars": 120,
        "cooldown_bars": 5,
        "use_limit": True,
        "limit_offset_bps": 2.0,
        "vol_threshold_pct": 0.01,
        "min_confidence": 0.45,
        "min_qty_scale": 0.5,
        "max_qty_scale": 1.5,
        "aggressive_confidence_threshold": 0.7,
        "allow_short": False,
        "order_qty": 10.0,
    }
    transient: ClassVar[tuple[str, ...]] = (*parameters, "warmup_bars")

    def initialize(self, ctx: Context) -> None:
        """Read the parameters; raises ConfigError when one is out of its bounds."""
        params = Parameters(self, ctx)
        is_named = ctx.params.get("symbol", "") != ""
        self.symbol = params.symbol("symbol", ctx) if is_named else ctx.symbols[0]
        self.pivot_threshold_pct = params.number("pivot_threshold_pct", at_most=0.9)
        self.tolerance = params.number("tolerance", at_most=0.5)
        self.min_bars = params.integer("min_bars", at_least=PIVOTS_KEPT + 1)
        self.cooldown_bars = params.integer("cooldown_bars", at_least=0)
        self.use_limit = params.flag("use_limit")
        self.limit_offset_bps = params.number("limit_offset_bps", at_most=10_000.0)
        self.vol_threshold_pct = params.number("vol_threshold_pct")
        self.min_confidence = params.number("min_confidence", at_most=1.0)
        self.min_qty_scale = params.positive("min_qty_scale")
        self.max_qty_scale = params.number("max_qty_scale")
        self.aggressive_confidence_threshold = params.number("aggressive_confidence_threshold")
        self.allow_short = params.flag("allow_short")
        self.order_qty = params.positive("order_qty")
        if self.pivot_threshold_pct == 0.0:
            raise params.refuse("pivot_threshold_pct", 0.0, "a fraction above 0, as 0.03")
        if self.max_qty_scale < self.min_qty_scale:
            low = f"at least min_qty_scale ({self.min_qty_scale:g})"
            raise params.refuse("max_qty_scale", self.max_qty_scale, low)
        self.warmup_bars = self.min_bars
        self.begin()

    def begin(self) -> None:
        """State of a run that has seen nothing."""
        self.zigzag = ZigZag(self.pivot_threshold_pct)
        self.signal_bar = -1 - self.cooldown_bars
        self.signal_c_bar = -1

    def on_start(self) -> None:
        """Begin again when the restored state is of another pivot threshold."""
        if self.zigzag.threshold_fraction != self.pivot_threshold_pct:
            self.begin()

    def on_bar(self, bar: Bar) -> None:
        """Extend the swings; when this bar is a new extreme, look for a pattern that ends here."""
        if bar.symbol != self.symbol or not bar.close > 0.0:
            return
        is_extreme = self.zigzag.add(bar.close)
        if is_extreme and not self.ctx.is_warmup:
            match = self.pattern_here()
            if match is not None and self.trade(match, bar):
                self.signal_bar = self.zigzag.bar_number
                self.signal_c_bar = self.zigzag.pivots[-1].bar_number

    def pattern_here(self) -> HarmonicMatch | None:
        """The pattern whose D is this bar, when one is due, young enough and a good fit."""
        zigzag = self.zigzag
        now = zigzag.bar_number
        if now + 1 < self.min_bars or now - self.signal_bar <= self.cooldown_bars:
            return None
        if len(zigzag.pivots) < PIVOTS_KEPT:
            return None
        x, a, b, c = zigzag.pivots
        if c.bar_number == self.signal_c_bar or now - x.bar_number >= self.min_bars:
            return None
        match = best_match(
            x.price, a.price, b.price, c.price, zigzag.extreme.price, tolerance=self.tolerance
        )
        return match if match is not None and match.confidence >= self.min_confidence else None

    def trade(self, match: HarmonicMatch, bar: Bar) -> bool:
        """Act on a pattern; False when the position or a working order leaves nothing to do."""
        ctx = self.ctx
        held = ctx.get_position(self.symbol).quantity
        side = Side.BUY if self.zigzag.direction < 0 else Side.SELL
        if held * side.sign > 0 or ctx.open_orders(self.symbol):
            return False
        scale = self.min_qty_scale + (self.max_qty_scale - self.min_qty_scale) * match.confidence
        quantity = self.order_qty * scale
        if side is Side.SELL and not self.allow_short:
            if held == 0:
                return False
            ctx.close_position(self.symbol)
        elif held != 0:
            ctx.target_position(self.symbol, side.sign * quantity)
        else:
            self.enter(side, quantity, match, bar)
        return True

    def enter(self, side: Side, quantity: float, match: HarmonicMatch, bar: Bar) -> None:
        """Open a position: passive in a wide bar, at market when the fit is good or violent."""
        is_wide = (bar.high - bar.low) / bar.close >= self.vol_threshold_pct
        is_aggressive = (
            match.confidence >= self.aggressive_confidence_threshold
            or match.pattern.reaches_beyond_x
        )
        limit_price: float | None = None
        if self.use_limit and is_wide and not is_aggressive:
            limit_price = bar.close * (1.0 - side.sign * self.limit_offset_bps / 10_000.0)
        order = self.ctx.buy if side is Side.BUY else self.ctx.sell
        order(self.symbol, quantity, limit_price=limit_price, tag=match.pattern.name)

    def on_corporate_action(self, action: CorporateAction) -> None:
        """Bring the swings to the share's new size."""
        if action.symbol == self.symbol and action.kind is ActionKind.SPLIT:
            self.zigzag.rescale(float(action.value))
