"""Lets old market data be pruned and compressed, by a child process, after each session's end.

Never on the engine's loop (64 MiB take seconds) and never in a thread (one stalls the loop where a
process does not). Not at the start, where a position may be waiting for its engine. Killing the
child is harmless, and so is an engine that dies while it runs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import msgspec

from regimeflow.journal.upkeep import Upkeep
from regimeflow.live.state_keeper import STATES_KEPT, StateKeeper
from regimeflow.model.timestamps import NS_PER_DAY

STOP_WAIT_S = 5.0


class Running(Protocol):
    """A child process at work."""

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        ...

    def stop(self) -> None:
        """End it now; harmless when it has ended."""
        ...

    def told(self) -> str:
        """What it said went wrong, once it has ended."""
        ...


StartUpkeep = Callable[[Path, Upkeep], Running]
"""Begins the upkeep of a journal; raises OSError where no process can be made."""


class UpkeepProcess:
    """`regimeflow.journal.upkeep` in a process of its own."""

    def __init__(self, directory: Path, order: Upkeep) -> None:
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "regimeflow.journal.upkeep",
                str(directory),
                msgspec.json.encode(order).decode(),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            # An interrupt at the terminal is the engine's: it ends its child itself.
            start_new_session=True,
        )

        self._errors = b""

    def poll(self) -> int | None:
        """See `Running`."""
        code = self._child.poll()
        if code is not None:
            self._take_errors()
        return code

    def stop(self) -> None:
        """See `Running`."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._take_errors()

    def told(self) -> str:
        """See `Running`."""
        lines = self._errors.decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no reason given"

    def _take_errors(self) -> None:
        stream = self._child.stderr
        if stream is not None and not stream.closed:
            self._errors = stream.read()
            stream.close()


class MarketUpkeep:
    """Work for idle moments of one live run: start the upkeep when it is due, look how it ended.

    `retention_days` 0 keeps market data for ever, compressed. Data is pruned only behind the older
    of two states that are kept, which the child reads first. To be called when all facts are
    synced: after a power cut the epochs that name those states are there.
    """

    def __init__(
        self,
        directory: Path,
        keeper: StateKeeper,
        retention_days: int,
        say: Callable[[str], None],
        start: StartUpkeep = UpkeepProcess,
    ) -> None:
        self._directory = directory
        self._keeper = keeper
        self._retention_ns = retention_days * NS_PER_DAY
        self._say = say
        self._start = start
        self._running: Running | None = None
        self._tended_ns = 0

    def __call__(self) -> None:
        """An idle moment; takes as long as starting a process takes, once a session."""
        if self._running is not None:
            self._look()
        elif self._keeper.rolled_ns > self._tended_ns:
            self._tended_ns = self._keeper.rolled_ns
            try:
                self._running = self._start(self._directory, self._order())
            except OSError as error:
                self._say(f"market data is neither compressed nor pruned: {error}")

    def close(self) -> None:
        """End a child that still runs."""
        if self._running is not None:
            self._running.stop()
            self._running = None

    def _order(self) -> Upkeep:
        kept = self._keeper.kept
        if not self._retention_ns or len(kept) < STATES_KEPT:
            return Upkeep()
        return Upkeep(
            keep_from_ns=self._keeper.rolled_ns - self._retention_ns,
            keep_from_seq=kept[0].seq + 1,
            state=kept[0].mark,
        )

    def _look(self) -> None:
        assert self._running is not None
        code = self._running.poll()
        if code is None:
            return
        if code:
            self._say(f"the upkeep of market data failed: {self._running.told()}")
        self._running = None
