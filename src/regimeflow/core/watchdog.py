"""Freshness per symbol, in open time: a feed that is silent while the venue trades is stale.

A socket that answers pings proves nothing; only data of the symbol itself does. Daily feeds
are judged in sessions (two missed), other bars in two bar sizes, ticks in `stale_after_ns`. What
was never heard is silent since the engine's start: nobody else would miss a feed that stays mute
across a restart, or a symbol that the venue does not deliver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from regimeflow.core.market_state import MarketState
from regimeflow.model.commands import HealthChanged, HealthStatus

SESSIONS_MISSED_MAX = 2


class SavedWatchdog(msgspec.Struct, frozen=True, array_like=True):
    """Who was heard when, by the clock and in sessions, who is stale, and since when we listen."""

    heard_ns: dict[str, int]
    heard_session: dict[str, int]
    sessions: int
    stale: list[str]
    began_ns: int = 0


class Watchdog:
    """Remembers when each of `symbols` was last heard, and who is stale.

    `blocks_orders`: a stale symbol has no reference price, so that nothing may enter there.
    `heard_ns` is written by the market handler itself at every observation (a call would cost
    several times the store), after `first_or_recovered` where the symbol is new or `stale`.
    """

    __slots__ = (
        "_began_ns",
        "_blocks_orders",
        "_heard_session",
        "_limit_ns",
        "_market",
        "_symbols",
        "heard_ns",
        "is_daily",
        "sessions",
        "stale",
    )

    def __init__(
        self,
        market: MarketState,
        symbols: Iterable[str],
        *,
        is_daily: bool,
        limit_ns: int,
        blocks_orders: bool,
    ) -> None:
        self._market = market
        self._symbols = tuple(symbols)
        self._began_ns = 0
        self._blocks_orders = blocks_orders
        self.stale: set[str] = set()
        self._limit_ns = limit_ns
        self.is_daily = is_daily
        self.heard_ns: dict[str, int] = {}
        self._heard_session: dict[str, int] = {}
        self.sessions = 0

    def capture(self) -> SavedWatchdog:
        """What a restored watchdog goes on from; to be encoded at once."""
        return SavedWatchdog(
            self.heard_ns, self._heard_session, self.sessions, sorted(self.stale), self._began_ns
        )

    def restore(self, saved: SavedWatchdog) -> None:
        """Go on from what was captured; what is stale is so in the market state too."""
        self.heard_ns.update(saved.heard_ns)
        self._heard_session.update(saved.heard_session)
        self.sessions, self._began_ns = saved.sessions, saved.began_ns
        self.stale.update(saved.stale)
        if self._blocks_orders:
            self._market.stale.update(saved.stale)

    def begin(self, ts_ns: int) -> None:
        """The engine starts: it listens from now on."""
        self._began_ns = ts_ns

    def heard_in_session(self, symbol: str) -> None:
        """Data of `symbol` arrived on a daily feed, which is judged in sessions."""
        self._heard_session[symbol] = self.sessions

    def first_or_recovered(self, symbol: str) -> HealthChanged | None:
        """The change to announce when data of `symbol` arrives, if it is one."""
        is_first, was_stale = symbol not in self.heard_ns, symbol in self.stale
        if not is_first and not was_stale:
            return None
        self.stale.discard(symbol)
        self._market.stale.discard(symbol)
        detail = "first data" if is_first else "data again"
        return HealthChanged(f"feed:{symbol}", HealthStatus.OK, detail)

    def may_be_stale(self, ts_ns: int) -> bool:
        """A quick answer for feeds judged by the clock: open time never outruns time."""
        heard_ns = min(self.heard_ns.values(), default=ts_ns)
        if self._began_ns and not self.heard_ns.keys() >= set(self._symbols):
            heard_ns = min(heard_ns, self._began_ns)
        return ts_ns - heard_ns > self._limit_ns

    def newly_stale(self, ts_ns: int) -> list[tuple[str, HealthChanged]]:
        """Symbols that have become stale; nothing does outside sessions."""
        if self._market.session is None and not self.is_daily:
            return []
        found = []
        for symbol, heard_ns in self._listened_to():
            if symbol in self.stale:
                continue
            detail = self._lateness(symbol, ts_ns, heard_ns)
            if detail:
                self.stale.add(symbol)
                if self._blocks_orders:
                    self._market.stale.add(symbol)
                found.append((symbol, HealthChanged(f"feed:{symbol}", HealthStatus.STALE, detail)))
        return found

    def _listened_to(self) -> Iterator[tuple[str, int]]:
        """Symbols, and when each was last heard: at the start, for those that never were."""
        yield from self.heard_ns.items()
        if self._began_ns:
            yield from ((s, self._began_ns) for s in self._symbols if s not in self.heard_ns)

    def _lateness(self, symbol: str, ts_ns: int, heard_ns: int) -> str:
        if self.is_daily:
            missed = self.sessions - self._heard_session.get(symbol, 0)
            if missed < SESSIONS_MISSED_MAX:
                return ""
            return f"no bar for {missed} sessions"
        age_ns = self._market.open_age_ns(ts_ns, heard_ns)
        if age_ns <= self._limit_ns:
            return ""
        return f"no data for {age_ns / 1e9:.1f} s, at most {self._limit_ns / 1e9:.1f} s is normal"
