"""What happened in a rehearsal, line by line: what was done to the engine, and what it said.

The engine's lines are those of its own console, so that a user reads here what a night like this
would have looked like. At most `LINES_MAX` are kept, the first ones; the rest is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console as RichConsole

from regimeflow.live.console import Console
from regimeflow.observe.describe import printable

LINES_MAX = 2_000


@dataclass(frozen=True)
class Line:
    """One line, `at_s` virtual seconds after the beginning.

    `style` is the console's, or `fault` for what was done to the engine.
    """

    at_s: float
    text: str
    style: str


class Timeline:
    """Lines in the order in which they happened."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self.lines: list[Line] = []
        self.dropped = 0

    def note(self, text: str, style: str) -> None:
        """Add a line now."""
        if len(self.lines) < LINES_MAX:
            self.lines.append(Line(self._now_s(), printable(text), style))
        else:
            self.dropped += 1


class NotedConsole(Console):
    """The engine's console, writing to a timeline."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__(RichConsole(quiet=True), is_fast=False)
        self._timeline = timeline

    def say(self, text: str, style: str = "", *, ts_ns: int | None = None) -> None:
        """Note one line."""
        self._timeline.note(text, style)


def shortened(lines: Sequence[Line], most: int) -> tuple[Sequence[Line], int, Sequence[Line]]:
    """The first and the last lines where there are more than `most`, and how many lie between."""
    if len(lines) <= most:
        return lines, 0, ()
    half = most // 2
    return lines[:half], len(lines) - 2 * half, lines[-half:]
