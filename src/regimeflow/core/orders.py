"""The order book of record: every order we wished for, moved only by commands and reports.

Commands are applied by `sent`, `denied`, `cancel_sent` and `replace_sent`; reports by the
other verbs. Each returns what changed and, where the table has no row or an id is unknown, a
discrepancy to be reported: a strange report is never a crash and never freezes an order.

Bound: `TERMINAL_ORDERS_MAX` ended orders stay in memory, oldest dropped first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from regimeflow.core.executions import Executions
from regimeflow.core.exposure import Exposure
from regimeflow.core.order_table import Happening, next_status
from regimeflow.model.commands import (
    CancelOrder,
    DiscrepancyFound,
    OrderDenied,
    ReplaceOrder,
    SubmitOrder,
)
from regimeflow.model.events import OrderFilled, OrderReplaced
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import TERMINAL_STATUSES, Order, OrderStatus

TERMINAL_ORDERS_MAX = 20_000


class Applied(NamedTuple):
    """What a report did: the order it moved (None: nothing moved) and what was wrong with it."""

    order: Order | None
    discrepancy: DiscrepancyFound | None


NOTHING = Applied(None, None)


class Orders:
    """All orders by any id they have had; `open` holds those that could still fill."""

    __slots__ = (
        "_root_of",
        "_terminal",
        "by_root",
        "executions",
        "exposure",
        "open",
        "replacements",
    )

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.by_root: dict[ClientOrderId, Order] = {}
        self._root_of: dict[ClientOrderId, ClientOrderId] = {}
        self.open: dict[ClientOrderId, Order] = {}
        self._terminal: dict[ClientOrderId, None] = {}
        self.executions = Executions()
        self.replacements: dict[ClientOrderId, ReplaceOrder] = {}
        self.exposure = Exposure(instruments)

    def get(self, client_order_id: ClientOrderId) -> Order | None:
        """The order that has, or once had, this id."""
        root = self._root_of.get(client_order_id, client_order_id)
        return self.by_root.get(root)

    def ended(self) -> list[Order]:
        """Ended orders still in memory, oldest first."""
        return [self.by_root[root] for root in self._terminal]

    def restore(self, order: Order) -> None:
        """Take over a saved order, with every id it has had."""
        root = order.client_order_ids[0]
        self.by_root[root] = order
        for client_order_id in order.client_order_ids[1:]:
            self._root_of[client_order_id] = root
        if order.status in TERMINAL_STATUSES:
            self._retire(root)
            return
        self.open[root] = order
        self.exposure.open(order)
        self._recount(order)

    # --- our commands -------------------------------------------------------------------

    def sent(self, ts_ns: int, command: SubmitOrder) -> Order:
        """The order left (or is about to): it counts as exposure from here on."""
        order = Order(
            client_order_id=command.client_order_id,
            strategy_id=command.strategy_id,
            symbol=command.symbol,
            side=command.side,
            order_type=command.order_type,
            quantity=command.quantity,
            limit_price=command.limit_price,
            stop_price=command.stop_price,
            trail_amount=command.trail_amount,
            trail_fraction=command.trail_fraction,
            time_in_force=command.time_in_force,
            expire_ns=command.expire_ns,
            reduce_only=command.reduce_only,
            for_next_open=command.for_next_open,
            parent_id=command.parent_id,
            oco_group=command.oco_group,
            take_profit_price=command.take_profit_price,
            stop_loss_price=command.stop_loss_price,
            tag=command.tag,
            intent_id=command.intent_id,
            status=OrderStatus.PENDING_NEW,
            worst_price=command.worst_price,
            client_order_ids=(command.client_order_id,),
            created_ns=ts_ns,
            updated_ns=ts_ns,
        )
        root = command.client_order_id
        self.by_root[root] = order
        self.open[root] = order
        self.exposure.open(order)
        self._recount(order)
        return order

    def denied(self, ts_ns: int, notice: OrderDenied) -> Order:
        """The order was refused here and never left."""
        order = Order(
            client_order_id=notice.client_order_id,
            strategy_id=notice.strategy_id,
            symbol=notice.symbol,
            side=notice.side,
            order_type=notice.order_type,
            quantity=notice.quantity,
            intent_id=notice.intent_id,
            status=OrderStatus.DENIED,
            client_order_ids=(notice.client_order_id,),
            reason=notice.message,
            created_ns=ts_ns,
            updated_ns=ts_ns,
        )
        self.by_root[notice.client_order_id] = order
        self._retire(notice.client_order_id)
        return order

    def cancel_sent(self, ts_ns: int, command: CancelOrder) -> Order | None:
        """A cancel left; the order counts as exposure until its end is reported."""
        order = self.get(command.client_order_id)
        if order is not None:
            self._move(ts_ns, order, Happening.CANCEL_SENT)
        return order

    def replace_sent(self, ts_ns: int, command: ReplaceOrder) -> Order | None:
        """A replacement left; the larger of old and new terms counts until it is answered."""
        order = self.get(command.orig_client_order_id)
        if order is None:
            return None
        root = order.client_order_ids[0]
        self._root_of[command.client_order_id] = root
        order.client_order_ids = (*order.client_order_ids, command.client_order_id)
        self.replacements[command.client_order_id] = command
        self._move(ts_ns, order, Happening.REPLACE_SENT)
        return order

    # --- the venue's reports ------------------------------------------------------------

    def report(
        self,
        ts_ns: int,
        client_order_id: ClientOrderId,
        happening: Happening,
        *,
        reason: str = "",
        broker_order_id: BrokerOrderId | None = None,
    ) -> Applied:
        """Apply a report that carries no quantity: accepted, rejected, canceled, expired ..."""
        order = self.get(client_order_id)
        if order is None:
            return Applied(None, _unknown_order(client_order_id, happening.value))
        if broker_order_id is not None:
            order.broker_order_id = broker_order_id
        if happening is Happening.LOST_SIGHT:
            order.in_doubt = True
        elif happening in (Happening.REPLACE_REJECTED, Happening.CANCEL_REJECTED):
            self.replacements.pop(client_order_id, None)
        if happening is not Happening.LOST_SIGHT:
            order.in_doubt = False
        before = order.status
        discrepancy = self._move(ts_ns, order, happening)
        if reason:
            order.reason = reason
        moved = discrepancy is None and (order.status is not before or order.in_doubt)
        return Applied(order if moved else None, discrepancy)

    def apply_replaced(self, ts_ns: int, report: OrderReplaced) -> Applied:
        """The order now stands on new terms (asked for, or changed by the venue itself)."""
        order = self.get(report.orig_client_order_id)
        if order is None:
            return Applied(None, _unknown_order(report.orig_client_order_id, "replaced"))
        self.replacements.pop(report.client_order_id, None)
        discrepancy = self._move(ts_ns, order, Happening.REPLACED)
        if discrepancy is not None:
            return Applied(None, discrepancy)
        if report.client_order_id not in order.client_order_ids:
            self._root_of[report.client_order_id] = order.client_order_ids[0]
            order.client_order_ids = (*order.client_order_ids, report.client_order_id)
        order.broker_order_id = report.broker_order_id
        order.quantity = report.quantity
        order.limit_price = report.limit_price
        order.stop_price = report.stop_price
        priced_at = report.limit_price or report.stop_price
        if priced_at is not None:
            order.worst_price = priced_at
        self._recount(order)
        return Applied(order, None)

    def apply_fill(self, ts_ns: int, fill: OrderFilled) -> Applied:
        """Take one new execution into the order; the caller books the position whatever comes.

        Precondition: it is neither a repeat nor past the horizon of `executions`. An unknown
        order or an overfill is a discrepancy, and the fill is still real.
        """
        self.executions.note(fill)
        order = self.get(fill.client_order_id)
        if order is None:
            return Applied(None, _unknown_order(fill.client_order_id, "filled"))
        order.filled_quantity += fill.quantity
        order.filled_cost += fill.quantity * fill.price
        order.fees += fill.fee
        order.in_doubt = False
        order.broker_order_id = fill.broker_order_id
        is_full = order.filled_quantity >= order.quantity
        happening = Happening.FILLED if is_full else Happening.PART_FILLED
        discrepancy = self._move(ts_ns, order, happening)
        if order.filled_quantity > order.quantity:
            discrepancy = DiscrepancyFound(
                kind="overfill",
                subject=order.client_order_id,
                ours=str(order.quantity),
                theirs=str(order.filled_quantity),
                detail=f"{order.symbol}: the venue filled more than was ordered",
            )
        return Applied(order, discrepancy)

    # --- inside -------------------------------------------------------------------------

    def _move(self, ts_ns: int, order: Order, happening: Happening) -> DiscrepancyFound | None:
        before = order.status
        after = next_status(before, happening, is_part_filled=bool(order.filled_quantity))
        if after is None:
            return DiscrepancyFound(
                kind="order_state",
                subject=order.client_order_id,
                ours=before.value,
                theirs=happening.value,
                detail=f"{order.symbol}: this report is not possible in our state of the order",
            )
        order.status = after
        order.updated_ns = ts_ns
        if (after in TERMINAL_STATUSES) != (before in TERMINAL_STATUSES):
            self._cross_the_end(order, has_ended=after in TERMINAL_STATUSES)
        self._recount(order)
        return None

    def _cross_the_end(self, order: Order, *, has_ended: bool) -> None:
        root = order.client_order_ids[0]
        if has_ended:
            self.exposure.close(order)
            self.open.pop(root, None)
            self._retire(root)
        else:
            # Proved absent, yet it lives: it counts again from this moment.
            self._terminal.pop(root, None)
            self.open[root] = order
            self.exposure.open(order)

    def _retire(self, root: ClientOrderId) -> None:
        self._terminal[root] = None
        if len(self._terminal) <= TERMINAL_ORDERS_MAX:
            return
        oldest = next(iter(self._terminal))
        del self._terminal[oldest]
        order = self.by_root.pop(oldest)
        for client_order_id in order.client_order_ids:
            self._root_of.pop(client_order_id, None)

    def _recount(self, order: Order) -> None:
        self.exposure.recount(order, self.replacements)


def _unknown_order(client_order_id: ClientOrderId, what: str) -> DiscrepancyFound:
    return DiscrepancyFound(
        kind="unknown_order",
        subject=client_order_id,
        ours="no such order",
        theirs=what,
        detail="the venue reports on an order that these books do not hold",
    )
