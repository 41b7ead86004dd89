"""The conversation with the simulated venue, without a socket: text in, events out, and back.

The owner passes the time in (`now_s`, any monotonic clock) and carries the text. Invariants:
every request ends exactly once; a report number is applied at most once; a hole in the numbers
is asked for, and if the venue cannot fill it a snapshot is; `LinkUp` comes after what was missed.
Only `receive` raises VenueProtocolError: the venue's fault, the owner drops the connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from regimeflow.brokers.protocol import AccountTruth
from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim import translate as t
from regimeflow.brokers.sim import wire as w
from regimeflow.brokers.sim.answers import HOPELESS_CODES, SUSPENDING_CODES, Answers
from regimeflow.brokers.sim.egress import Egress
from regimeflow.brokers.sim.feed_state import FeedState, MarketPush
from regimeflow.brokers.sim.greeting import Greeting, State
from regimeflow.brokers.sim.report_intake import ReportIntake
from regimeflow.brokers.sim.requests import Ending, RequestTable, Verb
from regimeflow.brokers.sim.sequence import ReportSequence
from regimeflow.brokers.sim.time_keeper import TimeKeeper
from regimeflow.model.commands import Command, RequestSnapshot, SnapshotScope
from regimeflow.model.events import Event, Heartbeat, LinkDown, LinkUp

LINK = "sim"


class SimSession:
    """One account's conversation over any number of connections, one after the other.

    `events` and `answers.histories` are drained by the owner. `failure` is set when this
    conversation can never succeed (the account is taken): the text is for the user.
    """

    def __init__(
        self,
        *,
        client: str,
        symbols: Sequence[str],
        account: str = "",
        request_timeout_s: float,
        heartbeat_timeout_s: float,
        resume_fill_seq: int | None = 0,
        is_takeover: bool = False,
    ) -> None:
        self._symbols = list(symbols)
        self._request_timeout_s = request_timeout_s
        self._heartbeat_timeout_s = heartbeat_timeout_s
        self._greeting = Greeting(
            account=account,
            client=client,
            is_takeover=is_takeover,
            resume_fill_seq=resume_fill_seq,
            timeout_s=request_timeout_s,
        )
        self.state = State.DOWN
        self._heard_s = 0.0
        self._was_up = False
        self._wants_market = False
        self._snapshots = 0
        self.requests = RequestTable()
        self.sequence = ReportSequence()
        self._intake = ReportIntake(self.requests, self.sequence)
        self.answers = Answers(self.requests)
        self.feed = FeedState()
        self.time = TimeKeeper()
        self.egress = Egress(self.requests, self.answers, self.time, timeout_s=request_timeout_s)
        self.truth: AccountTruth | None = None
        self.events: list[Event] = []
        self.failure = ""
        self.has_ended = False

    # --- the connection -----------------------------------------------------------------

    def connected(self, now_s: float) -> None:
        """A transport is open: greet."""
        self.state = State.GREETING
        self._heard_s = now_s
        self._greet(now_s)

    def disconnected(self, reason: str, now_s: float) -> None:
        """The transport is gone: what was written is unknown, what was not was never sent."""
        if self.state is State.DOWN:
            return
        self.state = State.DOWN
        self.egress.is_connected = False
        self._greeting.finish()
        self.time.forget()
        for pending in self.requests.end_all():
            self.events += self.egress.silent(pending, reason, now_s)
        if self._was_up:
            self._was_up = False
            self.events.append(LinkDown(LINK, reason))

    def tick(self, now_s: float) -> str | None:
        """End what has run out of time. Returns why the transport must be closed, if it must."""
        for pending in self.requests.expire(now_s):
            reason = f"no answer in {self._request_timeout_s:g} s"
            self.events += self.egress.silent(pending, reason, now_s)
        if self.state is State.DOWN:
            return None
        if self._greeting.deadline_s is not None and now_s >= self._greeting.deadline_s:
            return f"no answer to the greeting in {self._request_timeout_s:g} s"
        if now_s >= self._heard_s + self._heartbeat_timeout_s:  # the sum of `next_deadline_s`
            return f"silent for {self._heartbeat_timeout_s:g} s"
        if self.time.due_s is not None and now_s >= self.time.due_s:
            self.events += self.egress.ask_time(now_s)
        self.egress.ask_if_due(now_s)
        return None

    @property
    def next_deadline_s(self) -> float | None:
        """When `tick` has work next; None when it never has."""
        deadlines = [self.requests.next_deadline_s, self._greeting.deadline_s, self.time.due_s]
        deadlines.append(self.egress.next_question_s)
        if self.state is not State.DOWN:
            deadlines.append(self._heard_s + self._heartbeat_timeout_s)
        return min((d for d in deadlines if d is not None), default=None)

    @property
    def has_outgoing(self) -> bool:
        """Whether `take_outgoing` has something."""
        return self._greeting.has_text or (
            self.state in (State.RESUMING, State.UP) and self.requests.has_queued
        )

    def take_outgoing(self) -> list[str]:
        """Texts to write now, in order; from here on they count as written."""
        texts = self._greeting.take()
        if self.state in (State.RESUMING, State.UP):
            texts += self.requests.take_queued()
        return texts

    # --- requests -----------------------------------------------------------------------

    def execute(self, command: Command, now_s: float) -> None:
        """Queue a command; without a connection, or with too many under way, it fails here."""
        self.events += self.egress.execute(command, now_s)

    def request_history(self, symbol: str, bars: int, end_ns: int, now_s: float) -> int:
        """Queue a request for bars; its id comes back in `histories` with bars or a reason."""
        number = self.requests.next_id
        request = m.History(id=number, symbol=symbol, bars=bars, end_ns=end_ns)
        self.events += self.egress.open(request, Verb.HISTORY, symbol, now_s)
        return number

    def subscribe(self, now_s: float) -> None:
        """Ask for market data, now and after every reconnection."""
        self._wants_market = True
        if self.state is State.UP:
            self._subscribe(now_s)

    def venue_ns(self, now_s: float) -> int:
        """The venue's time, as far as its last word tells; 0 before its first."""
        return self.time.clock.at(now_s)

    # --- what the venue says --------------------------------------------------------------

    def receive(self, text: str, now_s: float) -> None:
        """Take one message. Raises VenueProtocolError when it is none."""
        message = m.decode_message(text)
        self._heard_s = now_s
        _HANDLERS[type(message)](self, message, now_s)

    def _on_welcome(self, welcome: m.Welcome, now_s: float) -> None:
        if welcome.id != self._greeting.id:
            return
        known = self.truth
        self.truth = t.truth_from(welcome)
        self.time.clock.speed = welcome.speed
        self.time.told(welcome.id, welcome.venue_ns, now_s)
        if self.state is State.GREETING:
            self.state = State.RESUMING
            self.egress.is_connected = True
            line = welcome.session
            self.events += self.feed.turn_to(None if line is None else t.session_from(line))
        if known is None:
            repeats_fills = self._greeting.repeats_fills
            self.sequence.restart(welcome.report_seq, accepts_older=repeats_fills)
        elif known.epoch != welcome.epoch:
            self.sequence.restart(0)
            self._ask_snapshot("epoch", now_s)

    def _on_resumed(self, resumed: m.Resumed, now_s: float) -> None:
        if resumed.id != self._greeting.id or not self._greeting.is_waiting:
            return
        self._greeting.finish()
        self.sequence.end_older()
        if resumed.report_seq > self.sequence.last or not resumed.is_complete:
            # The venue cannot repeat it all: only a full list can tell what happened.
            self.sequence.take(resumed.report_seq)
            self.sequence.give_up_holes()
            self._ask_snapshot("gap", now_s)
        if self.state is State.RESUMING:
            self.state = State.UP
            if self.truth is not None:
                self.events += self.feed.gaps(self.truth.venue_ns)
            self._was_up = True
            self.events.append(LinkUp(LINK, f"reports through {self.sequence.last}"))
            if self._wants_market:
                self._subscribe(now_s)

    def _on_report(self, push: m.Report, now_s: float) -> None:
        self._apply(push.report_seq, push.report, now_s)

    def _on_ack(self, ack: m.Ack, now_s: float) -> None:
        # The report first: should it be malformed, the request stays open and ends UNKNOWN.
        self._apply(ack.report_seq, ack.report, now_s)
        self.requests.end(ack.id, Ending.ACK)

    def _on_refused(self, refused: m.Refused, now_s: float) -> None:
        if refused.id != self._greeting.id:
            self.events += self.egress.refused(refused, now_s)
            return
        is_shut_out = refused.code in SUSPENDING_CODES
        if refused.code in HOPELESS_CODES or (is_shut_out and self.truth is None):
            self.failure = f"{refused.code}: {refused.message}"
        elif is_shut_out:
            self.events += self.egress.shut_out(refused, now_s)
        if self._greeting.is_waiting:
            self._greeting.deadline_s = now_s  # try again on a new connection

    def _on_answer(self, answer: m.OrderFound | m.AccountListed | m.Bars, now_s: float) -> None:
        self.events += self.answers.take(answer)

    def _on_done(self, answer: m.Subscribed | m.TimeTold, now_s: float) -> None:
        self.requests.end(answer.id, Ending.ACK)
        if isinstance(answer, m.TimeTold):
            self.time.told(answer.id, answer.venue_ns, now_s)
            told = self.egress.answered(answer.id)
            self.events += told
            if told and self._wants_market:
                self._subscribe(now_s)  # the last time may have been refused

    def _on_market(self, push: MarketPush, now_s: float) -> None:
        self.events += self.feed.take(push)

    def _on_heartbeat(self, push: m.HeartbeatPush, now_s: float) -> None:
        self.time.heard(push.venue_ns, now_s)
        self.events.append(Heartbeat(LINK))

    def _on_ended(self, push: m.Ended, now_s: float) -> None:
        self.has_ended = True

    # --- inside -------------------------------------------------------------------------

    def _apply(self, number: int, body: w.ReportBody, now_s: float) -> None:
        self.events += self._intake.take(number, body)
        for command in self._intake.take_questions():
            self.execute(command, now_s)
        is_silent = self._greeting.is_waiting or bool(self.egress.suspension.reason)
        if self.sequence.has_hole and not is_silent:
            self._greet(now_s)

    def _greet(self, now_s: float) -> None:
        """Say hello, or ask again for what is missing on a connection that is greeted."""
        epoch = None if self.truth is None else self.truth.epoch
        self.time.asked(self.requests.next_id, now_s)
        self._greeting.say(self.requests.next_id, now_s, epoch=epoch, last=self.sequence.last)
        self.requests.next_id += 1

    def _ask_snapshot(self, why: str, now_s: float) -> None:
        self._snapshots += 1
        request_id = f"{LINK}-{why}-{self._snapshots}"
        self.execute(RequestSnapshot(request_id, SnapshotScope.ALL), now_s)

    def _subscribe(self, now_s: float) -> None:
        request = m.Subscribe(id=self.requests.next_id, symbols=self._symbols)
        self.events += self.egress.open(request, Verb.SUBSCRIBE, "market", now_s)


_HANDLERS: dict[type, Callable[[SimSession, Any, float], None]] = {
    m.Welcome: SimSession._on_welcome,
    m.Resumed: SimSession._on_resumed,
    m.Ack: SimSession._on_ack,
    m.Refused: SimSession._on_refused,
    m.OrderFound: SimSession._on_answer,
    m.AccountListed: SimSession._on_answer,
    m.Bars: SimSession._on_answer,
    m.Subscribed: SimSession._on_done,
    m.TimeTold: SimSession._on_done,
    m.Report: SimSession._on_report,
    m.QuotePush: SimSession._on_market,
    m.TradePush: SimSession._on_market,
    m.BarPush: SimSession._on_market,
    m.SessionPush: SimSession._on_market,
    m.HeartbeatPush: SimSession._on_heartbeat,
    m.Ended: SimSession._on_ended,
}
