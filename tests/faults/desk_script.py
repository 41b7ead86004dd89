"""An engine whose broker is behind a link, and a test that speaks every line of that broker.

A `LinkedDesk` is proved and up when a test gets it. `lapse` lets time pass and fires what the
engine armed; `listing` is what an honest broker would list of the engine's own books, and each
part can be replaced. When a test ends, `assert_lawful` holds what must hold in every row:
no client order id was sent twice, and the ledger fold of the log gives the engine's books.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.core.ledger_state import ledger_digest
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, FillRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import Order, OrderStatus, OrderType, Side
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.folds import ledger_fold
from regimeflow.strategy.base import Strategy
from tests.unit.core_samples import CASH, World

SETTLE_S = 10
QUERY_S = 1
LISTED = frozenset(
    {
        OrderStatus.NEW,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_REPLACE,
    }
)


class LinkedDesk(World):
    """See the module's docstring. Every method of `World` works as it does there."""

    def __init__(self, *strategies: Strategy, is_up: bool = True, **setup: Any) -> None:
        setup.setdefault("settle_window_ns", SETTLE_S * NS_PER_S)
        setup.setdefault("query_interval_ns", QUERY_S * NS_PER_S)
        super().__init__(*strategies, proves_books=True, **setup)
        self.quote(100.0)
        if is_up:
            self.feed(e.LinkUp("sim"))
            self.feed(self.listing())
            assert not self.engine.holds.account

    # --- time ---------------------------------------------------------------------------

    def lapse(self, seconds: float) -> list[c.Output]:
        """Let time pass; what the engine armed fires in order of due time."""
        end_ns, outputs = self.now_ns + int(seconds * NS_PER_S), []
        while True:
            pending = self.engine.ledger.timers.pending
            due = sorted((due_ns, owner, timer) for (owner, timer), due_ns in pending.items())
            if not due or due[0][0] > end_ns:
                break
            due_ns, owner, timer = due[0]
            self.now_ns = max(self.now_ns, due_ns)
            outputs += self.feed(
                e.TimerFired(timer, owner, due_ns),  # type: ignore[arg-type]
                after_ns=0,
            )
        self.now_ns = max(self.now_ns, end_ns)
        return outputs

    # --- what an honest broker would list -------------------------------------------------

    def listing(self, *, ts_venue_ns: int | None = None, **parts: Any) -> e.BrokerSnapshot:
        """A complete snapshot that agrees with the books, but for the parts given."""
        books = self.engine.ledger
        honest: dict[str, Any] = {
            "orders": tuple(
                record_of(order) for order in books.orders.open.values() if order.status in LISTED
            ),
            "fills": (),
            "positions": tuple(
                PositionRecord(symbol, position.quantity)
                for symbol, position in sorted(books.portfolio.held.items())
            ),
            "account": AccountRecord("A", "USD", books.portfolio.cash),
        }
        ts_ns = self.now_ns if ts_venue_ns is None else ts_venue_ns
        return e.BrokerSnapshot("test", **{**honest, **parts}, ts_venue_ns=ts_ns)

    def sweep(self, **parts: Any) -> list[c.Output]:
        """The broker lists; see `listing`."""
        return self.feed(self.listing(**parts))

    def sweeps(self, count: int = 2, **parts: Any) -> list[c.Output]:
        """The broker lists the same several times, longer apart than its settle window."""
        outputs = []
        for _ in range(count):
            outputs += self.sweep(**parts)
            self.wait(SETTLE_S + 1)
            self.quote(100.0)
        return outputs

    # --- what the broker says -------------------------------------------------------------

    def lose(self, order_id: str, request: e.RequestKind = e.RequestKind.SUBMIT) -> list[c.Output]:
        """Nobody answers a request."""
        return self.feed(e.OutcomeUnknown(ClientOrderId(order_id), request, "no answer"))

    def answer(self, order_id: str, record: OrderRecord | None) -> list[c.Output]:
        """The answer to a query."""
        return self.feed(e.OrderStatusReported(ClientOrderId(order_id), record, self.now_ns))

    def record(self, order_id: str, **changes: Any) -> OrderRecord:
        """The order as the broker has it: our terms, working, but for `changes`."""
        changes.setdefault("status", OrderStatus.NEW)
        return msgspec.structs.replace(record_of(self.order(order_id)), **changes)

    def drop_link(self) -> list[c.Output]:
        """The connection is lost."""
        return self.feed(e.LinkDown("sim", "reset"))

    def raise_link(self) -> list[c.Output]:
        """The connection is back."""
        return self.feed(e.LinkUp("sim"))

    # --- wishes -------------------------------------------------------------------------

    def buy(self, quantity: int = 10, price: float | None = 100.0, who: int = 0) -> str:
        """Buy ABC; asserts that it left."""
        order_id = str(self.do(lambda ctx: ctx.buy("ABC", quantity, limit_price=price), who))
        assert self.order(order_id).is_open, self.order(order_id).reason
        return order_id

    def try_to_buy(self, quantity: int = 1, symbol: str = "ABC") -> str:
        """Try an entry; the control that denied it, or an empty text."""
        self.quote(100.0, symbol=symbol)
        return self.try_to(lambda ctx: ctx.buy(symbol, quantity, limit_price=90.0))

    def cancel(self, order_id: str) -> None:
        """The strategy cancels."""
        self.do(lambda ctx: ctx.cancel_order(ClientOrderId(order_id)))

    def modify(self, order_id: str, **terms: Any) -> c.ReplaceOrder:
        """The strategy asks for other terms; the command that left."""
        self.do(lambda ctx: ctx.modify_order(ClientOrderId(order_id), **terms))
        command = self.outputs(c.ReplaceOrder)[-1]
        assert isinstance(command, c.ReplaceOrder)
        return command

    # --- what came of it ------------------------------------------------------------------

    def kinds(self) -> list[str]:
        """Kinds of all discrepancies so far."""
        return [found.kind for found in self.outputs(c.DiscrepancyFound)]

    def held(self, symbol: str = "ABC") -> int:
        """The account's position."""
        return _whole(self.engine.ledger.portfolio.position(symbol).quantity)

    def may_fill(self, symbol: str = "ABC") -> int:
        """What could still be bought, orders of unknown fate included."""
        return _whole(self.engine.ledger.orders.exposure.of(symbol).buy_quantity)

    def filled(self, order_id: str) -> int:
        """How much of an order has filled."""
        return _whole(self.order(order_id).filled_quantity)

    @property
    def trading(self) -> str:
        """The account's state."""
        return self.engine.ledger.trading.account

    def assert_lawful(self) -> None:
        """See the module's docstring."""
        sent = [command.client_order_id for command in self.outputs(c.SubmitOrder)]
        assert len(sent) == len(set(sent)), f"an id was sent twice: {sent}"
        folded = ledger_fold(self.engine.setup.books(), records_of(self))
        assert ledger_digest(folded) == ledger_digest(self.engine.ledger)


