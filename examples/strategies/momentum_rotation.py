"""Hold the strongest of several symbols and look again each month.

Shows: several symbols at once, `get_bars` for a long look-back, `target_percent` to rebalance.
Run it: regimeflow backtest --config examples/rotation.yaml
"""

from __future__ import annotations

from regimeflow.errors import ConfigError
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import date_from_ns
from regimeflow.strategy import Context, Strategy


class MomentumRotation(Strategy):
    """Equal parts of the `top` symbols with the highest, positive past return.

    The return is over `lookback` bars and leaves out the last `skip`, which tend to reverse.
    """

    parameters = {"lookback": 126, "skip": 21, "top": 2, "invested": 0.6}

    def initialize(self, ctx: Context) -> None:
        """What makes no sense is refused here, before anything is traded."""
        self.lookback = int(ctx.params["lookback"])
        self.skip = int(ctx.params["skip"])
        self.top = int(ctx.params["top"])
        self.invested = float(ctx.params["invested"])
        if not 0 <= self.skip < self.lookback:
            raise ConfigError(
                f"skip is {self.skip}, expected less than lookback ({self.lookback}); "
                "change strategy.params.skip"
            )
        self.warmup_bars = self.lookback + 1
        self.month = ""
        self.to_buy: list[str] = []
        # Which symbols have closed a bar at this moment: we decide once all have.
        self.ts_close_ns = 0
        self.closed: list[str] = []

    def on_bar(self, bar: Bar) -> None:
        """Called once for each symbol and day; the last of the day's calls decides."""
        if bar.ts_close_ns != self.ts_close_ns:
            self.ts_close_ns = bar.ts_close_ns
            self.closed = []
        self.closed.append(bar.symbol)
        if self.ctx.is_warmup or len(self.closed) < len(self.ctx.symbols):
            return
        # Yesterday's sales have filled by now, or still work: then we wait another day.
        if self.to_buy and not self.ctx.open_orders():
            self.buy()
        month = date_from_ns(bar.ts_close_ns).isoformat()[:7]
        if month != self.month:
            self.month = month
            self.rotate()

    def rotate(self) -> None:
        """Choose, and sell what was not chosen."""
        ranked = sorted(self.ctx.symbols, key=lambda symbol: (-self.momentum(symbol), symbol))
        chosen = [symbol for symbol in ranked[: self.top] if self.momentum(symbol) > 0.0]
        self.ctx.log(f"{self.month}: {', '.join(chosen) or 'cash'}")
        for symbol in self.ctx.symbols:
            if symbol not in chosen:
                self.ctx.close_position(symbol)
        self.to_buy = chosen

    def buy(self) -> None:
        """A day after the sales: before they fill, their cash is not there to buy with."""
        for symbol in self.to_buy:
            self.ctx.target_percent(symbol, self.invested / self.top)
        self.to_buy = []

    def momentum(self, symbol: str) -> float:
        """Past return; prices from `get_bars` are adjusted for splits as of now."""
        bars = self.ctx.get_bars(symbol, self.lookback + 1)
        if len(bars) <= self.lookback:
            return 0.0
        return bars[-1 - self.skip].close / bars[0].close - 1.0
