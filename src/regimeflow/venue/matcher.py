"""Turns opportunities into fills: quantity, price, fee, books, reports, and what follows.

What follows a fill: an immediate order ends, a one-cancels-other group shrinks. Invariants: no
order fills more than its quantity, no bar gives more than its participation, no limit is
exceeded, a reducing order never flips a position, and at most one leg of a group fills at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from regimeflow.model.account import FillRecord
from regimeflow.model.events import (
    BrokerReport,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderReplaced,
)
from regimeflow.model.ids import ExecutionId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, OrderStatus, Side, TimeInForce
from regimeflow.venue.book import OrderBook
from regimeflow.venue.costs import Opportunity, Role, execution_price, half_spread, impact
from regimeflow.venue.fees import charge_fill
from regimeflow.venue.ledger import Ledger
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.observed import Observed
from regimeflow.venue.orders import AUCTION_TYPES, IMMEDIATE, WorkingOrder
from regimeflow.venue.outbox import DueQueue


class Matcher:
    """Executes against the venue's books. `now_ns` is the moment of the print in hand."""

    __slots__ = ("_instruments", "_model", "_schedule", "book", "ledger", "observed", "reports")

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        model: ExecutionModel,
        book: OrderBook,
        ledger: Ledger,
        observed: Observed,
        reports: DueQueue[BrokerReport],
    ) -> None:
        self._instruments = instruments
        self._model = model
        self._schedule = model.fee_schedule
        self.book = book
        self.ledger = ledger
        self.observed = observed
        self.reports = reports

    def execute(
        self,
        order: WorkingOrder,
        opportunity: Opportunity | None,
        *,
        moment_ns: int,
        available: Decimal | None,
        volume: float = 0.0,
    ) -> Decimal:
        """Fill what the opportunity allows and end the order if its first chance was its last.

        `available` is what the market still gives (None: any quantity). Returns the quantity.
        """
        filled = ZERO
        if opportunity is not None:
            filled = self._fill(order, opportunity, moment_ns, available, volume)
        if order.is_done:
            return filled
        if order.time_in_force in IMMEDIATE:
            self.cancel(order, moment_ns, f"{order.time_in_force.value}: the rest cannot wait")
        elif order.order_type in AUCTION_TYPES and opportunity is not None:
            self.expire(order, moment_ns, "the auction is over")
        return filled

    def cancel(self, order: WorkingOrder, moment_ns: int, reason: str) -> None:
        """End a working order as cancelled and report it."""
        self.book.end(order, OrderStatus.CANCELED, reason)
        report = OrderCanceled(order.client_order_id, reason, moment_ns, order.filled_quantity)
        self.reports.push(moment_ns + order.latency_ns, report)

    def expire(self, order: WorkingOrder, moment_ns: int, reason: str) -> None:
        """End a working order as expired and report it."""
        self.book.end(order, OrderStatus.EXPIRED, reason)
        report = OrderExpired(order.client_order_id, reason, moment_ns, order.filled_quantity)
        self.reports.push(moment_ns + order.latency_ns, report)

    def report_terms(self, order: WorkingOrder, moment_ns: int) -> None:
        """Report terms that the venue changed unasked: the same id in both id fields."""
        report = OrderReplaced(
            client_order_id=order.client_order_id,
            orig_client_order_id=order.client_order_id,
            broker_order_id=order.broker_order_id,
            quantity=order.quantity,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            ts_venue_ns=moment_ns,
        )
        self.reports.push(moment_ns + order.latency_ns, report)

    def _fill(
        self,
        order: WorkingOrder,
        opportunity: Opportunity,
        moment_ns: int,
        available: Decimal | None,
        volume: float,
    ) -> Decimal:
        instrument = self._instruments[order.symbol]
        quantity = order.leaves_quantity
        may_only_close = order.reduce_only or (
            order.side is Side.SELL and not instrument.is_shortable
        )
        if may_only_close:
            quantity = min(quantity, self.ledger.reducible(order.symbol, order.side))
            if not quantity:
                self.cancel(order, moment_ns, "nothing is left to reduce")
                return ZERO
        quantity = self._bounded(quantity, opportunity, available, instrument)
        if not quantity:
            return ZERO
        if order.time_in_force is TimeInForce.FOK and quantity < order.leaves_quantity:
            self.cancel(order, moment_ns, f"fok: only {quantity} of {order.quantity} available")
            return ZERO
        price = self._price(order, opportunity, instrument, volume)
        self._book(order, quantity, price, moment_ns, opportunity, instrument)
        self._follow_group(order, quantity, moment_ns)
        is_flat = not self.ledger.reducible(order.symbol, order.side)
        if order.reduce_only and is_flat and not order.is_done:
            self.cancel(order, moment_ns, "nothing is left to reduce")
        return quantity

    def _bounded(
        self,
        quantity: Decimal,
        opportunity: Opportunity,
        available: Decimal | None,
        instrument: Instrument,
    ) -> Decimal:
        """At most what is left of the bar and what is displayed, in whole lots."""
        if available is not None:
            quantity = min(quantity, available)
        if opportunity.size is not None and not self._model.is_frictionless:
            quantity = min(quantity, Decimal(str(opportunity.size)))
        lots = (quantity / instrument.lot_size).to_integral_value(rounding=ROUND_DOWN)
        return max(lots * instrument.lot_size, ZERO)

    def _price(
        self,
        order: WorkingOrder,
        opportunity: Opportunity,
        instrument: Instrument,
        volume: float,
    ) -> Decimal:
        spread, concession = 0.0, 0.0
        if opportunity.role in (Role.TAKER, Role.AUCTION):
            estimates = self.observed.estimates(order.symbol)
            price = opportunity.price
            spread = half_spread(self._model, instrument, price, estimates)
            parent = float(order.quantity)
            concession = impact(self._model, estimates, price, parent, volume)
        return execution_price(
            order, opportunity, instrument, half_spread=spread, impact=concession
        )

    def _book(
        self,
        order: WorkingOrder,
        quantity: Decimal,
        price: Decimal,
        moment_ns: int,
        opportunity: Opportunity,
        instrument: Instrument,
    ) -> None:
        fee = charge_fill(
            self._schedule,
            self.ledger.fee_state,
            order.fees,
            side=order.side,
            quantity=quantity,
            price=price * instrument.multiplier,
            ts_ns=moment_ns,
            is_maker=opportunity.role in (Role.MAKER, Role.PRINTED),
        )
        fill = FillRecord(
            execution_id=ExecutionId(str(self.ledger.executed + 1)),
            client_order_id=order.client_order_id,
            broker_order_id=order.broker_order_id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
            ts_venue_ns=moment_ns,
        )
        self.ledger.book_fill(fill, instrument.multiplier)
        order.filled_quantity += quantity
        if order.leaves_quantity:
            order.status = OrderStatus.PARTIALLY_FILLED
        else:
            self.book.end(order, OrderStatus.FILLED, "")
        report = OrderFilled(
            client_order_id=fill.client_order_id,
            broker_order_id=fill.broker_order_id,
            execution_id=fill.execution_id,
            symbol=fill.symbol,
            side=fill.side,
            quantity=quantity,
            price=price,
            fee=fee,
            ts_venue_ns=moment_ns,
        )
        self.reports.push(moment_ns + order.latency_ns, report)

    def _follow_group(self, order: WorkingOrder, quantity: Decimal, moment_ns: int) -> None:
        """Shrink the siblings by what one leg filled; a leg that filled wholly ends them."""
        if order.oco_group is None:
            return
        self.book.note_group_fill(order, quantity, moment_ns + order.latency_ns)
        for sibling in self.book.siblings(order):
            if order.is_done or sibling.leaves_quantity <= quantity:
                self.cancel(sibling, moment_ns, "oco")
            else:
                sibling.quantity -= quantity
                self.report_terms(sibling, moment_ns)
