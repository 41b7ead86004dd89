"""The simulated venue: takes commands, watches prints, answers with reports, keeps its own books.

It has no clock: whoever feeds it says when. Inputs come in time order, and before each the
caller takes what is due (`pop_due`), so that requests under way arrive before the print that
follows them. Invariants: a report is due a latency (at least 1 ns) after the moment it speaks of;
equal inputs give equal reports; reading (snapshots, queries) changes no fill.

It does not hold attached exits (`take_profit_price`, `stop_loss_price`): the engine places them.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from regimeflow.errors import DataError
from regimeflow.model.commands import Command
from regimeflow.model.events import BrokerReport, CashPosted
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import (
    Bar,
    BookSnapshot,
    CorporateAction,
    MarketEvent,
    Quote,
    Trade,
)
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.venue.actions import apply_action, settle_session
from regimeflow.venue.book import OrderBook
from regimeflow.venue.exchange import Exchange
from regimeflow.venue.latency import LinkLatency
from regimeflow.venue.ledger import Ledger
from regimeflow.venue.matcher import Matcher
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.observed import Observed
from regimeflow.venue.orders import WorkingOrder
from regimeflow.venue.outbox import DueQueue
from regimeflow.venue.requests import RequestDesk
from regimeflow.venue.state import VenueState


class SimVenue:
    """One account at a simulated venue.

    `working` and `observed` are for reading only; a feed that sees a symbol outside `working`
    may store its quote or bar in `observed` itself and skip the call.
    """

    __slots__ = (
        "_arrivals",
        "_book",
        "_closing",
        "_desk",
        "_exchange",
        "_instruments",
        "_latency",
        "_ledger",
        "_matcher",
        "_reports",
        "model",
        "observed",
        "working",
    )

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        model: ExecutionModel,
        calendar: SessionCalendar,
        cash: Decimal,
        currency: str = "USD",
        account_id: str = "SIM",
    ) -> None:
        self.model = model
        self.observed = Observed()
        self._instruments = instruments
        self._book = OrderBook()
        self.working: Mapping[str, list[WorkingOrder]] = self._book.working
        self._ledger = Ledger(cash=cash)
        self._reports: DueQueue[BrokerReport] = DueQueue()
        self._arrivals: DueQueue[tuple[int, Command]] = DueQueue()
        self._closing: DueQueue[Session] = DueQueue()
        self._latency = LinkLatency(model)
        self._matcher = Matcher(
            instruments=instruments,
            model=model,
            book=self._book,
            ledger=self._ledger,
            observed=self.observed,
            reports=self._reports,
        )
        self._exchange = Exchange(matcher=self._matcher, model=model, calendar=calendar)
        self._desk = RequestDesk(
            instruments=instruments,
            model=model,
            calendar=calendar,
            matcher=self._matcher,
            exchange=self._exchange,
            account_id=account_id,
            currency=currency,
        )

    # --- requests and reports -----------------------------------------------------------

    def execute(self, ts_ns: int, command: Command) -> None:
        """Take a command that left the engine at `ts_ns`; it arrives a latency later."""
        latency_ns = self._latency.of(command)
        self._arrivals.push(ts_ns + latency_ns, (latency_ns, command))

    @property
    def next_ns(self) -> int:
        """The next moment at which something is due here; `NEVER_NS` when nothing is."""
        return min(
            self._reports.next_ns,
            self._arrivals.next_ns,
            self._desk.expiries.next_ns,
            self._closing.next_ns,
        )

    def pop_due(self, ts_ns: int) -> tuple[int, BrokerReport] | None:
        """The next report due by `ts_ns`, after everything that happens here before it.

        Within one moment: what ended with the moment before (expiries, then the session's
        settlement), arriving requests, reports.
        """
        expiries, closing = self._desk.expiries, self._closing
        arrivals, reports = self._arrivals, self._reports
        while True:
            due_ns = self.next_ns
            if due_ns > ts_ns:
                return None
            if expiries.next_ns == due_ns:
                self._expire(*expiries.pop())
            elif closing.next_ns == due_ns:
                self._settle(closing.pop()[1])
            elif arrivals.next_ns == due_ns:
                arrival_ns, (latency_ns, command) = arrivals.pop()
                self._desk.answer(arrival_ns, latency_ns, command)
            else:
                return reports.pop()

    # --- the market ---------------------------------------------------------------------

    def on_open(self, bar: Bar) -> None:
        """The first print of a bar, at `ts_open_ns + 1`. Optional: `on_bar` makes up for it."""
        self._exchange.match_open(bar)

    def on_bar(self, bar: Bar) -> None:
        """A finished bar, at `ts_close_ns`: its range is matched, then it becomes the past."""
        if bar.symbol in self.working:
            self._exchange.match_range(bar)
        self.observed.see_bar(bar)

    def on_quote(self, quote: Quote) -> None:
        """A displayed quote."""
        if quote.symbol in self.working:
            self._exchange.match_quote(quote)
        self.observed.quotes[quote.symbol] = quote

    def on_trade(self, trade: Trade) -> None:
        """A print."""
        if trade.symbol in self.working:
            self._exchange.match_trade(trade)
        self.observed.see_trade(trade)

    def on_market(self, event: MarketEvent) -> None:
        """Any market event. Of a book only the best level counts; changes of a book do not."""
        if isinstance(event, Quote):
            self.on_quote(event)
        elif isinstance(event, Bar):
            self.on_bar(event)
        elif isinstance(event, Trade):
            self.on_trade(event)
        elif isinstance(event, BookSnapshot):
            bid, bid_size = event.bids[0] if event.bids else (0.0, 0.0)
            ask, ask_size = event.asks[0] if event.asks else (0.0, 0.0)
            self.on_quote(Quote(event.symbol, event.ts_venue_ns, bid, ask, bid_size, ask_size))

    def on_session_opened(self, session: Session) -> None:
        """A session begins."""
        self._exchange.fresh_after_ns = self._desk.session_open_ns
        self._desk.session_open_ns = session.open_ns

    def on_session_closed(self, session: Session) -> None:
        """A session ends; it is settled after the prints of its last moment."""
        self._closing.push(session.close_ns + 1, session)

    def on_action(self, ts_ns: int, action: CorporateAction) -> None:
        """A split or dividend comes into force, before anything else of `ts_ns`."""
        apply_action(
            self._matcher,
            action,
            instruments=self._instruments,
            ts_ns=ts_ns,
            latency_ns=self.model.latency_ns,
        )

    # --- the books ----------------------------------------------------------------------

    @property
    def ledger(self) -> Ledger:
        """The venue's books, for reading."""
        return self._ledger

    @property
    def orders(self) -> list[WorkingOrder]:
        """Every order ever seen, in order of arrival, for reading."""
        return self._book.orders

    @property
    def postings(self) -> list[CashPosted]:
        """Every posting of cash, for reading."""
        return self._ledger.postings

    @property
    def ambiguous_bars(self) -> int:
        """How often stop and target of one group lay in the same bar."""
        return self._exchange.ambiguous_bars

    def snapshot(self) -> bytes:
        """Everything the venue knows, encoded; `restore` continues from it exactly."""
        orders, group_filled = self._book.dump()
        state = VenueState(
            orders=orders,
            group_filled=group_filled,
            ledger=self._ledger,
            observed=self.observed,
            reports=self._reports.dump(),
            arrivals=self._arrivals.dump(),
            expiries=self._desk.expiries.dump(),
            closing=self._closing.dump(),
            latency=self._latency.drawn,
            session_open_ns=self._desk.session_open_ns,
            fresh_after_ns=self._exchange.fresh_after_ns,
            opened=self._exchange.opened,
            taken=self._exchange.taken,
            ambiguous_bars=self._exchange.ambiguous_bars,
        )
        return msgspec.msgpack.encode(state)

    def restore(self, encoded: bytes) -> None:
        """Continue from a snapshot; raises DataError when the bytes are not one.

        The caller makes the venue with the same instruments, model and calendar.
        """
        try:
            state = msgspec.msgpack.decode(encoded, type=VenueState)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise DataError(f"the venue's saved state cannot be read: {error}") from None
        self._book.load(state.orders, state.group_filled)
        _overwrite(self._ledger, state.ledger)
        _overwrite(self.observed, state.observed)
        self._reports.load(state.reports)
        self._arrivals.load(state.arrivals)
        self._desk.expiries.load(state.expiries)
        self._closing.load(state.closing)
        self._latency.drawn = state.latency
        self._desk.session_open_ns = state.session_open_ns
        self._exchange.fresh_after_ns = state.fresh_after_ns
        self._exchange.opened = state.opened
        self._exchange.taken = state.taken
        self._exchange.ambiguous_bars = state.ambiguous_bars

    def _expire(self, due_ns: int, number: int) -> None:
        order = self._book.orders[number - 1]
        if not order.is_done and order.expire_ns == due_ns - 1:
            self._exchange.expire(order)

    def _settle(self, session: Session) -> None:
        self.observed.close_session()
        settle_session(self._matcher, session, model=self.model, instruments=self._instruments)


def _overwrite(target: msgspec.Struct, source: msgspec.Struct) -> None:
    """Give `target` the fields of `source`, dictionaries in place: a feed holds on to them."""
    for name in target.__struct_fields__:
        old, new = getattr(target, name), getattr(source, name)
        if isinstance(old, dict):
            old.clear()
            old.update(new)
        else:
            setattr(target, name, new)
