"""Which connection waits for which report: a request is answered by the report it causes."""

from __future__ import annotations

from collections import deque

import msgspec

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.translate import body_from
from regimeflow.model import reports as r
from regimeflow.testing.venues.connection import Connection
from regimeflow.testing.venues.report_store import Numbered
from regimeflow.testing.venues.sim_machine import VenueMachine


class Waiting(msgspec.Struct):
    """A request that has not been answered."""

    connection: Connection
    id: int
    is_silent: bool


class Replies:
    """Requests by what will answer them, oldest first."""

    __slots__ = ("_machine", "_waiting")

    def __init__(self, machine: VenueMachine) -> None:
        self._machine = machine
        self._waiting: dict[tuple[str, str], deque[Waiting]] = {}

    def expect(self, verb: str, subject: str, waiting: Waiting) -> None:
        """Remember who asked."""
        self._waiting.setdefault((verb, subject), deque()).append(waiting)

    def take(self, verb: str, subject: str) -> Waiting | None:
        """The oldest that waits for this; None when nobody does."""
        queue = self._waiting.get((verb, subject))
        if not queue:
            return None
        waiting = queue.popleft()
        if not queue:
            del self._waiting[verb, subject]
        return waiting

    def answer(self, numbered: Numbered) -> None:
        """Answer the request this report settles, if any."""
        report = numbered.report
        if isinstance(report, r.OrderAccepted | r.OrderRejected):
            self._settle("submit", report.client_order_id, numbered)
        elif isinstance(report, r.OrderReplaced):
            self._settle("replace", report.client_order_id, numbered)
        elif isinstance(report, r.CancelRejected):
            self._settle(report.response_to.value, report.client_order_id, numbered)
        elif isinstance(report, r.OrderCanceled | r.OrderExpired):
            order = self._machine.find(report.client_order_id)
            for known_id in order.client_order_ids if order is not None else ():
                while self._settle("cancel", known_id, numbered):
                    pass

    def _settle(self, verb: str, subject: str, numbered: Numbered) -> bool:
        waiting = self.take(verb, subject)
        if waiting is None:
            return False
        if not waiting.is_silent:
            body = body_from(numbered.report)
            waiting.connection.send(
                m.Ack(id=waiting.id, report_seq=numbered.report_seq, report=body)
            )
        return True
