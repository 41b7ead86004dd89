"""How a request leaves: never without a connection, never while the venue takes none.

What cannot leave fails here, as not sent. A refusal that is not meant for one request suspends all
(`brokers/suspension.py`): the engine is told that the link of `REQUESTS` is down, before it hears
of the request that was refused, again when its end moves, and that it is up when a question was
answered.
"""

from __future__ import annotations

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.answers import SUSPENDING_CODES, Answers
from regimeflow.brokers.sim.commands import request_for
from regimeflow.brokers.sim.requests import Ending, Pending, RequestTable, Verb
from regimeflow.brokers.sim.time_keeper import TimeKeeper
from regimeflow.brokers.suspension import Suspension
from regimeflow.model.commands import Command
from regimeflow.model.events import REQUESTS, Event, LinkDown, LinkUp
from regimeflow.model.timestamps import format_ns

UNTOLD = "until it is lifted; asked again ever later"


class Egress:
    """Opens requests of one session, and ends those that come to nothing."""

    __slots__ = ("_answers", "_requests", "_time", "_timeout_s", "is_connected", "suspension")

    def __init__(
        self, requests: RequestTable, answers: Answers, time: TimeKeeper, *, timeout_s: float
    ) -> None:
        self._requests = requests
        self._answers = answers
        self._time = time
        self._timeout_s = timeout_s
        self.is_connected = False
        self.suspension = Suspension()

    def execute(self, command: Command, now_s: float) -> list[Event]:
        """Queue a command as a request, or fail it here."""
        request, verb, subject = request_for(command, self._requests.next_id)
        return self.open(request, verb, subject, now_s)

    def ask_time(self, now_s: float) -> list[Event]:
        """Ask what time it is at the venue."""
        request = m.Time(id=self._requests.next_id)
        self._time.asked(request.id, now_s)
        return self.open(request, Verb.TIME, "clock", now_s)

    def open(self, request: m.AnyRequest, verb: Verb, subject: str, now_s: float) -> list[Event]:
        """Queue a request, or fail it here."""
        pending = Pending(request, verb, subject, now_s + self._timeout_s)
        obstacle = "" if self.is_connected else "no connection to the venue"
        if not obstacle and self._requests.is_full:
            obstacle = "too many requests under way"
        obstacle = self.suspension.reason or obstacle
        if not obstacle:
            self._requests.open(pending)
            return []
        self._requests.next_id += 1
        self._requests.ended[Ending.NOT_SENT] += 1
        return self.silent(pending, obstacle, now_s)

    def silent(self, pending: Pending, reason: str, now_s: float) -> list[Event]:
        """Nobody answered, or it never left."""
        self.suspension.unanswered(pending.request.id, now_s)
        return self._answers.on_silence(pending, reason, self._time.clock.at(now_s))

    def refused(self, refused: m.Refused, now_s: float) -> list[Event]:
        """The venue did not do it, or cannot say; or takes nothing more."""
        events = self.suspend(refused, now_s) if refused.code in SUSPENDING_CODES else []
        self.suspension.unanswered(refused.id, now_s)
        return events + self._answers.on_refused(refused, self._time.clock.at(now_s))

    def shut_out(self, refused: m.Refused, now_s: float) -> list[Event]:
        """A greeting was refused: it goes only when a question is due, and is one."""
        self.suspension.question = refused.id
        return self.suspend(refused, now_s)

    def suspend(self, refused: m.Refused, now_s: float) -> list[Event]:
        """Send nothing more until the venue takes requests again."""
        wait_s, known = refused.retry_after_ms / 1_000, self.suspension.reason
        until = f"until {format_ns(self._time.clock.at(now_s + wait_s))}" if wait_s else UNTOLD
        reason = f"{refused.code}: {refused.message}, {until}"
        is_news = self.suspension.refused(refused.id, reason, now_s, wait_s)
        events: list[Event] = []
        if is_news and reason != known:
            events.append(LinkDown(REQUESTS, reason))
        for pending in self._requests.end_unwritten():
            events += self.silent(pending, reason, now_s)
        return events

    def ask_if_due(self, now_s: float) -> None:
        """Ask, once, whether the venue takes requests again, when it is time to."""
        if self.is_connected and self.suspension.is_due(now_s):
            request = m.Time(id=self._requests.next_id)
            self.suspension.question = request.id
            self._time.asked(request.id, now_s)
            deadline_s = now_s + self._timeout_s
            self._requests.open(Pending(request, Verb.TIME, "clock", deadline_s))

    def answered(self, number: int) -> list[Event]:
        """A request was answered: if it asked whether requests are taken, they are."""
        if not self.suspension.answered(number):
            return []
        return [LinkUp(REQUESTS, "the venue takes requests again")]

    @property
    def next_question_s(self) -> float | None:
        """When `ask_if_due` has something to do."""
        suspension = self.suspension
        is_to_ask = self.is_connected and suspension.reason and suspension.question is None
        return suspension.until_s if is_to_ask else None
