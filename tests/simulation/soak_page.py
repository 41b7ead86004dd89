"""`docs/soak.md`: what the last month of the soak held at its beginning and at its end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.simulation.soak import Soak
from tests.simulation.soak_samples import BUFFERS, LOWERED, PER_SESSION, Sample

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "soak.md"
DAYS_WRITTEN_FROM = 30
"""A shorter soak shows less than the page says."""

_TEXT = """# A month, measured

Written by `make soak DAYS={days:.0f}`. The real live engine trades {days:.0f} virtual days
without a restart, behind a link, on the simulated venue: a market that never closes, two
strategies, and trouble every day. In a quiet moment of each day everything that its process
refers to is walked through, collection by collection. Nothing may grow but what is named below.
At the end the engine is killed, comes back from its journal, and every order, fill and cent is
compared with the venue's books.

| | |
|---|---|
| Virtual time | {days:.0f} days |
| Orders at the venue | {orders} |
| Executions | {fills} |
| Sessions valued and rolled | {rolled} |
| Reconnections | {reconnected} |
| Steps of the simulated world | {steps} |
| Violations of an invariant | {violations} |
| Hash chain of the journal | {chain} |
| The audit says what the journal says | {audit} |

## What the process holds

| | day {first:.0f} | day {last:.0f} |
|---|---|---|
{held}

Memory of the whole simulation: {first_mib:.0f} MiB on day {first:.0f}, {last_mib:.0f} MiB on day
{last:.0f}. In it is the world, which keeps a copy of every synced byte and, until it ends, every
venue that was killed.

## What may grow

Collections with a bound reach it within days here, because the bounds are lowered for the run,
so that one that has none is found:

{lowered}

Declared besides: {per_session} (one entry a session, until the calendar ends), and lines that
wait to be written ({buffers}).
The simulated venue keeps its own books, every order and fill of the account.

On disk the facts of the journal and its market data grow: {segments} files of at most 1 MiB by
the end, {journal_mib:.1f} MiB a day. Most of that are the venue's heartbeats, one every ten
seconds, and the lists that are asked for every ten minutes.

## Trouble

{trouble}

## What the engine did

{branches}
"""


def write_page(run: Soak) -> None:
    """Replace the page by what this run says."""
    first, last = run.settled[0], run.samples[-1]
    days = last.day - first.day
    text = _TEXT.format(
        days=last.day,
        orders=last.orders,
        fills=last.fills,
        rolled=len(run.rolled),
        reconnected=run.branches["reconnected"],
        steps=f"{run.steps:,}",
        violations=sum(not finding.holds for finding in run.findings),
        chain=run.chain_problem or "intact",
        audit=run.audit_problem or "yes",
        first=first.day,
        last=last.day,
        held="\n".join(_held(first, last)),
        first_mib=first.resident_bytes / 2**20,
        last_mib=last.resident_bytes / 2**20,
        lowered="\n".join(f"- `{module.__name__}.{name}`: {n}" for module, name, n in LOWERED),
        per_session=", ".join(f"`{name}`" for name in sorted(PER_SESSION)),
        buffers=", ".join(f"`{name}` at most {bound}" for name, bound in BUFFERS.items()),
        segments=last.segments,
        journal_mib=(last.journal_bytes - first.journal_bytes) / days / 2**20,
        trouble=_table(("trouble", "times"), run.incidents + run.faults),
        branches=_table(("branch", "times"), run.branches),
    )
    PAGE.write_text(text, encoding="utf-8")


def _held(first: Sample, last: Sample) -> list[str]:
    before, after = first.traced_bytes or 0, last.traced_bytes or 0
    rows = (
        ("objects of the engine, KiB", first.size_bytes // 1024, last.size_bytes // 1024),
        ("allocated by its code, KiB", *(traced // 1024 for traced in (before, after))),
        ("entries of all collections", first.entries.total(), last.entries.total()),
        ("tasks", first.tasks, last.tasks),
        ("timers", first.timers, last.timers),
        ("open files", first.descriptors, last.descriptors),
        ("ends of connections", first.connections, last.connections),
        ("events that wait", first.entries["Inbox._queue"], last.entries["Inbox._queue"]),
    )
    return [f"| {name} | {before:,} | {after:,} |" for name, before, after in rows]


def _table(heads: tuple[str, str], counts: Counter[str]) -> str:
    rows = [f"| {name} | {count} |" for name, count in sorted(counts.items())]
    return "\n".join([f"| {heads[0]} | {heads[1]} |", "|---|---|", *rows])
