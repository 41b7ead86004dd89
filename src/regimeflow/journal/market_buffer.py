"""Market events waiting to be written, as many to a frame as the batch allows."""

from __future__ import annotations

from itertools import islice
from operator import sub

from regimeflow.journal.frames import FrameKind, encode_frame
from regimeflow.journal.records import MarketBatch, encode_market
from regimeflow.model.market import MarketEvent


class MarketBuffer:
    """Gathers events into frames and hands the frames out.

    `events` and `times_ns` are appended to by the writer itself: a method call would cost as
    much as the rest of the work on a quote. Bounded by the caller, who seals a frame at 64
    events and takes what is ready at every commit.
    """

    __slots__ = ("_frames", "_frames_first", "_skips", "events", "times_ns")

    def __init__(self) -> None:
        self.events: list[MarketEvent] = []
        self.times_ns: list[int] = []
        self._skips: list[int] = []
        self._frames: list[bytes] = []
        self._frames_first = (0, 0)

    @property
    def is_batch_ready(self) -> bool:
        """True when `take` has something to give."""
        return bool(self._frames)

    def skip(self) -> None:
        """A fact took the next seq, behind the events gathered so far."""
        if self.events:
            self._skips.append(len(self.events))

    def seal(self, next_seq: int) -> None:
        """Make a frame of what is gathered, however little. `next_seq` is not given out yet."""
        events = self.events
        if not events:
            return
        times_ns = self.times_ns
        first_seq = next_seq - len(events) - len(self._skips)
        deltas_ns = list(map(sub, islice(times_ns, 1, None), times_ns))
        inner_skips = [index for index in self._skips if index < len(events)]
        batch = MarketBatch(first_seq, times_ns[0], deltas_ns, inner_skips, events)
        if not self._frames:
            self._frames_first = (first_seq, times_ns[0])
        self._frames.append(encode_frame(FrameKind.MARKET, encode_market(batch)))
        self._skips.clear()
        times_ns.clear()
        events.clear()

    def take(self) -> tuple[bytes, int, int]:
        """`(frames, first seq, first ts_ns)` of what is ready, which is then forgotten."""
        frames = b"".join(self._frames)
        self._frames = []
        return frames, *self._frames_first
