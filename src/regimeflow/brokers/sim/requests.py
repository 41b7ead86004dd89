"""Requests under way: each is opened once and ends once, as ACK, REJECT or UNKNOWN.

A request that was never handed to the transport ends as a definite local failure: nothing of it
can happen. From the moment it was handed over, silence proves nothing, and it ends as UNKNOWN.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.messages import AnyRequest
from regimeflow.model.reports import RequestKind

REQUESTS_MAX = 10_000
"""Most requests under way; beyond that a request is refused here, as not sent."""


class Verb(StrEnum):
    """What a request asks for."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    REPLACE = "replace"
    QUERY = "query"
    SNAPSHOT = "snapshot"
    HISTORY = "history"
    SUBSCRIBE = "subscribe"
    TIME = "time"


class Ending(StrEnum):
    """How a request ended."""

    ACK = "ack"
    REJECT = "reject"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"


ORDER_VERBS = {
    Verb.SUBMIT: RequestKind.SUBMIT,
    Verb.CANCEL: RequestKind.CANCEL,
    Verb.REPLACE: RequestKind.REPLACE,
}


class Pending(msgspec.Struct):
    """One request under way; `subject` is its client order id, request id or symbol."""

    request: AnyRequest
    verb: Verb
    subject: str
    deadline_s: float
    is_written: bool = False


class RequestTable:
    """Requests by id, oldest first; `ended` counts how they ended."""

    __slots__ = ("_pending", "_queue", "ended", "next_id")

    def __init__(self) -> None:
        self._pending: dict[int, Pending] = {}
        self._queue: list[int] = []
        self.ended = dict.fromkeys(Ending, 0)
        self.next_id = 1

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def is_full(self) -> bool:
        """Whether another request has to be refused."""
        return len(self._pending) >= REQUESTS_MAX

    @property
    def next_deadline_s(self) -> float | None:
        """When the first request runs out of time."""
        return min((p.deadline_s for p in self._pending.values()), default=None)

    def open(self, pending: Pending) -> None:
        """Queue a request for the transport."""
        number = pending.request.id
        self._pending[number] = pending
        self._queue.append(number)
        self.next_id = number + 1

    def take_queued(self) -> list[str]:
        """The texts of what is queued, from now on treated as written."""
        queued, self._queue = self._queue, []
        texts = []
        for number in queued:
            pending = self._pending.get(number)
            if pending is not None:
                pending.is_written = True
                texts.append(w.encode(pending.request))
        return texts

    @property
    def has_queued(self) -> bool:
        """Whether the transport has something to send."""
        return bool(self._queue)

    def end(self, number: int, ending: Ending) -> Pending | None:
        """End a request; None when it has ended before, or never was."""
        pending = self._pending.pop(number, None)
        if pending is not None:
            self.ended[ending] += 1
        return pending

    def end_by(self, verb: Verb, subject: str) -> None:
        """End the oldest request of that kind: the report stream has answered it."""
        for number, pending in self._pending.items():
            if pending.verb is verb and pending.subject == subject and pending.is_written:
                self.end(number, Ending.ACK)
                return

    def expire(self, now_s: float) -> list[Pending]:
        """End what has run out of time."""
        late = [n for n, pending in self._pending.items() if pending.deadline_s <= now_s]
        return self._end_silent(late)

    def end_unwritten(self) -> list[Pending]:
        """End what is queued: it shall not leave any more."""
        queued, self._queue = self._queue, []
        return self._end_silent([number for number in queued if number in self._pending])

    def end_all(self) -> list[Pending]:
        """End everything: the connection is gone."""
        self._queue.clear()
        return self._end_silent(list(self._pending))

    def _end_silent(self, numbers: list[int]) -> list[Pending]:
        ended = []
        for number in numbers:
            pending = self._pending[number]
            self.end(number, Ending.UNKNOWN if pending.is_written else Ending.NOT_SENT)
            ended.append(pending)
        return ended
