"""What a difference from the broker sets off: told once, then by kind held, cancelled, stopped.

A fill that cannot be booked is quarantined: told, its symbol held, and dropped silently when it
is repeated. At most `QUARANTINED_MAX` of them are remembered, oldest forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from regimeflow.core.applied import Applied
from regimeflow.core.difference_table import DIFFERENCES, Reaction
from regimeflow.core.doubts import asked_ns_of
from regimeflow.core.holds import RECONCILE_PREFIX
from regimeflow.core.order_truth import TRUTH_PREFIX
from regimeflow.core.reconcile import Difference, differences
from regimeflow.core.unread import may_explain
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import (
    DiscrepancyFound,
    SnapshotScope,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.order import Order, OrderStatus

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

QUARANTINED_MAX = 10_000
UNBOOKED = frozenset({"impossible_fill", "execution_reused"})


class Discrepancies:
    """Reports discrepancies for one engine and does what their kind asks for."""

    __slots__ = ("_engine", "_quarantined")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._quarantined: OrderedDict[ExecutionId, None] = OrderedDict()

    def capture(self) -> list[ExecutionId]:
        """Fills in quarantine, oldest first."""
        return list(self._quarantined)

    def restore(self, saved: list[ExecutionId]) -> None:
        """Keep in quarantine what was."""
        self._quarantined = OrderedDict.fromkeys(saved)

    def report(self, discrepancy: DiscrepancyFound) -> None:
        """C23: a difference from the broker stops new risk; an overfill stops everything."""
        engine, kind = self._engine, discrepancy.kind
        engine.emit(discrepancy)
        reaction = DIFFERENCES[kind].reaction
        if reaction is Reaction.CANCELS:
            self._cancel(ClientOrderId(discrepancy.subject), kind)
        if reaction is Reaction.HALTS:
            state = TradingState.HALTED
        elif reaction is Reaction.REDUCES and engine.setup.halt_on_mismatch:
            state = TradingState.REDUCING
        else:
            return
        if engine.ledger.trading.would_tighten(state):
            reason = (
                f"{kind} {discrepancy.subject}: ours {discrepancy.ours}, "
                f"theirs {discrepancy.theirs}"
            )
            engine.emit(TradingStateChanged(state, reason, "C23"))

    def compare(self, snapshot: e.BrokerSnapshot) -> None:
        """Hold the books against a snapshot: settle or tell what lasts, ask for what is unread.

        Positions or cash that were read without fills may differ by fills which were not read.
        An answer to such a question asks nothing further: it may have failed in part.
        """
        engine, reconciler = self._engine, self._engine.reconciler
        asked_ns = asked_ns_of(snapshot.request_id)
        is_answer = snapshot.request_id.startswith((TRUTH_PREFIX, RECONCILE_PREFIX))
        is_final = snapshot.fills is not None or is_answer or not engine.setup.proves_books
        for found in reconciler.compare(
            engine.now_ns,
            snapshot,
            engine.ledger,
            grace_ns=engine.setup.grace_ns,
            made_ns=engine.order_truth.made_ns(snapshot.ts_venue_ns, asked_ns),
            may_wait=lambda difference: not is_final and self._may_be_settled(difference),
        ):
            self._report_break(found)
        engine.externals.retry(snapshot)
        if is_final:
            return
        left = differences(snapshot, engine.ledger, reconciler.ignored)
        if any(not self.is_proved(found) for part in left.values() for found in part):
            engine.order_truth.request(SnapshotScope.ALL)

    def is_proved(self, difference: Difference) -> bool:
        """Whether no fill that is still to be read can be what makes this difference."""
        engine = self._engine
        reconciler = engine.reconciler
        since_ns = reconciler.since_ns(difference)
        if since_ns is None or reconciler.fills_ns - since_ns < engine.setup.grace_ns:
            return False
        return not may_explain(difference, since_ns, engine.ledger.orders, reconciler.listed)

    def _may_be_settled(self, difference: Difference) -> bool:
        """Whether policy could settle it, if only it were proved, which is asked for at once."""
        return self._engine.externals.has_policy(difference) and not self.is_proved(difference)

    def _report_break(self, found: DiscrepancyFound) -> None:
        """A difference that has lasted: settled as configured, or holding trading with advice."""
        difference: Difference = (found.kind, found.subject, found.ours, found.theirs)
        settled = self._engine.externals.resolve(difference)
        if settled is not None:
            self._engine.emit(DiscrepancyFound(*difference, f"{found.detail}; {settled}"))
            return
        advice = "mend it at the broker, or adopt it; then resume"
        self.report(DiscrepancyFound(*difference, f"{found.detail}; {advice}"))

    def report_late(self, order: Order, before: OrderStatus) -> None:
        """An order that had ended or was proved absent lives: it counts, and is cancelled."""
        self.report(
            DiscrepancyFound(
                "late_order",
                order.standing_id,
                before.value,
                order.status.value,
                f"{order.symbol}: the venue works it although it was {before}; cancelled",
            )
        )

    def report_missing(self, order: Order, record: OrderRecord) -> None:
        """An order ended with fills that no list holds, or that cannot be booked: it is held."""
        self._engine.holds.hold_symbol(
            order.symbol, f"fills of {order.standing_id} are missing in the books"
        )
        self.report(
            DiscrepancyFound(
                "fills_missing",
                order.standing_id,
                str(order.filled_quantity),
                str(record.filled_quantity),
                f"{order.symbol}: the broker calls it {record.status}, and lists no more fills "
                "that can be booked; ended; ask the broker, then adopt and resume",
            )
        )

    def is_quarantined(self, execution_id: ExecutionId) -> bool:
        """Whether this fill has been refused and told before."""
        return execution_id in self._quarantined

    def take_unattributed(self, applied: Applied, fill: e.OrderFilled) -> None:
        """A fill that no order of ours explains, booked or not: its symbol is held."""
        engine, discrepancy = self._engine, applied.discrepancy
        if discrepancy is not None and discrepancy.kind in UNBOOKED:
            self._quarantined[fill.execution_id] = None
            if len(self._quarantined) > QUARANTINED_MAX:
                self._quarantined.popitem(last=False)
            engine.holds.hold_symbol(
                fill.symbol, f"execution {fill.execution_id} was not booked: {discrepancy.detail}"
            )
        elif discrepancy is None or discrepancy.kind == "unknown_fill":
            engine.externals.note_own_id(fill.client_order_id)
            engine.holds.hold_symbol(
                fill.symbol, f"execution {fill.execution_id} belongs to no order of ours"
            )
            if engine.setup.proves_books:
                engine.order_truth.request(SnapshotScope.ORDERS)

    def _cancel(self, client_order_id: ClientOrderId, why: str) -> None:
        engine = self._engine
        order = engine.ledger.orders.get(client_order_id)
        if order is not None:
            engine.holds.hold_symbol(order.symbol, f"{why} {client_order_id}")
            engine.desk.cancel(order, why)
