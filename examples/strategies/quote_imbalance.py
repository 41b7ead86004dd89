"""Follow the heavier side of the book for a few minutes: an intraday strategy on quotes.

Shows: quotes, timers, and being flat before the close whatever happens.
Run it: regimeflow backtest --config examples/intraday.yaml
"""

from __future__ import annotations

from regimeflow.model.market import Quote
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.strategy import Context, Strategy


class QuoteImbalance(Strategy):
    """Buy when buyers have outweighed sellers for a while; sell after `hold_s` at the latest."""

    parameters = {"enter": 0.4, "leave": 0.0, "weight": 0.2, "hold_s": 600, "quantity": 100.0}

    def initialize(self, ctx: Context) -> None:
        """State is numbers and dictionaries, which are saved at each session's end."""
        self.enter = float(ctx.params["enter"])
        self.leave = float(ctx.params["leave"])
        self.weight = float(ctx.params["weight"])
        self.hold_ns = int(ctx.params["hold_s"]) * NS_PER_S
        self.quantity = float(ctx.params["quantity"])
        self.smoothed: dict[str, float] = {}
        # The day on which we are done; a new day brings another date.
        self.closed_on = ""

    def on_quote(self, quote: Quote) -> None:
        """Runs for every change of the best bid or ask: keep it short."""
        total = quote.bid_size + quote.ask_size
        if total <= 0.0 or quote.bid <= 0.0 or quote.ask <= 0.0:
            return  # one side is empty: a halt, or the moments around the open
        imbalance = (quote.bid_size - quote.ask_size) / total
        before = self.smoothed.get(quote.symbol, 0.0)
        after = before + self.weight * (imbalance - before)
        self.smoothed[quote.symbol] = after
        if self.ctx.is_warmup or self.is_done_for_today():
            return
        if self.ctx.open_orders(quote.symbol):
            return  # an order is on its way: wait for its end before wishing for another
        held = self.ctx.get_position(quote.symbol).quantity
        if held == 0 and after > self.enter:
            if self.ctx.target_position(quote.symbol, self.quantity) is not None:
                self.ctx.schedule_timer(quote.symbol, after_ns=self.hold_ns)
        elif held > 0 and after < self.leave:
            self.go_flat(quote.symbol)

    def on_timer(self, timer_id: str) -> None:
        """The position is old enough. Timers carry the symbol as their name."""
        self.go_flat(timer_id)

    def on_end_of_day(self, session: Session) -> None:
        """Ten minutes before the close: flat, and nothing new until tomorrow."""
        self.closed_on = session.date
        for symbol in self.ctx.symbols:
            self.go_flat(symbol)

    def go_flat(self, symbol: str) -> None:
        """Cancels what still works and sells what is held; harmless when there is nothing."""
        self.ctx.cancel_timer(symbol)
        self.ctx.close_position(symbol)

    def is_done_for_today(self) -> bool:
        """True outside sessions, and after this session's `on_end_of_day`."""
        session = self.ctx.session
        return session is None or session.date == self.closed_on
