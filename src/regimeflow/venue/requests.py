"""What the venue does with a request in the moment it arrives.

Every request is answered: a submission with an acceptance or a rejection, a cancel or replace
with its effect or a refusal, a query or snapshot with what the books say then.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from regimeflow.errors import UsageError
from regimeflow.model.account import AccountRecord
from regimeflow.model.commands import (
    CancelOrder,
    Command,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SnapshotScope,
    SubmitOrder,
)
from regimeflow.model.events import (
    BrokerReport,
    BrokerSnapshot,
    CancelRejected,
    OrderAccepted,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
    RequestKind,
)
from regimeflow.model.instrument import Instrument, decimal_from
from regimeflow.model.order import ZERO, OrderStatus, OrderType
from regimeflow.model.session import SessionCalendar
from regimeflow.venue.admission import below_minimum, off_grid, over_leverage, refusal
from regimeflow.venue.exchange import Exchange
from regimeflow.venue.matcher import Matcher
from regimeflow.venue.matching_ticks import post
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.orders import WorkingOrder, order_from, trading_window
from regimeflow.venue.outbox import DueQueue

ACTIVITIES_LISTED_MAX = 200
"""Newest cash postings that a snapshot of the account lists."""


class RequestDesk:
    """Answers requests from the venue's books; `session_open_ns` bounds the fills it lists."""

    __slots__ = (
        "_account_id",
        "_calendar",
        "_currency",
        "_exchange",
        "_instruments",
        "_matcher",
        "_model",
        "expiries",
        "session_open_ns",
    )

    def __init__(
        self,
        *,
        instruments: Mapping[str, Instrument],
        model: ExecutionModel,
        calendar: SessionCalendar,
        matcher: Matcher,
        exchange: Exchange,
        account_id: str,
        currency: str,
    ) -> None:
        self._instruments = instruments
        self._model = model
        self._calendar = calendar
        self._matcher = matcher
        self._exchange = exchange
        self._account_id = account_id
        self._currency = currency
        self.expiries: DueQueue[int] = DueQueue()
        self.session_open_ns = 0

    def answer(self, arrival_ns: int, latency_ns: int, command: Command) -> None:
        """Carry out a request that arrives at `arrival_ns`; the answer is due a latency later."""
        if isinstance(command, SubmitOrder):
            report: BrokerReport | None = self._submit(arrival_ns, latency_ns, command)
        elif isinstance(command, CancelOrder):
            report = self._cancel(arrival_ns, command)
        elif isinstance(command, ReplaceOrder):
            report = self._replace(arrival_ns, command)
        elif isinstance(command, QueryOrder):
            report = self._query(arrival_ns, command)
        elif isinstance(command, RequestSnapshot):
            report = self._snapshot(arrival_ns, command)
        else:
            raise UsageError(f"a venue does not take {type(command).__name__}")
        if report is not None:
            self._reports.push(arrival_ns + latency_ns, report)

    @property
    def _reports(self) -> DueQueue[BrokerReport]:
        return self._matcher.reports

    def _submit(
        self, arrival_ns: int, latency_ns: int, command: SubmitOrder
    ) -> BrokerReport | None:
        book = self._matcher.book
        client_order_id = command.client_order_id
        is_duplicate = book.knows(client_order_id)
        window = trading_window(command, arrival_ns, self._calendar)
        reason = (
            f"duplicate client order id {client_order_id}" if is_duplicate else None
        ) or self._refusal(command)
        if reason is None and isinstance(window, str):
            reason = window
        order = order_from(command, number=book.next_number, latency_ns=latency_ns)
        shrunk_by = book.group_filled(order, arrival_ns - latency_ns)
        if reason is None and shrunk_by >= order.quantity:
            reason = "oco: the other leg has filled"
        if reason is not None or isinstance(window, str):
            order.status, order.reason = OrderStatus.REJECTED, reason or ""
            book.add(order)
            return OrderRejected(client_order_id, order.reason, arrival_ns)
        order.active_ns, order.expire_ns = window
        self._post(order)
        book.add(order)
        if order.expire_ns:
            self.expiries.push(order.expire_ns + 1, order.number)
        accepted = OrderAccepted(client_order_id, order.broker_order_id, arrival_ns)
        if not shrunk_by:
            return accepted
        self._reports.push(arrival_ns + latency_ns, accepted)
        order.quantity -= shrunk_by
        self._matcher.report_terms(order, arrival_ns)
        return None

    def _refusal(self, command: SubmitOrder) -> str | None:
        instrument = self._instruments.get(command.symbol)
        ledger = self._matcher.ledger
        reason = refusal(command, instrument, ledger)
        if reason is not None or instrument is None or self._model.leverage_max is None:
            return reason
        gross, net = self._exposure()
        return over_leverage(
            command,
            instrument,
            position=ledger.position(command.symbol),
            gross_exposure=gross,
            equity=ledger.cash + net,
            leverage_max=self._model.leverage_max,
        )

    def _exposure(self) -> tuple[Decimal, Decimal]:
        """Gross and net value of the positions at the latest prices."""
        gross = net = ZERO
        for symbol, quantity in self._matcher.ledger.positions.items():
            price = self._matcher.observed.last_price(symbol) or 0.0
            value = quantity * decimal_from(price) * self._instruments[symbol].multiplier
            gross, net = gross + abs(value), net + value
        return gross, net

    def _post(self, order: WorkingOrder) -> None:
        symbol = order.symbol
        post(order, self._exchange.fresh_quote(symbol), self._matcher.observed.last_price(symbol))
        if order.order_type is OrderType.TRAILING_STOP and order.best_price is None:
            order.best_price = self._matcher.observed.last_price(symbol)

    def _cancel(self, arrival_ns: int, command: CancelOrder) -> BrokerReport | None:
        order = self._matcher.book.find(command.client_order_id)
        refused = _not_working(order)
        if refused is not None or order is None:
            return CancelRejected(
                command.client_order_id, RequestKind.CANCEL, refused or "", arrival_ns
            )
        self._matcher.cancel(order, arrival_ns, command.reason or "cancelled on request")
        return None

    def _replace(self, arrival_ns: int, command: ReplaceOrder) -> BrokerReport:
        order = self._matcher.book.find(command.orig_client_order_id)
        refused = _not_working(order)
        if refused is None and order is not None:
            refused = self._replace_refusal(order, command)
        if refused is not None or order is None:
            return CancelRejected(
                command.client_order_id, RequestKind.REPLACE, refused or "", arrival_ns
            )
        limit_price = order.limit_price if command.limit_price is None else command.limit_price
        stop_price = order.stop_price if command.stop_price is None else command.stop_price
        is_repriced = (limit_price, stop_price) != (order.limit_price, order.stop_price)
        loses_place = is_repriced or command.quantity > order.quantity
        self._matcher.book.rename(order, command.client_order_id)
        order.quantity = command.quantity
        order.limit_price, order.stop_price = limit_price, stop_price
        if loses_place:
            # New terms are a new order as far as the market is concerned: no range before them.
            order.active_ns = max(order.active_ns, arrival_ns)
            self._post(order)
        return OrderReplaced(
            client_order_id=command.client_order_id,
            orig_client_order_id=command.orig_client_order_id,
            broker_order_id=order.broker_order_id,
            quantity=order.quantity,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            ts_venue_ns=arrival_ns,
        )

    def _replace_refusal(self, order: WorkingOrder, command: ReplaceOrder) -> str | None:
        if self._matcher.book.knows(command.client_order_id):
            return f"duplicate client order id {command.client_order_id}"
        if command.quantity <= order.filled_quantity:
            return f"quantity {command.quantity} is not above the {order.filled_quantity} filled"
        for name, new, old in (
            ("limit", command.limit_price, order.limit_price),
            ("stop", command.stop_price, order.stop_price),
        ):
            if new is not None and old is None:
                return f"a {order.order_type.value} order has no {name} price to change"
        instrument = self._instruments[order.symbol]
        prices = (("limit price", command.limit_price), ("stop price", command.stop_price))
        price = command.limit_price or command.stop_price or command.worst_price
        return off_grid(instrument, quantity=command.quantity, prices=prices) or below_minimum(
            instrument, quantity=command.quantity, price=price
        )

    def _query(self, arrival_ns: int, command: QueryOrder) -> BrokerReport:
        order = self._matcher.book.find(command.client_order_id)
        record = None if order is None else order.record()
        return OrderStatusReported(command.client_order_id, record, arrival_ns)

    def _snapshot(self, arrival_ns: int, command: RequestSnapshot) -> BrokerReport:
        scope, ledger = command.scope, self._matcher.ledger
        has_orders = scope in (SnapshotScope.ORDERS, SnapshotScope.ALL)
        has_positions = scope in (SnapshotScope.POSITIONS, SnapshotScope.ALL)
        has_account = scope in (SnapshotScope.ACCOUNT, SnapshotScope.ALL)
        orders = tuple(order.record() for order in self._matcher.book.open_orders())
        account = AccountRecord(self._account_id, self._currency, ledger.cash)
        return BrokerSnapshot(
            request_id=command.request_id,
            orders=orders if has_orders else None,
            fills=ledger.recent_fills(self.session_open_ns) if has_orders else None,
            positions=ledger.position_records() if has_positions else None,
            account=account if has_account else None,
            ts_venue_ns=arrival_ns,
            annulled=ledger.annulled_fills(self.session_open_ns) if has_orders else (),
            activities=tuple(ledger.postings[-ACTIVITIES_LISTED_MAX:]) if has_account else (),
        )


def _not_working(order: WorkingOrder | None) -> str | None:
    if order is None:
        return "unknown order"
    return f"the order is already {order.status.value}" if order.is_done else None
