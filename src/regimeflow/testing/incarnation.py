"""One life of a simulated process: what belongs to it, and how all of it ends at once.

Every callback, task, socket and file is owned by the incarnation in whose context it was made.
Death takes effect between two steps (a callback of the loop) or inside one, before a disk or
network operation. The dead keep their tasks alive on purpose: a suspended coroutine that is
collected runs its `finally` blocks, and no process does that after `kill -9`.
"""

from __future__ import annotations

import asyncio
import contextvars
import weakref
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from regimeflow.testing.failures import HostKilled


class Death(StrEnum):
    """What ends a process without asking it."""

    KILL = "kill"
    """`kill -9`: the page cache survives, the kernel closes the sockets."""
    POWER_CUT = "power_cut"
    """The machine stops: unsynced pages may be lost, peers hear nothing."""


class Incarnation:
    """One run of a process on a host; `steps` counts its callbacks and its operations.

    `kill_at` is the step before which it dies, 0 for never. `on_death` fences its disk and
    sockets; it is called exactly once, at the moment of death. `descriptors` and `files` are
    what it has open; `graveyard` keeps whatever must not be collected before the world ends.
    While it `is_stopped` (SIGSTOP, a paused machine) its callbacks wait in `parked`, in order;
    time and the world go on.
    """

    __slots__ = (
        "death",
        "descriptors",
        "exception_handler",
        "files",
        "graveyard",
        "host_name",
        "is_dead",
        "is_stopped",
        "kill_at",
        "loop",
        "number",
        "on_death",
        "parked",
        "signal_handlers",
        "steps",
    )

    def __init__(self, host_name: str, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.host_name = host_name
        self.number = number
        self.loop = loop
        self.steps = 0
        self.kill_at = 0
        self.death = Death.KILL
        self.is_dead = False
        self.is_stopped = False
        self.parked: list[Any] = []
        self.on_death: Callable[[Incarnation], None] = _nothing
        self.descriptors: dict[int, None] = {}
        self.files: list[weakref.ref[Any]] = []
        self.exception_handler: Callable[..., object] | None = None
        self.signal_handlers: dict[int, Callable[[], object]] = {}
        self.graveyard: list[object] = []

    def __repr__(self) -> str:
        return f"{self.host_name}#{self.number}"

    def step(self) -> bool:
        """Count one step; False when the incarnation is dead or dies of this step."""
        self.steps += 1
        if self.steps == self.kill_at:
            self.die(self.death)
        return not self.is_dead

    def may_run(self, entry: object) -> bool:
        """Whether a callback's turn has come; a stopped process keeps it, a dead one for ever."""
        if self.is_stopped:
            self.parked.append(entry)
            return False
        is_alive = self.step()
        if not is_alive:
            self.graveyard.append(entry)
        return is_alive

    def go_on(self) -> list[Any]:
        """End the stop; returns what has to run now, in order."""
        self.is_stopped = False
        waiting, self.parked = self.parked, []
        return waiting

    def die(self, death: Death) -> None:
        """End this life now; dying twice changes nothing."""
        if not self.is_dead:
            self.death = death
            self.is_dead = True
            self.graveyard += self.go_on()
            self.on_death(self)


CURRENT: contextvars.ContextVar[Incarnation | None] = contextvars.ContextVar(
    "regimeflow_incarnation", default=None
)


def operate() -> Incarnation | None:
    """Count an operation of the running incarnation; None for code outside every host.

    Raises HostKilled when the incarnation is dead, or dies just before this operation.
    """
    incarnation = CURRENT.get()
    if incarnation is not None and (incarnation.is_dead or not incarnation.step()):
        raise HostKilled(f"{incarnation} died before this operation")
    return incarnation


def _nothing(_: Incarnation) -> None:
    """Nothing to fence."""
