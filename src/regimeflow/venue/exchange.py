"""Walks the working orders of a symbol past each print, in the order that is worst for them.

Invariants: an order trades only inside a session and from its `active_ns` on; it meets a bar's
range only when it had arrived by that bar's opening; a bar's volume is shared in order of
arrival, stops first.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.model.instrument import decimal_from
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.order import ZERO, OrderType
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.venue.costs import Opportunity, Role
from regimeflow.venue.matcher import Matcher
from regimeflow.venue.matching_bars import at_open, in_range
from regimeflow.venue.matching_ticks import at_quote, at_trade
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.orders import IMMEDIATE, STOP_TYPES, WorkingOrder


class Exchange:
    """One method a kind of print. `ambiguous_bars` counts stop and target in one bar's range."""

    __slots__ = (
        "_calendar",
        "_matcher",
        "_model",
        "_session",
        "ambiguous_bars",
        "fresh_after_ns",
        "opened",
        "taken",
    )

    def __init__(
        self, *, matcher: Matcher, model: ExecutionModel, calendar: SessionCalendar
    ) -> None:
        self._matcher = matcher
        self._model = model
        self._calendar = calendar
        self._session: Session | None = None
        self.ambiguous_bars = 0
        # A quote or print older than the session before this one does not make a tick feed.
        self.fresh_after_ns = 0
        self.opened: dict[str, int] = {}
        self.taken: dict[str, tuple[int, Decimal]] = {}

    def match_open(self, bar: Bar) -> None:
        """The first print of a bar, one nanosecond after its opening; a repeat does nothing."""
        symbol = bar.symbol
        orders = self._matcher.book.working.get(symbol)
        if orders is None or self.opened.get(symbol) == bar.ts_open_ns:
            return
        self.opened[symbol] = bar.ts_open_ns
        if not self._has_market(bar) or self._has_ticks(symbol):
            return
        moment_ns = bar.ts_open_ns + 1
        for order in tuple(orders):
            if order.active_ns <= moment_ns and not order.is_done:
                opportunity = at_open(order, bar.open, self._model)
                if opportunity is None and order.time_in_force not in IMMEDIATE:
                    continue
                self._execute_in_bar(order, opportunity, bar, moment_ns)

    def match_range(self, bar: Bar) -> None:
        """What happened between a bar's opening and its close: stops first, then limits."""
        symbol = bar.symbol
        if symbol not in self._matcher.book.working:
            return
        # The opening has normally been matched in its own moment; without it, it is matched now.
        self.match_open(bar)
        if not self._has_market(bar):
            return
        has_ticks = self._has_ticks(symbol)
        for order in self._worst_first(symbol):
            is_at_close = order.order_type is OrderType.MARKET_ON_CLOSE
            if order.is_done or (has_ticks and not is_at_close):
                continue
            if order.active_ns > bar.ts_open_ns + 1 and not is_at_close:
                continue
            opportunity = in_range(order, bar, self._model)
            if opportunity is None:
                continue
            self._count_ambiguity(order, bar)
            self._execute_in_bar(order, opportunity, bar, bar.ts_close_ns)

    def match_quote(self, quote: Quote) -> None:
        """A displayed quote; each side's size is shared in order of arrival."""
        orders = self._matcher.book.working.get(quote.symbol)
        ts_ns = quote.ts_venue_ns
        if orders is None or self._session_at(ts_ns) is None:
            return
        taken = {1: ZERO, -1: ZERO}
        for order in tuple(orders):
            if order.active_ns <= ts_ns and not order.is_done:
                sign = order.side.sign
                opportunity = at_quote(order, quote, self._model)
                if opportunity is None and order.time_in_force not in IMMEDIATE:
                    continue
                taken[sign] += self._execute_at_size(order, opportunity, taken[sign], ts_ns)

    def match_trade(self, trade: Trade) -> None:
        """A print; its size is shared in order of arrival."""
        orders = self._matcher.book.working.get(trade.symbol)
        ts_ns = trade.ts_venue_ns
        if orders is None or self._session_at(ts_ns) is None:
            return
        taken = ZERO
        is_quoted = self.fresh_quote(trade.symbol) is not None
        for order in tuple(orders):
            # Where there are quotes, an order that cannot wait has its one chance at a quote.
            is_other_chance = is_quoted and order.time_in_force in IMMEDIATE
            if order.active_ns <= ts_ns and not order.is_done and not is_other_chance:
                opportunity = at_trade(order, trade, self._model, is_quoted=is_quoted)
                if opportunity is None and order.time_in_force not in IMMEDIATE:
                    continue
                taken += self._execute_at_size(order, opportunity, taken, ts_ns)

    def expire(self, order: WorkingOrder) -> None:
        """The order's time is over; on a tick feed an order for the close trades there first."""
        symbol, expire_ns = order.symbol, order.expire_ns
        if order.order_type is OrderType.MARKET_ON_CLOSE and self._has_ticks(symbol):
            price = self._matcher.observed.last_price(symbol)
            if price is not None:
                self._matcher.execute(
                    order, Opportunity(Role.AUCTION, price), moment_ns=expire_ns, available=None
                )
        if not order.is_done:
            self._matcher.expire(order, expire_ns, f"{order.time_in_force.value}: time is over")

    def fresh_quote(self, symbol: str) -> Quote | None:
        """The standing quote, when the symbol is being quoted."""
        quote = self._matcher.observed.quotes.get(symbol)
        return quote if quote is not None and quote.ts_venue_ns >= self.fresh_after_ns else None

    def _has_ticks(self, symbol: str) -> bool:
        """Whether finer evidence than bars exists, so that bars must not fill a second time."""
        trade = self._matcher.observed.trades.get(symbol)
        if trade is not None and trade.ts_venue_ns >= self.fresh_after_ns:
            return True
        return self.fresh_quote(symbol) is not None

    def _session_at(self, ts_ns: int) -> Session | None:
        """The session open at `ts_ns`; the latest answer is remembered."""
        session = self._session
        if session is None or not session.open_ns <= ts_ns < session.close_ns:
            session = self._session = self._calendar.at(ts_ns)
        return session

    def _has_market(self, bar: Bar) -> bool:
        """Whether anyone traded: inside a session and, if volume matters, with volume."""
        if self._model.participation is not None and bar.volume <= 0.0:
            return False
        return self._session_at(bar.ts_open_ns) is not None

    def _worst_first(self, symbol: str) -> list[WorkingOrder]:
        """Stops that have not triggered before all others, each in order of arrival."""
        orders = self._matcher.book.working.get(symbol, [])
        return sorted(
            orders,
            key=lambda order: order.is_triggered or order.order_type not in STOP_TYPES,
        )

    def _count_ambiguity(self, order: WorkingOrder, bar: Bar) -> None:
        if order.order_type not in STOP_TYPES:
            return
        moment_ns = bar.ts_open_ns + 1
        for sibling in self._matcher.book.siblings(order):
            is_target = sibling.is_limit and sibling.active_ns <= moment_ns
            if is_target and in_range(sibling, bar, self._model) is not None:
                self.ambiguous_bars += 1
                return

    def _execute_in_bar(
        self, order: WorkingOrder, opportunity: Opportunity | None, bar: Bar, moment_ns: int
    ) -> None:
        participation = self._model.participation
        symbol = bar.symbol
        available = None
        taken = ZERO
        if participation is not None:
            ts_open_ns, taken = self.taken.get(symbol, (0, ZERO))
            if ts_open_ns != bar.ts_open_ns:
                taken = ZERO
            available = participation * decimal_from(bar.volume) - taken
        filled = self._matcher.execute(
            order,
            opportunity,
            moment_ns=moment_ns,
            available=available,
            volume=self._day_volume(bar),
        )
        if filled and participation is not None:
            self.taken[symbol] = (bar.ts_open_ns, taken + filled)

    def _day_volume(self, bar: Bar) -> float:
        """A whole session's volume at this bar's rate; used until a session has finished."""
        session = self._session_at(bar.ts_open_ns)
        length_ns = bar.ts_close_ns - bar.ts_open_ns
        if session is None or length_ns <= 0:
            return bar.volume
        return bar.volume * max(1.0, (session.close_ns - session.open_ns) / length_ns)

    def _execute_at_size(
        self,
        order: WorkingOrder,
        opportunity: Opportunity | None,
        taken: Decimal,
        moment_ns: int,
    ) -> Decimal:
        """Fill against a shown size of which `taken` is gone already; returns the quantity."""
        available = None
        size = None if opportunity is None else opportunity.size
        if size is not None and not self._model.is_frictionless:
            available = max(decimal_from(size) - taken, ZERO)
        return self._matcher.execute(order, opportunity, moment_ns=moment_ns, available=available)
