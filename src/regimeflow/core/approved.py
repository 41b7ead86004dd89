"""Proof that an order passed the risk gate, as a type of its own.

The engine hands out `Approved` for every order it wants sent or changed, and the router sends
nothing else. The journal and the observers see the plain command inside (`plain`); what is read
back from a journal is plain, so a replayed order can be compared but never sent.
Only `core/risk/gate.py` may construct one.
"""

from __future__ import annotations

from regimeflow.model.commands import Output, ReplaceOrder, SubmitOrder


class Approved:
    """A new order, or new terms for a working one, that may leave."""

    __slots__ = ("command",)

    def __init__(self, command: SubmitOrder | ReplaceOrder) -> None:
        self.command = command


EngineOutput = Output | Approved


def plain(output: EngineOutput) -> Output:
    """The command or notice itself, as it is journaled."""
    return output.command if type(output) is Approved else output  # type: ignore[return-value]
