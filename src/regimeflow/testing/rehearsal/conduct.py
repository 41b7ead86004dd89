"""What strategies did that no fault excuses, read from the journal of a run.

The invariants judge the engine; these findings judge the user's own code. They have numbers of
their own (S), and each has advice in the user's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from regimeflow.errors import JournalCorrupt
from regimeflow.journal.reader import read_facts
from regimeflow.model.commands import StrategyFaulted
from regimeflow.testing.checkers import SHOWN_MAX, Finding
from regimeflow.testing.failures import ForbiddenCall

FAULTED, UNLIKE, FORBIDDEN = "S1", "S2", "S3"
_REFUSED = f"{ForbiddenCall.__name__}: "
_KEEP = (
    "keep everything that lasts in attributes of self, not in globals or class attributes, draw "
    "chance from ctx.rng and take time from the event (docs/strategies.md, State)"
)
ADVICE = {
    FAULTED: "mend the callback: from there on the strategy is not called again, here as live",
    UNLIKE: _KEEP,
    FORBIDDEN: (
        "do without the call: live it would pass, and a restart, which calls the strategy again "
        "with what it saw before, would get another answer or do it twice (docs/strategies.md)"
    ),
    "I10": _KEEP,
}
"""What the user can do about a finding, by its number."""


def conduct_of(journal_dir: Path, unlike: Sequence[str]) -> list[Finding]:
    """Every finding about the strategies, in order of its number.

    `unlike` names the restarts after which they decided otherwise, though nothing was lost.
    """
    faults, forbidden = [], []
    for fault in _faults(journal_dir):
        who = f"{fault.strategy_id} faulted in {fault.callback}"
        if fault.error.startswith(_REFUSED):
            forbidden.append(f"{who}: {fault.error.removeprefix(_REFUSED)}")
        else:
            faults.append(f"{who}: {fault.error}")
    return [
        Finding(FAULTED, "no strategy faulted", faults[:SHOWN_MAX]),
        Finding(UNLIKE, "strategies restarted decide what they had decided", unlike[:SHOWN_MAX]),
        Finding(FORBIDDEN, "strategies call only what can be repeated", forbidden[:SHOWN_MAX]),
    ]


def _faults(journal_dir: Path) -> Iterator[StrategyFaulted]:
    """From the facts up to where the journal is damaged."""
    with suppress(JournalCorrupt):
        for record in read_facts(journal_dir):
            if isinstance(record.body, StrategyFaulted):
                yield record.body
