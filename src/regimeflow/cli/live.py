"""`regimeflow live` and the program `regimeflow_live`: the main job."""

from __future__ import annotations

from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.terminal import write_line

if TYPE_CHECKING:
    from regimeflow.live.runner import LiveSummary

ConfigOption = Annotated[
    Path, typer.Option("--config", metavar="PATH", help="The configuration file.")
]


class AcceptedChange(StrEnum):
    """How strategies go on after their code or configuration changed."""

    CARRY = "carry"
    WARMUP = "warmup"
    EXITS_ONLY = "exits_only"


ChangeOption = Annotated[
    AcceptedChange | None,
    typer.Option(
        "--accept-change",
        help="Strategy or configuration changed since the journal began: carry its state over, "
        "warm up afresh, or allow exits only. Behind a link.",
    ),
]


def live(*, config: ConfigOption, accept_change: ChangeOption = None) -> None:
    """Run the live engine until a signal, or the end of a playback."""
    from rich.console import Console as RichConsole

    from regimeflow.cli.progress import progress_bar
    from regimeflow.config import load_config
    from regimeflow.live.console import Console
    from regimeflow.live.runner import run_live
    from regimeflow.run.linked_fold import Restart

    settings = load_config(config)
    is_fast = settings.live is not None and settings.live.is_fast_playback
    terminal = RichConsole(highlight=False)
    # At any other pace, orders and fills have lines of their own and the end is far away.
    with progress_bar("playback", console=terminal) if is_fast else nullcontext() as progress:
        summary = run_live(
            settings,
            console=Console(terminal, is_fast=is_fast),
            progress=progress,
            change=None if accept_change is None else Restart(accept_change),
        )
    for line in closing_lines(summary):
        write_line(line)
    raise typer.Exit(summary.exit_code)


def closing_lines(summary: LiveSummary) -> list[str]:
    """How a run ended, and where its files are."""
    rows = (
        ("ended", summary.reason),
        ("activity", f"{summary.orders} orders, {summary.fills} fills"),
        ("equity", summary.equity),
        ("reconciled", summary.reconciled),
        ("drift", summary.verdict),
        ("journal head", summary.journal_head),
        ("audit head", summary.audit_head),
        ("files", str(summary.log_dir)),
    )
    return [f"{label:<14}{value}" for label, value in rows]
