"""Where the audit file and the journal of a run lie, told from the one path a user gives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from regimeflow.errors import ConfigError

AUDIT_NAMES = ("audit.jsonl", "audit.log")
DEFAULT_LOG_DIR = Path("logs")

PathArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="PATH",
        help="A log_dir, a journal directory or an audit file.",
    ),
]
LogDirOption = Annotated[
    Path | None,
    typer.Option("--log-dir", metavar="DIR", help="Directory of the run; logs when left out."),
]


class AuditPlaces(NamedTuple):
    """What there is to read: an audit file, a journal directory, or both."""

    audit: Path | None
    journal: Path | None


def directory_of(config: Path | None, log_dir: Path | None) -> Path:
    """The log_dir that is named, or that a configuration names; `logs` when neither is given."""
    if config is None:
        return log_dir or DEFAULT_LOG_DIR
    from regimeflow.config import load_config

    settings = load_config(config)
    if settings.live is None:
        raise ConfigError(f"{config}: no live section, so no log_dir; name it with --log-dir")
    return settings.live.log_dir


def refuse_both(path: Path | None, log_dir: Path | None) -> None:
    """Raise BadParameter when the place was named twice."""
    if path is not None and log_dir is not None:
        raise typer.BadParameter("give PATH or --log-dir, not both")


def find_places(path: Path | None, log_dir: Path | None) -> AuditPlaces:
    """What lies at a file, a log directory or a journal directory; `logs` when neither is given.

    Raises ConfigError when neither an audit file nor a journal is there.
    """
    place = path or log_dir or DEFAULT_LOG_DIR
    if place.is_file():
        return AuditPlaces(place, None)
    files = [place / name for name in AUDIT_NAMES if (place / name).is_file()]
    journals = [folder for folder in (place / "journal", place) if _has_facts(folder)]
    if not files and not journals:
        raise ConfigError(
            f"{place}: neither an audit file ({' or '.join(AUDIT_NAMES)}) nor a journal is here; "
            "name the log_dir of a run"
        )
    return AuditPlaces(files[0] if files else None, journals[0] if journals else None)


def _has_facts(directory: Path) -> bool:
    return directory.is_dir() and any(directory.glob("facts-*.rfj"))
