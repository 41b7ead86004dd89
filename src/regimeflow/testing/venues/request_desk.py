"""What the server does with a request once a client is greeted: checks, faults, answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import msgspec

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim import wire as w
from regimeflow.model.commands import (
    CancelOrder,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SnapshotScope,
    SubmitOrder,
)
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.instrument import decimal_from
from regimeflow.model.order import OrderStatus
from regimeflow.model.reports import BrokerSnapshot
from regimeflow.testing.venues.admittance import Admittance
from regimeflow.testing.venues.connection import Connection
from regimeflow.testing.venues.faults import FaultKind, VenueFaults
from regimeflow.testing.venues.replies import Replies, Waiting
from regimeflow.testing.venues.report_outlet import ReportOutlet
from regimeflow.testing.venues.sim_log import OrderCommand
from regimeflow.testing.venues.sim_machine import Reading

if TYPE_CHECKING:
    from regimeflow.testing.venues.sim_server import SimVenueServer

R = TypeVar("R")
L = TypeVar("L")
OrderRequest = m.Submit | m.Cancel | m.Replace
_STRATEGY = "client"
"""The venue knows no strategies; a client's groups carry their strategy's name."""


class RequestDesk:
    """Takes every request but `hello`."""

    def __init__(
        self,
        server: SimVenueServer,
        replies: Replies,
        outlet: ReportOutlet,
        faults: VenueFaults,
        admittance: Admittance,
        *,
        account: str,
        currency: str,
    ) -> None:
        self._server = server
        self._replies = replies
        self._outlet = outlet
        self._faults = faults
        self._admittance = admittance
        self._account = account
        self._currency = currency
        self._numbered = 0
        self._last_listed: dict[str, m.AccountListed] = {}

    def take(self, connection: Connection, request: m.AnyRequest) -> None:
        """Carry a request out, unless a fault or a rule stands in the way."""
        verb = type(request).__name__.lower()
        refusal = self._refusal(connection, request) or self._admittance.refusal(verb)
        if refusal is not None:
            connection.send(refusal_of(request, *refusal))
            return
        strikes = self._faults.strikes
        if strikes(FaultKind.LOST_REQUEST, verb) is not None:
            return
        executed = strikes(FaultKind.SERVER_ERROR, verb)
        if executed is not None:
            connection.send(refusal_of(request, "server_error", "internal error"))
            if not executed:
                return
        is_silent = executed is not None or strikes(FaultKind.LOST_REPLY, verb) is not None
        delay_s = strikes(FaultKind.LATE_ACCEPT, verb)
        if delay_s is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(delay_s, lambda: self._late(connection, request, is_silent=is_silent))
            return
        self._carry_out(connection, request, is_silent=is_silent)
        if strikes(FaultKind.DISCONNECT, verb) is not None:
            connection.cut()

    def answer(self, reading: Reading) -> None:
        """Send what the books say to who asked."""
        if isinstance(reading, BrokerSnapshot):
            waiting = self._replies.take("snapshot", reading.request_id)
            if waiting is not None:
                self._list(waiting, reading)
            return
        waiting = self._replies.take("query", reading.client_order_id)
        if waiting is None or waiting.is_silent:
            return
        line = None if reading.order is None else t.order_line(reading.order)
        is_finished = reading.order is not None and reading.order.status.is_terminal
        lies = is_finished and self._faults.strikes(FaultKind.LYING_STATUS) is not None
        if line is not None and lies:
            line = msgspec.structs.replace(line, status=OrderStatus.NEW.value, filled_quantity="0")
        waiting.connection.send(
            m.OrderFound(id=waiting.id, order=line, venue_ns=reading.ts_venue_ns)
        )

    # --- rules --------------------------------------------------------------------------

    def _refusal(self, connection: Connection, request: m.AnyRequest) -> tuple[str, str] | None:
        if not connection.is_greeted:
            return "not_greeted", "say hello first"
        if isinstance(request, OrderRequest) and connection.role != "trade":
            return "observer", "an observer sends no orders"
        machine = self._server.machine
        new_id = ""
        if isinstance(request, m.Submit):
            new_id = request.order.client_order_id
        elif isinstance(request, m.Replace):
            new_id = request.client_order_id
        if new_id and machine.knows(new_id):
            return "duplicate_client_order_id", f"{new_id} has been used"
        if isinstance(request, m.Subscribe | m.History):
            asked = request.symbols if isinstance(request, m.Subscribe) else [request.symbol]
            unknown = next((symbol for symbol in asked if symbol not in machine.instruments), None)
            if unknown is not None:
                return "unknown_symbol", f"no data of {unknown}"
        return None

    # --- carrying out -------------------------------------------------------------------

    def _late(self, connection: Connection, request: m.AnyRequest, *, is_silent: bool) -> None:
        self._carry_out(connection, request, is_silent=is_silent)
        self._server.rearm()

    def _carry_out(self, connection: Connection, request: m.AnyRequest, *, is_silent: bool) -> None:
        ts_ns = self._server.catch_up()
        machine = self._server.machine
        waiting = Waiting(connection, request.id, is_silent)
        if isinstance(request, OrderRequest):
            command = self._command(request)
            verb = type(request).__name__.lower()
            self._replies.expect(verb, command.client_order_id, waiting)
            machine.take(ts_ns, command)
        elif isinstance(request, m.Query):
            self._replies.expect("query", request.client_order_id, waiting)
            order_id = ClientOrderId(request.client_order_id)
            machine.read(ts_ns, QueryOrder(order_id, request.symbol))
        elif isinstance(request, m.Snapshot):
            self._numbered += 1
            asked = f"{connection.number}/{self._numbered}"
            self._replies.expect("snapshot", asked, waiting)
            machine.read(ts_ns, RequestSnapshot(asked, request.scope))
        elif isinstance(request, m.Subscribe):
            connection.symbols = frozenset(request.symbols)
            if not is_silent:
                connection.send(m.Subscribed(id=request.id))
        elif isinstance(request, m.Time) and not is_silent:
            connection.send(m.TimeTold(id=request.id, venue_ns=ts_ns))
        elif isinstance(request, m.History) and not is_silent:
            bars = machine.history(request.symbol, request.bars, request.end_ns)
            connection.send(m.Bars(id=request.id, bars=[t.bar_line(bar) for bar in bars]))

    def _command(self, request: OrderRequest) -> OrderCommand:
        if isinstance(request, m.Cancel):
            broker_id = request.broker_order_id
            return CancelOrder(
                ClientOrderId(request.client_order_id),
                None if broker_id is None else BrokerOrderId(broker_id),
                request.symbol,
                request.reason,
            )
        if isinstance(request, m.Replace):
            price = request.limit_price or request.stop_price
            fields = msgspec.to_builtins(request) | {"type": "ReplaceOrder"}
            fields["worst_price"] = price or self._last_price(request.symbol)
            return msgspec.convert(fields, ReplaceOrder)
        terms = request.order
        fields = msgspec.to_builtins(terms) | {"type": "SubmitOrder", "strategy_id": _STRATEGY}
        fields["intent_id"] = [
            _STRATEGY,
            terms.symbol,
            0,
            len(self._server.machine.venue.orders),
            0,
        ]
        fields["worst_price"] = (
            terms.limit_price or terms.stop_price or self._last_price(terms.symbol)
        )
        return msgspec.convert(fields, SubmitOrder)

    def _last_price(self, symbol: str) -> str:
        price = self._server.machine.venue.observed.last_price(symbol)
        return format(decimal_from(price or 0.0), "f")

    def _list(self, waiting: Waiting, snapshot: BrokerSnapshot) -> None:
        account = snapshot.account
        listed = m.AccountListed(
            id=waiting.id,
            orders=_lines(snapshot.orders, t.order_line),
            fills=_lines(snapshot.fills, t.fill_line),
            positions=_lines(
                snapshot.positions,
                lambda p: w.PositionLine(p.symbol, format(p.quantity, "f")),
            ),
            cash=None if account is None else format(account.cash, "f"),
            account=self._account,
            currency=self._currency,
            venue_ns=snapshot.ts_venue_ns,
            activities=[t.cash_line(posting) for posting in snapshot.activities],
            annulled=[t.fill_line(fill) for fill in snapshot.annulled],
        )
        scope = _scope_of(snapshot)
        before = self._last_listed.get(scope)
        self._last_listed[scope] = listed
        if before is not None and self._faults.strikes(FaultKind.STALE_SNAPSHOT) is not None:
            listed = msgspec.structs.replace(before, id=waiting.id)
        if self._faults.strikes(FaultKind.PARTIAL_SNAPSHOT) is not None:
            listed = _halved(listed)
        if not waiting.is_silent:
            waiting.connection.send(listed)


def refusal_of(
    request: m.AnyRequest, code: str, message: str, retry_after_s: float = 0.0
) -> m.Refused:
    """A refusal of a request."""
    return m.Refused(
        id=request.id, code=code, message=message, retry_after_ms=int(retry_after_s * 1_000)
    )


def _lines(records: Iterable[R] | None, line_of: Callable[[R], L]) -> list[L] | None:
    return None if records is None else [line_of(record) for record in records]


def _scope_of(snapshot: BrokerSnapshot) -> str:
    if snapshot.orders is None:
        return SnapshotScope.POSITIONS if snapshot.account is None else SnapshotScope.ACCOUNT
    return SnapshotScope.ORDERS if snapshot.account is None else SnapshotScope.ALL


def _halved(listed: m.AccountListed) -> m.AccountListed:
    parts = {
        "orders": listed.orders,
        "fills": listed.fills,
        "positions": listed.positions,
    }
    kept = {name: part[: len(part) // 2] for name, part in parts.items() if part is not None}
    return msgspec.structs.replace(listed, **kept, incomplete=list(kept))
