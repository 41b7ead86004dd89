"""The order book of record: every order we wished for, moved only by commands and reports.

Commands are applied by `sent`, `denied`, `cancel_sent` and `replace_sent`; reports by the
other verbs. Each returns what changed and, where the table has no row or an id is unknown, a
discrepancy to be reported: a strange report is never a crash and never freezes an order.

Bound: `TERMINAL_ORDERS_MAX` ended orders stay in memory, oldest dropped first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from copy import copy
from decimal import Decimal

from regimeflow.core import legs
from regimeflow.core.applied import (
    NOTHING,
    Applied,
    impossible_report,
    overfill,
    unknown_fill,
    unknown_order,
)
from regimeflow.core.executions import Executions
from regimeflow.core.exposure import Exposure
from regimeflow.core.order_records import order_from_command, order_from_denial
from regimeflow.core.order_table import REFUSALS, Happening, next_status
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
from regimeflow.model.order import BY_STRATEGY, TERMINAL_STATUSES, ZERO, Order, OrderStatus

TERMINAL_ORDERS_MAX = 20_000
_ENDED = TERMINAL_STATUSES - {OrderStatus.NOT_FOUND}


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
        # A plain dict would search past all it has dropped to find its oldest entry.
        self._terminal: OrderedDict[ClientOrderId, None] = OrderedDict()
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

    def recall(self, complete: Orders) -> None:
        """Know again every ended order and execution that a fold of all facts knows.

        Saved books carry over only those of `REPLAY_HORIZON_NS`; the others must not be taken for
        strangers, or booked twice.
        """
        for order in complete.ended():
            if order.root_id not in self.by_root:
                self.restore(copy(order))
        self._terminal = complete._terminal.copy()
        self.executions.booked = complete.executions.booked.copy()

    def restore(self, order: Order) -> None:
        """Know a new or saved order, by every id it has had."""
        root = order.root_id
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
        order = order_from_command(ts_ns, command)
        self.restore(order)
        return order

    def denied(self, ts_ns: int, notice: OrderDenied) -> Order:
        """The order was refused here and never left."""
        order = order_from_denial(ts_ns, notice)
        self.by_root[notice.client_order_id] = order
        self._retire(notice.client_order_id)
        return order

    def cancel_sent(self, ts_ns: int, command: CancelOrder) -> Order | None:
        """A cancel left; the order counts as exposure until its end is reported."""
        order = self.get(command.client_order_id)
        if order is not None:
            order.cancels_sent += 1
            if command.reason != BY_STRATEGY or not order.cancel_reason:
                order.cancel_reason = command.reason
            self._move(ts_ns, order, Happening.CANCEL_SENT)
        return order

    def replace_sent(self, ts_ns: int, command: ReplaceOrder) -> Order | None:
        """A replacement left; the larger of old and new terms counts until it is answered."""
        order = self.get(command.orig_client_order_id)
        if order is None:
            return None
        root = order.root_id
        self._root_of[command.client_order_id] = root
        order.client_order_ids = (*order.client_order_ids, command.client_order_id)
        if order.is_open:
            self.replacements[command.client_order_id] = command
        if self._move(ts_ns, order, Happening.REPLACE_SENT) is not None:
            self._recount(order)  # it left all the same: it counts
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
        counted: Decimal = ZERO,
    ) -> Applied:
        """Apply a report other than of a fill; an end may say what it `counted` as filled."""
        order = self.get(client_order_id)
        if order is None:
            return Applied(None, unknown_order(client_order_id, happening.value))
        asked = self.replacements
        if legs.is_of_the_past(order, client_order_id, happening, asked):
            return NOTHING
        if broker_order_id is not None:
            order.broker_order_id = broker_order_id
        happening = legs.meaning_of(order, client_order_id, happening, asked)
        if legs.withholds_end(order, happening, counted):
            happening = Happening.LOST_SIGHT
        is_unsure = happening in (Happening.LOST_SIGHT, Happening.LEG_ENDED)
        # A refusal says what did not happen; it is no evidence of what has.
        is_still_unsure = happening in REFUSALS or legs.is_awaited(order, asked)
        is_unsure |= (order.in_doubt and is_still_unsure) or order.ended_leg is not None
        order.in_doubt = order.is_open and is_unsure
        before, order.reason = order.status, reason or order.reason
        discrepancy = self._move(ts_ns, order, happening)
        if happening is Happening.REPLACE_REJECTED:
            self._finish_if_full(ts_ns, order)
        moved = discrepancy is None and (order.status is not before or order.in_doubt)
        return Applied(order if moved else None, discrepancy)

    def apply_replaced(self, ts_ns: int, report: OrderReplaced) -> Applied:
        """The order now stands on new terms (asked for, or changed by the venue itself)."""
        order = self.get(report.orig_client_order_id)
        if order is None:
            return Applied(None, unknown_order(report.orig_client_order_id, "replaced"))
        is_over = order.ended_leg is not None or order.status in _ENDED
        if is_over and not legs.is_newer(order, report.client_order_id):
            # Told again, or late: what it speaks of has ended since.
            return Applied(None, impossible_report(order, Happening.REPLACED))
        if legs.is_superseded(order, report.client_order_id):
            return NOTHING  # told again, or late: a newer leg has taken its place since
        return self.stand(ts_ns, order, report)

    def stand(self, ts_ns: int, order: Order, report: OrderReplaced) -> Applied:
        """The order stands on these terms, whatever was told of it before."""
        asked = self.replacements.pop(report.client_order_id, None)
        discrepancy = self._move(ts_ns, order, Happening.REPLACED)
        if discrepancy is not None:
            return Applied(None, discrepancy)
        if report.client_order_id not in order.client_order_ids:
            self._root_of[report.client_order_id] = order.root_id
            order.client_order_ids = (*order.client_order_ids, report.client_order_id)
        order.in_doubt = False
        order.broker_order_id = report.broker_order_id
        worst_price = legs.rescaled(order, report) if asked is None else asked.worst_price
        legs.take_terms(order, report, worst_price)
        self._recount(order)
        self._finish_if_full(ts_ns, order)
        return Applied(order, None)

    def apply_fill(self, ts_ns: int, fill: OrderFilled) -> Applied:
        """Take one new execution into the order; the caller books the position whatever comes.

        Precondition: it is neither a repeat nor past the horizon of `executions`. An unknown
        order or an overfill is a discrepancy, and the fill is still real.
        """
        self.executions.note(fill)
        order = self.get(fill.client_order_id)
        if order is None or (order.symbol, order.side) != (fill.symbol, fill.side):
            return Applied(None, unknown_fill(fill, order))
        order.filled_quantity += fill.quantity
        order.filled_cost += fill.quantity * fill.price
        order.fees += fill.fee
        is_unsure = order.ended_leg is not None or legs.is_awaited(order, self.replacements)
        order.in_doubt = order.in_doubt and is_unsure
        if not legs.is_superseded(order, fill.client_order_id):
            order.broker_order_id = fill.broker_order_id
        # A fill of the new terms may outrun the answer to the replacement that asked for them.
        total_max = legs.quantity_max(order, self.replacements)
        is_full = order.used_quantity >= total_max
        happening = Happening.FILLED if is_full else Happening.PART_FILLED
        discrepancy = self._move(ts_ns, order, happening)
        ended = legs.due_end(order, self.replacements)
        if ended is not None:
            self._move(ts_ns, order, ended)
        if order.filled_quantity > total_max:
            discrepancy = overfill(order, total_max)
        return Applied(order, discrepancy, has_ended=ended is not None)

    def unfill(self, ts_ns: int, fill: OrderFilled, *, uses_up: bool = True) -> Order | None:
        """Take an execution out of its order; what ended stays ended, annulled is used up."""
        order = self.get(fill.client_order_id)
        if order is None or (order.symbol, order.side) != (fill.symbol, fill.side):
            return None
        order.filled_quantity -= fill.quantity
        order.filled_cost -= fill.quantity * fill.price
        order.fees -= fill.fee
        if uses_up:
            order.annulled_quantity += fill.quantity
        order.updated_ns = ts_ns
        self._recount(order)
        return order

    # --- inside -------------------------------------------------------------------------

    def _finish_if_full(self, ts_ns: int, order: Order) -> None:
        """The terms that stand after an answer may have filled already."""
        if order.is_open and order.used_quantity >= legs.quantity_max(order, self.replacements):
            self._move(ts_ns, order, Happening.FILLED)

    def _move(self, ts_ns: int, order: Order, happening: Happening) -> DiscrepancyFound | None:
        before = order.status
        after = next_status(
            before,
            happening,
            is_part_filled=bool(order.filled_quantity),
            is_replacing=legs.is_awaited(order, self.replacements),
        )
        if after is None:
            return impossible_report(order, happening)
        order.status = after
        order.updated_ns = ts_ns
        if (after in TERMINAL_STATUSES) != (before in TERMINAL_STATUSES):
            self._cross_the_end(order, has_ended=after in TERMINAL_STATUSES)
        self._recount(order)
        return None

    def _cross_the_end(self, order: Order, *, has_ended: bool) -> None:
        root = order.root_id
        if has_ended:
            order.ended_leg, order.counted_at_end, order.in_doubt = None, ZERO, False
            self.exposure.close(order)
            self.open.pop(root, None)
            for client_order_id in order.client_order_ids[1:]:
                self.replacements.pop(client_order_id, None)
            self._retire(root)
        else:
            # Ended or proved absent, yet it lives: it counts again from this moment.
            self._terminal.pop(root, None)
            self.open[root] = order
            self.exposure.open(order)

    def _retire(self, root: ClientOrderId) -> None:
        self._terminal[root] = None
        if len(self._terminal) <= TERMINAL_ORDERS_MAX:
            return
        oldest, _ = self._terminal.popitem(last=False)
        order = self.by_root.pop(oldest)
        for client_order_id in order.client_order_ids:
            self._root_of.pop(client_order_id, None)

    def _recount(self, order: Order) -> None:
        self.exposure.recount(order, self.replacements)
