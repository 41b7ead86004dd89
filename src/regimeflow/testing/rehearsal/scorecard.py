"""The verdicts of many runs as one scorecard."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from regimeflow.testing.rehearsal.conduct import ADVICE
from regimeflow.testing.rehearsal.director import Verdict

REPEATS = (
    "a seed repeats its run, unless the strategy asks datetime.now or a generator without a seed: "
    "nothing can refuse it those"
)


@dataclass(frozen=True)
class Row:
    """One scenario over all its runs; `slowest_s` None when a run never recovered.

    Runs that need an operator have no time of recovery; they are counted.
    Of the runs, `failed` broke something, `unshown` proved nothing, in `faulted` a strategy
    faulted and in `quarantined` a restart could not verify the strategies.
    """

    scenario: str
    story: str
    runs: int
    failed: int
    unshown: int
    faulted: int
    quarantined: int
    need_operator: int
    orders: int
    fills: int
    boots: int
    slowest_s: float | None
    blind_s: int
    blind_exposure: Decimal
    injected: Counter[str]
    branches: Counter[str]

    @property
    def verdict(self) -> str:
        """The row in a few words."""
        if self.failed:
            return f"{self.failed} FAILED"
        if self.unshown == self.runs:
            return "nothing shown"
        told = ["held"]
        if self.unshown:
            told.append(f"{self.unshown} showed nothing")
        if self.need_operator:
            told.append(f"{self.need_operator} to resume")
        return ", ".join(told)

    @property
    def recovery(self) -> str:
        """How long the slowest recovery without an operator took."""
        if self.need_operator == self.runs:
            return "operator"
        return "never" if self.slowest_s is None else f"{self.slowest_s:.0f} s"


@dataclass(frozen=True)
class Violation:
    """An invariant that did not hold, what to do about it, and the command that shows it again."""

    scenario: str
    seed: int
    invariant: str
    meaning: str
    seen: str
    command: str
    advice: str


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
            ADVICE.get(finding.invariant, ""),
        )
        for verdict in verdicts
        for finding in verdict.findings
        if not finding.holds
    ]


def unshown_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Each run that proves nothing, and why."""
    return [
        f"{verdict.scenario} seed {verdict.seed}: {verdict.nothing_shown}"
        for verdict in verdicts
        if verdict.nothing_shown
    ]


def needs_of(verdicts: Sequence[Verdict]) -> list[str]:
    """Each run that ended needing an operator, and why."""
    return [
        f"{verdict.scenario} seed {verdict.seed}: {verdict.needs_operator}"
        + (f" (it may: {verdict.may_need_operator})" if verdict.may_need_operator else "")
        for verdict in verdicts
        if verdict.needs_operator
    ]


def headline_of(verdicts: Sequence[Verdict]) -> str:
    """All runs in one phrase."""
    if not all(verdict.is_ok for verdict in verdicts):
        return "VIOLATED"
    unshown = len(unshown_of(verdicts))
    if unshown == len(verdicts):
        return "nothing shown"
    if unshown:
        return f"nothing violated, and nothing shown by {unshown} of them"
    return "every invariant held"


def repeat_command(config: Path, scenario: str, seed: int) -> str:
    """What to type to see one run again."""
    words = ["regimeflow", "rehearse", "--config", str(config), "--scenario", scenario]
    return shlex.join([*words, "--seed", str(seed), "--runs", "1"])


def counted(counter: Counter[str]) -> str:
    """A counter for people, most frequent first."""
    ranked = sorted(counter.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{name} {count}" for name, count in ranked) or "nothing"


def _row(verdicts: Sequence[Verdict]) -> Row:
    first = verdicts[0]
    times = [v.recovered_s for v in verdicts if not v.needs_operator]
    whole = [s for s in times if s is not None]
    return Row(
        scenario=first.scenario,
        story=first.story if len(verdicts) == 1 or first.scenario != "random" else "faults mixed",
        runs=len(verdicts),
        failed=sum(not v.is_ok for v in verdicts),
        unshown=sum(bool(v.nothing_shown) for v in verdicts),
        faulted=sum(v.has_faulted for v in verdicts),
        quarantined=sum(bool(v.branches["quarantined"]) for v in verdicts),
        need_operator=sum(bool(v.needs_operator) for v in verdicts),
        orders=sum(v.orders for v in verdicts),
        fills=sum(v.fills for v in verdicts),
        boots=sum(v.boots for v in verdicts),
        slowest_s=max(whole) if whole and len(whole) == len(times) else None,
        blind_s=sum(v.blind_s for v in verdicts),
        blind_exposure=max(v.blind_exposure for v in verdicts),
        injected=sum((v.injected for v in verdicts), Counter()),
        branches=sum((v.branches for v in verdicts), Counter()),
    )
