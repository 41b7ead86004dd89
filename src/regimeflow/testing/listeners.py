"""A listening port of a virtual host, as `loop.create_server` returns it."""

from __future__ import annotations

import asyncio
import contextvars
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from regimeflow.testing.incarnation import CURRENT, Incarnation

if TYPE_CHECKING:
    from regimeflow.testing.network import Network

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class ListeningSocket:
    """What callers ask of `server.sockets`."""

    __slots__ = ("_address",)

    family = socket.AF_INET
    type = socket.SOCK_STREAM

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address

    def getsockname(self) -> tuple[str, int]:
        """Address and port."""
        return self._address


class SimServer(asyncio.AbstractServer):
    """Accepts connections for the incarnation that made it, until closed or dead."""

    def __init__(
        self, network: Network, host_name: str, address: tuple[str, int], factory: ProtocolFactory
    ) -> None:
        self.host_name = host_name
        self.port = address[1]
        self.factory = factory
        self.context = contextvars.copy_context()
        self.owner: Incarnation | None = CURRENT.get()
        self._network = network
        self._socket = ListeningSocket(address)
        self._is_closed = False
        self._is_serving = False
        self._closed_event = asyncio.Event()

    @property
    def sockets(self) -> tuple[ListeningSocket, ...]:
        """One socket, or none once closed."""
        return () if self._is_closed else (self._socket,)

    def close(self) -> None:
        """Refuse new connections; open ones stay."""
        if not self._is_closed:
            self._is_closed = True
            self._is_serving = False
            self._network.unlisten(self)
            self._closed_event.set()

    async def wait_closed(self) -> None:
        """Returns once closed; open connections are their owners' business (as until 3.11)."""
        if not self._is_closed:
            await self._closed_event.wait()

    async def start_serving(self) -> None:
        """Accept from now on."""
        self._is_serving = not self._is_closed

    async def serve_forever(self) -> None:
        """Serve until cancelled."""
        await self.start_serving()
        try:
            await self._closed_event.wait()
        finally:
            self.close()

    def is_serving(self) -> bool:
        """Whether connections are accepted."""
        return self._is_serving

    def get_loop(self) -> Any:
        """The virtual loop."""
        return self._network.loop

    def close_clients(self) -> None:
        """Close every connection that this server accepted."""
        for transport in self._network.accepted_by(self):
            transport.close()

    def abort_clients(self) -> None:
        """Reset every connection that this server accepted."""
        for transport in self._network.accepted_by(self):
            transport.abort()
