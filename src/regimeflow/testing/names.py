"""Names and addresses of virtual hosts, and what a loopback address means on each."""

from __future__ import annotations

import socket

from regimeflow.testing.incarnation import CURRENT

OUTSIDE = "world"
"""The host of code that runs outside every `Host`, such as the scenario itself."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HostNames:
    """Resolves names; `is_down` makes every lookup of a name fail."""

    __slots__ = ("_addresses", "_forwards", "is_down")

    def __init__(self) -> None:
        self.is_down = False
        self._addresses: dict[str, str] = {}
        self._forwards: dict[tuple[str, int], str] = {}
        self.add(OUTSIDE)

    def add(self, name: str) -> None:
        """Give a host its address; a known one keeps its own."""
        number = len(self._addresses) + 1
        self._addresses.setdefault(name, f"10.0.{number // 250}.{number % 250 + 1}")

    def forward(self, name: str, port: int, *, to: str) -> None:
        """Let `name:port` mean the host `to`, as port forwarding and DNS aliases do."""
        self.add(to)
        self._forwards[name, port] = to
        if name not in LOOPBACK:
            self._addresses.setdefault(name, self._addresses[to])

    def resolve(self, name: str) -> str:
        """Address of a name or of an address. Raises socket.gaierror, as a resolver does."""
        if name in LOOPBACK:
            return "127.0.0.1"
        if name in self._addresses.values():
            return name
        if name not in self._addresses or self.is_down:
            raise socket.gaierror(socket.EAI_NONAME, f"name or service not known: {name}")
        return self._addresses[name]

    def host_of(self, name: str, port: int) -> str:
        """The host that `name:port` reaches from the current one. Raises socket.gaierror."""
        if (name, port) in self._forwards:
            return self._forwards[name, port]
        if name in LOOPBACK:
            return current_host()
        address = self.resolve(name)
        return next(host for host, own in self._addresses.items() if own == address)


def current_host() -> str:
    """The host whose code is running."""
    incarnation = CURRENT.get()
    return OUTSIDE if incarnation is None else incarnation.host_name
