"""All bar builders of a run: made on first demand, fed once per observation."""

from __future__ import annotations

from regimeflow.core.bars import BarBuilder, SavedBuilder
from regimeflow.core.market_state import MarketState
from regimeflow.errors import UsageError
from regimeflow.model.market import Bar
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_S

BUILDERS_MAX = 256
"""Symbols times sizes; one more is the strategy's fault."""


class BarShop:
    """Builders per symbol, and the history they fill."""

    __slots__ = ("_feed_size_ns", "_market", "builders")

    def __init__(self, market: MarketState, feed_size_ns: int | None) -> None:
        self._market = market
        self._feed_size_ns = feed_size_ns or 0
        self.builders: dict[str, list[BarBuilder]] = {}

    def ensure(self, symbol: str, size: str) -> None:
        """Build bars of `size` from now on, and from the feed's own history as far as it goes."""
        if any(builder.size == size for builder in self.builders.get(symbol, ())):
            return
        builder = BarBuilder(symbol, size)
        if builder.size_ns < self._feed_size_ns:
            feed_s = self._feed_size_ns // NS_PER_S
            raise UsageError(
                f"bars of {size!r} cannot be built from a feed of {feed_s} s bars; ask for larger "
                "ones or use a finer feed"
            )
        if sum(map(len, self.builders.values())) >= BUILDERS_MAX:
            raise UsageError(f"more than {BUILDERS_MAX} combinations of symbol and bar size")
        session = self._market.session
        if session is not None:
            builder.open_session(session.open_ns, session.close_ns)
        self.builders.setdefault(symbol, []).append(builder)
        for bar in list(self._market.history.get((symbol, None), ())):
            for done in builder.add_bar(bar):
                self._market.keep_bar(done, size)

    def capture(self) -> list[SavedBuilder]:
        """Every builder, in order of demand within a symbol."""
        return [builder.capture() for of_symbol in self.builders.values() for builder in of_symbol]

    def restore(self, saved: list[SavedBuilder]) -> None:
        """The builders that were captured, and no others."""
        self.builders.clear()
        for one in saved:
            self.builders.setdefault(one.symbol, []).append(BarBuilder.restored(one))

    def open_session(self, session: Session) -> None:
        """Align every builder to this session."""
        for builders in self.builders.values():
            for builder in builders:
                builder.open_session(session.open_ns, session.close_ns)

    def add_bar(self, bar: Bar) -> list[tuple[str, Bar]]:
        """Feed a bar; returns `(size, bar)` of what it completes, in order of demand."""
        return [
            (builder.size, done)
            for builder in self.builders.get(bar.symbol, ())
            for done in builder.add_bar(bar)
        ]

    def add_price(
        self, symbol: str, ts_ns: int, price: float, size: float
    ) -> list[tuple[str, Bar]]:
        """Feed a print or a mid price; returns what it completes."""
        return [
            (builder.size, done)
            for builder in self.builders.get(symbol, ())
            for done in builder.add_price(ts_ns, price, size)
        ]

    def close_due(self, ts_ns: int) -> list[tuple[str, Bar]]:
        """Complete every bar that is over by `ts_ns`, of any symbol."""
        return [
            (builder.size, done)
            for builders in self.builders.values()
            for builder in builders
            for done in builder.close_due(ts_ns)
        ]

    def flush(self) -> list[tuple[str, Bar]]:
        """Complete every forming bar: the session is over."""
        return [
            (builder.size, done)
            for builders in self.builders.values()
            for builder in builders
            for done in builder.flush()
        ]

    def apply_split(self, symbol: str, ratio: float) -> None:
        """Restate forming bars in new shares."""
        for builder in self.builders.get(symbol, ()):
            builder.apply_split(ratio)
