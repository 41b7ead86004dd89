"""Market chunks, read ahead far enough to know when bars open.

A bar reaches the stream at its close, but it opens earlier, and an order may trade at that
opening. So chunks are read ahead until every bar that opens inside the current chunk has been
seen; this is done only while orders are working. Reading ahead holds at most `READ_AHEAD_MAX`
events; beyond that an opening may be missed, and the venue then matches it together with the
bar's range: the same fill, reported later.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator

from regimeflow.model.market import Bar, MarketEvent
from regimeflow.venue.outbox import NEVER_NS

READ_AHEAD_MAX = 1_000_000


class _Chunk:
    """Events in time order and, once asked for, the openings of the bars among them."""

    __slots__ = ("_openings", "events", "longest_ns")

    def __init__(self, events: list[MarketEvent]) -> None:
        self.events = events
        self.longest_ns = 0
        self._openings: list[tuple[int, Bar]] | None = None

    def openings(self) -> list[tuple[int, Bar]]:
        """`(moment, bar)` of every bar, in the order of the stream."""
        if self._openings is None:
            bars = [event for event in self.events if type(event) is Bar]
            self._openings = [(bar.ts_open_ns + 1, bar) for bar in bars]
            self.longest_ns = max([bar.ts_close_ns - bar.ts_open_ns for bar in bars], default=0)
        return self._openings


class MarketFeed:
    """Chunks of events in time order, and the openings of the bars among them."""

    __slots__ = ("_ahead", "_ahead_count", "_bars", "_chunks", "_current", "_moments", "_next")

    def __init__(self, chunks: Iterator[list[MarketEvent]]) -> None:
        self._chunks = chunks
        self._current = _Chunk([])
        self._ahead: deque[_Chunk] = deque()
        self._ahead_count = 0
        # None while nobody has asked for openings since the chunk began.
        self._moments: list[int] | None = None
        self._bars: list[Bar] = []
        self._next = 0

    def next_chunk(self) -> list[MarketEvent] | None:
        """The next chunk that is not empty; None at the end of the data."""
        if not self._ahead and not self._read():
            return None
        self._current = self._ahead.popleft()
        self._ahead_count -= len(self._current.events)
        self._moments = None
        return self._current.events

    def seek_opening(self, ts_ns: int) -> int:
        """The moment of the first opening at or after `ts_ns` that has not been taken."""
        moments = self._moments
        if moments is None:
            moments = self._scan()
        self._next = bisect_left(moments, ts_ns, lo=self._next)
        return moments[self._next] if self._next < len(moments) else NEVER_NS

    def take_openings(self) -> list[Bar]:
        """The bars that open at the moment `seek_opening` found, in the order of the stream."""
        moments, first = self._moments or [], self._next
        if first < len(moments):
            self._next = bisect_right(moments, moments[first], lo=first)
        return self._bars[first : self._next]

    def _scan(self) -> list[int]:
        """Collect the openings that lie inside the current chunk, wherever their bars are."""
        current = self._current
        openings = list(current.openings())
        longest_ns = current.longest_ns
        end_ns = current.events[-1].ts_venue_ns if current.events else 0
        index = 0
        while index < len(self._ahead) or (self._ahead_count < READ_AHEAD_MAX and self._read()):
            chunk = self._ahead[index]
            found = chunk.openings()
            longest_ns = max(longest_ns, chunk.longest_ns)
            openings += found
            index += 1
            if chunk.events[-1].ts_venue_ns - longest_ns > end_ns:
                # Bars that close later than these open after the current chunk has ended.
                break
        openings.sort(key=lambda opening: opening[0])
        self._moments = [moment_ns for moment_ns, _ in openings]
        self._bars = [bar for _, bar in openings]
        self._next = 0
        return self._moments

    def _read(self) -> bool:
        """Read one more chunk that is not empty; False at the end of the data."""
        for events in self._chunks:
            if events:
                self._ahead.append(_Chunk(events))
                self._ahead_count += len(events)
                return True
        return False
