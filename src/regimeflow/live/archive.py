"""A completed playback makes room for the next: its files move to `archive/<session>/`."""

from __future__ import annotations

from pathlib import Path

from regimeflow.errors import ConfigError, JournalError
from regimeflow.journal.reader import read_facts
from regimeflow.model.events import EngineStarted, EngineStopped

END_OF_DATA = "end of data"
ARCHIVE = "archive"
SESSION_FILES = (
    "journal",
    "audit.jsonl",
    "audit.log",
    "live_drift.csv",
    "live_performance.json",
    "status.json",
)


def archive_completed(log_dir: Path) -> Path | None:
    """Move the files of a playback that reached its end; None when there is nothing to move.

    An interrupted playback stays where it is and is resumed. Raises ConfigError when the
    directory cannot be changed.
    """
    journal = log_dir / "journal"
    if not journal.is_dir() or not _is_completed(journal):
        return None
    number = 1
    while (log_dir / ARCHIVE / f"{number:04d}").exists():
        number += 1
    target = log_dir / ARCHIVE / f"{number:04d}"
    try:
        target.mkdir(parents=True)
        # The journal moves last: until it has, the session can still be told to be complete.
        for name in reversed(SESSION_FILES):
            source = log_dir / name
            if source.exists():
                source.rename(target / name)
    except OSError as error:
        raise ConfigError(f"live.log_dir: {log_dir} cannot be archived ({error})") from error
    return target


def _is_completed(journal: Path) -> bool:
    """Whether the last start in the journal was followed by the end of its data."""
    is_over = False
    try:
        for record in read_facts(journal):
            if type(record.body) is EngineStarted:
                is_over = False
            elif type(record.body) is EngineStopped:
                is_over = record.body.reason == END_OF_DATA
    except JournalError:
        return False  # a damaged journal is looked at by recovery, never moved away
    return is_over
