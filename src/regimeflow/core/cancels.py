"""Cancels: the one place where they leave, and are repeated while what must end works on.

A strategy's own cancel that is refused is told to it, and is its own business. What an operator
cancels, and the engine by itself (a late order, a stale feed, a faulted strategy, an annulled
entry), stays wanted however often it is refused: "no connection" and "slow down" say nothing about
the order. It is repeated when a link is back (one pause after the refusal at the earliest), and
after pauses that double up to `BACKOFF_MAX` times the first; where the order rate is used up, as
soon as it has room. That goes on for as long as the order works, since giving up would leave it
working: at most one timer an order. Which orders these are, and how often they were asked for, the
books tell from commands.

While the broker takes no requests no cancel leaves: a request in a ban may prolong it. Each is
withheld, a strategy's own included, and leaves when requests are taken again, if its order still
works. They are bounded by the orders that worked when the ban began, since none can be added.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.core.approved import EngineOutput
from regimeflow.core.holds import Holds
from regimeflow.core.ledger import Ledger
from regimeflow.core.legs import leg_to_cancel
from regimeflow.core.timers import ENGINE
from regimeflow.model.commands import CancelOrder, RiskBreached, SetTimer
from regimeflow.model.ids import ClientOrderId, TimerId
from regimeflow.model.order import BY_STRATEGY, Order, OrderStatus

CANCEL_PREFIX = "cancel:"
BACKOFF_MAX = 16
TOLD_AT = (2, 6)
"""Refusals that are told, by how often the order was asked to be cancelled. The first may just have
lost a race against a fill; the last comes when the pauses are at their longest."""


class Cancels:
    """Sends and repeats the cancels of one desk.

    `withheld` are the first ids of orders whose cancels wait for the broker, with the reason.
    """

    __slots__ = ("_emit", "_holds", "_ledger", "_pause_ns", "withheld")

    def __init__(
        self,
        ledger: Ledger,
        emit: Callable[[EngineOutput], object],
        pause_ns: int,
        holds: Holds,
    ) -> None:
        self._holds = holds
        self._ledger = ledger
        self._emit = emit
        self._pause_ns = pause_ns
        self.withheld: dict[ClientOrderId, str] = {}

    def cancel(self, order: Order, reason: str) -> None:
        """Ask the venue to cancel; once while a cancel is pending.

        Where that is its strategy's own, the books do not know yet that others want it gone: a
        second one says so, and is repeated if it is refused.
        """
        is_said = order.is_unwanted or reason == BY_STRATEGY
        if order.is_open and not (order.status is OrderStatus.PENDING_CANCEL and is_said):
            self._send(order, reason)

    def join(self, order: Order, reason: str) -> None:
        """Cancel it, or let the cancel that waits already leave for this: when the rate has room.

        Flattens ask for this with every event; a second cancel would go past the order rate.
        """
        if order.root_id in self.withheld:
            self._withhold(order, reason)
        else:
            self.cancel(order, reason)

    def is_unwanted(self, order: Order) -> bool:
        """Whether the engine or an operator wants it gone, also where no cancel could leave yet."""
        why = self.withheld.get(order.root_id, BY_STRATEGY)
        return order.is_unwanted or why != BY_STRATEGY

    def on_wish(self, ts_ns: int, client_order_id: ClientOrderId) -> None:
        """A strategy asks to cancel: where the order rate has no room, it has to ask again."""
        order = self._ledger.orders.get(client_order_id)
        if order is None:
            return
        window = self._ledger.throttle.full_window(ts_ns, is_reducing=True)
        if window is None:
            self.cancel(order, BY_STRATEGY)
            return
        count = str(window.count_in_window(ts_ns))
        message = f"the cancel of {order.client_order_id} was not sent; ask again later"
        self._emit(RiskBreached("C09", str(window.count_max), count, message))

    def again(self, order: Order) -> None:
        """It works under a new id, or may never have heard of the cancel; repeating is harmless."""
        if order.is_open and order.cancel_reason:
            self._send(order, order.cancel_reason)

    def on_refused(self, ts_ns: int, order: Order) -> None:
        """A cancel was refused: if the order is unwanted and works on, ask again in a while."""
        if self._holds.suspension and order.is_open:
            if order.cancel_reason:  # else nobody here asked: there is nothing to repeat
                self._withhold(order, order.cancel_reason)
            return
        if not self._is_due(order):
            return
        if order.cancels_sent in TOLD_AT:
            why = f"{order.symbol}: the venue refused to cancel it ({order.cancel_reason})"
            message = f"{why}: {order.reason}; asked again, ever later, until it has ended"
            observed = f"{order.standing_id} is {order.status}"
            self._emit(RiskBreached("C25", "no order works", observed, message))
        pauses = min(2 ** (order.cancels_sent - 1), BACKOFF_MAX)
        self._wait(order, ts_ns + self._pause_ns * pauses)

    def on_timer(self, ts_ns: int, timer_id: str) -> None:
        """Time to ask again."""
        order = self._ledger.orders.get(ClientOrderId(timer_id.removeprefix(CANCEL_PREFIX)))
        if order is not None:
            self._repeat(ts_ns, order)

    def repeat(self, ts_ns: int) -> None:
        """A link is back: what was refused or withheld without it may be granted now."""
        working = self._ledger.orders.open
        self.withheld = {root: why for root, why in self.withheld.items() if root in working}
        # What must end precedes what a strategy would rather not have: the rate may be used up.
        for order in sorted(working.values(), key=lambda order: not self.is_unwanted(order)):
            rested_ns = order.updated_ns + self._pause_ns
            if order.root_id in self.withheld or rested_ns <= ts_ns:
                self._repeat(ts_ns, order)
            elif self._is_due(order):
                self._wait(order, rested_ns)  # a link that flaps must not outdo the pauses

    # --- inside -------------------------------------------------------------------------

    def _repeat(self, ts_ns: int, order: Order) -> None:
        if not self._is_due(order):
            return
        throttle = self._ledger.throttle
        if throttle.full_window(ts_ns, is_reducing=True) is None:
            self._send(order, self.withheld.get(order.root_id, order.cancel_reason))
        else:
            self._wait(order, throttle.frees_ns(ts_ns))

    def _is_due(self, order: Order) -> bool:
        """Whether it is wanted gone, and no request of ours says so to the venue."""
        if order.root_id in self.withheld:
            return order.is_open
        is_asked = order.status is OrderStatus.PENDING_CANCEL
        return order.is_open and order.is_unwanted and not is_asked

    def _withhold(self, order: Order, reason: str) -> None:
        """The first reason stays, but for a strategy's: what others want gone is repeated."""
        root = order.root_id
        if self.withheld.get(root, BY_STRATEGY) == BY_STRATEGY:
            self.withheld[root] = reason

    def _send(self, order: Order, reason: str) -> None:
        if self._holds.suspension:
            self._withhold(order, reason)
            return
        self.withheld.pop(order.root_id, None)
        leg = leg_to_cancel(order)
        self._emit(CancelOrder(leg, order.broker_order_id, order.symbol, reason))

    def _wait(self, order: Order, due_ns: int) -> None:
        timer_id = TimerId(f"{CANCEL_PREFIX}{order.root_id}")
        self._emit(SetTimer(timer_id, ENGINE, due_ns))
