"""One end of a virtual TCP connection, as asyncio's protocols know it.

The contract kept here is asyncio's: `connection_made` first, `connection_lost` last and once,
`eof_received` at most once, `pause_writing` and `resume_writing` in turn. What happens to bytes
on their way is the business of `Pipe`.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from regimeflow.testing.incarnation import CURRENT, Incarnation, operate

if TYPE_CHECKING:
    from regimeflow.testing.network import Network
    from regimeflow.testing.pipe import Pipe

HIGH_WATER_BYTES = 65_536
Address = tuple[str, int]


class SimTransport(asyncio.Transport):
    """A stream transport of the virtual network; belongs to the incarnation that made it."""

    outgoing: Pipe
    incoming: Pipe
    peer: SimTransport

    def __init__(
        self,
        network: Network,
        number: int,
        *,
        host_name: str,
        context: contextvars.Context,
        address: Address,
        peer_address: Address,
    ) -> None:
        super().__init__({"sockname": address, "peername": peer_address})
        self.number = number
        self.host_name = host_name
        self.context = context
        self.owner: Incarnation | None = context.get(CURRENT)
        self.is_silent = False
        self.is_lost = False
        self._network = network
        self._protocol: asyncio.BaseProtocol | None = None
        self._is_closing = False
        self._is_reading = True
        self._is_writing_paused = False
        self._high_water = HIGH_WATER_BYTES
        self._low_water = HIGH_WATER_BYTES // 4

    # --- asyncio.Transport ----------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Queue bytes. On a connection that is gone they vanish, as they do in asyncio."""
        if self.outgoing.is_ending and not self._is_closing:
            raise RuntimeError("Cannot call write() after write_eof()")
        if not data or self.is_lost or self._is_closing:
            return
        operate()
        self.outgoing.send(data)
        if len(self.outgoing.backlog) > self._high_water and not self._is_writing_paused:
            self._is_writing_paused = True
            self._expect_protocol().pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """One write of all parts."""
        self.write(b"".join(list_of_data))

    def write_eof(self) -> None:
        """Half-close: the peer reads to the end and may still answer."""
        if not self.outgoing.is_ending and not self.is_lost:
            operate()
            self.outgoing.end()

    def can_write_eof(self) -> bool:
        """TCP can."""
        return True

    def close(self) -> None:
        """Send what is queued, then a FIN; `connection_lost(None)` follows."""
        if self._is_closing or self.is_lost:
            return
        operate()
        self._is_closing = True
        self.outgoing.end()
        if not self.outgoing.backlog:
            self._network.call_soon(self._finish, self)

    def abort(self) -> None:
        """Drop what is queued and reset the peer."""
        if not self.is_lost:
            operate()
            self._network.send_reset(self)
            self.lose(None)

    def is_closing(self) -> bool:
        """Whether `close` or a loss came before."""
        return self._is_closing or self.is_lost

    def pause_reading(self) -> None:
        """Let the peer run into the window."""
        self._is_reading = False

    def resume_reading(self) -> None:
        """Read what has arrived meanwhile."""
        if not self._is_reading and not self.is_closing():
            self._is_reading = True
            self.incoming.schedule()

    def is_reading(self) -> bool:
        """Whether received bytes go to the protocol."""
        return self._is_reading and not self.is_closing()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """As asyncio's: high 64 KiB, low a quarter of it."""
        self._high_water = high if high is not None else 4 * (low or HIGH_WATER_BYTES // 4)
        self._low_water = low if low is not None else self._high_water // 4

    def get_write_buffer_size(self) -> int:
        """Bytes the process still holds."""
        return len(self.outgoing.backlog)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Low and high water."""
        return self._low_water, self._high_water

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Switch, as an upgrade to WebSocket does."""
        self._protocol = protocol

    def get_protocol(self) -> asyncio.BaseProtocol:
        """The protocol in charge."""
        protocol: asyncio.BaseProtocol = self._expect_protocol()
        return protocol

    # --- what the network does to this end --------------------------------------------------

    @property
    def can_receive(self) -> bool:
        """Whether a segment may be handed over now; a closed end takes and refuses it."""
        if self.is_lost:
            return not self.is_silent
        return self._protocol is not None and (self._is_reading or self._is_closing)

    def start(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the open connection to its protocol; runs in this end's context."""
        self._protocol = protocol
        protocol.connection_made(self)
        self.incoming.schedule()
        self.outgoing.schedule()

    def receive(self, segment: bytes) -> None:
        """Bytes arrived; an error of the protocol ends the connection, as in asyncio."""
        if self.is_lost:
            self._network.send_reset(self)
            return
        if self._is_closing:
            return
        protocol, is_taken = self._expect_protocol(), False
        try:
            _hand_over(protocol, segment)
            is_taken = True
        finally:
            if not is_taken and not (self.owner is not None and self.owner.is_dead):
                self._network.send_reset(self)
                self.lose(ConnectionAbortedError(errno.ECONNABORTED, "the protocol failed"))

    def receive_end(self) -> None:
        """The peer's FIN arrived."""
        if self.is_closing():
            return
        if not self._expect_protocol().eof_received():
            self.close()

    def may_resume(self) -> None:
        """The window opened: tell the protocol, or finish a close that waited for it."""
        if self._is_closing and not self.outgoing.backlog:
            self._network.call_soon(self._finish, self)
        elif self._is_writing_paused and len(self.outgoing.backlog) <= self._low_water:
            self._is_writing_paused = False
            self._network.call_soon(self._resume_writing, self)

    def lose(self, error: OSError | None) -> None:
        """The connection is gone; the protocol hears it in its own step."""
        if self.is_lost:
            return
        self.is_lost = True
        self.outgoing.drop()
        self._tell_lost(error)

    def _finish(self) -> None:
        """A close came to its end; the FIN is under way and this end forgets the connection."""
        if not self.is_lost:
            self.is_lost = True
            self._tell_lost(None)

    def _tell_lost(self, error: OSError | None) -> None:
        self._network.forget(self)
        self.incoming.reschedule()
        protocol = self._protocol
        if protocol is not None:
            self._network.call_soon(lambda: protocol.connection_lost(error), self)

    def _resume_writing(self) -> None:
        if not self.is_lost:
            self._expect_protocol().resume_writing()

    def _expect_protocol(self) -> Any:
        assert self._protocol is not None, "the connection was not started"
        return self._protocol


def _hand_over(protocol: Any, segment: bytes) -> None:
    if not isinstance(protocol, asyncio.BufferedProtocol):
        protocol.data_received(segment)
        return
    rest = memoryview(segment)
    while rest:
        room = memoryview(protocol.get_buffer(len(rest)))
        taken = min(len(room), len(rest))
        room[:taken] = rest[:taken]
        protocol.buffer_updated(taken)
        rest = rest[taken:]
