"""Numbered reports become events, each number once, and answer the requests they prove.

A report of a kind nobody knows is not guessed at: the engine gets it as it came, and its order, or
the whole account, is asked for.
"""

from __future__ import annotations

import msgspec

from regimeflow.brokers.sim import report_lines as lines
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.requests import RequestTable, Verb
from regimeflow.brokers.sim.sequence import ReportSequence
from regimeflow.brokers.sim.translate import report_from
from regimeflow.model import reports as r
from regimeflow.model.commands import Command, QueryOrder, RequestSnapshot, SnapshotScope
from regimeflow.model.events import Event
from regimeflow.model.ids import ClientOrderId

RAW_CHARS_MAX = 500
_PROVES_SUBMIT = (
    r.OrderAccepted,
    r.OrderRejected,
    r.OrderFilled,
    r.OrderCanceled,
    r.OrderExpired,
)
_PROVES_CANCEL = (r.OrderCanceled, r.OrderExpired)
_VERBS = {
    r.RequestKind.SUBMIT: Verb.SUBMIT,
    r.RequestKind.CANCEL: Verb.CANCEL,
    r.RequestKind.REPLACE: Verb.REPLACE,
}


class ReportIntake:
    """Applies reports to the request table; `take_questions` is what has to be asked next."""

    __slots__ = ("_numbered", "_questions", "_requests", "_sequence")

    def __init__(self, requests: RequestTable, sequence: ReportSequence) -> None:
        self._requests = requests
        self._sequence = sequence
        self._questions: list[Command] = []
        self._numbered = 0

    def take(self, number: int, body: w.ReportBody) -> list[Event]:
        """The events of one report; none for a repetition. Raises VenueProtocolError."""
        line = lines.decode_report(body)
        if not self._sequence.take(number):
            return []
        if self._sequence.is_overrun:
            self._sequence.give_up_holes()
            self._ask_for_all("gap")
        if isinstance(line, lines.UnknownReport):
            self._ask_about(line)
            return [_not_understood(line, body)]
        report = report_from(line)
        self._end_answered(report)
        return [report]

    def take_questions(self) -> list[Command]:
        """Queries and snapshots that reports have made necessary."""
        questions, self._questions = self._questions, []
        return questions

    def _end_answered(self, report: r.BrokerReport) -> None:
        if isinstance(report, _PROVES_SUBMIT):
            self._requests.end_by(Verb.SUBMIT, report.client_order_id)
        if isinstance(report, _PROVES_CANCEL):
            self._requests.end_by(Verb.CANCEL, report.client_order_id)
        elif isinstance(report, r.OrderReplaced):
            self._requests.end_by(Verb.REPLACE, report.client_order_id)
        elif isinstance(report, r.CancelRejected):
            self._requests.end_by(_VERBS[report.response_to], report.client_order_id)

    def _ask_about(self, line: lines.UnknownReport) -> None:
        if line.client_order_id is not None and line.symbol is not None:
            order_id = ClientOrderId(line.client_order_id)
            self._questions.append(QueryOrder(order_id, line.symbol))
        else:
            self._ask_for_all("unknown")

    def _ask_for_all(self, why: str) -> None:
        self._numbered += 1
        request_id = f"report-{why}-{self._numbered}"
        self._questions.append(RequestSnapshot(request_id, SnapshotScope.ALL))


def _not_understood(line: lines.UnknownReport, body: w.ReportBody) -> r.ReportNotUnderstood:
    return r.ReportNotUnderstood(
        client_order_id=ClientOrderId(line.client_order_id or ""),
        symbol=line.symbol or "",
        raw=msgspec.json.encode(body).decode()[:RAW_CHARS_MAX],
        ts_venue_ns=0,
    )
