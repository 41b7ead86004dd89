"""One client's connection at the venue: a bounded queue out, in order, quotes conflated.

A quote that waits is replaced by its successor and counted. Nothing else is ever dropped: a
client too slow for the rest is cut off, and resumes.
"""

from __future__ import annotations

import asyncio
from collections import deque

import msgspec
from aiohttp import web

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.wire import encode

QUEUE_MAX = 50_000
"""Most messages that wait for one client: all reports of a long outage fit."""


class _Waiting(msgspec.Struct):
    """A quote that waits; None once a newer one has taken its place."""

    push: m.QuotePush | None


class Connection:
    """What the venue knows of one connection. `symbols` is what it has subscribed."""

    __slots__ = (
        "_queue",
        "_quotes",
        "_transport",
        "_wake",
        "client",
        "is_cut",
        "is_greeted",
        "is_muted",
        "number",
        "queue_max",
        "role",
        "symbols",
        "ws",
    )

    def __init__(
        self,
        number: int,
        ws: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self.number = number
        self.ws = ws
        self.client = ""
        self.role = ""
        self.is_greeted = False
        self.is_cut = False
        self.is_muted = False
        self.symbols: frozenset[str] = frozenset()
        self.queue_max = queue_max
        self._transport = transport
        self._queue: deque[m.Message | _Waiting] = deque()
        self._quotes: dict[str, _Waiting] = {}
        self._wake = asyncio.Event()

    @property
    def is_trading(self) -> bool:
        """Whether it is a trading client that is still there."""
        return self.is_greeted and self.role == "trade" and not self.is_cut

    def send(self, message: m.Message) -> None:
        """Queue a message; a client with too many waiting is cut off."""
        if self.is_cut:
            return
        self._queue.append(message)
        if len(self._queue) > self.queue_max:
            self.cut()
        self._wake.set()

    def send_quote(self, push: m.QuotePush) -> None:
        """Queue a quote in place of the one of its symbol that still waits."""
        waiting = self._quotes.get(push.symbol)
        if waiting is not None and waiting.push is not None:
            conflated = waiting.push.conflated + 1
            push = msgspec.structs.replace(push, conflated=conflated)
            waiting.push = None
        entry = self._quotes[push.symbol] = _Waiting(push)
        if self.is_cut:
            return
        self._queue.append(entry)
        if len(self._queue) > self.queue_max:
            self._queue = deque(e for e in self._queue if not _is_replaced(e))
        if len(self._queue) > self.queue_max:
            self.cut()
        self._wake.set()

    def cut(self) -> None:
        """Drop the connection at once, whatever waits; the peer sees a reset."""
        self.is_cut = True
        self._queue.clear()
        self._wake.set()
        if self._transport is not None:
            self._transport.abort()  # type: ignore[attr-defined]

    async def write(self) -> None:
        """Send what is queued, for as long as the connection lives."""
        while not self.is_cut and not self.ws.closed:
            while self._queue:
                entry = self._queue.popleft()
                message: m.Message | None
                if isinstance(entry, _Waiting):
                    message, entry.push = entry.push, None
                else:
                    message = entry
                if message is not None and not self.is_muted:
                    await self.ws.send_str(encode(message))
            await self._wake.wait()
            self._wake.clear()


def _is_replaced(entry: m.Message | _Waiting) -> bool:
    return isinstance(entry, _Waiting) and entry.push is None
