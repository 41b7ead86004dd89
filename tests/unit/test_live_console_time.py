"""What the console says about time: a clock that was set, a broker's that differs, a pause."""

from __future__ import annotations

import io

from rich.console import Console as RichConsole

from regimeflow.journal.records import Record
from regimeflow.live.console import Console
from regimeflow.model.commands import HealthChanged, HealthStatus
from regimeflow.model.events import ClockAdjusted, ClockMeasured, ClockStepped, LoopStalled
from regimeflow.model.timestamps import NS_PER_HOUR, NS_PER_MS, NS_PER_S


def said(*bodies: object) -> list[str]:
    """What the console prints of these facts, without the time before each."""
    out = io.StringIO()
    console = Console(RichConsole(file=out, width=200), is_fast=False)
    for seq, body in enumerate(bodies, start=1):
        console.on_record(Record(seq, NS_PER_HOUR, 0, body))  # type: ignore[arg-type]
    return [line.split("  ", 1)[1] for line in out.getvalue().splitlines()]


def test_clock_that_was_set_is_told_with_what_stepped() -> None:
    assert said(
        ClockStepped(-NS_PER_HOUR, "wall"),
        ClockAdjusted(3_250 * NS_PER_MS, "wall"),
        ClockAdjusted(-NS_PER_HOUR, "sim"),
    ) == [
        "the wall clock stepped by -3600.000 s; the broker's time will tell whether ours follows",
        "clock set 3.250 s forward: the wall clock stepped",
        "clock set 3600.000 s back (it runs slowly until then): the clock of sim stepped",
    ]


def test_clock_and_books_that_wait_are_told_once_and_measurements_are_not() -> None:
    assert said(
        ClockMeasured("sim", 5, 1),
        HealthChanged("clock", HealthStatus.DOWN, "the broker's clock is 502 ms behind ours"),
        LoopStalled(60 * NS_PER_S),
        HealthChanged("books", HealthStatus.STALE, "the engine stood still for 60.0 s"),
    ) == [
        "clock  DOWN  the broker's clock is 502 ms behind ours",
        "books  STALE  the engine stood still for 60.0 s",
    ]
