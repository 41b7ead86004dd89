"""One direction of a TCP connection: bytes arrive once, in order, or the connection ends.

Segments wait in one queue with one timer for its head. A timer per segment would let a heap
reorder segments that arrive at the same moment; real TCP never does.
"""

from __future__ import annotations

import asyncio
import collections
import errno
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from regimeflow.testing.network import Network
    from regimeflow.testing.transport import SimTransport

RETRANSMIT_S_MAX = 900.0
"""How long the kernel repeats unacknowledged bytes before it gives a connection up."""
FIN = b""
"""An empty segment ends the stream."""


class Pipe:
    """Carries bytes from `source` to `target`.

    `backlog` is what the sender's process still holds. What arrived and was not read yet stays
    at the head of the wire, and counts against the window.
    """

    __slots__ = (
        "_broken",
        "_give_up",
        "_is_fin_sent",
        "_last_arrival_s",
        "_network",
        "_not_before_s",
        "_rng",
        "_timer",
        "_wire",
        "_wire_bytes",
        "backlog",
        "is_ending",
        "source",
        "target",
    )

    def __init__(
        self, network: Network, source: SimTransport, target: SimTransport, rng: random.Random
    ) -> None:
        self._network = network
        self._rng = rng
        self.source = source
        self.target = target
        self.backlog = bytearray()
        self.is_ending = False
        self._is_fin_sent = False
        self._wire: collections.deque[tuple[float, bytes]] = collections.deque()
        self._wire_bytes = 0
        self._last_arrival_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._give_up: asyncio.TimerHandle | None = None
        self._broken = False
        self._not_before_s = 0.0

    @property
    def has_unread(self) -> bool:
        """Whether something arrived that the target has not read."""
        return bool(self._wire) and self._wire[0][0] <= self._network.now_s

    def send(self, content: bytes | bytearray | memoryview) -> None:
        """Queue bytes and put on the wire what the window allows."""
        self.backlog += content
        self.pump()

    def end(self) -> None:
        """No more bytes: a FIN follows the last one."""
        self.is_ending = True
        self.pump()

    def pump(self) -> None:
        """Move bytes from the backlog to the wire, as far as the window is open."""
        profile = self._network.profile(self.source.host_name, self.target.host_name)
        while self.backlog and self._wire_bytes < profile.window_bytes and not self._broken:
            room = min(len(self.backlog), profile.window_bytes - self._wire_bytes)
            size = profile.draw_segment_bytes(self._rng, room)
            segment = bytes(self.backlog[:size])
            del self.backlog[:size]
            if profile.reset_chance and self._rng.random() < profile.reset_chance:
                segment = segment[: self._rng.randint(0, size - 1)]
                self._broken = True
            if segment:
                self._wire.append((self._arrival_s(profile.draw_latency_s(self._rng)), segment))
                self._wire_bytes += len(segment)
            if self._broken:
                self.backlog.clear()
        if self.is_ending and not self.backlog and not self._is_fin_sent and not self._broken:
            self._is_fin_sent = True
            self._wire.append((self._arrival_s(profile.draw_latency_s(self._rng)), FIN))
        self.schedule()

    def schedule(self) -> None:
        """Set the one timer for the head of the wire; nothing while it cannot be delivered."""
        if self._timer is not None:
            return
        if self._network.is_blocked(self.source.host_name, self.target.host_name) or (
            self.target.is_silent
        ):
            self._start_giving_up()
            return
        self._stop_giving_up()
        if not self._wire:
            if self._broken:
                self._network.reset(self.source, self.target)
            return
        arrival_s = self._wire[0][0]
        if not self.target.can_receive or arrival_s == float("inf"):
            return
        due_s = max(arrival_s, self._not_before_s, self._network.now_s)
        self._timer = self._network.call_at(due_s, self._arrive, self.target)

    def reschedule(self) -> None:
        """The way or an end changed: what was held up arrives one latency from now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        profile = self._network.profile(self.source.host_name, self.target.host_name)
        self._not_before_s = self._network.now_s + profile.draw_latency_s(self._rng)
        self.schedule()

    def drop(self) -> None:
        """Lose everything: the connection is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._stop_giving_up()
        self.backlog.clear()
        self._wire.clear()
        self._wire_bytes = 0

    def _arrival_s(self, latency_s: float) -> float:
        self._last_arrival_s = max(self._last_arrival_s, self._network.now_s + latency_s)
        return self._last_arrival_s

    def _arrive(self) -> None:
        self._timer = None
        if self._network.is_blocked(self.source.host_name, self.target.host_name):
            self.schedule()
            return
        if not self.target.can_receive or not self._wire:
            return
        _, segment = self._wire.popleft()
        self._wire_bytes -= len(segment)
        if segment:
            self.target.receive(segment)
        else:
            self.target.receive_end()
        if self.backlog:
            self.pump()
            self.source.may_resume()
        self.schedule()

    def _start_giving_up(self) -> None:
        """Unacknowledged bytes are repeated for a quarter of an hour, then the sender is told."""
        if self._give_up is None and (self._wire or self.backlog):
            at_s = self._network.now_s + RETRANSMIT_S_MAX
            self._give_up = self._network.call_at(at_s, self._give_up_now, self.source)

    def _stop_giving_up(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None

    def _give_up_now(self) -> None:
        self._give_up = None
        self.source.lose(TimeoutError(errno.ETIMEDOUT, "Connection timed out"))
