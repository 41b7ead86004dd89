"""Orders that must leave and could not: they wait for the order rate, after a rejection, or for a
broker that takes no requests.

A throttle denies and never queues, since a wish that waits is stale. Two kinds of order are no
wishes but duties, whose terms are worked out anew whenever they leave: a flatten, and the exits of
a filled entry. They wait until the rate has room; one that the venue rejected leaves again, under
a new id, after a pause that is as long as it has been due, at most `PAUSE_NS_MAX`. Both are told
once; a timer brings them back. Nothing waits longer than `WAIT_NS_MAX`: then the refusal is final,
and told. A broker's ban, a link that is down and, for exits, a halt are waited out however long
they last: nothing else could be done, and refusals would only use up the time.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.core.approved import EngineOutput
from regimeflow.core.holds import Holds
from regimeflow.core.ledger import Ledger
from regimeflow.core.risk.proposal import Denial
from regimeflow.core.timers import ENGINE
from regimeflow.model.commands import CancelTimer, RiskBreached, SetTimer
from regimeflow.model.ids import ClientOrderId, TimerId
from regimeflow.model.order import Order
from regimeflow.model.timestamps import NS_PER_MINUTE

RATE_WAIT = TimerId("rate_wait")
WAIT_NS_MAX = 10 * NS_PER_MINUTE
PAUSE_NS_MAX = 2 * NS_PER_MINUTE


def keep_timer(
    ledger: Ledger,
    emit: Callable[[EngineOutput], object],
    timer_id: TimerId,
    due_ns: int,
    *,
    is_needed: bool,
) -> None:
    """A timer runs while something waits that it looks after, and only then."""
    is_set = (ENGINE, timer_id) in ledger.timers.pending
    if is_needed and not is_set:
        emit(SetTimer(timer_id, ENGINE, due_ns))
    elif is_set and not is_needed:
        emit(CancelTimer(timer_id, ENGINE))


class DutyWait:
    """Judges, for one engine, whether an order that must leave has to wait.

    Of an order that has not left, `created_ns` says since when it waits (zero: it does not), and
    `updated_ns` before when it shall not leave. `due_since_ns` knows the former of those that left.
    """

    __slots__ = ("_emit", "_holds", "_ledger", "_pause_ns", "due_since_ns")

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
        self.due_since_ns: dict[ClientOrderId, int] = {}

    def denial(self) -> Denial | None:
        """C22: no order leaves while the broker takes no requests, not even an exit."""
        because = self._holds.suspension
        if not because:
            return None
        return Denial(
            "C22",
            "a broker that takes requests",
            because,
            f"the broker takes no requests ({because}); nothing is sent, exits included, until it "
            "does; cancels and exits of filled entries wait and leave first",
        )

    def hold_back(self, ts_ns: int, order: Order, what: str, halt: str = "") -> bool:
        """C09, C22, C25: what must leave waits for the rate, a pause, or the end of an outage or of
        a `halt`; told once.

        True where it may not leave now. A timer is set where it is the rate or a pause: all else
        ends by an event.
        """
        outage = self._holds.outage
        if outage or halt:
            control, limit = "C22", "a broker that takes requests"
            if not outage:
                control, limit = "C25", "trading is not halted"
            self._tell(order, control, limit, outage or halt, f"{what} waits")
            order.created_ns = ts_ns  # from its end on it may wait for the rate
            return True
        if order.updated_ns > ts_ns:
            self._wake(order.updated_ns)
            return True
        throttle = self._ledger.throttle
        window = throttle.full_window(ts_ns, is_reducing=True)
        if window is None:
            self._note_leaving(order)
            return False
        count = str(window.count_in_window(ts_ns))
        self._tell(order, "C09", str(window.count_max), count, f"{what} waits for the order rate")
        order.created_ns = order.created_ns or ts_ns
        self._wake(throttle.frees_ns(ts_ns))
        return True

    def take_back(self, ts_ns: int, rejected: Order, again: Order, what: str) -> bool:
        """C13: a rejected order that must leave waits to be sent again; told once.

        False where `rejected` was sent again for too long already; else `again` waits.
        """
        known = self.due_since_ns.pop(rejected.client_order_id, None)
        if self._holds.outage:
            again.created_ns = known or 0  # told already, if it has waited before
            return self.hold_back(ts_ns, again, what)
        if ts_ns - rejected.created_ns > WAIT_NS_MAX:
            known = None  # it worked for long before: that was no waiting in vain
        again.created_ns = since_ns = ts_ns if known is None else known
        if ts_ns - since_ns > WAIT_NS_MAX:
            return False
        again.updated_ns = ts_ns + min(max(ts_ns - since_ns, self._pause_ns), PAUSE_NS_MAX)
        if known is None:
            message = f"{what} is sent again by itself"
            self._emit(RiskBreached("C13", "an accepted order", rejected.reason, message))
        self._wake(again.updated_ns)
        return True

    def has_room(self, ts_ns: int) -> bool:
        """Whether the order rate lets a cancel out; else a timer is set for when it does.

        In a ban none leaves: it is withheld, whatever the rate.
        """
        throttle = self._ledger.throttle
        if self._holds.suspension or throttle.full_window(ts_ns, is_reducing=True) is None:
            return True
        self._wake(throttle.frees_ns(ts_ns))
        return False

    def is_stale(self, ts_ns: int, order: Order) -> bool:
        """Whether a wish that may wait has waited for `WAIT_NS_MAX` since the last outage.

        Else a timer is set for when it has, but in an outage, whose end is told by the link.
        """
        if self._holds.outage:
            order.created_ns = ts_ns
            return False
        order.created_ns = order.created_ns or ts_ns
        due_ns = order.created_ns + WAIT_NS_MAX
        if due_ns > ts_ns:
            self._wake(due_ns)
        return due_ns <= ts_ns

    @staticmethod
    def refusal(ts_ns: int, order: Order) -> Denial | None:
        """C09: the final refusal of what has waited in vain for too long."""
        waited_ns = ts_ns - order.created_ns
        if not order.created_ns or waited_ns <= WAIT_NS_MAX or order.updated_ns > ts_ns:
            return None  # after the pause that follows a rejection it leaves once more
        return Denial(
            "C09",
            f"room in the order rate within {WAIT_NS_MAX // NS_PER_MINUTE} min",
            f"none for {waited_ns // NS_PER_MINUTE} min",
            "it waited for the order rate in vain; close the position at the broker, or repeat",
        )

    # --- inside -------------------------------------------------------------------------

    def _tell(self, order: Order, control: str, limit: str, observed: str, what: str) -> None:
        if not order.created_ns:
            self._emit(RiskBreached(control, limit, observed, f"{what} and leaves by itself"))

    def _note_leaving(self, order: Order) -> None:
        """Since when it was due counts on if it is rejected, accepted before or not."""
        if order.created_ns:
            working = self._ledger.orders.open
            self.due_since_ns = {i: ns for i, ns in self.due_since_ns.items() if i in working}
            self.due_since_ns[order.client_order_id] = order.created_ns

    def _wake(self, due_ns: int) -> None:
        """One timer for all that waits: the earliest counts, and sets the next."""
        set_ns = self._ledger.timers.pending.get((ENGINE, RATE_WAIT))
        if set_ns is None or set_ns > due_ns:
            self._emit(SetTimer(RATE_WAIT, ENGINE, due_ns))
