"""Several ordered streams as one, by a stable sort of what is certain, not by a heap.

Order: venue time, then the order of the streams, then the row. A chunk is emitted up to the
earliest moment that some stream may still add to, so the result does not depend on how the
streams were cut. Cost: about 50 ns an event against 200 for a heap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from regimeflow.model.market import MarketEvent

if TYPE_CHECKING:
    from regimeflow.data.blocks import Ints


class Chunk(NamedTuple):
    """Events in time order with their venue times."""

    times_ns: Ints
    events: list[MarketEvent]


class _Pending:
    """What one stream has delivered and the merge has not emitted."""

    __slots__ = ("_stream", "chunk", "is_done", "refill_below")

    def __init__(self, stream: Iterator[Chunk]) -> None:
        self._stream = stream
        self.chunk = Chunk(np.empty(0, np.int64), [])
        self.is_done = False
        self.refill_below = 1

    def refill(self) -> None:
        """Append the stream's next chunk, or learn that there is none."""
        following = next(self._stream, None)
        if following is None:
            self.is_done = True
            return
        self.refill_below = len(following.events) // 2 + 1
        if not self.chunk.events:
            self.chunk = following
            return
        self.chunk = Chunk(
            np.concatenate((self.chunk.times_ns, following.times_ns)),
            self.chunk.events + following.events,
        )

    def take_before(self, horizon_ns: int | None) -> Chunk:
        """Remove and return the events before the horizon; all of them without one."""
        times_ns, events = self.chunk
        cut = len(events)
        if horizon_ns is not None:
            cut = int(np.searchsorted(times_ns, horizon_ns, side="left"))
        self.chunk = Chunk(times_ns[cut:], events[cut:])
        return Chunk(times_ns[:cut], events[:cut])


def merged(streams: Sequence[Iterator[Chunk]]) -> Iterator[list[MarketEvent]]:
    """Non-empty lists of events in the total order of all streams.

    Each stream is ordered by time. A list holds at most what the streams' chunks held together.
    """
    if len(streams) == 1:
        for chunk in streams[0]:
            if chunk.events:
                yield chunk.events
        return
    pending = [_Pending(stream) for stream in streams]
    while pending:
        for item in pending:
            while not item.is_done and len(item.chunk.events) < item.refill_below:
                item.refill()
        # A stream's last known moment may be repeated by its next chunk: it is not certain yet.
        open_ends = [int(item.chunk.times_ns[-1]) for item in pending if not item.is_done]
        horizon_ns = min(open_ends, default=None)
        events = _sorted([item.take_before(horizon_ns) for item in pending])
        if events:
            yield events
        else:
            for item in pending:
                if not item.is_done and int(item.chunk.times_ns[-1]) == horizon_ns:
                    item.refill()
        pending = [item for item in pending if not item.is_done or item.chunk.events]


def _sorted(parts: Sequence[Chunk]) -> list[MarketEvent]:
    parts = [part for part in parts if part.events]
    if not parts:
        return []
    events = [event for part in parts for event in part.events]
    if len(parts) == 1:
        return events
    times_ns = np.concatenate([part.times_ns for part in parts])
    order = np.argsort(times_ns, kind="stable").tolist()
    return list(map(events.__getitem__, order))
