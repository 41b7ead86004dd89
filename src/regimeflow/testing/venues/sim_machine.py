"""The simulated venue and its data under one clock that somebody else reads.

`advance` is the only way time passes. Invariants: for the same data and the same commands at the
same times, the reports and their numbers are the same, however often `advance` is called; a
command is in the log before it is carried out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from regimeflow.model.commands import CancelOrder, Command
from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    CorporateAction,
    Quote,
    Trade,
)
from regimeflow.model.order import ZERO
from regimeflow.model.reports import (
    BrokerReport,
    BrokerSnapshot,
    FillBusted,
    OrderReplaced,
    OrderStatusReported,
)
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.testing.venues.playback import Moment, Opening, Playback
from regimeflow.testing.venues.report_store import Numbered, ReportStore
from regimeflow.testing.venues.sim_log import (
    Busted,
    EpochBegun,
    OrderCommand,
    Taken,
    VenueLog,
)
from regimeflow.venue.orders import WorkingOrder
from regimeflow.venue.outbox import NEVER_NS
from regimeflow.venue.sim import SimVenue

HISTORY_BARS_MAX = 20_000
"""Bars of each symbol that `history` can look back."""
TAIL_NS = 2 * NS_PER_S

Reading = BrokerSnapshot | OrderStatusReported
"""An answer to a question; it is nobody else's business and has no number."""
Emission = Numbered | Reading | Quote | Trade | Bar | SessionOpened | SessionClosed


