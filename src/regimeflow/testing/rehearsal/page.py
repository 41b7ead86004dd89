"""The scorecard as one HTML page that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from regimeflow.testing.rehearsal.director import Verdict
from regimeflow.testing.rehearsal.scorecard import (
    REPEATS,
    Row,
    counted,
    headline_of,
    needs_of,
    rows_of,
    unshown_of,
    violations_of,
)
from regimeflow.testing.rehearsal.timeline import Line


def page_of(verdicts: Sequence[Verdict], config: Path) -> str:
    """The scorecard as one HTML page without scripts or outside resources."""
    violations = violations_of(verdicts, config)
    invariants = {
        finding.invariant: finding.meaning for verdict in verdicts for finding in verdict.findings
    }
    broken = {violation.invariant for violation in violations}
    title = f"Rehearsal: {headline_of(verdicts)}"
    body = [
        f"<h1>{title}</h1>",
        f"<p>{len(verdicts)} runs of {html.escape(str(config))}, "
        f"{sum(v.virtual_s for v in verdicts) / 3600:.1f} virtual hours.</p>",
        _table(
            ("scenario", "runs", "verdict", "faulted", "quarantined", "orders", "fills", "starts",
             "slowest recovery", "blind", "most at stake while blind", "injected",
             "what the engine did"),
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
            f"<p>{html.escape(REPEATS)}</p>",
            _table(
                ("scenario", "seed", "invariant", "seen", "what to do", "to repeat"),
                [
                    (v.scenario, str(v.seed), v.invariant, v.seen, v.advice, v.command)
                    for v in violations
                ],
            ),
        ]
    if unshown := unshown_of(verdicts):
        body += ["<h2>Nothing shown</h2>", _table(("run",), [(one,) for one in unshown])]
    if needs := needs_of(verdicts):
        body += ["<h2>Needs an operator</h2>", _table(("run",), [(one,) for one in needs])]
    return _PAGE.format(title=title, body="\n".join(body))


def _story(lines: Sequence[Line]) -> list[tuple[str, str, str]]:
    return [
        (f"{line.at_s:.1f} s", "done to it" if line.style == "fault" else "engine", line.text)
        for line in lines
    ]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.scenario}: {row.story}", str(row.runs), row.verdict, str(row.faulted),
        str(row.quarantined), str(row.orders), str(row.fills), str(row.boots), row.recovery,
        f"{row.blind_s} s",
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
