"""`docs/reliability.md`: what the last run of many seeds did, written by the run itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from regimeflow.testing.rehearsal.director import Verdict

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "reliability.md"

_TEXT = """# Reliability, measured

The real live engine in a simulated world: network, disk, clock and venue fail by a seed, the
process is killed and the power is cut; then everything heals, and every order, fill and cent is
compared with the venue's books. A seed repeats its run exactly.

| | |
|---|---|
| Seeds | {seeds} |
| Violations | {violations} |
| Virtual time | {days:.1f} days |
| Starts of the engine | {boots} |
| Kills and power cuts | {kills} |
| Orders at the venue | {orders} |
| Executions | {fills} |
| Faults injected | {faults} |
| Runs that ended with exits only until an operator resumes | {needing} |
| Longest time from healing to equal books, in the others | {slowest} |

To repeat: `make sim SEEDS={seeds}`. One seed of your own configuration:
`regimeflow rehearse --config PATH --scenario random --seed N`.

## Faults injected

{injected}

## What the engine did

{branches}

## What was judged

{invariants}
"""


def write_page(verdicts: Sequence[Verdict]) -> None:
    """Replace the page by what these runs say."""
    injected: Counter[str] = sum((v.injected for v in verdicts), Counter())
    branches: Counter[str] = sum((v.branches for v in verdicts), Counter())
    times = [v.recovered_s for v in verdicts if not v.needs_operator]
    whole = [seconds for seconds in times if seconds is not None]
    text = _TEXT.format(
        seeds=len(verdicts),
        violations=sum(not v.is_ok for v in verdicts),
        days=sum(v.virtual_s for v in verdicts) / 86_400,
        boots=sum(v.boots for v in verdicts),
        kills=sum(v.kills for v in verdicts),
        orders=sum(v.orders for v in verdicts),
        fills=sum(v.fills for v in verdicts),
        faults=sum(injected.values()),
        needing=sum(bool(v.needs_operator) for v in verdicts),
        slowest=f"{max(whole):.0f} s" if len(whole) == len(times) else "some never did",
        injected=_table(("fault", "times"), injected),
        branches=_table(("branch", "times"), branches),
        invariants="\n".join(f"- {f.invariant}: {f.meaning}" for f in verdicts[0].findings),
    )
    PAGE.write_text(text, encoding="utf-8")


def _table(heads: tuple[str, str], counts: Counter[str]) -> str:
    rows = [f"| {name} | {count} |" for name, count in sorted(counts.items())]
    return "\n".join([f"| {heads[0]} | {heads[1]} |", "|---|---|", *rows])
