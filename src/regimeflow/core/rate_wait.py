"""Waiting for the order rate, or for a broker that takes no requests: for the few orders that must
leave and may not leave now.

A throttle denies and never queues, since a wish that waits is stale. Two kinds of order are no
wishes but duties, whose terms are worked out anew whenever they leave: an operator's flatten, and
the exits of a filled entry. They wait until the rate has room, which is told once; a timer brings
them back. Nothing waits longer than `WAIT_NS_MAX` for the rate: then the refusal is final, and
told. A broker's ban is waited out however long it is, since nothing else could be done.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.core.approved import EngineOutput
from regimeflow.core.ledger import Ledger
from regimeflow.core.risk.proposal import Denial
from regimeflow.model.commands import RiskBreached, SetTimer
from regimeflow.model.ids import TimerId
from regimeflow.model.order import Order
from regimeflow.model.timestamps import NS_PER_MINUTE

ENGINE = "engine"
RATE_WAIT = TimerId("rate_wait")
WAIT_NS_MAX = 10 * NS_PER_MINUTE


class RateWait:
    """Judges, for one engine, whether an order that must leave has to wait for the rate.

    `created_ns` of an order that has not left says since when it waits; zero: it does not.
    """

    __slots__ = ("_emit", "_ledger", "_suspension")

    def __init__(
        self, ledger: Ledger, emit: Callable[[EngineOutput], object], suspension: Callable[[], str]
    ) -> None:
        self._ledger = ledger
        self._emit = emit
        self._suspension = suspension

    @property
    def is_shut(self) -> bool:
        """Whether the broker takes no requests at all."""
        return bool(self._suspension())

    def has_to_wait(self, ts_ns: int, order: Order, what: str) -> bool:
        """Whether it may not leave now, which is told the first time. A timer is set where it is
        the rate that has no room."""
        because = self._suspension()
        if because:
            self._tell(order, "C22", "a broker that takes requests", because, f"{what} waits")
            order.created_ns = ts_ns  # from its end on it may wait for the rate
            return True
        throttle, pending = self._ledger.throttle, self._ledger.timers.pending
        window = throttle.full_window(ts_ns, is_reducing=True)
        if window is None:
            return False
        count = str(window.count_in_window(ts_ns))
        self._tell(order, "C09", str(window.count_max), count, f"{what} waits for the order rate")
        order.created_ns = order.created_ns or ts_ns
        if (ENGINE, RATE_WAIT) not in pending:
            self._emit(SetTimer(RATE_WAIT, ENGINE, throttle.frees_ns(ts_ns)))
        return True

    def _tell(self, order: Order, control: str, limit: str, observed: str, what: str) -> None:
        if not order.created_ns:
            self._emit(RiskBreached(control, limit, observed, f"{what} and leaves by itself"))

    @staticmethod
    def refusal(ts_ns: int, order: Order) -> Denial | None:
        """The final refusal of what has waited in vain for too long."""
        waited_ns = ts_ns - order.created_ns
        if not order.created_ns or waited_ns <= WAIT_NS_MAX:
            return None
        return Denial(
            "C09",
            f"room in the order rate within {WAIT_NS_MAX // NS_PER_MINUTE} min",
            f"none for {waited_ns // NS_PER_MINUTE} min",
            "it waited for the order rate in vain; close the position at the broker, or repeat",
        )
