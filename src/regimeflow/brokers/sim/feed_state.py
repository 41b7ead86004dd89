"""What the market side of the link has delivered: gaps after an outage, sessions exactly once."""

from __future__ import annotations

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.translate import bar_from, session_from
from regimeflow.model.events import (
    DataConflated,
    Event,
    FeedGap,
    SessionClosed,
    SessionOpened,
)
from regimeflow.model.market import Quote, Trade
from regimeflow.model.session import Session

MarketPush = m.QuotePush | m.TradePush | m.BarPush | m.SessionPush


class FeedState:
    """Last time heard by symbol, and the session that is open."""

    __slots__ = ("_heard_ns", "session")

    def __init__(self) -> None:
        self._heard_ns: dict[str, int] = {}
        self.session: Session | None = None

    def take(self, push: MarketPush) -> list[Event]:
        """The events of one push; a repeated session is nothing. Raises VenueProtocolError."""
        if isinstance(push, m.QuotePush):
            return self._quote(push)
        if isinstance(push, m.TradePush):
            self._heard_ns[push.symbol] = push.ts_ns
            return [Trade(push.symbol, push.ts_ns, push.price, push.size, push.aggressor)]
        if isinstance(push, m.BarPush):
            bar = bar_from(push.bar)
            self._heard_ns[bar.symbol] = bar.ts_close_ns
            return [bar]
        return self.turn_to(session_from(push.session) if push.is_open else None)

    def _quote(self, push: m.QuotePush) -> list[Event]:
        self._heard_ns[push.symbol] = push.ts_ns
        quote = Quote(push.symbol, push.ts_ns, push.bid, push.ask, push.bid_size, push.ask_size)
        return [DataConflated(push.symbol, push.conflated), quote] if push.conflated else [quote]

    def turn_to(self, session: Session | None) -> list[Event]:
        """The events that lead from the session known to be open to `session`."""
        known, self.session = self.session, session
        if known == session:
            return []
        events: list[Event] = [] if known is None else [SessionClosed(known)]
        return events if session is None else [*events, SessionOpened(session)]

    def gaps(self, until_ns: int) -> list[Event]:
        """What an outage that ended at `until_ns` may have swallowed, symbol by symbol."""
        return [
            FeedGap(symbol, heard_ns, until_ns)
            for symbol, heard_ns in self._heard_ns.items()
            if heard_ns < until_ns
        ]
