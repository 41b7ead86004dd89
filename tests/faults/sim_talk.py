"""The simulated broker's conversation without a socket: a test speaks the venue's lines."""

from __future__ import annotations

import json

from regimeflow.brokers.capabilities import SIM_CAPABILITIES
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.session import SimSession
from regimeflow.errors import VenueProtocolError
from regimeflow.model import reports as r
from regimeflow.model.events import Event, Heartbeat
from regimeflow.model.timestamps import NS_PER_S
from tests.unit.journal_samples import submit

VENUE_NS = 1_000_000_000


class SimTalk:
    """A session that has been greeted; each step returns the events it led to."""

    def __init__(self, *, epoch: int = 1) -> None:
        self.session = self.ungreeted()
        self.now_s = 0.0
        self._reports = 0
        self.written: list[dict[str, object]] = []
        self.greet(epoch)

    @staticmethod
    def ungreeted() -> SimSession:
        """A session that nobody has answered yet."""
        return SimSession(
            client="test", symbols=("AAPL",), request_timeout_s=5.0, heartbeat_timeout_s=60.0
        )

    def pass_time(self, seconds: float) -> list[Event]:
        """Let time pass; the venue gives signs of life and answers nothing."""
        end_s, events = self.now_s + seconds, self._drain()
        while True:
            self.now_s = min(self.now_s + 1.0, end_s)
            self.session.receive(w.encode(m.HeartbeatPush(venue_ns=self._venue_ns)), self.now_s)
            assert self.session.tick(self.now_s) is None
            self._write()
            events += [event for event in self._drain() if not isinstance(event, Heartbeat)]
            if self.now_s >= end_s:
                return events

    @property
    def _venue_ns(self) -> int:
        return VENUE_NS + int(self.now_s * NS_PER_S)

    def greet(self, epoch: int) -> list[Event]:
        """Connect, and be welcomed by a venue of this epoch."""
        self.session.connected(self.now_s)
        number = self._write()[-1]["id"]
        assert isinstance(number, int)
        welcome = m.Welcome(
            id=number,
            account="A",
            currency="USD",
            is_paper=True,
            epoch=epoch,
            venue_ns=VENUE_NS,
            speed=1.0,
            report_seq=0,
            fill_seq=0,
            session=None,
            instruments=[],
            capabilities=SIM_CAPABILITIES,
        )
        self._reports = 0
        return self.say(welcome) + self.say(m.Resumed(id=number, report_seq=0, is_complete=True))

    def submit(self, order_id: str, *, is_written: bool = True) -> None:
        """The engine sends an order."""
        self.session.execute(submit(order_id), self.now_s)
        if is_written:
            self._write()

    def say(self, message: m.Message) -> list[Event]:
        """The venue says something."""
        self.session.receive(w.encode(message), self.now_s)
        self._write()
        return self._drain()

    def report(self, report: r.BrokerReport) -> list[Event]:
        """The venue pushes the next report."""
        return self.push(t.body_from(report))

    def push(self, body: w.ReportBody) -> list[Event]:
        """The venue pushes the next report, whatever it holds."""
        self._reports += 1
        return self.say(m.Report(report_seq=self._reports, fill_seq=None, report=body))

    def refuse(self, code: str) -> list[Event]:
        """The venue refuses the last request."""
        number = self.written[-1]["id"]
        assert isinstance(number, int)
        return self.say(refusal(number, code))

    def receive_unreadable(self, text: str) -> list[Event]:
        """Something arrives that is no message: the owner of the session drops the connection."""
        try:
            self.session.receive(text, self.now_s)
        except VenueProtocolError as error:
            return self.cut(str(error))
        raise AssertionError(f"taken for a message: {text}")

    def cut(self, reason: str = "reset") -> list[Event]:
        """The connection is gone."""
        self.session.disconnected(reason, self.now_s)
        return self._drain()

    def requested(self, verb: str) -> list[dict[str, object]]:
        """Requests of a kind that were written."""
        return [request for request in self.written if request["verb"] == verb]

    def _write(self) -> list[dict[str, object]]:
        self.written += [json.loads(text) for text in self.session.take_outgoing()]
        return self.written

    def _drain(self) -> list[Event]:
        events, self.session.events = self.session.events, []
        return events


def refusal(number: object, code: str, *, retry_after_s: int = 0) -> m.Refused:
    """A refusal of the request with that number."""
    assert isinstance(number, int)
    return m.Refused(id=number, code=code, message="because", retry_after_ms=retry_after_s * 1_000)
