"""Small strategies for whole runs, loaded by name; most of them misbehave."""

from __future__ import annotations

import math

from regimeflow.model.market import Bar
from regimeflow.model.order import Side, TimeInForce
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.context import Context


class TimerAtStart(Strategy):
    """Sets a timer and an order whenever it starts, also after a restart in mid-session."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""
        self.fired = 0

    def on_start(self) -> None:
        """Ask to be called before the next bar, and for a little stock."""
        self.ctx.schedule_timer("soon", after_ns=1)
        if self.ctx.get_latest_bar(self.ctx.symbols[0]) is not None:
            self.ctx.buy(self.ctx.symbols[0], 1)

    def on_bar(self, bar: Bar) -> None:
        """Something to be seen of each bar."""
        self.ctx.log(f"{bar.ts_close_ns} {self.fired}")

    def on_timer(self, timer_id: str) -> None:
        """Count."""
        self.fired += 1


class RaisesOnBar(Strategy):
    """Buys, and raises at its tenth bar."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        """Rest an order, then break."""
        self.bars += 1
        self.ctx.buy(bar.symbol, 5)
        self.ctx.submit_order(
            bar.symbol,
            Side.BUY,
            self.bars,
            limit_price=bar.close / 2,
            time_in_force=TimeInForce.GTC,
        )
        if self.bars == 10:
            raise RuntimeError("the tenth bar")


class KeepsWhatCannotBeSaved(Strategy):
    """Puts a function into its state in mid-run, which no journal can hold."""

    def initialize(self, ctx: Context) -> None:
        """All is well at the start."""
        self.kept: object = None

    def on_bar(self, bar: Bar) -> None:
        """All is well until the night."""
        self.kept = print


class RaisesWhenRestored(Strategy):
    """Its `initialize` works once only: at the first night it raises."""

    def initialize(self, ctx: Context) -> None:
        """Break rules: depend on what is neither parameter nor state."""
        if ctx.get_latest_bar(ctx.symbols[0]) is not None:
            raise RuntimeError("initialized again")
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        """Count."""
        self.bars += 1


class BuysOnEveryBar(Strategy):
    """One share at each bar, at market."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        """Buy."""
        self.ctx.buy(bar.symbol, 1)


class RestsOnceADay(Strategy):
    """A limit far below the market, for the day, at each session's first bar."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""
        self.rested_on = ""

    def on_bar(self, bar: Bar) -> None:
        """Rest an order once a session."""
        session = self.ctx.session
        if session is not None and session.date != self.rested_on:
            self.rested_on = session.date
            self.ctx.buy(bar.symbol, 1, limit_price=bar.close / 2)


class RaisesAtStart(Strategy):
    """Dead from its first moment."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_start(self) -> None:
        """Break."""
        raise ValueError("boom in start")


class Watches(Strategy):
    """Never trades."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        """Look on."""


class CountsInAGlobal(Strategy):
    """Decides by what is not its state, and so otherwise after a restart."""

    seen = 0

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        """Buy when the number of bars that this process ever saw is a square."""
        CountsInAGlobal.seen += 1
        if math.isqrt(self.seen) ** 2 == self.seen:
            self.ctx.buy(bar.symbol, 1)


class InterruptsLater(Strategy):
    """Stands in for a person at the keyboard: stops this process at a bar of its second run."""

    seen = 0

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        """Buy, and interrupt."""
        InterruptsLater.seen += 1
        if self.seen == 600:
            raise KeyboardInterrupt
        self.ctx.buy(bar.symbol, 1)


class Leaves(Strategy):
    """Calls `sys.exit`."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""

    def on_bar(self, bar: Bar) -> None:
        """Leave."""
        raise SystemExit(5)
