"""What the engine knows of the market: the latest of everything, bounded history, prices fresh
enough to value an order.

Age is measured in open time: while the venue is closed nothing grows old, so that Friday's
last bar is as good on Monday's open as it was at the close.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import NamedTuple

import msgspec

from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.instrument import decimal_from
from regimeflow.model.market import (
    ActionKind,
    Bar,
    BookDelta,
    BookSnapshot,
    CorporateAction,
    Quote,
    Trade,
)
from regimeflow.model.session import Session

HISTORY_BARS_MAX = 1_024
SESSIONS_MAX = 8
"""Closed sessions remembered; what was observed before them ages by the wall clock."""
INFINITE = float("inf")


class Reference(NamedTuple):
    """What a buyer would pay and a seller would get now, by the freshest observation."""

    ask: Decimal
    bid: Decimal


class SavedMarket(msgspec.Struct, frozen=True, array_like=True):
    """The knowledge as values. The latest bars are the last of their histories; who is stale is
    the watchdog's."""

    quotes: list[Quote]
    trades: list[Trade]
    books: list[BookSnapshot]
    history: list[tuple[str | None, list[Bar]]]
    session: Session | None
    closed_sessions: list[Session]

    def latest(self) -> list[Bar | Quote | Trade | BookSnapshot]:
        """The newest observation of each kind and symbol."""
        bars = [kept[-1] for size, kept in self.history if size is None]
        return [*bars, *self.quotes, *self.trades, *self.books]


