"""`regimeflow backtest`: the configured strategies over history, and a report of it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.live import ConfigOption
from regimeflow.cli.reply import JsonOption, Reply

if TYPE_CHECKING:
    from regimeflow.backtest.report import Report

LABEL_WIDTH = 18


class Window(StrEnum):
    """Which days of the configuration are run."""

    BACKTEST = "backtest"
    LIVE = "live"


def backtest(
    *,
    config: ConfigOption,
    output_dir: Annotated[
        Path, typer.Option("--output-dir", metavar="DIR", help="Where the report is written.")
    ] = Path("out"),
    window: Annotated[
        Window, typer.Option("--window", help="Days of the backtest, or those of the live run.")
    ] = Window.BACKTEST,
    journal: Annotated[
        bool, typer.Option("--journal", help="Write a journal too, in DIR/journal.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run the configured strategies over history and write the report."""
    from regimeflow.backtest.runner import run_backtest
    from regimeflow.cli.progress import progress_bar
    from regimeflow.config import load_config

    with Reply("backtest", is_json=as_json) as reply:
        settings = load_config(config)
        journal_dir = _prepare(output_dir, with_journal=journal)
        with progress_bar("backtest") as progress:
            report = run_backtest(
                settings, window=window.value, journal_dir=journal_dir, progress=progress
            )
        written = report.write(output_dir)
        paths = [written.html, written.json, written.equity, written.trades]
        if journal_dir is not None:
            paths.append(journal_dir)
        for line in summary_lines(report):
            reply.say(line)
        reply.say("\nwritten:")
        for path in paths:
            reply.say(f"  {path}")
        reply.add(
            performance=report.performance,
            counts=report.counts,
            optimistic=report.header.is_optimistic,
            files=[str(path) for path in paths],
        )


def summary_lines(report: Report) -> list[str]:
    """The headline of a report for a terminal."""
    header, figures, counts = report.header, report.performance, report.counts
    points, drawdown = report.curve.points, report.summary["max_drawdown"]
    final = points[-1].equity if points else header.initial_equity
    activity = ("orders", "fills", "denied", "rejected")
    rows = (
        ("period", f"{header.period_start} to {header.period_end}, {header.frequency}"),
        ("symbols", ", ".join(header.symbols)),
        ("final equity", f"{final:,.2f} {header.currency}"),
        ("total return", _percent(figures["total_return"])),
        ("yearly return", _percent(figures["cagr"])),
        ("volatility", _percent(figures["volatility"])),
        ("Sharpe ratio", _number(figures["sharpe"])),
        ("largest drawdown", _percent(drawdown)),
        ("activity", ", ".join(f"{counts[name]} {name}" for name in activity)),
    )
    lines = [header.title, *(f"  {label:<{LABEL_WIDTH}}{value}" for label, value in rows)]
    if header.is_optimistic:
        lines.append("  OPTIMISTIC: the execution model leaves out costs or risks of real trading")
    return [*lines, *(f"  note: {note}" for note in header.notes)]


def _prepare(output_dir: Path, *, with_journal: bool) -> Path | None:
    """Create the output directory before the work; the journal's place, when one is wanted."""
    from regimeflow.errors import ConfigError

    try:
        output_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"--output-dir: {output_dir} cannot be created ({error.strerror}); name another"
        ) from error
    if not with_journal:
        return None
    journal_dir = output_dir / "journal"
    if journal_dir.exists():
        raise ConfigError(
            f"--journal: {journal_dir} exists already, and a journal is never overwritten; move "
            "it away, or name another --output-dir"
        )
    return journal_dir


def _percent(value: object) -> str:
    return f"{value:.2%}" if isinstance(value, int | float) else "-"


def _number(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "-"
