"""The least a strategy can do, so that what is measured is the engine around it."""

from __future__ import annotations

from regimeflow.model.market import Bar, Quote
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.context import Context

QUOTES_AN_ORDER = 1_000


class Watcher(Strategy):
    """Takes quotes and does nothing."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to prepare."""

    def on_quote(self, quote: Quote) -> None:
        """Nothing."""


class BarTrader(Strategy):
    """One market order every bar: buys one, sells it on the next."""

    def initialize(self, ctx: Context) -> None:
        """Start flat."""
        self.is_buying = False

    def on_bar(self, bar: Bar) -> None:
        """Buy and sell by turns."""
        self.is_buying = not self.is_buying
        if self.is_buying:
            self.ctx.buy(bar.symbol, 1)
        else:
            self.ctx.sell(bar.symbol, 1)


class QuoteTrader(Strategy):
    """One market order every quote: each symbol is bought and sold by turns."""

    def initialize(self, ctx: Context) -> None:
        """Start flat."""
        self.is_long = dict.fromkeys(ctx.symbols, False)

    def on_quote(self, quote: Quote) -> None:
        """Buy, then sell."""
        symbol = quote.symbol
        if self.is_long[symbol]:
            self.ctx.sell(symbol, 1)
        else:
            self.ctx.buy(symbol, 1)
        self.is_long[symbol] = not self.is_long[symbol]


class SeldomTrader(Strategy):
    """One market order every `QUOTES_AN_ORDER` quotes: a symbol is bought and sold by turns."""

    def initialize(self, ctx: Context) -> None:
        """Start flat."""
        self.is_long = False
        self.quotes = 0

    def on_quote(self, quote: Quote) -> None:
        """Count; then buy, or sell what was bought."""
        self.quotes += 1
        if self.quotes % QUOTES_AN_ORDER:
            return
        symbol = self.ctx.symbols[0]
        if self.is_long:
            self.ctx.sell(symbol, 1)
        else:
            self.ctx.buy(symbol, 1)
        self.is_long = not self.is_long
