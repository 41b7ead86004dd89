"""What became of an order when nobody answers: evidence, patience, and never a second order.

An order whose fate is unknown is IN_DOUBT and counts as exposure. It is asked after by its
client id at growing intervals. "Not found" becomes NOT_FOUND only when the venue's settle
window has passed and two negatives by different routes came after it: a query for the order,
and a complete list that does not hold it. Silence changes nothing, and nothing is ever resent.

The same evidence settles other gaps: fills that no stream delivered are booked from the
broker's list by execution id, a request that is never answered puts its order in doubt, and
what the venue lists with other terms than ours is cancelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.core import legs
from regimeflow.core.applied import unknown_status
from regimeflow.core.doubts import Doubt, SavedTruth, VenueClock, asked_ns_of, request_id_of
from regimeflow.core.duties import follow_absence, follow_end
from regimeflow.core.reconcile import terms_difference
from regimeflow.core.resolutions import in_doubt, listed_as, proved_absent
from regimeflow.core.timers import ENGINE
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import (
    CancelTimer,
    DiscrepancyFound,
    QueryOrder,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
)
from regimeflow.model.ids import ClientOrderId, TimerId
from regimeflow.model.order import Order, OrderStatus

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

DOUBT_PREFIX = "doubt:"
TRUTH_PREFIX = "truth-"
QUERY_BACKOFF_MAX = 16
_AWAITING = frozenset({OrderStatus.PENDING_NEW, OrderStatus.IN_DOUBT, OrderStatus.NOT_FOUND})
_WORKING = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


class OrderTruth:
    """Settles orders by evidence for one engine."""

    __slots__ = ("_clock", "_engine", "_next_refresh_ns", "_request_number", "doubts")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._clock = VenueClock()
        self._next_refresh_ns = 0
        self._request_number = 0
        self.doubts: dict[ClientOrderId, Doubt] = {}

    def capture(self) -> SavedTruth:
        """What is in doubt; to be encoded at once."""
        return SavedTruth(self.doubts, self._next_refresh_ns, self._request_number, self._clock)

    def restore(self, saved: SavedTruth) -> None:
        """Doubt what was in doubt."""
        self.doubts = dict(saved.doubts)
        self._next_refresh_ns = saved.next_refresh_ns
        self._request_number = saved.request_number
        self._clock = saved.clock

    def on_measured(self, measured: e.ClockMeasured) -> None:
        """The broker's clock, beside ours: what tells when its evidence was made."""
        self._clock = self._clock.measured(self._engine.now_ns, measured)

    def on_adjusted(self, delta_ns: int) -> None:
        """Our clock was set."""
        self._clock = self._clock.adjusted(delta_ns)

    # --- how doubt begins ---------------------------------------------------------------

    def on_started(self) -> None:
        """Doubt anew what the books have in doubt; an engine that goes on does so already."""
        for order in list(self._engine.ledger.orders.open.values()):
            if not legs.is_settled(order):
                self.begin_doubt(order)

    def begin_doubt(self, order: Order) -> None:
        """Ask after an order from now on, until evidence settles it."""
        root = order.root_id
        if root not in self.doubts:
            self.doubts[root] = Doubt(self._engine.now_ns)
            self._ask(order, self.doubts[root])

    def on_timer(self, timer_id: str) -> None:
        """Time to ask again."""
        root = ClientOrderId(timer_id.removeprefix(DOUBT_PREFIX))
        order, doubt = self._engine.ledger.orders.get(root), self.doubts.get(root)
        if order is None or doubt is None or legs.is_settled(order):
            if self.doubts.pop(root, None) is not None and order is not None and order.is_open:
                self.ask(order)  # a fill showed that it lived then; it may have ended since
            return
        self._ask(order, doubt)
        if doubt.is_past(self._engine.now_ns, self._engine.setup.settle_window_ns):
            self.request(SnapshotScope.ORDERS)

    def ask(self, order: Order) -> None:
        """Ask once what became of an order whose fate a refusal left open; not in a ban."""
        leg = legs.newest_leg(order, self._engine.ledger.orders.replacements)
        if not self._engine.holds.suspension:
            self._engine.emit(QueryOrder(leg, order.symbol))

    def refresh_account(self) -> None:
        """Read the cash anew after a rejection, at most once in a while."""
        engine = self._engine
        if engine.now_ns >= self._next_refresh_ns:
            self._next_refresh_ns = engine.now_ns + engine.setup.query_interval_ns
            self.request(SnapshotScope.ACCOUNT)

    # --- evidence -----------------------------------------------------------------------

    def on_status(self, report: e.OrderStatusReported) -> None:
        """The answer to a query about one order."""
        order = self._engine.ledger.orders.get(report.client_order_id)
        if order is None:
            return
        doubt = self.doubts.get(order.root_id)
        made_ns = self.made_ns(report.ts_venue_ns, 0 if doubt is None else doubt.asked_ns)
        if report.order is not None:
            if report.order.filled_quantity > order.used_quantity:
                self.request(SnapshotScope.ORDERS)
            self.adopt(order, report.order, made_ns)
            return
        if not order.is_open:
            return
        doubt = doubt or self.doubt(order, "the venue does not know it")
        if self._is_past_window(doubt, made_ns):
            doubt.is_unknown_by_query = True
            self._conclude(order, doubt)

    def on_orders(self, snapshot: e.BrokerSnapshot) -> None:
        """A list of orders, if it was read completely."""
        if snapshot.orders is None:
            return
        orders = self._engine.ledger.orders
        made_ns = self.made_ns(snapshot.ts_venue_ns, asked_ns_of(snapshot.request_id))
        for doubt in self.doubts.values() if snapshot.fills is not None else ():
            doubt.are_fills_listed |= self._is_past_window(doubt, made_ns)
        listed = {record.client_order_id for record in snapshot.orders}
        for record in snapshot.orders:
            order = orders.get(record.client_order_id)
            is_asked = order is not None and order.root_id in self.doubts
            if order is not None and (is_asked or order.in_doubt or order.status in _AWAITING):
                self.adopt(order, record, made_ns)
            elif order is not None and order.is_open and record.status is OrderStatus.IN_DOUBT:
                self._not_understood(order)
            elif order is not None and order.is_open and legs.is_over(order, record):
                self.doubt(order, f"the broker lists it as {record.status}")
        for order in list(orders.open.values()):
            if listed.isdisjoint(legs.not_superseded(order)):
                self._not_listed(order, made_ns)

    def adopt(self, order: Order, record: OrderRecord, made_ns: int) -> None:
        """Take over what the broker said of an order at this time, fills first."""
        engine = self._engine
        lacks_fills = record.filled_quantity > order.used_quantity
        is_contested = lacks_fills if record.status.is_terminal else bool(order.counted_at_end)
        if is_contested and self._may_still_fill(order, made_ns):
            # An end would free what fills are about to use; and one that waits for them is newer
            # than a list or an answer that shows the order at work.
            return
        if record.status is OrderStatus.IN_DOUBT:
            self._not_understood(order)
            return
        if order.is_open and legs.is_superseded(order, record.client_order_id):
            return  # a look into the past: a newer leg has taken its place since
        if self._may_still_be_replaced(order, record, made_ns):
            self._note_leg_end(order, record)
            return
        was_absent = order.status is OrderStatus.NOT_FOUND and not record.status.is_terminal
        before, was_unheard = order.status, order.in_doubt or order.status in _AWAITING
        was_cancelling = before is OrderStatus.PENDING_CANCEL and order.in_doubt
        if was_absent or ((was_unheard or record.status.is_terminal) and order.is_open):
            leg = legs.newest_leg(order, engine.ledger.orders.replacements)
            engine.emit(listed_as(record, leg))
        if not order.in_doubt:
            self._settle(order)
        if order.status is not before:
            follow_end(engine.desk, engine.now_ns, order, record.status)
            engine.callbacks.order_changed(order)
        if lacks_fills and before is not order.status and not order.is_open:
            engine.discrepancies.report_missing(order, record)
        if was_absent:
            engine.discrepancies.report_late(order, before)
        elif was_unheard and order.status in _WORKING:
            altered = terms_difference(order, record)
            if altered is not None and not engine.externals.take_terms(order, record):
                engine.discrepancies.report(DiscrepancyFound(*altered, "the venue altered it"))
        if was_cancelling and order.is_open:
            engine.desk.cancels.again(order)

    def _may_still_fill(self, order: Order, made_ns: int) -> bool:
        """Fills that the venue counts are not booked, and may yet be listed."""
        doubt = self.doubts.get(order.root_id)
        if doubt is None or not doubt.are_fills_listed:
            return True
        return not self._is_past_window(doubt, made_ns)

    def _may_still_be_replaced(self, order: Order, record: OrderRecord, made_ns: int) -> bool:
        """An older leg is listed, and the replacement asked for may yet be on its way."""
        leg, is_over = record.client_order_id, record.status.is_terminal
        if not legs.is_awaited_after(order, leg, self._engine.ledger.orders.replacements):
            return False
        if not (order.in_doubt or is_over):
            return False
        doubt = self.doubts.get(order.root_id)
        if doubt is None or not doubt.is_unknown_by_query:
            return True
        return not self._is_past_window(doubt, made_ns)

    def _note_leg_end(self, order: Order, record: OrderRecord) -> None:
        """The leg that stood is over; whether its replacement lives is asked on."""
        if not record.status.is_terminal or order.ended_leg is not None:
            return
        self._engine.emit(listed_as(record, record.client_order_id))
        self._engine.callbacks.order_changed(order)
        self.begin_doubt(order)

    # --- inside -------------------------------------------------------------------------

    def _ask(self, order: Order, doubt: Doubt) -> None:
        engine = self._engine
        root = order.root_id
        self.ask(order)
        wait_ns = engine.setup.query_interval_ns * min(2**doubt.queries, QUERY_BACKOFF_MAX)
        doubt.queries += 1
        if not engine.holds.suspension:
            doubt.asked_ns = engine.now_ns
        engine.emit(SetTimer(TimerId(f"{DOUBT_PREFIX}{root}"), ENGINE, engine.now_ns + wait_ns))

    def _not_listed(self, order: Order, made_ns: int) -> None:
        """An order of ours that a complete list does not hold."""
        engine = self._engine
        doubt = self.doubts.get(order.root_id)
        if doubt is None:
            age_ns = made_ns - order.updated_ns
            if age_ns > engine.setup.settle_window_ns:
                self.doubt(order, "the broker's list does not hold it")
        elif self._is_past_window(doubt, made_ns):
            doubt.is_missing_in_list = True
            self._conclude(order, doubt)

    def _not_understood(self, order: Order) -> None:
        """The venue has it in a state nobody here knows: it counts, and is asked after."""
        why = "an order in a state that is not known here"
        self._engine.holds.hold_symbol(order.symbol, why)
        if order.is_open:
            doubt = self.doubt(order, "the venue lists it with a status that is not known here")
            if doubt.is_told:
                return
            doubt.is_told = True
        self._engine.discrepancies.report(unknown_status(order))

    def doubt(self, order: Order, evidence: str) -> Doubt:
        """Put an order in doubt, unless it is, and ask after it."""
        root = order.root_id
        doubt = self.doubts.get(root)
        if doubt is None:
            self._engine.emit(in_doubt(order, evidence))
            self._engine.callbacks.order_changed(order)
            self.begin_doubt(order)
            doubt = self.doubts[root]
        return doubt

    def _conclude(self, order: Order, doubt: Doubt) -> None:
        if not (doubt.is_unknown_by_query and doubt.is_missing_in_list):
            return
        self._engine.emit(proved_absent(order))
        self._settle(order)
        follow_absence(self._engine.desk, order)
        self._engine.callbacks.order_changed(order)

    def _settle(self, order: Order) -> None:
        root = order.root_id
        if self.doubts.pop(root, None) is not None:
            self._engine.emit(CancelTimer(TimerId(f"{DOUBT_PREFIX}{root}"), ENGINE))

    def request(self, scope: SnapshotScope) -> None:
        """Ask for what the broker holds; not in a ban."""
        engine = self._engine
        if engine.holds.suspension:
            return
        self._request_number += 1
        request_id = request_id_of(TRUTH_PREFIX, engine.now_ns, self._request_number)
        engine.emit(RequestSnapshot(request_id, scope))

    def made_ns(self, ts_venue_ns: int, asked_ns: int) -> int:
        """When, at the earliest and by our clock, evidence was made."""
        return self._clock.made_ns(ts_venue_ns, self._engine.now_ns, asked_ns=asked_ns)

    def _is_past_window(self, doubt: Doubt, made_ns: int) -> bool:
        return doubt.is_past(made_ns, self._engine.setup.settle_window_ns)
