"""The upkeep of market data in a world whose hosts run one process each."""

from __future__ import annotations

from pathlib import Path

from regimeflow.errors import EXIT_DISK, EXIT_OK, JournalError
from regimeflow.journal.upkeep import Upkeep, tend


class TendedAtOnce:
    """The upkeep of market data inside the engine's process: a simulated host has no other."""

    def __init__(self, directory: Path, order: Upkeep) -> None:
        self._problem = ""
        try:
            tend(directory, order)
        except JournalError as error:
            self._problem = str(error)

    def poll(self) -> int | None:
        """It has ended."""
        return EXIT_DISK if self._problem else EXIT_OK

    def stop(self) -> None:
        """It has ended."""

    def told(self) -> str:
        """What went wrong."""
        return self._problem
