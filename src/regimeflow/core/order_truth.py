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

from regimeflow.core.doubts import Doubt, SavedTruth
from regimeflow.core.legs import is_awaited_after, newest_leg
from regimeflow.core.reconcile import terms_difference
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import (
    CancelOrder,
    CancelTimer,
    DiscrepancyFound,
    OrderResolved,
    QueryOrder,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
)
from regimeflow.model.ids import ClientOrderId, TimerId
from regimeflow.model.order import Order, OrderStatus

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

ENGINE = "engine"
DOUBT_PREFIX = "doubt:"
QUERY_BACKOFF_MAX = 16
_AWAITING = frozenset({OrderStatus.PENDING_NEW, OrderStatus.IN_DOUBT, OrderStatus.NOT_FOUND})
_WORKING = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})


class OrderTruth:
    """Settles orders by evidence for one engine."""

    __slots__ = ("_engine", "_next_refresh_ns", "_request_number", "doubts")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._next_refresh_ns = 0
        self._request_number = 0
        self.doubts: dict[ClientOrderId, Doubt] = {}

    def capture(self) -> SavedTruth:
        """What is in doubt; to be encoded at once."""
        return SavedTruth(self.doubts, self._next_refresh_ns, self._request_number)

    def restore(self, saved: SavedTruth) -> None:
        """Doubt what was in doubt."""
        self.doubts = dict(saved.doubts)
        self._next_refresh_ns = saved.next_refresh_ns
        self._request_number = saved.request_number

    # --- how doubt begins ---------------------------------------------------------------

    def begin_doubt(self, order: Order) -> None:
        """Ask after an order from now on, until evidence settles it."""
        root = order.client_order_ids[0]
        if root not in self.doubts:
            self.doubts[root] = Doubt(self._engine.now_ns)
            self._ask(order, self.doubts[root])

    def on_timer(self, timer_id: str) -> None:
        """Time to ask again."""
        root = ClientOrderId(timer_id.removeprefix(DOUBT_PREFIX))
        order, doubt = self._engine.ledger.orders.get(root), self.doubts.get(root)
        if order is None or doubt is None or self._is_settled(order):
            self.doubts.pop(root, None)
            return
        self._ask(order, doubt)
        if self._is_past_window(doubt):
            self._request(SnapshotScope.ORDERS)

    def ask(self, order: Order) -> None:
        """Ask once what became of an order whose fate a refusal left open."""
        leg = newest_leg(order, self._engine.ledger.orders.replacements)
        self._engine.emit(QueryOrder(leg, order.symbol))

    def refresh_account(self) -> None:
        """Read the cash anew after a rejection, at most once in a while."""
        engine = self._engine
        if engine.now_ns >= self._next_refresh_ns:
            self._next_refresh_ns = engine.now_ns + engine.setup.query_interval_ns
            self._request(SnapshotScope.ACCOUNT)

    def sweep(self) -> None:
        """Ask for the list of orders and fills."""
        self._request(SnapshotScope.ORDERS)

    # --- evidence -----------------------------------------------------------------------

    def on_status(self, report: e.OrderStatusReported) -> None:
        """The answer to a query about one order."""
        order = self._engine.ledger.orders.get(report.client_order_id)
        if order is None:
            return
        if report.order is not None:
            self.adopt(order, report.order)
            return
        if not order.is_open:
            return
        doubt = self.doubt(order, "the venue does not know it")
        if self._is_past_window(doubt):
            doubt.is_unknown_by_query = True
            self._conclude(order, doubt)

    def on_orders(self, snapshot: e.BrokerSnapshot) -> None:
        """A list of orders, if it was read completely."""
        if snapshot.orders is None:
            return
        orders = self._engine.ledger.orders
        listed = set()
        for record in snapshot.orders:
            listed.add(record.client_order_id)
            order = orders.get(record.client_order_id)
            if order is not None and (order.in_doubt or order.status in _AWAITING):
                self.adopt(order, record)
            elif order is not None and order.is_open and record.status is OrderStatus.IN_DOUBT:
                self._not_understood(order)
        for order in list(orders.open.values()):
            if listed.isdisjoint(order.client_order_ids):
                self._not_listed(order)

    def adopt(self, order: Order, record: OrderRecord) -> None:
        """Take over what the broker says of an order, fills first."""
        engine = self._engine
        if record.filled_quantity > order.used_quantity:
            self._request(SnapshotScope.ORDERS)
            if record.status.is_terminal:
                return  # its end would free exposure that the missing fills are about to use
        if record.status is OrderStatus.IN_DOUBT:
            self._not_understood(order)
            return
        if self._may_still_be_replaced(order, record):
            self._note_leg_end(order, record)
            return
        was_absent = order.status is OrderStatus.NOT_FOUND and not record.status.is_terminal
        was_unheard = order.in_doubt or order.status in _AWAITING
        was_cancelling = order.status is OrderStatus.PENDING_CANCEL and order.in_doubt
        before = order.status
        if was_absent or ((was_unheard or record.status.is_terminal) and order.is_open):
            self._resolve(order, order.client_order_ids[-1], record)
        if not order.in_doubt:
            self._settle(order)
        if order.status is not before:
            engine.callbacks.order_changed(order)
        if was_absent:
            engine.discrepancies.report_late(order, before)
        elif was_unheard and order.status in _WORKING:
            altered = terms_difference(order, record)
            if altered is not None:
                engine.discrepancies.report(DiscrepancyFound(*altered, "the venue altered it"))
        if was_cancelling and order.is_open:
            # Cancelling again is harmless, and the first request may never have arrived.
            engine.emit(
                CancelOrder(order.standing_id, order.broker_order_id, order.symbol, "again")
            )

    def _may_still_be_replaced(self, order: Order, record: OrderRecord) -> bool:
        """An older leg is listed, and the replacement asked for may yet be on its way."""
        leg, is_over = record.client_order_id, record.status.is_terminal
        if not is_awaited_after(order, leg, self._engine.ledger.orders.replacements):
            return False
        if not (order.in_doubt or is_over):
            return False
        doubt = self.doubts.get(order.client_order_ids[0])
        return doubt is None or not (doubt.is_unknown_by_query and self._is_past_window(doubt))

    def _note_leg_end(self, order: Order, record: OrderRecord) -> None:
        """The leg that stood is over; whether its replacement lives is asked on."""
        if not record.status.is_terminal or order.ended_leg is not None:
            return
        self._resolve(order, record.client_order_id, record)
        self._engine.callbacks.order_changed(order)
        self.begin_doubt(order)

    # --- inside -------------------------------------------------------------------------

    def _resolve(self, order: Order, leg: ClientOrderId, record: OrderRecord) -> None:
        evidence = f"the broker lists it as {record.status}"
        self._engine.emit(
            OrderResolved(
                client_order_id=leg, status=record.status, evidence=evidence, order=record
            )
        )

    def _ask(self, order: Order, doubt: Doubt) -> None:
        engine = self._engine
        root = order.client_order_ids[0]
        self.ask(order)
        wait_ns = engine.setup.query_interval_ns * min(2**doubt.queries, QUERY_BACKOFF_MAX)
        doubt.queries += 1
        engine.emit(SetTimer(TimerId(f"{DOUBT_PREFIX}{root}"), ENGINE, engine.now_ns + wait_ns))

    def _not_listed(self, order: Order) -> None:
        """An order of ours that a complete list does not hold."""
        engine = self._engine
        doubt = self.doubts.get(order.client_order_ids[0])
        if doubt is None:
            age_ns = engine.now_ns - order.updated_ns
            if age_ns > engine.setup.settle_window_ns:
                self.doubt(order, "the broker's list does not hold it")
        elif self._is_past_window(doubt):
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
        self._engine.discrepancies.report(
            DiscrepancyFound(
                "unknown_status",
                order.standing_id,
                order.status.value,
                "not known",
                f"{order.symbol}: counted as working until the venue says what is known here",
            )
        )

    def doubt(self, order: Order, evidence: str) -> Doubt:
        """Put an order in doubt, unless it is, and ask after it."""
        root = order.client_order_ids[0]
        doubt = self.doubts.get(root)
        if doubt is None:
            self._engine.emit(
                OrderResolved(
                    client_order_id=order.client_order_ids[-1],
                    status=OrderStatus.IN_DOUBT,
                    evidence=evidence,
                )
            )
            self._engine.callbacks.order_changed(order)
            self.begin_doubt(order)
            doubt = self.doubts[root]
        return doubt

    def _conclude(self, order: Order, doubt: Doubt) -> None:
        if not (doubt.is_unknown_by_query and doubt.is_missing_in_list):
            return
        self._engine.emit(
            OrderResolved(
                client_order_id=order.client_order_ids[-1],
                status=order.ended_leg or OrderStatus.NOT_FOUND,
                evidence="settle window passed; unknown to a query and missing in a full list",
            )
        )
        self._settle(order)
        self._engine.callbacks.order_changed(order)

    def _settle(self, order: Order) -> None:
        root = order.client_order_ids[0]
        if self.doubts.pop(root, None) is not None:
            self._engine.emit(CancelTimer(TimerId(f"{DOUBT_PREFIX}{root}"), ENGINE))

    def _request(self, scope: SnapshotScope) -> None:
        self._request_number += 1
        self._engine.emit(
            RequestSnapshot(f"truth-{self._engine.now_ns}-{self._request_number}", scope)
        )

    def _is_past_window(self, doubt: Doubt) -> bool:
        return self._engine.now_ns - doubt.since_ns >= self._engine.setup.settle_window_ns

    @staticmethod
    def _is_settled(order: Order) -> bool:
        return not order.is_open or not (order.in_doubt or order.status is OrderStatus.IN_DOUBT)
