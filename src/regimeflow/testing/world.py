"""One seed, one world: hosts, network, disks and clocks under a schedule that repeats exactly.

Each source of chance has its own stream, so that one more draw in one does not shift another:
`sched` (order of wake-ups), `net`, `disk/<host>`, `work` (the scenario's own), `faults` (which
faults a scenario chooses), `entropy` (what the program under test gets for randomness).
"""

from __future__ import annotations

import asyncio
import gc
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from regimeflow.errors import UsageError
from regimeflow.testing.clock import START_NS, HostClock
from regimeflow.testing.det_tasks import DetTask
from regimeflow.testing.disk import SimDisk
from regimeflow.testing.failures import UnhandledErrors
from regimeflow.testing.file_watch import FileWatch
from regimeflow.testing.guard import clock_and_chance, replaced
from regimeflow.testing.host import Host
from regimeflow.testing.incarnation import Death
from regimeflow.testing.links import LinkProfile
from regimeflow.testing.loop import STEPS_MAX, DetLoop, Policy
from regimeflow.testing.names import OUTSIDE, current_host
from regimeflow.testing.network import Network

T = TypeVar("T")
VIRTUAL_S_MAX = 86_400.0


class World:
    """A simulated world; use it in a `with` block and `run` a scenario in it.

    `directory` holds the hosts' disks and is kept; without one a temporary directory is used
    and removed. `faults` is a text that describes the chosen faults, for the message of a
    failure. `allowed` are more modules that may read clock and chance (see `guard.ALLOWED`),
    `writable` more directories that may be written.
    """

    def __init__(
        self,
        seed: int,
        *,
        policy: Policy = "fifo",
        directory: Path | None = None,
        link: LinkProfile | None = None,
        start_ns: int = START_NS,
        faults: str = "none",
        allowed: Sequence[str] = (),
        writable: Sequence[Path] = (),
    ) -> None:
        self.seed = seed
        self.faults = faults
        self.net = Network(self.rng("net"), link=link)
        self.loop = DetLoop(rng=self.rng("sched"), network=self.net, policy=policy)
        self.work = self.rng("work")
        self.hosts: dict[str, Host] = {}
        self._is_directory_kept = directory is not None
        self._directory = directory or Path(tempfile.mkdtemp(prefix="regimeflow-world-"))
        self._start_ns = start_ns
        self._clock = HostClock(self.loop.time, start_ns=start_ns)
        self._files = FileWatch(writable)
        self._replacements = [
            *clock_and_chance(self._current_clock, self.rng("entropy"), allowed),
            *self._files.replacements(),
        ]
        self._had_gc = False
        self._is_frozen = False
        self._is_entered = False

    def __enter__(self) -> World:
        # Collected at fixed steps only, and without what the test process has of its own.
        self._had_gc = gc.isenabled()
        gc.disable()
        if not gc.get_freeze_count():
            gc.freeze()
            self._is_frozen = True
        self._is_entered = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def policy(self) -> Policy:
        """How the loop orders wake-ups."""
        return self.loop.policy

    @property
    def digest(self) -> str:
        """Names the whole run so far; see `DetLoop.digest`."""
        return self.loop.digest

    @property
    def now_s(self) -> float:
        """Virtual seconds since the beginning of the world."""
        return self.loop.time()

    def rng(self, stream: str) -> random.Random:
        """A new generator for a named stream of this world; the same name gives the same draws."""
        return random.Random(f"{self.seed}/{stream}")

    def host(self, name: str, *, skew_ns: int = 0) -> Host:
        """The host of this name, made at first use with an empty disk and a skewed clock."""
        if name not in self.hosts:
            self.net.names.add(name)
            disk = SimDisk(self._directory / name, self.rng(f"disk/{name}"), block=self.loop.block)
            clock = HostClock(self.loop.time, start_ns=self._start_ns, skew_ns=skew_ns)
            self._files.add(disk)
            self.hosts[name] = Host(name, loop=self.loop, disk=disk, clock=clock, files=self._files)
        return self.hosts[name]

    def run(
        self,
        scenario: Callable[[World], Coroutine[Any, Any, T]],
        *,
        max_virtual_s: float = VIRTUAL_S_MAX,
        max_steps: int = STEPS_MAX,
        is_strict: bool = True,
    ) -> T:
        """Run `scenario(world)` to its end and return its value; then time stands still.

        Hosts that still run go on with the next `run`. Raises what the scenario raises, and
        SimulationFailed for a deadlock, a livelock, the end of `max_virtual_s`, and (strict)
        errors that nobody handled; each with a note that says how to repeat the run.
        """
        if not self._is_entered:
            raise UsageError("use the world in a with block: with World(seed) as world: …")
        self.loop.ends_at_s = self.loop.time() + max_virtual_s
        self.loop.steps_max = self.loop.steps + max_steps
        with self._repeatable():
            with self.guarded():
                value: T = self.loop.run_until_complete(self.loop.create_task(scenario(self)))
            if is_strict and self.loop.unhandled:
                listed = "; ".join(self.loop.unhandled[:5])
                raise UnhandledErrors(f"{self.loop.unhandled_count} errors unhandled: {listed}")
        return value

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """This world's clock, chance and files for code outside a `run`, such as a judge's."""
        with replaced(self._replacements):
            yield

    def how_to_repeat(self) -> str:
        """Everything that determines this run."""
        return (
            f"to repeat: seed={self.seed} policy={self.policy} "
            f"python={platform.python_version()} git={_git_sha()} faults={self.faults} "
            f"(virtual {self.now_s:g} s, step {self.loop.steps}, digest {self.digest})"
        )

    def close(self) -> None:
        """End everything. No `finally` block of the dead has an effect from here on either."""
        if not self.loop.is_closed():
            with _undisturbed():
                self._end()

    def _end(self) -> None:
        for host in self.hosts.values():
            host.kill(Death.KILL)
        self._bury()
        if self._is_frozen:
            gc.unfreeze()
        if self._had_gc:
            gc.enable()
        if not self._is_directory_kept:
            shutil.rmtree(self._directory, ignore_errors=True)

    def _bury(self) -> None:
        """Collect the dead now, fenced and silent, rather than later, somewhere."""
        _forget_tasks(self.loop)
        self.loop.close()
        self._files.is_burying = True
        with _silenced(), replaced(self._files.replacements()):
            for host in self.hosts.values():
                for incarnation in host.incarnations:
                    incarnation.graveyard.clear()
                    incarnation.exception_handler = None
                    self._files.bury(incarnation)
            gc.collect()

    def _current_clock(self) -> HostClock:
        name = current_host()
        return self._clock if name == OUTSIDE else self.hosts[name].clock

    @contextmanager
    def _repeatable(self) -> Iterator[None]:
        """Add to any failure how to repeat it."""
        is_done = False
        try:
            yield
            is_done = True
        finally:
            error = sys.exc_info()[1]
            if not is_done and error is not None:
                error.add_note(self.how_to_repeat())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """An interrupt waits until the block has ended: half a burial is none."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    handler = signal.signal(signal.SIGINT, lambda number, _: waiting.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if waiting:
        signal.raise_signal(signal.SIGINT)


def _forget_tasks(loop: DetLoop) -> None:
    """In a frame of its own: a loop variable would keep the last task beyond the burial."""
    for task in asyncio.all_tasks(loop):
        if isinstance(task, DetTask):
            task.forget()


@contextmanager
def _silenced() -> Iterator[None]:
    """No warnings and no unraisable errors: the dead have nothing to report."""
    hook = sys.unraisablehook
    sys.unraisablehook = lambda _: None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.unraisablehook = hook


def _git_sha() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    directory = Path(__file__).parent
    try:
        found = subprocess.run(command, cwd=directory, capture_output=True, check=True, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.decode().strip()