class VenueMachine:
    """One account at one venue, from the first event of its data on.

    With a log that holds entries it first becomes what it was. `start_ns` is where the clock
    stands at the beginning: what precedes it is history.
    """

    def __init__(
        self,
        venue: SimVenue,
        playback: Playback,
        *,
        instruments: Mapping[str, Instrument],
        start_ns: int = 0,
        log: VenueLog | None = None,
    ) -> None:
        self.venue = venue
        self.instruments = instruments
        self.reports = ReportStore()
        self.now_ns = 0
        self.session: Session | None = None
        self._playback = playback
        self._log = log
        self._history: dict[str, deque[Bar]] = {}
        self._by_id: dict[str, WorkingOrder] = {}
        self._indexed = 0
        self._used_ids: set[str] = set()
        for entry in log.entries if log is not None else ():
            self.advance(entry.ts_ns)
            if isinstance(entry, Taken):
                self._carry_out(entry.ts_ns, entry.command)
            elif isinstance(entry, Busted):
                self._bust(entry.ts_ns, entry.execution_id)
            else:
                self.reports.begin_epoch()
        self.advance(max(start_ns, self.now_ns, log.clock_ns if log is not None else 0))

    # --- time ---------------------------------------------------------------------------

    @property
    def next_ns(self) -> int:
        """When something happens next; `NEVER_NS` when nothing will."""
        return min(self._playback.next_ns, self.venue.next_ns)

    @property
    def alarm_ns(self) -> int:
        """When to look again: at what happens next, or at the end once no data is left."""
        if self._playback.next_ns != NEVER_NS:
            return self.next_ns
        return min(self.next_ns, max(self.end_ns, self.now_ns))

    @property
    def is_over(self) -> bool:
        """Whether the data is over, and what it set off has been reported."""
        if self._playback.next_ns != NEVER_NS:
            return False
        return self.now_ns >= self.end_ns

    @property
    def end_ns(self) -> int:
        """By when a playback whose data has run out is over."""
        model = self.venue.model
        journeys_ns = 2 * (model.latency_ns + model.latency_jitter_ns)
        return self._playback.last_ns + TAIL_NS + journeys_ns + 1

    def advance(self, ts_ns: int, moments_max: int = NEVER_NS) -> list[Emission]:
        """Let everything due by `ts_ns` happen, in order, at most `moments_max` moments."""
        emissions: list[Emission] = []
        venue, playback = self.venue, self._playback
        while moments_max:
            moments_max -= 1
            due_ns = self.next_ns
            if due_ns > ts_ns:
                self.now_ns = max(self.now_ns, ts_ns)
                break
            self.now_ns = max(self.now_ns, due_ns)
            is_action = playback.next_ns == due_ns and playback.is_action_next
            if venue.next_ns == due_ns and not is_action:
                report = venue.pop_due(due_ns)
                if report is not None:
                    emissions.append(self._number(report[1]))
            else:
                _, moment = playback.pop()
                emission = self._play(moment)
                if emission is not None:
                    emissions.append(emission)
        return emissions

    # --- requests -----------------------------------------------------------------------

    def knows(self, client_order_id: str) -> bool:
        """Whether an id has been used, accepted or not."""
        return client_order_id in self._used_ids

    def find(self, client_order_id: str) -> WorkingOrder | None:
        """The order that has or had this id, once it has arrived."""
        for order in self.venue.orders[self._indexed :]:
            for known_id in order.client_order_ids:
                self._by_id.setdefault(known_id, order)
        self._indexed = len(self.venue.orders)
        return self._by_id.get(client_order_id)

    def take(self, ts_ns: int, command: OrderCommand) -> None:
        """Log a command and let it travel to the matching engine. `advance` to `ts_ns` first."""
        if self._log is not None:
            self._log.append(Taken(ts_ns, command))
        self._carry_out(ts_ns, command)

    def read(self, ts_ns: int, command: Command) -> None:
        """Ask the books; the answer is emitted when it arrives. Changes nothing, so no log."""
        self.venue.execute(ts_ns, command)

    def bust(self, ts_ns: int, execution_id: str) -> Numbered | None:
        """Annul an execution in the books; None when it is unknown or annulled already."""
        if all(fill.execution_id != execution_id for fill in self.venue.ledger.fills):
            return None
        if self._log is not None:
            self._log.append(Busted(ts_ns, execution_id))
        return self._bust(ts_ns, execution_id)

    def begin_epoch(self) -> None:
        """Forget the numbers of reports and count from one."""
        if self._log is not None:
            self._log.append(EpochBegun(self.now_ns))
        self.reports.begin_epoch()

    def mark(self) -> None:
        """Make sure that this moment is remembered; call it before anything is sent."""
        if self._log is not None:
            self._log.mark(self.now_ns)

    def history(self, symbol: str, bars: int, end_ns: int) -> list[Bar]:
        """The last bars complete by `end_ns` and by now, oldest first."""
        limit_ns = min(end_ns, self.now_ns)
        known = [bar for bar in self._history.get(symbol, ()) if bar.ts_close_ns <= limit_ns]
        return known[-bars:] if bars else []

    # --- inside -------------------------------------------------------------------------

    def _carry_out(self, ts_ns: int, command: OrderCommand) -> None:
        if not isinstance(command, CancelOrder):
            self._used_ids.add(command.client_order_id)
        self.venue.execute(ts_ns, command)

    def _number(self, report: BrokerReport) -> Emission:
        if isinstance(report, BrokerSnapshot | OrderStatusReported):
            return report
        if isinstance(report, OrderReplaced):
            order = self.find(report.orig_client_order_id)
            if order is not None:
                self._by_id[report.client_order_id] = order
        return self.reports.add(report)

    def _play(self, moment: Moment) -> Emission | None:
        venue = self.venue
        if isinstance(moment, Opening):
            venue.on_open(moment.bar)
            return None
        if isinstance(moment, CorporateAction):
            venue.on_action(self.now_ns, moment)
            return self.reports.add(moment)
        if isinstance(moment, SessionOpened):
            self.session = moment.session
            venue.on_session_opened(moment.session)
        elif isinstance(moment, SessionClosed):
            self.session = None
            venue.on_session_closed(moment.session)
        else:
            venue.on_market(moment)
            if isinstance(moment, Bar):
                kept = self._history.setdefault(moment.symbol, deque(maxlen=HISTORY_BARS_MAX))
                kept.append(moment)
            elif isinstance(moment, BookSnapshot | BookDelta):
                return None
        return moment

    def _bust(self, ts_ns: int, execution_id: str) -> Numbered:
        ledger = self.venue.ledger
        fill = next(fill for fill in ledger.fills if fill.execution_id == execution_id)
        multiplier: Decimal = self.instruments[fill.symbol].multiplier
        signed = fill.side.sign * fill.quantity
        ledger.fills.remove(fill)
        ledger.cash += signed * fill.price * multiplier + fill.fee
        left = ledger.positions.get(fill.symbol, ZERO) - signed
        if left:
            ledger.positions[fill.symbol] = left
        else:
            ledger.positions.pop(fill.symbol, None)
        ledger.annulled.append(fill)
        return self.reports.add(
            FillBusted(fill.execution_id, fill.symbol, "annulled by the venue", ts_ns)
        )
