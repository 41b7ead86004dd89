"""The router: the one place from which a command leaves for the outside.

It takes what the engine hands out and sends two kinds of things: orders inside an `Approved`,
and commands that cannot create exposure. A bare order is refused: that would be a way around
the risk gate.
"""

from __future__ import annotations

from typing import Protocol

from regimeflow.core.approved import Approved, EngineOutput
from regimeflow.errors import InvariantViolated
from regimeflow.model.commands import (
    CancelOrder,
    CancelTimer,
    Command,
    QueryOrder,
    ReplaceOrder,
    RequestSnapshot,
    SetTimer,
    SubmitOrder,
)

HARMLESS = frozenset({CancelOrder, QueryOrder, RequestSnapshot, SetTimer, CancelTimer})
ORDERS = frozenset({SubmitOrder, ReplaceOrder})


class Link(Protocol):
    """What obeys commands: a venue in process, or a broker's session."""

    def execute(self, ts_ns: int, command: Command) -> None:
        """Carry out a command that left the engine at `ts_ns`. Must not call back."""
        ...


class Router:
    """Sends commands over one link, in order; notices go nowhere."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    def dispatch(self, ts_ns: int, output: EngineOutput) -> None:
        """Send one output if it is a command. Its record is durable already.

        Raises InvariantViolated for an order without approval: our bug.
        """
        kind = type(output)
        if kind is Approved:
            self._link.execute(ts_ns, output.command)  # type: ignore[union-attr]
        elif kind in HARMLESS:
            self._link.execute(ts_ns, output)  # type: ignore[arg-type]
        elif kind in ORDERS:
            raise InvariantViolated(f"an order without approval reached the router: {output!r}")
