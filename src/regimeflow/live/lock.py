"""One engine per log directory: an advisory lock that dies with its process."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import IO

from regimeflow.errors import ConfigError, StartRefused
from regimeflow.journal.file_lock import try_lock

LOCK_NAME = "engine.lock"


class EngineLock:
    """Holds `engine.lock` in a directory while entered; a crash releases it.

    Raises StartRefused when another engine holds it, ConfigError when it cannot be created.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / LOCK_NAME
        self._file: IO[bytes] | None = None

    def __enter__(self) -> EngineLock:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b")
        except OSError as error:
            raise ConfigError(
                f"live.log_dir: {self._path.parent} cannot be written ({error.strerror}); name "
                "another directory or mend its permissions"
            ) from error
        if not try_lock(self._file):
            self._file.close()
            raise StartRefused(
                f"another engine runs on {self._path.parent}; stop it first, or use another "
                "live.log_dir (two engines must never share one account)"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def is_locked(directory: Path) -> bool:
    """Whether an engine runs on this directory right now."""
    path = directory / LOCK_NAME
    if not path.exists():
        return False
    with path.open("rb") as file:
        return not try_lock(file)
