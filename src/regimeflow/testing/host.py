"""A named machine of a simulated world, on which a program runs, dies and runs again."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from regimeflow.errors import UsageError
from regimeflow.testing.clock import HostClock
from regimeflow.testing.disk import SimDisk
from regimeflow.testing.failures import TimeLimit
from regimeflow.testing.file_watch import FileWatch
from regimeflow.testing.incarnation import CURRENT, Death, Incarnation
from regimeflow.testing.loop import DetLoop

Program = Callable[..., Coroutine[Any, Any, Any]]
_NOBODY = contextvars.Context()


class Outcome(StrEnum):
    """How a process ended."""

    RETURNED = "returned"
    RAISED = "raised"
    KILLED = "killed"


class Ending(NamedTuple):
    """The end of one incarnation: its value or its error; both None when it was killed."""

    outcome: Outcome
    value: Any = None
    error: BaseException | None = None
    steps: int = 0


class Host:
    """One machine: a disk, a wall clock, and at most one running process.

    `directory` is the root of its disk; programs keep their files there.
    """

    def __init__(
        self, name: str, *, loop: DetLoop, disk: SimDisk, clock: HostClock, files: FileWatch
    ) -> None:
        self.name = name
        self.disk = disk
        self.clock = clock
        self.directory = Path(disk.root)
        self.incarnation: Incarnation | None = None
        self.incarnations: list[Incarnation] = []
        self._loop = loop
        self._files = files
        self._ending: asyncio.Future[Ending] | None = None

    @property
    def is_running(self) -> bool:
        """Whether a process runs."""
        return self.incarnation is not None and not self.incarnation.is_dead

    @property
    def steps(self) -> int:
        """Steps of the newest incarnation so far: the range of `kill_at`."""
        return 0 if self.incarnation is None else self.incarnation.steps

    def start(
        self, program: Program, *args: Any, kill_at: int = 0, death: Death = Death.KILL
    ) -> Incarnation:
        """Run `program(*args)` as a new process, in a life of its own.

        It dies by `death` before its step number `kill_at` (1 is the first; 0 never). Raises
        UsageError while another process runs here.
        """
        if self.is_running:
            raise UsageError(f"{self.name} already runs {self.incarnation}; kill it first")
        incarnation = Incarnation(self.name, len(self.incarnations) + 1, self._loop)
        incarnation.kill_at, incarnation.death = kill_at, death
        incarnation.on_death = self._on_death
        self.incarnation = incarnation
        self.incarnations.append(incarnation)
        self._loop.network.restore(self.name)
        self._ending = ending = self._loop.create_future()
        context = contextvars.copy_context()
        context.run(CURRENT.set, incarnation)
        coro = context.run(program, *args)
        task = self._loop.create_task(coro, name=repr(incarnation), context=context)

        def on_done(done: asyncio.Task[Any]) -> None:
            if not ending.done() and not incarnation.is_dead:
                ending.set_result(_ending_of(done, incarnation.steps))
                # The kernel takes back what a process leaves open, and its tasks end with it.
                incarnation.die(Death.KILL)

        task.add_done_callback(on_done, context=_NOBODY)
        return incarnation

    def kill(self, death: Death = Death.KILL) -> None:
        """End the process now, without a word to it. Nothing happens where none runs."""
        if self.incarnation is not None:
            self.incarnation.die(death)

    def suspend(self) -> None:
        """Stop the process where it is (SIGSTOP, a paused machine); the world goes on."""
        if self.incarnation is not None and not self.incarnation.is_dead:
            self.incarnation.is_stopped = True

    def resume(self) -> None:
        """Let a stopped process go on (SIGCONT); nothing happens to one that runs."""
        if self.incarnation is not None:
            self._loop.wake(self.incarnation)

    def send_signal(self, number: int) -> bool:
        """Run the process's handler for a signal, in its own life; False where it has none."""
        incarnation = self.incarnation
        if incarnation is None or incarnation.is_dead:
            return False
        handler = incarnation.signal_handlers.get(int(number))
        if handler is None:
            return False
        self.call(handler)
        return True

    def call(self, callback: Callable[[], object]) -> None:
        """Run a callback in the life of the process, if one runs."""
        if self.incarnation is not None and not self.incarnation.is_dead:
            context = contextvars.copy_context()
            context.run(CURRENT.set, self.incarnation)
            self._loop.call_soon(callback, context=context)

    async def ended(self, *, within_s: float) -> Ending:
        """How the newest process ended. Raises TimeLimit if it still runs after `within_s`."""
        if self._ending is None:
            raise UsageError(f"nothing was started on {self.name}")
        try:
            async with asyncio.timeout(within_s):
                return await asyncio.shield(self._ending)
        except TimeoutError as error:
            raise TimeLimit(f"{self.incarnation} still runs after {within_s:g} s") from error

    def _on_death(self, incarnation: Incarnation) -> None:
        """Fence its files, its disk and its sockets; keep its tasks from being collected."""
        self._files.fence(incarnation)
        if incarnation.death is Death.POWER_CUT:
            self.disk.power_cut()
        self._loop.network.fence(incarnation)
        tasks = [t for t in asyncio.all_tasks(self._loop) if _life_of(t) is incarnation]
        incarnation.graveyard.extend(sorted(tasks, key=hash))
        ending = self._ending
        if ending is not None and not ending.done():
            ending.set_result(Ending(Outcome.KILLED, steps=incarnation.steps))


def _life_of(task: asyncio.Task[Any]) -> Incarnation | None:
    life: Incarnation | None = getattr(task, "incarnation", None)
    return life


def _ending_of(task: asyncio.Task[Any], steps: int) -> Ending:
    if task.cancelled():
        return Ending(Outcome.RAISED, error=asyncio.CancelledError(), steps=steps)
    error = task.exception()
    if error is not None:
        return Ending(Outcome.RAISED, error=error, steps=steps)
    return Ending(Outcome.RETURNED, value=task.result(), steps=steps)
