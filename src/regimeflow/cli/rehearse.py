"""`regimeflow rehearse`: the user's strategy and configuration under simulated faults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.reply import Json, JsonOption, Reply, Status
from regimeflow.errors import EXIT_NOTHING_SHOWN, EXIT_SECOND_SIGNAL, ConfigError

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Sequence

    from regimeflow.testing.rehearsal.director import Verdict
    from regimeflow.testing.rehearsal.scorecard import Row, Violation

RUNS_MAX = 100_000


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

    Faults, then healing, then every order, fill and cent is compared. Exit 1 on a violation,
    5 when nothing was shown: no run had both an order and its fault.
    """
    from regimeflow.cli.progress import progress_bar
    from regimeflow.cli.rehearsal_text import say
    from regimeflow.config import load_config
    from regimeflow.testing.rehearsal.director import rehearse as run_one
    from regimeflow.testing.rehearsal.director import scenario_of
    from regimeflow.testing.rehearsal.page import page_of
    from regimeflow.testing.rehearsal.scorecard import rows_of, violations_of

    names = _names(scenario)
    with Reply("rehearse", is_json=as_json) as reply:
        loaded = load_config(config)
        if output is not None:
            _probe(output)
        planned = [(name, number) for name in names for number in range(seed, seed + runs)]
        verdicts: list[Verdict] = []
        with progress_bar("rehearse") as progress, suppress(KeyboardInterrupt):
            for name, number in planned:
                verdicts.append(run_one(loaded, scenario_of(name, number), number))
                if progress is not None:
                    progress(len(verdicts), len(planned))
        violations = violations_of(verdicts, config)
        _tell(reply, verdicts, violations)
        rows = rows_of(verdicts)
        reply.add(
            seed=seed,
            runs=runs,
            scenarios=[_row_document(row) for row in rows],
            violations=[_violation_document(violation) for violation in violations],
        )
        if verdicts:
            say(reply, rows, violations, verdicts, is_json=as_json)
        _tell_interrupt(reply, len(verdicts), len(planned))
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
            fix="; ".join(filter(None, (first.advice, f"repeat it with: {first.command}"))),
        )
    _tell_shown(reply, verdicts)
    _tell_operator(reply, verdicts)


def _tell_interrupt(reply: Reply, done: int, planned: int) -> None:
    """What was interrupted is judged as far as it came, and is no success."""
    if done == planned:
        return
    reply.refuse_with(EXIT_SECOND_SIGNAL)
    seen = f"interrupted: {done} of {planned} runs were complete"
    reply.item("interrupted", Status.FAIL, seen=seen, expected="all runs", fix="run it again")
    reply.say_failure(seen)


def _tell_operator(reply: Reply, verdicts: Sequence[Verdict]) -> None:
    """Books that agree are not enough: somebody may have to let the engine trade again."""
    from regimeflow.testing.rehearsal.scorecard import needs_of

    needs = needs_of(verdicts)
    if not needs:
        reply.item("operator", Status.PASS, seen="no run ended needing an operator")
        return
    is_foreseen = all(v.may_need_operator for v in verdicts if v.needs_operator)
    reply.item(
        "operator",
        Status.PASS if is_foreseen else Status.WARN,
        seen=f"{len(needs)} of {len(verdicts)} runs ended needing an operator; {needs[0]}",
        expected="trading as before the faults, unless the scenario may end otherwise",
        fix="live: find out why, then `regimeflow resume`",
    )


def _tell_shown(reply: Reply, verdicts: Sequence[Verdict]) -> None:
    """A run without an order or without its fault passes every check and proves nothing."""
    from regimeflow.testing.rehearsal.scorecard import unshown_of

    unshown = unshown_of(verdicts)
    if not verdicts:
        return
    if not unshown:
        reply.item("shown", Status.PASS, seen="every run had orders and its fault")
        return
    is_all = len(unshown) == len(verdicts)
    if is_all:
        reply.refuse_with(EXIT_NOTHING_SHOWN)
    reply.item(
        "shown",
        Status.FAIL if is_all else Status.WARN,
        seen=f"{len(unshown)} of {len(verdicts)} runs showed nothing; {unshown[0]}",
        expected="an order at the venue, and the fault of the scenario",
        fix="choose parameters that trade within minutes (bars last two seconds), or raise --runs",
    )


def _probe(path: Path) -> None:
    """Find out before all runs, not after them, whether their page can be written."""
    with _writing(path):
        is_new = not path.exists()
        path.open("a", encoding="utf-8").close()
        if is_new:
            path.unlink()


def _write(path: Path, content: str) -> None:
    with _writing(path):
        path.write_text(content, encoding="utf-8")


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """A failure of the disk is told as one of the option that named the file."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigError(
            f"--output {path} cannot be written ({error.strerror}); name a file in a directory "
            "that you may write to"
        ) from error


def _row_document(row: Row) -> Json:
    return {
        "name": row.scenario,
        "story": row.story,
        "runs": row.runs,
        "failed": row.failed,
        "showed_nothing": row.unshown,
        "faulted": row.faulted,
        "quarantined": row.quarantined,
        "needs_operator": row.need_operator,
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
        "advice": violation.advice,
        "command": violation.command,
    }


def _counts(counter: Counter[str]) -> Json:
    return dict(sorted(counter.items()))
