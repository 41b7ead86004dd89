"""The verdicts of many runs as one scorecard, and the same as a page that needs nothing else."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from regimeflow.testing.rehearsal.director import Verdict
from regimeflow.testing.rehearsal.timeline import Line


@dataclass(frozen=True)
class Row:
    """One scenario over all its runs; `slowest_s` None when a run never recovered."""

    scenario: str
    story: str
    runs: int
    failed: int
    orders: int
    fills: int
    boots: int
    slowest_s: float | None
    blind_s: int
    blind_exposure: Decimal
    injected: Counter[str]
    branches: Counter[str]


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, and the one command that shows it again."""

    scenario: str
    seed: int
    invariant: str
    meaning: str
    seen: str
    command: str


def rows_of(verdicts: Sequence[Verdict]) -> list[Row]:
    """One row for each scenario, in order of first appearance."""
    return [
        _row([v for v in verdicts if v.scenario == name])
        for name in dict.fromkeys(v.scenario for v in verdicts)
    ]


def violations_of(verdicts: Sequence[Verdict], config: Path) -> list[Violation]:
    """Everything that did not hold."""
    return [
        Violation(
            verdict.scenario,
            verdict.seed,
            finding.invariant,
            finding.meaning,
            "; ".join(finding.problems),
            repeat_command(config, verdict.scenario, verdict.seed),
        )
        for verdict in verdicts
        for finding in verdict.findings
        if not finding.holds
    ]


def repeat_command(config: Path, scenario: str, seed: int) -> str:
    """What to type to see one run again."""
    return f"regimeflow rehearse --config {config} --scenario {scenario} --seed {seed} --runs 1"


def counted(counter: Counter[str]) -> str:
    """A counter for people, most frequent first."""
    ranked = sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{name} {count}" for name, count in ranked) or "nothing"


def page_of(verdicts: Sequence[Verdict], config: Path) -> str:
    """The scorecard as one HTML page without scripts or outside resources."""
    violations = violations_of(verdicts, config)
    invariants = {
        finding.invariant: finding.meaning for verdict in verdicts for finding in verdict.findings
    }
    broken = {violation.invariant for violation in violations}
    title = "Rehearsal: every invariant held" if not violations else "Rehearsal: violations"
    body = [
        f"<h1>{title}</h1>",
        f"<p>{len(verdicts)} runs of {html.escape(str(config))}, "
        f"{sum(v.virtual_s for v in verdicts) / 3600:.1f} virtual hours.</p>",
        _table(
            ("scenario", "runs", "failed", "orders", "fills", "starts", "slowest recovery",
             "blind", "most at stake while blind", "injected", "what the engine did"),
            [_cells(row) for row in rows_of(verdicts)],
        ),
        "<h2>Invariants</h2>",
        _table(
            ("", "meaning", "verdict"),
            [(n, m, "BROKEN" if n in broken else "held") for n, m in invariants.items()],
        ),
    ]  # fmt: skip
    if len(verdicts) == 1:
        body += ["<h2>What happened</h2>", _table(("at", "", ""), _story(verdicts[0].timeline))]
    if violations:
        body += [
            "<h2>Violations</h2>",
            _table(
                ("scenario", "seed", "invariant", "seen", "to repeat"),
                [(v.scenario, str(v.seed), v.invariant, v.seen, v.command) for v in violations],
            ),
        ]
    return _PAGE.format(title=title, body="\n".join(body))


def _story(lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    return [
        (f"{line.at_s:.1f} s", "done to it" if line.style == "fault" else "engine", line.text)
        for line in lines
    ]


def _row(verdicts: Sequence[Verdict]) -> Row:
    first = verdicts[0]
    times = [v.recovered_s for v in verdicts]
    whole = [s for s in times if s is not None]
    return Row(
        scenario=first.scenario,
        story=first.story if len(verdicts) == 1 or first.scenario != "random" else "faults mixed",
        runs=len(verdicts),
        failed=sum(not v.is_ok for v in verdicts),
        orders=sum(v.orders for v in verdicts),
        fills=sum(v.fills for v in verdicts),
        boots=sum(v.boots for v in verdicts),
        slowest_s=max(whole) if len(whole) == len(times) else None,
        blind_s=sum(v.blind_s for v in verdicts),
        blind_exposure=max(v.blind_exposure for v in verdicts),
        injected=sum((v.injected for v in verdicts), Counter()),
        branches=sum((v.branches for v in verdicts), Counter()),
    )


def _cells(row: Row) -> tuple[str, ...]:
    slowest = "never" if row.slowest_s is None else f"{row.slowest_s:.0f} s"
    return (
        f"{row.scenario}: {row.story}", str(row.runs), str(row.failed), str(row.orders),
        str(row.fills), str(row.boots), slowest, f"{row.blind_s} s",
        f"{row.blind_exposure:,.0f}", counted(row.injected), counted(row.branches),
    )  # fmt: skip


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in cells) + "</tr>"

    return "<table>" + line("th", heads) + "".join(line("td", row) for row in rows) + "</table>"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.45 system-ui, sans-serif; margin: 2rem; color: #1c1c1c; }}
table {{ border-collapse: collapse; margin-bottom: 2rem; }}
th, td {{ border: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }}
th {{ background: #f3f3f3; }}
</style></head><body>
{body}
</body></html>
"""
