"""The side of the virtual loop that faces the outside: network, names, signals, and refusals."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from regimeflow.testing.failures import ForbiddenCall
from regimeflow.testing.incarnation import CURRENT
from regimeflow.testing.listeners import SimServer
from regimeflow.testing.network import Network
from regimeflow.testing.transport import SimTransport

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int]]
ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class VirtualIoLoop(asyncio.BaseEventLoop):
    """Connections and servers on a `Network`; TLS, datagrams, pipes and processes are refused."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        network.attach(self)

    # --- network --------------------------------------------------------------------------

    async def create_connection(  # type: ignore[override]  # only what virtual sockets have
        self,
        protocol_factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: socket.socket | None = None,
        **_: object,
    ) -> tuple[SimTransport, asyncio.BaseProtocol]:
        """Connect to a named host, or adopt a socket that `sock_connect` connected.

        Raises OSError as the operating system would (refused, timed out, unknown name).
        """
        if ssl:
            _refuse("TLS", "use http:// or ws:// addresses in a simulation")
        if sock is not None:
            transport = self.network.adopt(sock)
        elif host is not None and port is not None:
            transport = await self.network.connect(host, int(port))
        else:
            raise ValueError("host and port was not specified and no sock specified")
        protocol = protocol_factory()
        transport.start(protocol)
        return transport, protocol

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect a real, never used socket object in name only; `create_connection` adopts it."""
        await self.network.connect_socket(sock, str(address[0]), int(address[1]))

    async def create_server(  # type: ignore[override]  # only what virtual sockets have
        self,
        protocol_factory: ProtocolFactory,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        ssl: object = None,
        sock: socket.socket | None = None,
        start_serving: bool = True,
        **_: object,
    ) -> SimServer:
        """Listen on the current host; port 0 takes a free one. Raises OSError for a taken port."""
        if ssl:
            _refuse("TLS", "serve http:// or ws:// in a simulation")
        if sock is not None:
            _refuse("a server on a real socket", "name host and port")
        server = self.network.listen(protocol_factory, port or 0)
        if start_serving:
            await server.start_serving()
        return server

    async def getaddrinfo(  # type: ignore[override]  # virtual hosts have one address each
        self, host: str | bytes | None, port: str | bytes | int | None, **_: object
    ) -> list[AddressInfo]:
        """The one IPv4 address of a named host. Raises socket.gaierror for an unknown one."""
        name = host.decode() if isinstance(host, bytes) else host
        address = self.network.names.resolve(name or "127.0.0.1")
        family, kind = socket.AF_INET, socket.SOCK_STREAM
        return [(family, kind, socket.IPPROTO_TCP, "", (address, int(port or 0)))]

    async def getnameinfo(  # type: ignore[override]  # virtual hosts have one address each
        self, sockaddr: tuple[str, int], flags: int = 0
    ) -> tuple[str, str]:
        """The name of a virtual address."""
        return self.network.names.host_of(*sockaddr), str(sockaddr[1])

    async def create_datagram_endpoint(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        _refuse("a datagram socket", "only TCP is simulated")

    async def start_tls(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        _refuse("TLS", "use plain addresses in a simulation")

    async def subprocess_exec(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        _refuse("a child process", "start another Host")

    async def subprocess_shell(self, *_: object, **__: object) -> NoReturn:
        """Refused."""
        _refuse("a child process", "start another Host")

    # --- signals --------------------------------------------------------------------------

    def add_signal_handler(self, sig: int, callback: Callable[..., object], *args: object) -> None:
        """Remembered for the incarnation that asks; `Host.send_signal` runs it."""
        incarnation = CURRENT.get()
        if incarnation is not None:
            incarnation.signal_handlers[int(sig)] = lambda: callback(*args)

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget a handler; True where there was one."""
        incarnation = CURRENT.get()
        return incarnation is not None and (
            incarnation.signal_handlers.pop(int(sig), None) is not None
        )

    # --- what BaseEventLoop asks of its subclasses ------------------------------------------

    def _process_events(self, event_list: object) -> None:
        """There is no selector."""

    def _write_to_self(self) -> None:
        """There is no thread to wake."""


def _refuse(what: str, instead: str) -> NoReturn:
    raise ForbiddenCall(f"{what} was asked for in a simulation; {instead}")
