"""What a user is told when RegimeFlow itself is at fault, and the file that lets us mend it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from pathlib import Path

from regimeflow.cli.terminal import write_error, write_line
from regimeflow.errors import EXIT_BUG

FRAMES_MAX = 200
"""Frames of one traceback; a runaway recursion is cut here."""
PACKAGE = Path(__file__).resolve().parent.parent


def report_bug(error: Exception) -> int:
    """Tell of a bug on standard error; returns the exit code."""
    write_error(f"{type(error).__name__}: {error}")
    say = "This is a bug in RegimeFlow, not a mistake of yours."
    place = _innermost(error)
    if place is not None and not Path(place[0]).is_relative_to(PACKAGE):
        say = (
            "RegimeFlow did not expect this failure. It comes from\n"
            f"  {place[0]}:{place[1]}\n"
            "If that file is yours, mend it there; if not, this is a bug in RegimeFlow."
        )
    write_line(say, stream=sys.stderr)
    point_to_traceback(error)
    write_line(
        "To report it, send that file and the command you ran to the project. Read the file\n"
        "first: it names your directories.",
        stream=sys.stderr,
    )
    return EXIT_BUG


def point_to_traceback(error: Exception) -> None:
    """Write the traceback to a file only its owner can read, and say where it lies."""
    text = _story(error)
    try:
        handle, name = tempfile.mkstemp(prefix="regimeflow-traceback-", suffix=".txt")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as failure:
        write_line(f"The traceback cannot be written to a file ({failure}):", stream=sys.stderr)
        write_line(text, stream=sys.stderr)
        return
    write_line(f"The traceback is in {name}", stream=sys.stderr)


def version_line() -> str:
    """RegimeFlow's version and the interpreter it runs on."""
    from importlib.metadata import version

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"regimeflow {version('regimeflow')} ({python}, {sys.platform}, {platform.machine()})"


def _story(error: Exception) -> str:
    frames = traceback.format_exception(error, limit=-FRAMES_MAX)
    command = " ".join(sys.argv[1:])
    return f"{version_line()}\narguments: {command}\n\n{''.join(frames)}"


def _innermost(error: Exception) -> tuple[str, int] | None:
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else None
