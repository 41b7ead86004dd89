"""The session under any interleaving of requests, answers, pushes, silence and lost connections.

A model venue keeps its own account of what it answered; the session's account must agree: each
request ended exactly once, no report applied twice, nothing written ended as "not sent".
"""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from regimeflow.brokers.capabilities import SIM_CAPABILITIES
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.greeting import State
from regimeflow.brokers.sim.requests import Ending
from regimeflow.brokers.sim.session import LINK, SimSession
from regimeflow.model import reports as r
from regimeflow.model.events import REQUESTS, Event, LinkDown, LinkUp
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from tests.conformance.orders import snapshot, submit

TIMEOUT_S, SILENCE_S = 5.0, 8.0
CODES = (
    "server_error",
    "rate_limited",
    "duplicate_client_order_id",
    "of_next_year",
    "banned",
    "forbidden",
)


class SessionUnderFire(RuleBasedStateMachine):
    """One session, one account, a venue that may say anything its protocol allows."""

    def __init__(self) -> None:
        super().__init__()
        self.session = SimSession(
            client="c",
            symbols=["ABC"],
            request_timeout_s=TIMEOUT_S,
            heartbeat_timeout_s=SILENCE_S,
        )
        self.now_s = 100.0
        self.events: list[Event] = []
        self.asked = 0
        self.submitted: list[str] = []
        self.written: list[dict[str, object]] = []
        self.unanswered: list[dict[str, object]] = []
        self.reports: list[r.BrokerReport] = []
        self.accepted: dict[str, int] = {}

    # --- the wire -------------------------------------------------------------------------

    def _write(self) -> None:
        for text in self.session.take_outgoing():
            request = json.loads(text)
            self.written.append(request)
            self.unanswered.append(request)

    def _say(self, message: m.Message) -> None:
        self.session.receive(w.encode(message), self.now_s)
        self._drain()

    def _drain(self) -> None:
        events, self.session.events = self.session.events, []
        self.events += events

    def _report(self, report: r.BrokerReport) -> m.Report:
        self.reports.append(report)
        return self._push(len(self.reports))

    def _push(self, number: int) -> m.Report:
        body = t.body_from(self.reports[number - 1])
        return m.Report(report_seq=number, fill_seq=None, report=body)

    # --- what may happen ------------------------------------------------------------------

    @precondition(lambda self: self.session.state is State.DOWN)
    @rule()
    def connect(self) -> None:
        self.unanswered.clear()
        self.session.connected(self.now_s)
        self._write()

    @precondition(lambda self: self.session.state is State.DOWN)
    @rule()
    def connect_and_be_greeted(self) -> None:
        self.connect()
        hello = self.unanswered.pop()
        number = hello["id"]
        assert isinstance(number, int)
        self._greet(number, hello)

    @rule()
    def disconnect(self) -> None:
        self.session.disconnected("reset", self.now_s)
        self._drain()

    @rule(is_written=st.booleans())
    def ask_for_an_order(self, is_written: bool) -> None:
        self.asked += 1
        name = f"o{self.asked}"
        self.submitted.append(name)
        self.session.execute(submit(name), self.now_s)
        if is_written:
            self._write()
        self._drain()

    @rule()
    def ask_for_a_snapshot(self) -> None:
        self.session.execute(snapshot(f"s{len(self.written)}-{self.asked}"), self.now_s)
        self._drain()

    @rule()
    def write(self) -> None:
        self._write()

    @precondition(lambda self: self.unanswered)
    @rule(data=st.data(), repeats=st.booleans())
    def answer(self, data: st.DataObject, repeats: bool) -> None:
        """Answer any request that is on this connection, in any order, maybe twice."""
        index = data.draw(st.integers(0, len(self.unanswered) - 1))
        request = self.unanswered[index] if repeats else self.unanswered.pop(index)
        number = request["id"]
        assert isinstance(number, int)
        if request["verb"] == "hello":
            self._greet(number, request)
        elif request["verb"] == "submit" and data.draw(st.booleans()):
            order = request["order"]
            assert isinstance(order, dict)
            name = ClientOrderId(order["client_order_id"])
            if name not in self.accepted:
                self._report(r.OrderAccepted(name, BrokerOrderId(f"b{number}"), 1))
                self.accepted[name] = len(self.reports)
            push = self._push(self.accepted[name])
            self._say(m.Ack(id=number, report_seq=push.report_seq, report=push.report))
        elif request["verb"] == "time" and data.draw(st.booleans()):
            self._say(m.TimeTold(id=number, venue_ns=data.draw(st.integers(0, 10**12))))
        else:
            code = data.draw(st.sampled_from(CODES))
            self._say(m.Refused(id=number, code=code, message="no"))

    def _greet(self, number: int, request: dict[str, object]) -> None:
        self._say(
            m.Welcome(
                id=number,
                account="SIM",
                currency="USD",
                is_paper=True,
                epoch=1,
                venue_ns=1,
                speed=1.0,
                report_seq=len(self.reports),
                fill_seq=0,
                session=None,
                instruments=[],
                capabilities=SIM_CAPABILITIES,
            )
        )
        since = request.get("resume_report_seq")
        if isinstance(since, int):
            for missed in range(since + 1, len(self.reports) + 1):
                self._say(self._push(missed))
        self._say(m.Resumed(id=number, report_seq=len(self.reports), is_complete=True))
        self._write()

    @precondition(lambda self: self.session.state in (State.RESUMING, State.UP))
    @rule(venue_ns=st.integers(0, 10**12))
    def push_the_time(self, venue_ns: int) -> None:
        """Any time: what cannot be is asked about."""
        self._say(m.HeartbeatPush(venue_ns=venue_ns))
        self._write()

    @precondition(lambda self: self.session.state in (State.RESUMING, State.UP))
    @rule(data=st.data())
    def push_a_report(self, data: st.DataObject) -> None:
        """A new report, or any old one again, or one skipped over."""
        for skipped in range(data.draw(st.integers(0, 2))):
            self._report(r.OrderExpired(ClientOrderId(f"x{skipped}"), "", len(self.reports)))
        if data.draw(st.booleans()) or not self.reports:
            push = self._report(r.OrderExpired(ClientOrderId("x"), "", len(self.reports)))
        else:
            push = self._push(data.draw(st.integers(1, len(self.reports))))
        self._say(push)
        self._write()

    @rule(delay_s=st.sampled_from([0.1, 2.0, 6.0, 9.0]))
    def wait(self, delay_s: float) -> None:
        self.now_s += delay_s
        reason = self.session.tick(self.now_s)
        if reason:
            self.session.disconnected(reason, self.now_s)
        self._drain()

    # --- what must hold -------------------------------------------------------------------

    @invariant()
    def every_request_ends_at_most_once(self) -> None:
        endings = Counter(
            event.client_order_id
            for event in self.events
            if isinstance(event, r.OutcomeUnknown)
            or (isinstance(event, r.OrderRejected) and event.reason.startswith("not sent"))
        )
        assert all(count == 1 for count in endings.values())

    @invariant()
    def what_was_written_is_never_called_unsent(self) -> None:
        on_the_wire = {
            request["order"]["client_order_id"]  # type: ignore[index]
            for request in self.written
            if request["verb"] == "submit"
        }
        for event in self.events:
            if isinstance(event, r.OrderRejected) and event.reason.startswith("not sent"):
                assert event.client_order_id not in on_the_wire
            if isinstance(event, r.OutcomeUnknown):
                assert event.client_order_id in on_the_wire

    @invariant()
    def no_report_is_applied_twice(self) -> None:
        applied = [e for e in self.events if isinstance(e, r.OrderExpired | r.OrderAccepted)]
        assert len(applied) == len({(type(e), e.client_order_id, e.ts_venue_ns) for e in applied})

    @invariant()
    def link_goes_up_and_down_in_turn(self) -> None:
        links = [
            type(e) for e in self.events if isinstance(e, LinkUp | LinkDown) and e.link == LINK
        ]
        assert links == [LinkUp if k % 2 == 0 else LinkDown for k in range(len(links))]

    @invariant()
    def end_of_a_suspension_is_told_once_after_its_beginning(self) -> None:
        told = [e for e in self.events if isinstance(e, LinkUp | LinkDown) and e.link == REQUESTS]
        is_down = False
        for event in told:
            assert is_down or isinstance(event, LinkDown)
            is_down = isinstance(event, LinkDown)
        assert is_down == bool(self.session.egress.suspension.reason)

    def teardown(self) -> None:
        """After the last loss of the link nothing is open, and all is accounted for."""
        self.session.disconnected("the end", self.now_s)
        self._drain()
        assert len(self.session.requests) == 0
        told = {
            e.client_order_id
            for e in self.events
            if isinstance(e, r.OutcomeUnknown | r.OrderRejected | r.OrderAccepted)
        }
        assert told >= set(self.submitted)
        ended = self.session.requests.ended
        reads = [x for x in self.written if x["verb"] in ("submit", "snapshot", "time")]
        assert ended[Ending.ACK] + ended[Ending.REJECT] + ended[Ending.UNKNOWN] == len(reads)


SessionUnderFire.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestSessionUnderFire = SessionUnderFire.TestCase
