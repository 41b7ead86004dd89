"""The rhythm of a run: start, sessions, timers, valuation, the nightly roll, stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from regimeflow.core.answers import ANSWERS
from regimeflow.core.cancels import CANCEL_PREFIX
from regimeflow.core.closings import FLATTEN_WAIT
from regimeflow.core.duty_wait import RATE_WAIT
from regimeflow.core.holds import RECONCILE
from regimeflow.core.order_truth import DOUBT_PREFIX
from regimeflow.core.protection import EXITS_WAIT
from regimeflow.core.timers import ENGINE
from regimeflow.model import events as e
from regimeflow.model.commands import AccountMarked, MarkKind, SetTimer
from regimeflow.model.ids import TimerId
from regimeflow.model.session import Session

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

END_OF_DAY = TimerId("end_of_day")
SESSION_END = TimerId("session_end")


class SavedRhythm(msgspec.Struct, frozen=True, array_like=True):
    """The last session opened, the valuations, and the session whose roll is in hand."""

    session: Session | None
    marks: int
    next_mark_ns: int
    ended: Session | None


class SessionHandler:
    """Handles sessions and timers for one engine.

    `before_roll` is called at each session's end, when the strategies are about to be saved: the
    one point where the whole engine can be captured (see `core/engine_state.py`).
    """

    __slots__ = ("_ended", "_engine", "_next_mark_ns", "before_roll", "marks", "session")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._next_mark_ns = 0
        self._ended: Session | None = None
        self.before_roll: Callable[[], None] | None = None
        self.marks = 0
        self.session: Session | None = None

    def capture(self) -> SavedRhythm:
        """What a restored rhythm goes on from."""
        return SavedRhythm(self.session, self.marks, self._next_mark_ns, self._ended)

    def restore(self, saved: SavedRhythm) -> None:
        """Go on from what was captured."""
        self.session, self.marks = saved.session, saved.marks
        self._next_mark_ns, self._ended = saved.next_mark_ns, saved.ended

    def on_started(self, event: e.EngineStarted) -> None:
        """Strategies start; client order ids carry this boot's number from here on."""
        engine = self._engine
        engine.desk.boot(engine.now_ns, event.boot)
        engine.holds.on_started()
        engine.gate.clock.start()
        engine.market_handler.watchdog.begin(engine.now_ns)
        engine.ledger.apply_event(engine.now_ns, event)
        engine.order_truth.on_started()
        engine.operator_handler.on_started()
        for seat in engine.callbacks.seats.values():
            engine.callbacks.call_lifecycle(seat, "on_start")

    def on_stopped(self, event: e.EngineStopped) -> None:
        """Strategies stop; orders wished now are denied. The account is valued a last time."""
        engine = self._engine
        engine.desk.is_stopping = True
        for seat in engine.callbacks.seats.values():
            engine.callbacks.call_lifecycle(seat, "on_stop")
        self._mark(MarkKind.FINAL, self.session)

    def on_opened(self, event: e.SessionOpened) -> None:
        """A session begins: anchors, alignment of bars, its timers."""
        engine, session = self._engine, event.session
        if engine.ledger.losses.has_opened(session):
            self._go_on_in(event)
            return
        end_ns = engine.ledger.timers.pending.get((ENGINE, SESSION_END), -1)
        if 0 <= end_ns <= engine.now_ns:
            # Nobody was here when it was due: the night comes before the morning all the same. No
            # state is kept of it: one could go on with the roll, and not with the morning.
            self._end_session(end_ns, is_kept=False)
        self._enter(event)
        engine.market_handler.watchdog.sessions += 1
        self._plan_marks(session)
        self._await_end_of_day(session)
        if end_ns <= engine.now_ns:
            self._await_end_of(session)

    def on_closed(self, event: e.SessionClosed) -> None:
        """The venue stops trading; the session's last data may still be on its way."""
        self._engine.market.close_session(event.session)

    def on_timer(self, event: e.TimerFired) -> None:
        """A timer is due: the engine's own, or a strategy's."""
        engine = self._engine
        if engine.ledger.timers.pending.get((event.owner, event.timer_id)) != event.due_ns:
            return  # cancelled or moved while it was on its way
        engine.ledger.apply_event(engine.now_ns, event)
        if event.owner == ENGINE:
            if event.timer_id == SESSION_END:
                if self.session is not None and self.session.close_ns > event.due_ns:
                    self._await_end_of(self.session)  # it opened as the other closed
                self._end_session(event.due_ns)  # nothing follows it: a kept state goes on here
            elif event.timer_id.startswith(DOUBT_PREFIX):
                engine.order_truth.on_timer(event.timer_id)
            elif event.timer_id.startswith(CANCEL_PREFIX):
                engine.desk.cancels.on_timer(engine.now_ns, event.timer_id)
            elif event.timer_id == FLATTEN_WAIT:
                engine.desk.closings.tell_what_waits(engine.now_ns)
            elif event.timer_id == EXITS_WAIT:
                engine.desk.protection.tell_what_waits(engine.now_ns)
            elif event.timer_id == ANSWERS:
                engine.answers.on_due()
                engine.callbacks.drain()
            elif event.timer_id == RATE_WAIT:
                engine.desk.close_what_can(engine.now_ns)
                engine.callbacks.drain()
            elif event.timer_id == RECONCILE:
                engine.holds.prove_books()
            elif self.session is not None:
                engine.callbacks.broadcast("on_end_of_day", self.session)
            return
        for seat, call in engine.callbacks.by_name.get("on_timer", ()):
            if seat.strategy_id == event.owner:
                engine.callbacks.deliver([(seat, call)], event.timer_id)
                return

    def mark_if_due(self) -> None:
        """Value the account inside a session, at most once per interval."""
        engine = self._engine
        interval_ns = engine.setup.mark_interval_ns
        if not interval_ns or engine.now_ns < self._next_mark_ns or engine.market.session is None:
            return
        self._next_mark_ns += interval_ns * (
            1 + (engine.now_ns - self._next_mark_ns) // interval_ns
        )
        self._mark(MarkKind.INTERVAL, self.session)

    def _go_on_in(self, event: e.SessionOpened) -> None:
        """Take up a session that has begun: a new process, or a new connection, hears of it.

        Nothing begins a second time: losses count from where they did, and no session more has
        passed. An engine that was rebuilt has its bars to align; a venue may have moved the close.
        """
        engine, session = self._engine, event.session
        self._enter(event)
        if not self._next_mark_ns:
            self._plan_marks(session)
        self._await_end_of_day(session)
        is_awaited = (ENGINE, SESSION_END) in engine.ledger.timers.pending
        if not is_awaited and self._end_of(session) > engine.now_ns:
            self._await_end_of(session)

    def _enter(self, event: e.SessionOpened) -> None:
        """The venue trades in this session from now on, for books, market and bars."""
        engine, session = self._engine, event.session
        engine.ledger.apply_event(engine.now_ns, event)
        engine.market.session = self.session = session
        engine.market_handler.shop.open_session(session)

    def _plan_marks(self, session: Session) -> None:
        interval_ns = self._engine.setup.mark_interval_ns
        if interval_ns:
            self._next_mark_ns = session.open_ns + interval_ns

    def _await_end_of_day(self, session: Session) -> None:
        """Set the timer of `on_end_of_day`, unless it is set for this very moment."""
        engine, setup = self._engine, self._engine.setup
        due_ns = session.close_ns - setup.end_of_day_lead_ns
        set_ns = engine.ledger.timers.pending.get((ENGINE, END_OF_DAY))
        if not setup.is_daily and due_ns > engine.now_ns and due_ns != set_ns:
            engine.emit(SetTimer(END_OF_DAY, ENGINE, due_ns))

    def _end_of(self, session: Session) -> int:
        return session.close_ns + self._engine.setup.session_end_delay_ns

    def _await_end_of(self, session: Session) -> None:
        self._engine.emit(SetTimer(SESSION_END, ENGINE, self._end_of(session)))

    def _end_session(self, due_ns: int, *, is_kept: bool = True) -> None:
        """Value and roll the session that ended; the next one may be open by then."""
        engine = self._engine
        ended = self._ended = self._ended_by(due_ns)
        engine.market_handler.flush_bars()
        engine.callbacks.drain()
        if ended is not None and engine.setup.is_daily:
            engine.callbacks.broadcast("on_end_of_day", ended)
            engine.market_handler.judge_freshness()
        self._mark(MarkKind.SESSION, ended)
        engine.callbacks.drain()
        if is_kept and self.before_roll is not None:
            self.before_roll()
        self.roll()

    def _ended_by(self, due_ns: int) -> Session | None:
        """The session whose end was due then; where they follow at once, another is open."""
        session, closed = self.session, self._engine.market.closed_sessions
        if session is not None and session.close_ns > due_ns and closed:
            return closed[-1]
        return session

    def roll(self) -> None:
        """Save and restore every strategy, so that a normal night equals a crash."""
        engine = self._engine
        date = self._ended.date if self._ended is not None else ""
        for seat in engine.callbacks.seats.values():
            if not seat.is_faulted:
                engine.callbacks.roll(seat, date)

    def _mark(self, kind: MarkKind, session: Session | None) -> None:
        engine = self._engine
        if engine.now_ns < engine.setup.start_ns:
            return
        if kind is not MarkKind.FINAL:
            self.marks += 1
        books = engine.ledger.portfolio
        engine.emit(
            AccountMarked(
                kind=kind,
                session=session.date if session is not None else "",
                equity=books.exact_equity,
                cash=books.cash,
                gross_exposure=books.gross_exposure,
                net_exposure=books.net_exposure,
                realized_pnl=books.realized_pnl,
                fees=books.fees,
                cash_flows=books.cash_flows,
                regime=engine.regime,
                bars=self.marks,
            )
        )
