"""What a market observation sets off, in this order:
market state, freshness, value of the books and loss limits, regime, built bars, strategies.

Cost: a quote that nobody trades on is a few dictionary stores and one comparison; see
`docs/performance.md` for the measured figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regimeflow.core.bar_shop import BarShop
from regimeflow.core.callbacks import Call
from regimeflow.core.watchdog import Watchdog
from regimeflow.model.commands import (
    DiscrepancyFound,
    RegimeChanged,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.market import Bar, BookDelta, BookSnapshot, Quote, Trade

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

NOBODY: tuple[Call, ...] = ()


class MarketHandler:
    """Handles bars, quotes, trades and books for one engine."""

    __slots__ = (
        "_bar_calls",
        "_book_calls",
        "_built_calls",
        "_engine",
        "_is_watching_losses",
        "_market",
        "_moment",
        "_period_ns",
        "_quote_calls",
        "_tick_calls",
        "next_due_ns",
        "shop",
        "watchdog",
    )

    def __init__(self, engine: Engine) -> None:
        setup = engine.setup
        self._engine = engine
        self._market = engine.market
        self._moment = engine.desk.moment
        self.shop = BarShop(engine.market, setup.bar_size_ns)
        limit_ns = 2 * setup.bar_size_ns if setup.bar_size_ns else setup.stale_after_ns
        self.watchdog = Watchdog(
            engine.market,
            engine.instruments,
            is_daily=setup.is_daily,
            limit_ns=limit_ns,
            blocks_orders=setup.halt_on_stale,
        )
        self._period_ns = max(limit_ns // 2, 1)
        self.next_due_ns = 0
        self._bar_calls: dict[str, list[Call]] = {}
        self._built_calls: dict[tuple[str, str], list[Call]] = {}
        self._quote_calls: dict[str, list[Call]] = {}
        self._tick_calls: dict[str, list[Call]] = {}
        self._book_calls: dict[str, list[Call]] = {}
        policy = setup.policy
        self._is_watching_losses = policy.limits.watches_losses or any(
            limits.watches_losses for limits in policy.limits_by_regime.values()
        )

    def index(self) -> None:
        """List per symbol who listens, in configuration order."""
        tables: dict[str, dict[str, list[Call]]] = {
            "on_quote": self._quote_calls,
            "on_tick": self._tick_calls,
            "on_order_book": self._book_calls,
        }
        for table in (*tables.values(), self._bar_calls):
            table.clear()
        self._built_calls.clear()
        for seat in self._engine.callbacks.seats.values():
            if seat.is_faulted:
                continue
            for symbol in seat.symbols:
                for name, table in tables.items():
                    if name in seat.calls:
                        table.setdefault(symbol, []).append((seat, seat.calls[name]))
                if seat.bar_size is not None:
                    self.shop.ensure(symbol, seat.bar_size)
                if "on_bar" not in seat.calls:
                    continue
                call = (seat, seat.calls["on_bar"])
                if seat.bar_size is None:
                    self._bar_calls.setdefault(symbol, []).append(call)
                else:
                    self._built_calls.setdefault((symbol, seat.bar_size), []).append(call)

    # --- events -------------------------------------------------------------------------

    def on_quote(self, quote: Quote) -> None:
        """A new best bid and ask."""
        engine, symbol = self._engine, quote.symbol
        if engine.warming_count:
            engine.end_warmups()
        self._market.quotes[symbol] = quote
        engine.ledger.apply_quote(quote)
        self._observe(symbol, quote.ts_venue_ns)
        if self.shop.builders and 0.0 < quote.bid <= quote.ask:
            self._announce(self.shop.add_price(symbol, quote.ts_venue_ns, quote.mid, 0.0))
        calls = self._quote_calls.get(symbol)
        if calls:
            engine.callbacks.deliver(calls, quote)

    def on_trade(self, trade: Trade) -> None:
        """A print."""
        engine, symbol = self._engine, trade.symbol
        if engine.warming_count:
            engine.end_warmups()
        self._market.trades[symbol] = trade
        engine.ledger.apply_price(symbol, trade.price)
        self._observe(symbol, trade.ts_venue_ns)
        if self.shop.builders:
            self._announce(self.shop.add_price(symbol, trade.ts_venue_ns, trade.price, trade.size))
        calls = self._tick_calls.get(symbol)
        if calls:
            engine.callbacks.deliver(calls, trade)

    def on_bar(self, bar: Bar) -> None:
        """A closed bar of the feed; a repeated or late one triggers nothing again."""
        engine, symbol = self._engine, bar.symbol
        if not engine.ledger.apply_bar(bar):
            self._refuse_late(bar)
            return
        self._market.bars[symbol] = bar
        self._market.keep_bar(bar, None)
        self._observe(symbol, bar.ts_close_ns)
        if engine.regime_detector is not None and symbol == engine.setup.regime_symbol:
            self._update_regime(bar)
        if self.shop.builders:
            self._announce(self.shop.add_bar(bar))
        calls = self._bar_calls.get(symbol, NOBODY)
        if engine.warming_count:
            self._warm_up(calls, bar, None)
        elif calls:
            engine.callbacks.deliver(calls, bar)

    def _refuse_late(self, bar: Bar) -> None:
        """What a strategy has decided on cannot be decided again: told, unless a mere repeat."""
        newest = self._market.bars.get(bar.symbol)
        if newest is None or newest == bar:
            return
        ours, theirs = str(newest.ts_close_ns), str(bar.ts_close_ns)
        why = "a bar that is not newer than the last one; nobody was shown it"
        self._engine.emit(DiscrepancyFound("late_bar", bar.symbol, ours, theirs, why))

    def on_book(self, book: BookSnapshot) -> None:
        """A whole book."""
        engine, symbol = self._engine, book.symbol
        engine.market.books[symbol] = book
        self._observe(symbol, book.ts_venue_ns)
        engine.callbacks.deliver(self._book_calls.get(symbol, NOBODY), book)

    def on_book_delta(self, delta: BookDelta) -> None:
        """Changed levels: the whole book after the change is what strategies see."""
        book = self._engine.market.apply_delta(delta)
        if book is not None:
            self.on_book(book)

    # --- steps --------------------------------------------------------------------------

    def _observe(self, symbol: str, ts_venue_ns: int) -> None:
        """Freshness, intent ids, loss limits and periodic work: what every observation does."""
        engine, watchdog, moment = self._engine, self.watchdog, self._moment
        moment.symbol = symbol
        moment.ts_venue_ns = ts_venue_ns
        if watchdog.heard_ns.get(symbol) == ts_venue_ns:
            moment.ordinals[symbol] = moment.ordinals.get(symbol, 0) + 1
        elif moment.ordinals:
            moment.ordinals.pop(symbol, None)
        if moment.wish_count:
            moment.wish_count.clear()
        change = None
        if symbol not in watchdog.heard_ns or watchdog.stale:
            change = watchdog.first_or_recovered(symbol)
        watchdog.heard_ns[symbol] = ts_venue_ns
        if watchdog.is_daily:
            watchdog.heard_in_session(symbol)
        if change is not None:
            engine.change_health(change)
        if engine.now_ns >= self.next_due_ns:
            self.work_periodically()
        if self._is_watching_losses and engine.ledger.portfolio.held:
            self._check_losses()

    def work_periodically(self) -> None:
        """Staleness, bars that are over, valuation inside the session: at most once a period."""
        engine = self._engine
        self.next_due_ns = engine.now_ns + self._period_ns
        self.judge_silence()
        if self.shop.builders:
            # The last smaller bar of a built one may come with this very event, or late.
            self._announce(self.shop.close_due(engine.now_ns - (engine.setup.bar_size_ns or 0)))
        engine.session_handler.mark_if_due()

    def judge_silence(self) -> None:
        """Judge a feed that is measured by the clock; a quick answer where nothing is late."""
        if not self.watchdog.is_daily and self.watchdog.may_be_stale(self._engine.now_ns):
            self.judge_freshness()

    def judge_freshness(self) -> None:
        """Announce who has gone silent; by policy hold and cancel the symbol."""
        engine = self._engine
        if not engine.setup.watches_feed:
            return
        for symbol, change in self.watchdog.newly_stale(engine.now_ns):
            engine.change_health(change)
            if engine.setup.cancel_on_stale:
                engine.desk.cancel_all(f"{symbol} is stale", symbol)

    def flush_bars(self) -> None:
        """Complete what is forming: the session is over."""
        self._announce(self.shop.flush())

    def _announce(self, built: list[tuple[str, Bar]]) -> None:
        for size, bar in built:
            self._engine.market.keep_bar(bar, size)
            calls = self._built_calls.get((bar.symbol, size), NOBODY)
            if self._engine.warming_count:
                self._warm_up(calls, bar, size)
            elif calls:
                self._engine.callbacks.deliver(calls, bar)

    def _warm_up(self, calls: Sequence[Call], bar: Bar, size: str | None) -> None:
        """Deliver a bar; it counts for every strategy on its size, also one without `on_bar`."""
        engine = self._engine
        engine.end_warmups()
        engine.callbacks.deliver(calls, bar)
        for seat in engine.callbacks.seats.values():
            if seat.bar_size == size:
                seat.count_warmup(bar.symbol)

    def _check_losses(self) -> None:
        engine = self._engine
        ledger = engine.ledger
        if ledger.trading.account is not TradingState.ACTIVE:
            return
        breach = ledger.losses.breach(ledger.net_equity, engine.gate.limits)
        if breach is not None:
            engine.emit(breach)
            engine.emit(TradingStateChanged(TradingState.REDUCING, breach.message, breach.control))

    def _update_regime(self, bar: Bar) -> None:
        engine = self._engine
        assert engine.regime_detector is not None
        state = engine.regime_detector.update(bar)
        if not state.is_warm or state.label == engine.regime:
            return
        change = RegimeChanged(
            bar.symbol,
            engine.regime,
            state.label,
            state.probability,
            state.model_id,
            bar.ts_close_ns,
        )
        engine.emit(change)
        engine.regime = state.label
        engine.gate.set_regime(state.label)
        engine.callbacks.broadcast("on_regime_change", change)
