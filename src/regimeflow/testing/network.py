"""The network between simulated hosts: connections, partitions, faults.

TCP as a process meets it: bytes of one direction arrive once and in order, late, in pieces, or
not at all; a peer that is gone answers with a reset, or with silence. Loss and duplication of
packets show only as delay. Draws come from a stream of this network's own.
"""

from __future__ import annotations

import asyncio
import contextvars
import errno
import itertools
import random
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from regimeflow.testing.incarnation import Death, Incarnation, operate
from regimeflow.testing.links import LinkProfile
from regimeflow.testing.listeners import ProtocolFactory, SimServer
from regimeflow.testing.names import HostNames, current_host
from regimeflow.testing.pipe import Pipe
from regimeflow.testing.transport import SimTransport

if TYPE_CHECKING:
    from regimeflow.testing.loop_io import VirtualIoLoop

EPHEMERAL_PORT = 49_152
CONNECT_RETRIES_S = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Pauses between attempts to connect to silence; after the last it times out (as Linux)."""


class Network:
    """Links and connections between named hosts; one for each world."""

    def __init__(self, rng: random.Random, *, link: LinkProfile | None = None) -> None:
        self.default_link = link or LinkProfile()
        self.names = HostNames()
        self._rng = rng
        self._links: dict[tuple[str, str], LinkProfile] = {}
        self._blocked: set[tuple[str, str]] = set()
        self._dark: set[str] = set()
        self._servers: dict[tuple[str, int], SimServer] = {}
        self._ends: dict[int, tuple[SimTransport, SimServer | None]] = {}
        self._end_number = 0
        self._pending: dict[socket.socket, SimTransport] = {}
        self._ports = itertools.count(EPHEMERAL_PORT)
        self._context = contextvars.Context()
        self._loop: VirtualIoLoop | None = None

    # --- what a scenario sets ---------------------------------------------------------------

    def set_link(self, source: str, target: str, profile: LinkProfile) -> None:
        """Change one direction from now on; bytes under way keep their time of arrival."""
        self._links[source, target] = profile

    def partition(self, source: str, target: str) -> None:
        """Let nothing through in this direction; connections stay open and hear nothing."""
        self._blocked.add((source, target))

    def heal(self, source: str, target: str) -> None:
        """End a partition of this direction; what TCP kept repeating arrives now."""
        self._blocked.discard((source, target))
        for end in self._between(source, target):
            end.outgoing.reschedule()

    def reset_connections(self, one: str, other: str) -> int:
        """Reset every connection between two hosts at both ends; returns how many."""
        ends = self._between(one, other)
        for end in ends:
            self.reset(end, end.peer)
        return len(ends)

    @property
    def open_ends(self) -> int:
        """Ends that are not closed; two for each whole connection."""
        return sum(not end.is_lost for end, _ in self._ends.values())

    # --- asked by the loop --------------------------------------------------------------------

    def attach(self, loop: VirtualIoLoop) -> None:
        """Bind to the loop that gives time and runs callbacks."""
        self._loop = loop

    def listen(self, factory: ProtocolFactory, port: int) -> SimServer:
        """A server on the current host; it accepts once told to. Raises OSError if taken."""
        operate()
        host = current_host()
        port = port or next(self._ports)
        if (host, port) in self._servers:
            raise OSError(errno.EADDRINUSE, f"address already in use: {host}:{port}")
        server = SimServer(self, host, (self.names.resolve(host), port), factory)
        self._servers[host, port] = server
        return server

    def unlisten(self, server: SimServer) -> None:
        """Free the port."""
        if self._servers.get((server.host_name, server.port)) is server:
            del self._servers[server.host_name, server.port]

    async def connect(self, name: str, port: int) -> SimTransport:
        """Open a connection from the current host; the caller starts the end it gets.

        Raises ConnectionRefusedError, TimeoutError (after 127 s of silence) or gaierror.
        """
        operate()
        here, there = current_host(), self.names.host_of(name, port)
        for pause_s in (*CONNECT_RETRIES_S, None):
            await asyncio.sleep(self.profile(here, there).draw_latency_s(self._rng))
            if not self.is_blocked(here, there) and not self.is_blocked(there, here):
                break
            if pause_s is None:
                raise TimeoutError(errno.ETIMEDOUT, f"connection to {name}:{port} timed out")
            await asyncio.sleep(pause_s)
        server = self._servers.get((there, port))
        profile = self.profile(here, there)
        is_refused = profile.refuse_chance and self._rng.random() < profile.refuse_chance
        if server is None or not server.is_serving() or is_refused:
            await asyncio.sleep(self.profile(there, here).draw_latency_s(self._rng))
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"{name}:{port} refused")
        client = self._join(here, server)
        is_connected = False
        try:
            await asyncio.sleep(self.profile(there, here).draw_latency_s(self._rng))
            is_connected = True
        finally:
            # Given up while the answer was under way: the server is left with a reset.
            if not is_connected and not (client.owner is not None and client.owner.is_dead):
                client.abort()
        if client.is_lost:
            raise ConnectionResetError(errno.ECONNRESET, f"{name}:{port} reset the connection")
        return client

    async def connect_socket(self, sock: socket.socket, name: str, port: int) -> None:
        """Connect in the name of a socket object, which stays unused."""
        self._pending[sock] = await self.connect(name, port)

    def adopt(self, sock: socket.socket) -> SimTransport:
        """The connection made by `connect_socket`; the socket object is closed."""
        transport = self._pending.pop(sock)
        sock.close()
        return transport

    # --- asked by connections -----------------------------------------------------------------

    @property
    def loop(self) -> VirtualIoLoop:
        """The loop this network is bound to."""
        assert self._loop is not None, "the network has no loop yet"
        return self._loop

    @property
    def now_s(self) -> float:
        """Virtual time."""
        return self.loop.time()

    def profile(self, source: str, target: str) -> LinkProfile:
        """How the way from `source` to `target` behaves now."""
        return self._links.get((source, target), self.default_link)

    def is_blocked(self, source: str, target: str) -> bool:
        """Whether nothing passes, by a partition or because the target's machine is off."""
        return (source, target) in self._blocked or target in self._dark

    def call_at(
        self, when_s: float, callback: Callable[[], object], end: SimTransport
    ) -> asyncio.TimerHandle:
        """Run in the life of `end`, or in nobody's once that is over."""
        return self.loop.call_at(when_s, callback, context=self._context_of(end))

    def call_soon(self, callback: Callable[[], object], end: SimTransport) -> None:
        """Run in the life of `end`, or in nobody's once that is over."""
        self.loop.call_soon(callback, context=self._context_of(end))

    def reset(self, one: SimTransport, other: SimTransport) -> None:
        """End a connection at both ends now."""
        for end in (one, other):
            end.lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    def send_reset(self, end: SimTransport) -> None:
        """Let the peer of `end` hear a reset one latency later, if anything gets through."""
        peer = end.peer
        if peer.is_lost or self.is_blocked(end.host_name, peer.host_name):
            return
        at_s = self.now_s + self.profile(end.host_name, peer.host_name).draw_latency_s(self._rng)
        error = ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")
        self.call_at(at_s, lambda: peer.lose(error), peer)

    def forget(self, end: SimTransport) -> None:
        """Drop a connection of which both ends are over."""
        if end.peer.is_lost:
            self._ends.pop(end.number, None)
            self._ends.pop(end.peer.number, None)

    def accepted_by(self, server: SimServer) -> list[SimTransport]:
        """Open connections that `server` accepted, oldest first."""
        return [end for end, by in self._ends.values() if by is server and not end.is_lost]

    # --- death and return of hosts ------------------------------------------------------------

    def fence(self, incarnation: Incarnation) -> None:
        """Take the sockets of a dead process from it: resets or FINs, or silence (power cut)."""
        for server in list(self._servers.values()):
            if server.owner is incarnation:
                self.unlisten(server)
        is_silent = incarnation.death is Death.POWER_CUT
        if is_silent:
            self._dark.add(incarnation.host_name)
        for end, _ in list(self._ends.values()):
            if end.owner is incarnation:
                incarnation.graveyard.append(end)
                self._take_away(end, is_silent=is_silent)

    def restore(self, host: str) -> None:
        """The machine is on again: it answers the segments of forgotten connections by resets."""
        self._dark.discard(host)
        for end, _ in list(self._ends.values()):
            if end.host_name == host:
                end.is_silent = False
                end.incoming.reschedule()

    def _take_away(self, end: SimTransport, *, is_silent: bool) -> None:
        """The kernel closes for the dead: what the process still held is lost."""
        if not end.is_lost:
            end.is_silent = is_silent
            end.outgoing.backlog.clear()
            if not is_silent:
                is_reset = end.incoming.has_unread or self._rng.random() < 0.5
                if is_reset:
                    self.send_reset(end)
                else:
                    end.outgoing.end()
            end.is_lost = True
            self.forget(end)
        end.incoming.reschedule()

    def _join(self, here: str, server: SimServer) -> SimTransport:
        """Both ends of a new connection; the server's is started in the server's life."""
        address = (self.names.resolve(here), next(self._ports))
        peer_address = (self.names.resolve(server.host_name), server.port)
        client = SimTransport(
            self,
            self._next_end(),
            host_name=here,
            context=contextvars.copy_context(),
            address=address,
            peer_address=peer_address,
        )
        accepted = SimTransport(
            self,
            self._next_end(),
            host_name=server.host_name,
            context=server.context.copy(),
            address=peer_address,
            peer_address=address,
        )
        client.peer, accepted.peer = accepted, client
        client.outgoing = accepted.incoming = Pipe(self, client, accepted, self._rng)
        accepted.outgoing = client.incoming = Pipe(self, accepted, client, self._rng)
        self._ends[client.number] = (client, None)
        self._ends[accepted.number] = (accepted, server)
        self.call_soon(lambda: accepted.start(server.factory()), accepted)
        return client

    def _next_end(self) -> int:
        self._end_number += 1
        return self._end_number

    def _between(self, one: str, other: str) -> list[SimTransport]:
        """Ends on `one` whose peer is on `other`, oldest first."""
        ends = [end for end, _ in self._ends.values()]
        return [e for e in ends if (e.host_name, e.peer.host_name) == (one, other)]

    def _context_of(self, end: SimTransport) -> contextvars.Context:
        is_over = end.owner is not None and end.owner.is_dead
        return self._context if is_over else end.context
