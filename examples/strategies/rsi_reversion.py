"""Buy what has fallen too far, sell when it has recovered: a daily strategy with a library.

Shows: indicators of the `talipp` package kept out of the state (`transient`) and rebuilt when
the run starts or resumes; splits; the market regime as a filter.
Run it: regimeflow backtest --config examples/rsi.yaml
"""

from __future__ import annotations

from talipp.indicators import RSI

from regimeflow.model.market import Bar, CorporateAction
from regimeflow.strategy import Context, Strategy

# Wilder's average never quite forgets: after 20 periods the past weighs less than 1e-8.
MEMORY_PERIODS = 20


class RsiReversion(Strategy):
    """Long `fraction` of equity below `entry`, flat above `exit`; no entries in a crisis."""

    parameters = {"period": 14, "entry": 30.0, "exit": 55.0, "fraction": 0.4}
    # An RSI object cannot be saved with the strategy's state, so it is named here.
    transient = ("rsi",)

    def initialize(self, ctx: Context) -> None:
        """Parameters are in `ctx.params`, defaults included."""
        self.period = int(ctx.params["period"])
        self.entry = float(ctx.params["entry"])
        self.exit = float(ctx.params["exit"])
        self.fraction = float(ctx.params["fraction"])
        # The engine delivers this much history before the first order is allowed.
        self.warmup_bars = MEMORY_PERIODS * self.period
        self.rsi: dict[str, RSI] = {}

    def on_start(self) -> None:
        """At the first start there is no history yet; after a restart there is."""
        for symbol in self.ctx.symbols:
            self.rebuild(symbol)

    def rebuild(self, symbol: str) -> None:
        """A fresh RSI over the bars so far, which `get_bars` gives adjusted for splits."""
        bars = self.ctx.get_bars(symbol, self.warmup_bars)
        self.rsi[symbol] = RSI(self.period, input_values=[bar.close for bar in bars])

    def on_bar(self, bar: Bar) -> None:
        """Warm-up bars arrive here too, so the indicator is always up to date."""
        rsi = self.rsi[bar.symbol]
        rsi.add(bar.close)
        # The RSI is None until it has seen more than `period` prices.
        if self.ctx.is_warmup or not len(rsi) or rsi[-1] is None:
            return
        is_long = self.ctx.get_position(bar.symbol).quantity > 0
        if is_long and rsi[-1] > self.exit:
            self.ctx.close_position(bar.symbol)
        elif not is_long and rsi[-1] < self.entry and self.ctx.current_regime != "crisis":
            # Counts orders that still work, so nothing is bought twice.
            self.ctx.target_percent(bar.symbol, self.fraction)

    def on_corporate_action(self, action: CorporateAction) -> None:
        """A split halves the price, not the value: read the history again, adjusted."""
        self.rebuild(action.symbol)
