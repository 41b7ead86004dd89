"""A rehearsal told to people: one run line by line, many as a table, and what was violated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from regimeflow.cli.reply import Reply

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.table import Table

    from regimeflow.testing.rehearsal.director import Verdict
    from regimeflow.testing.rehearsal.scorecard import Row, Violation

STORY_LINES_MAX = 60
PIPED_WIDTH = 140
"""Columns of a table that nobody's window limits; names in it are read by other programs."""
_STYLES = {"ok": "green", "warn": "yellow", "bad": "red", "fault": "bold magenta"}


def say(
    reply: Reply,
    rows: Sequence[Row],
    violations: Sequence[Violation],
    verdicts: Sequence[Verdict],
    *,
    is_json: bool,
) -> None:
    """Everything, and the verdict as the last line."""
    from rich.console import Console as RichConsole

    from regimeflow.testing.rehearsal.scorecard import REPEATS, headline_of, needs_of, unshown_of

    out = RichConsole(stderr=is_json, highlight=False)
    if not out.is_terminal:
        out.width = max(out.width, PIPED_WIDTH)
    if len(verdicts) == 1:
        _tell_story(out, verdicts[0])
    else:
        out.print(_table(rows))
    for violation in violations:
        reply.say(f"{violation.invariant} {violation.meaning}: {violation.seen}")
        if violation.advice:
            reply.say(f"  what to do: {violation.advice}")
        reply.say(f"  to repeat: {violation.command}")
    if violations:
        reply.say(REPEATS)
    for need in needs_of(verdicts):
        reply.say(f"needs an operator: {need}")
    for unshown in unshown_of(verdicts):
        reply.say(f"nothing shown by {unshown}")
    hours = sum(v.virtual_s for v in verdicts) / 3_600
    runs = "1 run" if len(verdicts) == 1 else f"{len(verdicts)} runs"
    reply.say(f"{headline_of(verdicts)}: {runs}, {hours:.1f} virtual hours")


def _table(rows: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(title="rehearsal")
    heads = (
        "scenario", "runs", "orders", "fills", "starts", "faulted", "quarantined", "recovery",
        "blind", "at stake", "",
    )  # fmt: skip
    table.add_column(heads[0], no_wrap=True, min_width=max(len(row.scenario) for row in rows))
    for head in heads[1:]:
        table.add_column(head)
    for row in rows:
        table.add_row(
            row.scenario, str(row.runs), str(row.orders), str(row.fills), str(row.boots),
            str(row.faulted), str(row.quarantined), row.recovery,
            f"{row.blind_s} s", f"{row.blind_exposure:,.0f}", row.verdict,
        )  # fmt: skip
    return table


def _tell_story(out: RichConsole, verdict: Verdict) -> None:
    """One run line by line: what was done to the engine, and what it said."""
    from rich.text import Text

    from regimeflow.testing.rehearsal.timeline import shortened

    out.print(f"{verdict.scenario}: {verdict.story}", soft_wrap=True)
    first, left_out, last = shortened(verdict.timeline, STORY_LINES_MAX)
    for lines in (first, last):
        if lines is last and left_out:
            out.print(f"          ... {left_out} lines; --output FILE has all")
        for line in lines:
            text = Text(f"{line.at_s:7.1f} s  ", style="dim")
            mark = ">> " if line.style == "fault" else ""
            text.append(f"{mark}{line.text}", _STYLES.get(line.style, line.style))
            out.print(text, soft_wrap=True)
    recovered = "never"
    if verdict.needs_operator:
        recovered = "needs an operator: the books are equal, trading is not as before the faults"
    elif verdict.recovered_s is not None:
        recovered = f"{verdict.recovered_s:.0f} s after everything healed"
    held = ", ".join(f"{q:f} {s}" for s, q in sorted(verdict.positions.items())) or "nothing"
    for label, value in (
        ("activity", f"{verdict.orders} orders, {verdict.fills} fills, {verdict.boots} starts"),
        ("blind", f"{verdict.blind_s} s, at most {verdict.blind_exposure:,.0f} at stake"),
        ("recovered", recovered),
        ("venue holds", f"{held}, cash {verdict.cash:,.2f}"),
    ):
        out.print(f"{label:<14}{value}", soft_wrap=True)
