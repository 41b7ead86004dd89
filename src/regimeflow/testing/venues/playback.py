"""Recorded data as moments in time order, so that a clock can play it.

Unlike a schedule that is pulled, a playback can say when the next thing happens without letting
it happen: orders may arrive in between. Moments of one nanosecond come as action, session,
opening, market event.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

import msgspec

from regimeflow.model.events import SessionClosed, SessionOpened
from regimeflow.model.market import Bar, CorporateAction, MarketEvent
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.venue.outbox import NEVER_NS


class Opening(msgspec.Struct, frozen=True):
    """The first print of a bar, which is known when the bar is not."""

    bar: Bar


Moment = MarketEvent | Opening | SessionOpened | SessionClosed | CorporateAction
_RANKS: dict[type, int] = {CorporateAction: 0, SessionOpened: 1, SessionClosed: 1, Opening: 2}
_MARKET_RANK = 3


class Playback:
    """Moments of `chunks` (in time order) up to `end_ns`, with sessions and actions.

    `bar_span_ns` is the longest time between a bar's opening and its close: the data is read
    that far ahead, so memory holds the events of that span. Zero means: no bar's opening matters.
    """

    __slots__ = (
        "_calendar",
        "_end_ns",
        "_events",
        "_heap",
        "_is_read",
        "_number",
        "_read_ns",
        "_session",
        "_span_ns",
        "last_ns",
    )

    def __init__(
        self,
        chunks: Iterator[list[MarketEvent]],
        *,
        calendar: SessionCalendar,
        end_ns: int,
        bar_span_ns: int,
        actions: Sequence[CorporateAction] = (),
    ) -> None:
        self._events = (event for chunk in chunks for event in chunk)
        self._calendar = calendar
        self._end_ns = end_ns
        self._span_ns = bar_span_ns
        self._heap: list[tuple[int, int, int, Moment]] = []
        self._number = 0
        self._is_read = False
        self._read_ns = -1
        self._session: Session | None = None
        self.last_ns = 0
        self._begin()
        for ts_ns, action in self._at_openings(actions):
            self._push(ts_ns, action)
        self._fill()

    @property
    def next_ns(self) -> int:
        """When the next moment is; `NEVER_NS` after the last."""
        return self._heap[0][0] if self._heap else NEVER_NS

    @property
    def is_action_next(self) -> bool:
        """Whether the next moment is a corporate action, which precedes all else of its time."""
        return bool(self._heap) and isinstance(self._heap[0][3], CorporateAction)

    def pop(self) -> tuple[int, Moment]:
        """Take the next moment; raises IndexError after the last."""
        ts_ns, _, _, moment = heappop(self._heap)
        if isinstance(moment, SessionOpened):
            self._push(moment.session.close_ns, SessionClosed(moment.session))
        elif isinstance(moment, SessionClosed) and not self._is_read:
            self._push_session(self._calendar.next_after(moment.session.open_ns))
        self.last_ns = max(self.last_ns, ts_ns)
        self._fill()
        return ts_ns, moment

    def _begin(self) -> None:
        """Read the first event and open the session that holds it."""
        self._read()
        if not self._heap:
            return
        first_ns = self._heap[0][0] - 1
        session = self._calendar.at(first_ns) or self._calendar.next_after(first_ns)
        self._session = session
        self._push_session(session)

    def _at_openings(self, actions: Sequence[CorporateAction]) -> list[tuple[int, CorporateAction]]:
        """Actions at the opening of their ex-date; those before the first session are past."""
        first = self._session
        timed = []
        for action in actions:
            ts_ns = action.ts_venue_ns
            session = self._calendar.at(ts_ns) or self._calendar.next_after(ts_ns)
            is_past = first is None or session is None or session.open_ns < first.open_ns
            if session is not None and not is_past and session.open_ns <= self._end_ns:
                timed.append((session.open_ns, action))
        return timed

    def _push_session(self, session: Session | None) -> None:
        if session is not None and session.open_ns <= self._end_ns:
            self._push(session.open_ns, SessionOpened(session))

    def _push(self, ts_ns: int, moment: Moment) -> None:
        self._number += 1
        rank = _RANKS.get(type(moment), _MARKET_RANK)
        heappush(self._heap, (ts_ns, rank, self._number, moment))

    def _fill(self) -> None:
        """Read until nothing unread can come before what is first."""
        while not self._is_read and (
            not self._heap or self._heap[0][0] > self._read_ns - self._span_ns
        ):
            self._read()

    def _read(self) -> None:
        event = next(self._events, None)
        if event is None or event.ts_venue_ns > self._end_ns:
            self._is_read = True
            return
        self._read_ns = event.ts_venue_ns
        self._push(event.ts_venue_ns, event)
        if self._span_ns and isinstance(event, Bar):
            self._push(event.ts_open_ns + 1, Opening(event))
