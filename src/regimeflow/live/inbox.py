"""The inbox: where everything outside meets the engine, one event at a time.

`deliver` may be called from anywhere on the loop, also from inside the pump (a command that
could not be written answers at once): events queue and are taken first in, first out, each
stamped with the clock when it is taken; a `ClockAdjusted` re-anchors that clock first, and is
the first event of the new time. Quotes conflate when the queue is long (the newest per
symbol stays, the loss is counted in `DataConflated`); reports, trades and bars never do. A full
queue of those is fatal for the link: it is reported and the link has to resynchronise.
"""

from __future__ import annotations

from collections import deque

from regimeflow.errors import InvariantViolated
from regimeflow.live.clock import EngineClock
from regimeflow.model.events import (
    CashPosted,
    ClockAdjusted,
    DataConflated,
    Event,
    OrderFilled,
)
from regimeflow.model.market import Quote
from regimeflow.run.pump import Pump

CONFLATE_ABOVE = 256
INBOX_MAX = 100_000


class Inbox:
    """Feeds one pump. Not thread-safe: everything lives on one loop."""

    __slots__ = (
        "_clock",
        "_is_draining",
        "_pump",
        "_queue",
        "_quotes",
        "conflated",
        "repeats_dropped",
    )

    def __init__(self, pump: Pump, clock: EngineClock) -> None:
        self._pump = pump
        self._clock = clock
        self._queue: deque[Event] = deque()
        self._quotes: dict[str, Quote] = {}
        self._is_draining = False
        self.repeats_dropped = 0
        self.conflated: dict[str, int] = {}

    def deliver(self, event: Event) -> None:
        """Hand over one event; it is processed before this returns unless one is in hand."""
        if type(event) is Quote and len(self._queue) > CONFLATE_ABOVE:
            self._conflate(event)
            return
        if len(self._queue) >= INBOX_MAX:
            raise InvariantViolated(f"more than {INBOX_MAX} events wait for the engine")
        self._queue.append(event)
        if not self._is_draining:
            self.drain()

    def drain(self) -> None:
        """Process what waits."""
        self._is_draining = True
        try:
            while self._queue or self._quotes:
                if not self._queue:
                    self._release_quotes()
                event = self._queue.popleft()
                if self._is_repeat(event):
                    self.repeats_dropped += 1
                    continue
                self._clock.not_before(self._pump.ts_ns)
                if type(event) is ClockAdjusted:
                    self._clock.adjust(event.delta_ns)
                self._pump.take(self._clock.now_ns(), event)
            self._pump.commit()
        finally:
            self._is_draining = False

    def _is_repeat(self, event: Event) -> bool:
        """A fill or posting that is booked already; venues repeat them after every reconnect."""
        ledger = self._pump.engine.ledger
        if type(event) is OrderFilled:
            return ledger.orders.executions.is_repeat(event)
        return type(event) is CashPosted and event.activity_id in ledger.portfolio.activities

    def _conflate(self, quote: Quote) -> None:
        if quote.symbol in self._quotes:
            self.conflated[quote.symbol] = self.conflated.get(quote.symbol, 0) + 1
        self._quotes[quote.symbol] = quote

    def _release_quotes(self) -> None:
        self._queue.extend(DataConflated(s, count) for s, count in self.conflated.items())
        self._queue.extend(self._quotes.values())
        self.conflated.clear()
        self._quotes.clear()