class MarketState:
    """Latest bar, quote, trade and book per symbol, and bar history per symbol and size."""

    __slots__ = (
        "bars",
        "books",
        "closed_sessions",
        "history",
        "quotes",
        "session",
        "stale",
        "trades",
    )

    def __init__(self) -> None:
        self.bars: dict[str, Bar] = {}
        self.quotes: dict[str, Quote] = {}
        self.trades: dict[str, Trade] = {}
        self.books: dict[str, BookSnapshot] = {}
        self.history: dict[tuple[str, str | None], deque[Bar]] = {}
        self.stale: set[str] = set()
        self.session: Session | None = None
        self.closed_sessions: deque[Session] = deque(maxlen=SESSIONS_MAX)

    def copy(self) -> MarketState:
        """The same knowledge, to go on with separately."""
        twin = MarketState()
        for name in ("bars", "quotes", "trades", "books", "stale"):
            getattr(twin, name).update(getattr(self, name))
        twin.history = {key: kept.copy() for key, kept in self.history.items()}
        twin.session = self.session
        twin.closed_sessions = self.closed_sessions.copy()
        return twin

    def capture(self) -> SavedMarket:
        """What a restored market state goes on from."""
        return SavedMarket(
            list(self.quotes.values()),
            list(self.trades.values()),
            list(self.books.values()),
            [(size, list(kept)) for (_, size), kept in self.history.items()],
            self.session,
            list(self.closed_sessions),
        )

    def restore(self, saved: SavedMarket, *, built: bool = True) -> None:
        """Know what was captured and nothing else; bars that were `built` only if asked for."""
        for name in ("bars", "quotes", "trades", "books", "history", "stale", "closed_sessions"):
            getattr(self, name).clear()
        self.quotes.update({quote.symbol: quote for quote in saved.quotes})
        self.trades.update({trade.symbol: trade for trade in saved.trades})
        self.books.update({book.symbol: book for book in saved.books})
        for size, bars in saved.history:
            if size is None:
                self.bars[bars[-1].symbol] = bars[-1]
            if size is None or built:
                key = (bars[-1].symbol, size)
                self.history[key] = deque(bars, maxlen=HISTORY_BARS_MAX)
        self.session = saved.session
        self.closed_sessions.extend(saved.closed_sessions)

    def observe(self, event: object) -> None:
        """Know what an event says, as an engine would without strategies: nothing is built, and
        nothing judged stale. A fold of a journal keeps up with the market by it."""
        if isinstance(event, Bar):
            newest = self.bars.get(event.symbol)
            if newest is None or event.ts_close_ns > newest.ts_close_ns:
                self.bars[event.symbol] = event
                self.keep_bar(event, None)
        elif isinstance(event, Quote):
            self.quotes[event.symbol] = event
        elif isinstance(event, Trade):
            self.trades[event.symbol] = event
        elif isinstance(event, BookSnapshot):
            self.books[event.symbol] = event
        elif isinstance(event, BookDelta):
            book = self.apply_delta(event)
            if book is not None:
                self.books[event.symbol] = book
        elif isinstance(event, SessionOpened):
            self.session = event.session
        elif isinstance(event, SessionClosed):
            self.close_session(event.session)
        elif isinstance(event, CorporateAction) and event.kind is ActionKind.SPLIT:
            self.apply_split(event.symbol, float(event.value))

    def keep_bar(self, bar: Bar, size: str | None) -> None:
        """Add a closed bar to the history of its size (None: the feed's own)."""
        key = (bar.symbol, size)
        kept = self.history.get(key)
        if kept is None:
            kept = self.history[key] = deque(maxlen=HISTORY_BARS_MAX)
        kept.append(bar)

    def apply_delta(self, delta: BookDelta) -> BookSnapshot | None:
        """The whole book after a change; None while no snapshot has been seen."""
        book = self.books.get(delta.symbol)
        if book is None:
            return None
        return BookSnapshot(
            delta.symbol,
            delta.ts_venue_ns,
            _merge_levels(book.bids, delta.bids, highest_first=True),
            _merge_levels(book.asks, delta.asks, highest_first=False),
        )

    def last_bars(self, symbol: str, count: int, size: str | None) -> list[Bar]:
        """Up to `count` last closed bars, oldest first."""
        kept = self.history.get((symbol, size))
        if kept is None or count <= 0:
            return []
        return list(kept)[-count:]

    def apply_split(self, symbol: str, ratio: float) -> None:
        """Restate the bar history of `symbol` in new shares; the latest raw values stay."""
        for (kept_symbol, _), kept in self.history.items():
            if kept_symbol == symbol:
                restated = [bar.restated(ratio) for bar in kept]
                kept.clear()
                kept.extend(restated)
        # What was observed before the split prices an old share: it may value nothing now.
        self.quotes.pop(symbol, None)
        self.trades.pop(symbol, None)
        self.books.pop(symbol, None)
        bar = self.bars.get(symbol)
        if bar is not None:
            self.bars[symbol] = bar.restated(ratio)

    def close_session(self, session: Session) -> None:
        """The venue stopped trading: from here on nothing grows older."""
        self.closed_sessions.append(session)
        if self.session == session:
            self.session = None

    def open_age_ns(self, ts_ns: int, observed_ns: int) -> int:
        """Open time between an observation and now, over at most `SESSIONS_MAX` sessions."""
        age_ns = 0
        session = self.session
        if session is not None:
            age_ns = ts_ns - max(session.open_ns, observed_ns)
        for past in reversed(self.closed_sessions):
            if past.close_ns <= observed_ns:
                return age_ns
            age_ns += past.close_ns - max(past.open_ns, observed_ns)
        if len(self.closed_sessions) == SESSIONS_MAX:
            age_ns += max(self.closed_sessions[0].open_ns - observed_ns, 0)
        return age_ns

    def reference(self, symbol: str, ts_ns: int, age_ns_max: int) -> Reference | None:
        """The newest of quote, trade and bar close, if it is fresh enough; else None."""
        newest_ns = -1
        ask = bid = 0.0
        bar = self.bars.get(symbol)
        if bar is not None:
            newest_ns, ask, bid = bar.ts_close_ns, bar.close, bar.close
        trade = self.trades.get(symbol)
        if trade is not None and trade.ts_venue_ns >= newest_ns:
            newest_ns, ask, bid = trade.ts_venue_ns, trade.price, trade.price
        quote = self.quotes.get(symbol)
        if quote is not None and quote.ts_venue_ns >= newest_ns and 0 < quote.bid <= quote.ask:
            newest_ns, ask, bid = quote.ts_venue_ns, quote.ask, quote.bid
        if symbol in self.stale or newest_ns < 0 or not 0.0 < ask < INFINITE or not bid > 0.0:
            return None
        if self.open_age_ns(ts_ns, newest_ns) > age_ns_max:
            return None
        exact_ask = decimal_from(ask)
        return Reference(exact_ask, exact_ask if bid == ask else decimal_from(bid))


def _merge_levels(
    levels: tuple[tuple[float, float], ...],
    changes: tuple[tuple[float, float], ...],
    *,
    highest_first: bool,
) -> tuple[tuple[float, float], ...]:
    merged = dict(levels)
    for price, size in changes:
        if size:
            merged[price] = size
        else:
            merged.pop(price, None)
    return tuple(sorted(merged.items(), reverse=highest_first))
