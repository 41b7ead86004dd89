"""One pass over a journal: what the checks compare with the venue's books."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from regimeflow.core.ledger import Ledger
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.evidence import as_observed
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import Order
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S
from regimeflow.run.folds import LedgerFold
from regimeflow.run.linked_fold import REBUILD_PREFIX
from regimeflow.run.manifest import plan_of, read_manifest
from regimeflow.testing.hold_watch import HoldWatch
from regimeflow.testing.operator_watch import OperatorWatch
from regimeflow.testing.order_steps import OrderSteps
from regimeflow.testing.status_watch import StatusWatch


@dataclass
class Reading:
    """What a journal says.

    `too_fast` names orders that left faster than the rates allow, `returned` those that came back
    to life untold or not cancelled, `unheeded` commands of an operator. `bookings` are
    executions in the order in which they were booked (True) or annulled (False). `events` are the
    numbers of what nothing here caused, `gaps` the records before
    which numbers are missing (market data that was lost), `rebuilt` those with which an engine
    was rebuilt.
    """

    bookings: list[tuple[str, bool]] = field(default_factory=list)
    events: list[int] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)
    rebuilt: list[int] = field(default_factory=list)
    submits: dict[str, c.SubmitOrder] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    executions: set[str] = field(default_factory=set)
    annulled: set[str] = field(default_factory=set)
    halts_ns: list[tuple[int, int, Collection[str]]] = field(default_factory=list)
    nameless: list[str] = field(default_factory=list)
    returned: list[str] = field(default_factory=list)
    too_fast: list[str] = field(default_factory=list)
    unheeded: list[str] = field(default_factory=list)
    holds: HoldWatch = field(default_factory=HoldWatch)
    statuses: StatusWatch = field(default_factory=StatusWatch)
    digest: str = ""


def read_journal(directory: Path) -> Reading:
    """Read it all, from the first record on. Raises JournalCorrupt where it is damaged."""
    books = plan_of(read_manifest(directory)).setup().books()
    fold, seen = LedgerFold(books), Reading()
    rates = [
        _Rate("max_orders_per_second", books.orders_per_second_max, NS_PER_S),
        _Rate("max_orders_per_minute", books.orders_per_minute_max, NS_PER_MINUTE),
    ]
    steps, operator = OrderSteps(), OperatorWatch()
    halted_ns: int | None = None
    under_way: Collection[str] = ()
    last_ns = ahead_ns = 0
    previous = 0
    for record in read_records(directory):
        if record.seq != previous + 1:
            seen.gaps.append(record.seq)
        previous = record.seq
        if not record.cause_seq:
            seen.events.append(record.seq)
        if isinstance(record.body, EpochOpened) and record.body.reason.startswith(REBUILD_PREFIX):
            seen.rebuilt.append(record.seq)
        # Halts are compared with what the venue saw: by its clock, as the journal knows it.
        body, last_ns = record.body, record.ts_ns + ahead_ns
        if isinstance(body, e.ClockMeasured):
            ahead_ns = body.ts_venue_ns - record.ts_ns
        fold.take(record)
        seen.holds.see(record, _order_of(body, fold.ledger), fold.ledger)
        _note(seen, as_observed(body))
        for rate in rates:
            seen.too_fast += rate.see(record)
        if isinstance(body, c.TradingStateChanged) and body.strategy_id is None:
            is_active = body.state is c.TradingState.ACTIVE
            if is_active and halted_ns is not None:
                seen.halts_ns.append((halted_ns, last_ns, under_way))
                halted_ns = None
            elif not is_active and halted_ns is None:
                halted_ns, under_way = last_ns, _under_way(fold.ledger)
        elif isinstance(body, e.EngineStarted) and halted_ns is not None:
            # What the last process had under way died with its connection.
            seen.halts_ns.append((halted_ns, last_ns, under_way))
            halted_ns, under_way = last_ns, ()
        steps.watch(fold.ledger.orders, body)
        seen.statuses.see(record, fold.ledger)
        operator.see(record, fold.ledger)
    if halted_ns is not None:
        seen.halts_ns.append((halted_ns, last_ns + 10**18, under_way))
    seen.returned = steps.problems()
    seen.unheeded = operator.problems(fold.ledger)
    seen.digest = ledger_digest(fold.ledger)
    return seen


class _Rate:
    """Messages in a sliding window, by the journal's times; cancels count and are never late."""

    def __init__(self, name: str, count_max: int, window_ns: int) -> None:
        self._name = name
        self._count_max = count_max
        self._window_ns = window_ns
        self._sent_ns: deque[int] = deque()

    def see(self, record: Record) -> list[str]:
        body, sent_ns = record.body, self._sent_ns
        if not self._count_max or not isinstance(
            body, c.SubmitOrder | c.ReplaceOrder | c.CancelOrder
        ):
            return []
        sent_ns.append(record.ts_ns)
        while sent_ns[0] <= record.ts_ns - self._window_ns:
            sent_ns.popleft()
        if isinstance(body, c.CancelOrder) or len(sent_ns) <= self._count_max:
            return []
        return [f"{body.client_order_id}: {self._name} {len(sent_ns)}, allowed {self._count_max}"]


def _under_way(ledger: Ledger) -> Collection[str]:
    """Orders that left and nobody has acknowledged: a link that stalls may deliver them late."""
    working = ledger.orders.open.values()
    return {order.root_id for order in working if order.broker_order_id is None}


def _order_of(body: object, ledger: Ledger) -> Order | None:
    name = getattr(body, "orig_client_order_id", "") or getattr(body, "client_order_id", "")
    return ledger.orders.get(ClientOrderId(name)) if name else None


def _note(seen: Reading, body: object) -> None:
    if isinstance(body, c.SubmitOrder):
        seen.submits[body.client_order_id] = body
        seen.ids.add(body.client_order_id)
    elif isinstance(body, c.ReplaceOrder):
        seen.ids.add(body.client_order_id)
    elif isinstance(body, e.OrderFilled):
        seen.executions.add(body.execution_id)
        seen.bookings.append((body.execution_id, True))
    elif isinstance(body, e.FillBusted):
        seen.annulled.add(body.execution_id)
        seen.bookings.append((body.execution_id, False))
    elif isinstance(body, e.OrderRejected) and not body.reason:
        seen.nameless.append(f"{body.client_order_id} was rejected without a reason")
    elif isinstance(body, c.OrderDenied) and not (body.control and body.message):
        seen.nameless.append(f"{body.client_order_id} was denied without a reason")
    elif isinstance(body, c.TradingStateChanged) and not (body.control and body.reason):
        seen.nameless.append(f"the state became {body.state} without a control or reason")
