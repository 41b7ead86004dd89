"""`regimeflow replay`: does today's code decide what the journal says was decided?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.reply import Json, JsonOption, Reply, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from regimeflow.model.commands import Output
    from regimeflow.run.folds import Divergence
    from regimeflow.run.replay import ReplayReport

OUTPUTS_SHOWN_MAX = 20


def replay(
    journal: Annotated[
        Path, typer.Argument(metavar="JOURNAL", help="A journal directory, or a log_dir.")
    ],
    *,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare every decision with the journal's.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a journal's decisions again and compare them.

    Reports the first that differs, with the event that caused it; exit 1 if one does.
    """
    if not verify:
        raise typer.BadParameter("a replay verifies: write replay JOURNAL --verify")
    from regimeflow.cli.progress import progress_bar
    from regimeflow.run.replay import verify_journal

    with Reply("replay", is_json=as_json) as reply:
        with progress_bar("replay") as progress:
            report = verify_journal(journal, progress)
        _tell(reply, report)


def divergence_lines(divergence: Divergence) -> list[str]:
    """The first event whose decisions differ, and both sets of decisions, for people."""
    from regimeflow.model.timestamps import format_ns
    from regimeflow.observe.describe import describe

    event: object = divergence.event
    return [
        f"record {divergence.seq} at {format_ns(divergence.ts_ns)} is decided differently",
        f"  event:     {describe(event)}",  # type: ignore[arg-type]
        *_outputs("  journaled:", divergence.journaled),
        *_outputs("  now:      ", divergence.decided),
    ]


def _tell(reply: Reply, report: ReplayReport) -> None:
    reply.add(
        epochs=report.epochs,
        events=report.events,
        outputs=report.outputs,
        digest=report.digest,
        lost_market_before_seq=report.lost_market_before_seq,
        divergence=_document(report.divergence),
    )
    if report.divergence is not None:
        lines = divergence_lines(report.divergence)
        reply.item(
            "decisions",
            Status.FAIL,
            seen="\n".join(lines),
            expected="the journaled decisions",
            fix="run the code, strategies and configuration that wrote the journal",
        )
        for line in lines:
            reply.say(line)
    else:
        seen = f"{report.outputs} outputs of {report.events} events are equal"
        reply.item("decisions", Status.PASS, seen=seen)
    for problem in report.problems:
        reply.item("journal", Status.WARN if report.ok else Status.FAIL, seen=problem)
        reply.say(f"note: {problem}")
    if not report.ok and reply.is_ok:
        reply.item("journal", Status.FAIL, seen="parity could not be verified")
    verdict = "verified" if report.ok else "NOT verified"
    reply.say(
        f"{verdict}: {report.epochs} epochs, {report.events} events, {report.outputs} outputs"
    )
    reply.say(f"books: {report.digest}")


def _outputs(label: str, outputs: Sequence[Output]) -> list[str]:
    from regimeflow.observe.describe import describe

    told = [f"{type(output).__name__}: {describe(output)}" for output in outputs]
    hidden = len(told) - OUTPUTS_SHOWN_MAX
    if hidden > 0:
        told = [*told[:OUTPUTS_SHOWN_MAX], f"and {hidden} more"]
    return [f"{label} {line}" for line in told or ["nothing"]]


def _document(divergence: Divergence | None) -> Json:
    if divergence is None:
        return None
    return {
        "seq": divergence.seq,
        "ts_ns": divergence.ts_ns,
        "event": type(divergence.event).__name__,
        "journaled": _outputs("", divergence.journaled),
        "decided": _outputs("", divergence.decided),
    }
