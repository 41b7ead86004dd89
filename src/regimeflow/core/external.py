"""What the broker has and nobody here ordered: orders, positions, cash, and ids of a lost life.

The configuration declares what becomes of it. `refuse` holds trading and explains; `adopt` takes
it into the books as nobody's (`EXTERNAL`), where it counts as exposure; `flatten` adopts it,
cancels its orders and closes its positions; `ignore` leaves it out of the books and says so.

An id of ours that these books never sent is another matter: the journal is older than the
account (a restored backup, a cloned machine) or a second engine trades under the same name.
Nothing enters then until an operator has looked and sent `Adopt`; the number is taken note of
at once, so that no id is ever used twice.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.reconcile import Difference
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import (
    DiscrepancyFound,
    ExternalAdopted,
    RequestSnapshot,
    SnapshotScope,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.events import BrokerSnapshot
from regimeflow.model.ids import ClientOrderId, own_number
from regimeflow.model.order import ZERO, Order

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

UNKNOWN_IDS_MAX = 10_000
"""Unknown ids of ours remembered one by one; more of them change nothing."""
TERMS_TAKEN = "an adopted order was changed at the broker: its new terms are taken over"
BY_POLICY = "reconciliation.external is {}"
"""Reason of what was adopted by policy."""
EXTERNAL_KINDS = frozenset({"position", "cash", "order_unknown_here"})


class Externals:
    """Settles differences by the declared policy, and by an operator's `Adopt`."""

    __slots__ = ("_engine", "unknown_ids")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.unknown_ids: dict[ClientOrderId, str] = {}

    def capture(self) -> dict[ClientOrderId, str]:
        """Ids of ours that these books never sent; to be encoded at once."""
        return self.unknown_ids

    def restore(self, saved: dict[ClientOrderId, str]) -> None:
        """Know again which ids are unknown."""
        self.unknown_ids = dict(saved)

    def resolve(self, difference: Difference) -> str | None:
        """Settle a new break by policy: how, or None where it has to hold trading."""
        kind, subject, _, _ = difference
        engine, policy = self._engine, self._engine.setup.external
        if kind == "order_terms":
            order = engine.ledger.orders.get(ClientOrderId(subject))
            record = engine.reconciler.listed.get(ClientOrderId(subject))
            if order is None or record is None or not self.take_terms(order, record):
                return None
            del engine.reconciler.breaks[difference[:2]]
            return TERMS_TAKEN
        if not self.has_policy(difference) or not engine.discrepancies.is_proved(difference):
            return None
        if policy == "ignore":
            self._ignore(difference)
            return "reconciliation.external is ignore: left out of the books and of every limit"
        if not self._adopt(difference, BY_POLICY.format(policy)):
            return None
        if policy == "flatten":
            self._close(difference)
            return "reconciliation.external is flatten: adopted, being cancelled or closed"
        return "reconciliation.external is adopt: taken into the books, as nobody's"

    def has_policy(self, difference: Difference) -> bool:
        """Whether what nobody here did in this way is settled without a person."""
        kind, subject, _, _ = difference
        is_known = kind in EXTERNAL_KINDS and subject not in self.unknown_ids
        return is_known and self._engine.setup.external != "refuse"

    def retry(self, snapshot: BrokerSnapshot) -> None:
        """Settle what stood for want of a price or of proof; `Resume` alone lets trading go on."""
        for difference in self._engine.reconciler.standing(snapshot):
            settled = self.resolve(difference)
            if settled is not None:
                self._engine.emit(DiscrepancyFound(*difference, f"it stood until now; {settled}"))

    def take_terms(self, order: Order, record: OrderRecord) -> bool:
        """Follow the owner of an adopted order who changed it at the broker; False: not ours to.

        A closing order of the engine's own is nobody else's to change.
        """
        is_adopted = (order.strategy_id, order.tag) == (EXTERNAL, EXTERNAL)
        price = self._worst_price(record)
        is_own = order.intent_id.ts_venue_ns != 0
        if not is_adopted or is_own or price is None:
            return False
        if (order.symbol, order.side) != (record.symbol, record.side):
            return False
        terms = msgspec.structs.replace(
            record,
            limit_price=record.limit_price or order.limit_price,
            stop_price=record.stop_price or order.stop_price,
        )
        self._engine.emit(
            ExternalAdopted(
                kind="order",
                subject=record.client_order_id,
                quantity=record.quantity,
                price=price,
                reason=TERMS_TAKEN,
                order=terms,
            )
        )
        return True

    def on_adopt(self, reason: str) -> None:
        """An operator takes over everything that differs; what cannot be taken stays a break.

        What has changed since the broker listed it stays one too, and is looked at again.
        """
        engine, reconciler = self._engine, self._engine.reconciler
        for client_order_id in list(self.unknown_ids):
            record = reconciler.listed.get(client_order_id)
            works = record is not None and not record.status.is_terminal
            unknown = ("order_unknown_here", client_order_id, "no such order", "listed")
            if not works or self._adopt(unknown, reason):
                del self.unknown_ids[client_order_id]
        for difference in list(reconciler.breaks.values()):
            self._adopt(difference, reason)
        if self.changed_since():
            engine.emit(RequestSnapshot(f"adopt-{engine.now_ns}", SnapshotScope.ALL))

    def changed_since(self) -> list[Difference]:
        """Breaks (and unknown ids that work) that are no longer what the broker's list showed."""
        unknown = [
            ("order_unknown_here", client_order_id, "no such order", "listed")
            for client_order_id in self.unknown_ids
        ]
        breaks = self._engine.reconciler.breaks.values()
        return [found for found in (*unknown, *breaks) if not self._is_current(found)]

    def note_own_id(self, client_order_id: ClientOrderId) -> None:
        """Hold trading when an id is of our making and these books never sent it."""
        engine = self._engine
        number = own_number(client_order_id, engine.setup.id_prefix)
        if not engine.setup.proves_books or number is None:
            return
        if client_order_id in self.unknown_ids or len(self.unknown_ids) >= UNKNOWN_IDS_MAX:
            return
        if engine.ledger.orders.get(client_order_id) is not None:
            return
        self.unknown_ids[client_order_id] = number[0]
        why = (
            "this journal never sent it: it is older than the account (a restored backup?) or a "
            "second engine trades here; make sure none does, then adopt and resume"
        )
        # `ours` names the strategy whose id it would be; the ledger goes on from its number.
        engine.emit(DiscrepancyFound("own_id_unknown", client_order_id, number[0], "known", why))
        if engine.ledger.trading.would_tighten(TradingState.REDUCING):
            reason = f"the broker knows {client_order_id}, which this journal never sent"
            engine.emit(TradingStateChanged(TradingState.REDUCING, reason, "C29"))

    # --- inside -------------------------------------------------------------------------

    def _is_current(self, difference: Difference) -> bool:
        """Whether the books still stand where they stood when the difference was seen.

        A fill that comes between the broker's list and an adoption closes the gap by itself:
        taken over as well, it would be booked twice.
        """
        kind, subject, ours, _ = difference
        ledger, reconciler = self._engine.ledger, self._engine.reconciler
        if kind == "cash":
            return ledger.portfolio.cash == Decimal(ours)
        if kind == "position":
            return ledger.portfolio.position(subject).quantity == Decimal(ours)
        record = reconciler.listed.get(ClientOrderId(subject))
        if kind != "order_unknown_here" or record is None:
            return True
        fills = ledger.orders.executions.of_order(record.client_order_id)
        booked = sum((fill.quantity for fill in fills), ZERO)
        is_newer = reconciler.listed_ns and any(
            fill.ts_venue_ns > reconciler.listed_ns for fill in fills
        )
        return booked <= record.filled_quantity and not is_newer

    def _adopt(self, difference: Difference, reason: str) -> bool:
        """Take it into the books; False where it cannot be valued or makes no sense here."""
        if not self._is_current(difference):
            return False
        adopted = self._adopted(difference, reason)
        if adopted is None:
            return False
        self._engine.emit(adopted)
        self._engine.reconciler.breaks.pop(difference[:2], None)
        return True

    def _adopted(self, difference: Difference, reason: str) -> ExternalAdopted | None:
        engine, (kind, subject, ours, theirs) = self._engine, difference
        if kind == "cash":
            moved = Decimal(theirs) - Decimal(ours)
            return ExternalAdopted(
                kind=kind, subject=subject, quantity=moved, price=ZERO, reason=reason
            )
        if kind == "position":
            mark = engine.ledger.portfolio.exact_mark(subject)
            if subject not in engine.instruments or not mark:
                return None
            moved = Decimal(theirs) - Decimal(ours)
            return ExternalAdopted(
                kind=kind, subject=subject, quantity=moved, price=mark, reason=reason
            )
        record = engine.reconciler.listed.get(ClientOrderId(subject))
        if kind != "order_unknown_here" or record is None:
            return None
        price = self._worst_price(record)
        is_known = engine.ledger.orders.get(record.client_order_id) is not None
        if record.symbol not in engine.instruments or price is None or is_known:
            return None
        return ExternalAdopted(
            kind="order",
            subject=subject,
            quantity=record.quantity,
            price=price,
            reason=reason,
            order=record,
        )

    def _worst_price(self, record: OrderRecord) -> Decimal | None:
        mark = self._engine.ledger.portfolio.exact_mark(record.symbol)
        stated = record.limit_price or record.stop_price
        if not mark and stated is None:
            return None
        return max(mark * (1 + self._engine.setup.policy.market_allowance), stated or ZERO)

    def _ignore(self, difference: Difference) -> None:
        kind, subject, ours, theirs = difference
        reconciler = self._engine.reconciler
        is_number = kind != "order_unknown_here"
        gap = Decimal(theirs) - Decimal(ours) if is_number else ZERO
        reconciler.ignored[kind, subject] = gap
        reconciler.breaks.pop((kind, subject), None)

    def _close(self, difference: Difference) -> None:
        """Cancel the order, or close the position that was just adopted."""
        desk, (kind, subject, _, _) = self._engine.desk, difference
        if kind == "order_unknown_here":
            order = self._engine.ledger.orders.get(ClientOrderId(subject))
            if order is not None:
                desk.cancel(order, EXTERNAL)
        elif kind == "position":
            desk.flatten(subject, EXTERNAL)
            desk.close_what_can(self._engine.now_ns)