def _whole(number: Decimal) -> int:
    assert number == int(number)
    return int(number)


def records_of(world: World) -> list[Record]:
    """The log as a journal would hold it."""
    records: list[Record] = []
    for ts_ns, event, outputs in world.log:
        cause = len(records) + 1
        records.append(Record(cause, ts_ns, 0, event))
        for output in outputs:
            records.append(Record(len(records) + 1, ts_ns, cause, output))
    return records


def record_of(order: Order) -> OrderRecord:
    """One order of ours as its broker lists it."""
    return OrderRecord(
        client_order_id=order.standing_id,
        broker_order_id=order.broker_order_id or BrokerOrderId(f"b-{order.standing_id}"),
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        status=order.status,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )


def foreign_order(order_id: str = "manual-1", *, quantity: int = 5) -> OrderRecord:
    """An order that somebody else works at the broker."""
    return OrderRecord(
        client_order_id=ClientOrderId(order_id),
        broker_order_id=BrokerOrderId(f"b-{order_id}"),
        symbol="ABC",
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=Decimal(quantity),
        filled_quantity=Decimal(0),
        status=OrderStatus.NEW,
        limit_price=Decimal(99),
    )


def fill_record(
    execution_id: str,
    order_id: str,
    quantity: object,
    *,
    price: object = 100,
    side: Side = Side.BUY,
    ts_venue_ns: int = 0,
) -> FillRecord:
    """One execution as the broker lists it."""
    return FillRecord(
        execution_id=ExecutionId(execution_id),
        client_order_id=ClientOrderId(order_id),
        broker_order_id=BrokerOrderId(f"b-{order_id}"),
        symbol="ABC",
        side=side,
        quantity=Decimal(str(quantity)),
        price=Decimal(str(price)),
        fee=Decimal(0),
        ts_venue_ns=ts_venue_ns,
    )


def cash_after(*trades: tuple[int, object]) -> Decimal:
    """The opening cash after buying `(quantity, price)` each (negative: selling)."""
    return CASH - sum((quantity * Decimal(str(price)) for quantity, price in trades), Decimal(0))


MakeDesk = Callable[..., LinkedDesk]
__all__ = [
    "EXTERNAL",
    "LinkedDesk",
    "MakeDesk",
    "cash_after",
    "fill_record",
    "foreign_order",
    "record_of",
    "records_of",
]
