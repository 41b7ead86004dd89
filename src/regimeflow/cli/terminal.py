"""The one way text reaches a terminal: safe whoever wrote it.

Symbols, venue reasons and file contents come from outside. Whatever is printed passes `safe`, so
no escape sequence, carriage return or bidirectional mark in them is ever obeyed by a terminal.
"""

from __future__ import annotations

import io
import sys
from typing import TextIO

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LINE_LENGTH_MAX = 4_000
"""Characters of one printed line; the rest is replaced by an ellipsis."""


def safe(text: str) -> str:
    """`text` with its line ends kept and every other unprintable character made visible."""
    return "\n".join(_safe_line(line) for line in text.split("\n"))


def write_line(text: str, *, stream: TextIO | None = None) -> None:
    """Print `text` on standard output, or on `stream`, made safe."""
    print(safe(text), file=stream or sys.stdout)


def write_error(text: str) -> None:
    """Print `error: text` on standard error; further lines of the text are indented below."""
    write_line("error: " + text.replace("\n", "\n       "), stream=sys.stderr)


def make_streams_lossy() -> None:
    """Let a character the terminal's encoding lacks be printed as an escape, not as a crash."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _safe_line(line: str) -> str:
    cut = line if len(line) <= LINE_LENGTH_MAX else line[: LINE_LENGTH_MAX - 3] + "..."
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else REPLACEMENT for char in cut)
