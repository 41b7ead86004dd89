"""Session events from the calendar, on the engine's clock, for brokers behind a link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from regimeflow.live.clock import EngineClock
from regimeflow.live.timer_service import LONGEST_SLEEP_S
from regimeflow.model.events import Event, SessionClosed, SessionOpened
from regimeflow.model.session import Session, SessionCalendar


class SessionClock:
    """Delivers `SessionOpened` and `SessionClosed` when the calendar says so.

    `open_session` is the session the books believe open (None: none), as a restart finds it:
    one that closed meanwhile is closed first.
    """

    def __init__(
        self,
        calendar: SessionCalendar,
        clock: EngineClock,
        deliver: Callable[[Event], None],
        open_session: Session | None,
    ) -> None:
        self._calendar = calendar
        self._clock = clock
        self._deliver = deliver
        self._open = open_session
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Bring the engine's idea of the session up to date and go on from there.

        An adjusted clock is followed at once.
        """
        self._clock.listeners.append(lambda: self._turn_in(0.0))
        self._turn()

    def close(self) -> None:
        """Stop."""
        if self._handle is not None:
            self._handle.cancel()

    def _turn(self) -> None:
        now_ns = self._clock.now_ns()
        current = self._calendar.at(now_ns)
        if self._open is not None and self._open != current:
            closed, self._open = self._open, None
            self._deliver(SessionClosed(closed))
        if current is not None and self._open is None:
            self._open = current
            self._deliver(SessionOpened(current))
        following = self._calendar.next_after(now_ns)
        due_ns = current.close_ns if current is not None else None
        if due_ns is None:
            due_ns = following.open_ns if following is not None else None
        if due_ns is not None:
            self._turn_in(min(self._clock.delay_s(due_ns), LONGEST_SLEEP_S))

    def _turn_in(self, delay_s: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._handle = asyncio.get_running_loop().call_later(delay_s, self._turn)
