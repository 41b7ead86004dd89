"""The last requests of a run whose journal is dead: cancels, unrecorded, and their answers.

The connection outlives the journal for as long as a request may take, no longer. Nothing that
arrives then is booked: the next start finds it at the broker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from regimeflow.brokers.protocol import Deliver
from regimeflow.errors import JournalError
from regimeflow.model import events as e
from regimeflow.model.ids import ClientOrderId

GRACE_S = 1.0
"""A request that runs out of time is reported a little later than its time limit."""


class Farewell:
    """Waits for the answers to cancels; `failed` says of each that ended no order why not."""

    def __init__(self) -> None:
        self.failed: dict[ClientOrderId, str] = {}
        self.is_begun = False
        self._waiting: set[ClientOrderId] = set()
        self._is_over = asyncio.Event()

    def guard(self, deliver: Deliver, on_death: Callable[[JournalError], None]) -> Deliver:
        """A `deliver` that survives the journal's death, so that the connection does.

        From then on events come here instead.
        """

        def guarded(event: e.Event) -> None:
            if self.is_begun:
                self.take(event)
                return
            try:
                deliver(event)
            except JournalError as error:
                on_death(error)

        return guarded

    def expect(self, client_order_ids: Iterable[ClientOrderId]) -> None:
        """Cancels are about to leave for these orders."""
        self._waiting.update(client_order_ids)

    def take(self, event: e.Event) -> None:
        """Look at what arrives now that nothing can be recorded."""
        if isinstance(event, e.OrderCanceled | e.OrderExpired | e.OrderRejected):
            self._waiting.discard(event.client_order_id)
        elif (
            isinstance(event, e.CancelRejected | e.OutcomeUnknown)
            and event.client_order_id in self._waiting
        ):
            self._waiting.discard(event.client_order_id)
            self.failed[event.client_order_id] = event.reason
        if not self._waiting:
            self._is_over.set()

    async def wait(self, timeout_s: float) -> None:
        """Return when every cancel has its answer, or the time of a request has passed."""
        if not self._waiting:
            return
        try:
            async with asyncio.timeout(timeout_s + GRACE_S):
                await self._is_over.wait()
        except TimeoutError:
            self.failed |= dict.fromkeys(self._waiting, "no answer")
