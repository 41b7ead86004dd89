"""A progress bar for long work, only where somebody is watching."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.console import Console


REDRAW_S = 0.1
"""The bar is drawn at most this often, by the work itself: a drawing thread would stall it."""


class Progress(Protocol):
    """Moves a bar to `done` of `total`; without a total it only shows that work goes on."""

    def __call__(self, done: int, total: int | None = None, /) -> None: ...


@contextmanager
def progress_bar(label: str, *, console: Console | None = None) -> Iterator[Progress | None]:
    """What moves the bar, or None when its output is no terminal.

    The bar goes to standard error, so that results can be piped while it is seen; to `console`
    where the work prints lines of its own, which then scroll above it.
    """
    if not (console.is_terminal if console is not None else sys.stderr.isatty()):
        yield None
        return
    from rich.console import Console as RichConsole
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as RichProgress

    columns = (TextColumn(label), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    target = console or RichConsole(stderr=True)
    with RichProgress(*columns, console=target, transient=True, auto_refresh=False) as bar:
        task = bar.add_task(label, total=None)
        drawn_s = 0.0

        def move(done: int, total: int | None = None, /) -> None:
            nonlocal drawn_s
            now_s = time.monotonic()
            if now_s - drawn_s >= REDRAW_S:
                drawn_s = now_s
                bar.update(task, completed=done, total=total, refresh=True)

        yield move
