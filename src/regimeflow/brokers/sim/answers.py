"""Answers to requests, and what silence means instead, as events for the engine.

A refusal whose code proves that nothing happened is a rejection. Every other refusal, and every
silence after a request was written, is `OutcomeUnknown`: only evidence may settle it.
"""

from __future__ import annotations

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim.requests import ORDER_VERBS, Ending, Pending, RequestTable, Verb
from regimeflow.model.events import Event
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.market import Bar
from regimeflow.model.reports import (
    CancelRejected,
    OrderRejected,
    OrderStatusReported,
    OutcomeUnknown,
    RequestKind,
    SnapshotFailed,
)

NOT_SENT = "not sent"
DEFINITE_CODES = frozenset(
    {
        "bad_request",
        "unknown_symbol",
        "unknown_order",
        "rate_limited",
        "banned",
        "forbidden",
        "account_in_use",
        "wrong_account",
        "observer",
        "not_greeted",
    }
)
"""Refusals that prove that nothing happened; every other code proves nothing."""

SUSPENDING_CODES = frozenset({"banned", "forbidden"})
"""Refusals of all that we may ask, not of one request: nothing more is sent until they end."""
HOPELESS_CODES = frozenset({"account_in_use", "bad_request", "wrong_account"})
"""Refusals of a greeting that a later attempt would only repeat."""


class Answers:
    """Ends requests by their answers; `histories` holds `(request id, bars or a reason)`."""

    __slots__ = ("_requests", "histories")

    def __init__(self, requests: RequestTable) -> None:
        self._requests = requests
        self.histories: list[tuple[int, list[Bar] | str]] = []

    def on_refused(self, refused: m.Refused, venue_ns: int) -> list[Event]:
        """The venue did not do it, or cannot say."""
        is_definite = refused.code in DEFINITE_CODES
        ending = Ending.REJECT if is_definite else Ending.UNKNOWN
        pending = self._requests.end(refused.id, ending)
        if pending is None:
            return []
        return self._failure(
            pending,
            f"{refused.code}: {refused.message}",
            venue_ns,
            is_definite=is_definite,
        )

    def take(self, answer: m.OrderFound | m.AccountListed | m.Bars) -> list[Event]:
        """The event of an answer that lists something; what comes too late is nothing.

        Raises VenueProtocolError before the request is ended, so that it is still accounted for.
        """
        bars = [t.bar_from(line) for line in answer.bars] if isinstance(answer, m.Bars) else []
        pending = self._requests.end(answer.id, Ending.ACK)
        if pending is None:
            return []
        if isinstance(answer, m.Bars):
            self.histories.append((answer.id, bars))
            return []
        if isinstance(answer, m.AccountListed):
            return [t.snapshot_from(answer, pending.subject)]
        record = None if answer.order is None else t.order_record(answer.order)
        return [OrderStatusReported(ClientOrderId(pending.subject), record, answer.venue_ns)]

    def on_silence(self, pending: Pending, reason: str, venue_ns: int) -> list[Event]:
        """Nobody answered, or it never left."""
        if pending.is_written:
            return self._failure(pending, reason, venue_ns, is_definite=False)
        return self._failure(pending, f"{NOT_SENT}: {reason}", venue_ns, is_definite=True)

    def _failure(
        self, pending: Pending, reason: str, venue_ns: int, *, is_definite: bool
    ) -> list[Event]:
        if pending.verb is Verb.HISTORY:
            self.histories.append((pending.request.id, reason))
        if pending.verb is Verb.SNAPSHOT:
            return [SnapshotFailed(pending.subject, reason)]
        kind = ORDER_VERBS.get(pending.verb)
        if kind is None:
            return []
        client_order_id = ClientOrderId(pending.subject)
        if not is_definite:
            return [OutcomeUnknown(client_order_id, kind, reason)]
        if kind is RequestKind.SUBMIT:
            return [OrderRejected(client_order_id, reason, venue_ns)]
        return [CancelRejected(client_order_id, kind, reason, venue_ns)]
