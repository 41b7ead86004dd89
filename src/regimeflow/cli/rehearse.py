"""`regimeflow rehearse`: the user's strategy and configuration under simulated faults."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.reply import Json, JsonOption, Reply, Status

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from rich.console import Console as RichConsole
    from rich.table import Table

    from regimeflow.testing.rehearsal.director import Verdict
    from regimeflow.testing.rehearsal.scorecard import Row, Violation

RUNS_MAX = 100_000
STORY_LINES_MAX = 60
_STYLES = {"ok": "green", "warn": "yellow", "bad": "red", "fault": "bold magenta"}


def rehearse(
    *,
    config: Annotated[
        Path, typer.Option("--config", metavar="PATH", help="The configuration file (YAML).")
    ],
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first run.")] = 1,
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=RUNS_MAX, help="Seeds for each scenario.")
    ] = 1,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", metavar="NAME", help="Only this one; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the scorecard as one HTML page."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the live engine against a hostile simulated venue, and judge what it did.

    Faults, then healing, then every order, fill and cent is compared. Exit 1 on a violation.
    """
    from regimeflow.cli.progress import progress_bar
    from regimeflow.config import load_config
    from regimeflow.testing.rehearsal.director import rehearse as run_one
    from regimeflow.testing.rehearsal.director import scenario_of
    from regimeflow.testing.rehearsal.scorecard import page_of, rows_of, violations_of

    names = _names(scenario)
    with Reply("rehearse", is_json=as_json) as reply:
        loaded = load_config(config)
        verdicts: list[Verdict] = []
        with progress_bar("rehearse") as progress:
            for name in names:
                for number in range(seed, seed + runs):
                    verdicts.append(run_one(loaded, scenario_of(name, number), number))
                    if progress is not None:
                        progress(len(verdicts), runs * len(names))
        violations = violations_of(verdicts, config)
        _tell(reply, verdicts, violations)
        rows = rows_of(verdicts)
        reply.add(
            seed=seed,
            runs=runs,
            scenarios=[_row_document(row) for row in rows],
            violations=[_violation_document(violation) for violation in violations],
        )
        _say(reply, rows, violations, verdicts, is_json=as_json)
        if output is not None:
            _write(output, page_of(verdicts, config))
            reply.say(f"scorecard: {output}")


def _names(chosen: Sequence[str] | None) -> list[str]:
    from regimeflow.testing.rehearsal.scenarios import RANDOM, SCENARIOS

    known = [*SCENARIOS, RANDOM]
    for name in chosen or ():
        if name not in known:
            raise typer.BadParameter(f"--scenario {name}: use one of {', '.join(known)}")
    return list(chosen) if chosen else known


def _tell(reply: Reply, verdicts: Sequence[Verdict], violations: Sequence[Violation]) -> None:
    meanings = {f.invariant: f.meaning for verdict in verdicts for f in verdict.findings}
    for invariant, meaning in meanings.items():
        broken = [v for v in violations if v.invariant == invariant]
        if not broken:
            reply.item(invariant, Status.PASS, seen=f"{meaning}: held in {len(verdicts)} runs")
            continue
        first = broken[0]
        reply.item(
            invariant,
            Status.FAIL,
            seen=f"{first.scenario} seed {first.seed}: {first.seen} ({len(broken)} runs)",
            expected=meaning,
            fix=f"repeat it with: {first.command}",
        )


def _say(
    reply: Reply,
    rows: Sequence[Row],
    violations: Sequence[Violation],
    verdicts: Sequence[Verdict],
    *,
    is_json: bool,
) -> None:
    from rich.console import Console as RichConsole

    out = RichConsole(stderr=is_json, highlight=False)
    if len(verdicts) == 1:
        _tell_story(out, verdicts[0])
    else:
        out.print(_table(rows))
    for violation in violations:
        reply.say(f"{violation.invariant} {violation.meaning}: {violation.seen}")
        reply.say(f"  to repeat: {violation.command}")
    verdict = "VIOLATED" if violations else "every invariant held"
    hours = sum(v.virtual_s for v in verdicts) / 3_600
    runs = "1 run" if len(verdicts) == 1 else f"{len(verdicts)} runs"
    reply.say(f"{verdict}: {runs}, {hours:.1f} virtual hours")


def _table(rows: Sequence[Row]) -> Table:
    from rich.table import Table

    table = Table(title="rehearsal")
    heads = ("scenario", "runs", "orders", "fills", "starts", "recovery", "blind", "at stake", "")
    for head in heads:
        table.add_column(head)
    for row in rows:
        slowest = "never" if row.slowest_s is None else f"{row.slowest_s:.0f} s"
        table.add_row(
            row.scenario, str(row.runs), str(row.orders), str(row.fills), str(row.boots), slowest,
            f"{row.blind_s} s", f"{row.blind_exposure:,.0f}",
            f"{row.failed} FAILED" if row.failed else "held",
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
    recovered = "never" if verdict.recovered_s is None else f"{verdict.recovered_s:.0f} s"
    held = ", ".join(f"{q:f} {s}" for s, q in sorted(verdict.positions.items())) or "nothing"
    for label, value in (
        ("activity", f"{verdict.orders} orders, {verdict.fills} fills, {verdict.boots} starts"),
        ("blind", f"{verdict.blind_s} s, at most {verdict.blind_exposure:,.0f} at stake"),
        ("recovered", f"{recovered} after everything healed"),
        ("venue holds", f"{held}, cash {verdict.cash:,.2f}"),
    ):
        out.print(f"{label:<14}{value}", soft_wrap=True)


def _write(path: Path, content: str) -> None:
    from regimeflow.errors import ConfigError

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"--output {path} cannot be written ({error.strerror})") from error


def _row_document(row: Row) -> Json:
    return {
        "name": row.scenario,
        "story": row.story,
        "runs": row.runs,
        "failed": row.failed,
        "orders": row.orders,
        "fills": row.fills,
        "starts": row.boots,
        "recovery_s_max": row.slowest_s,
        "blind_s": row.blind_s,
        "blind_exposure_max": format(row.blind_exposure, "f"),
        "injected": _counts(row.injected),
        "engine": _counts(row.branches),
    }


def _violation_document(violation: Violation) -> Json:
    return {
        "scenario": violation.scenario,
        "seed": violation.seed,
        "invariant": violation.invariant,
        "meaning": violation.meaning,
        "seen": violation.seen,
        "command": violation.command,
    }


def _counts(counter: Counter[str]) -> Json:
    return dict(sorted(counter.items()))
