"""Run every mutant against the tests that have to kill it: `python -m tests.faults.run_mutants`.

Each runs in processes of its own, so that no planted bug can leak into another run. A mutant is
killed when each of the killers it names ran and failed, or hung until its time was over; tests
that cannot even be collected kill nothing. Names of mutants as arguments run only those.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from tests.faults.mutants import MUTANT_VARIABLE, MUTANTS

FAULTS = Path(__file__).resolve().parent
CHECKOUT = FAULTS.parent.parent
MUTANT_TIMEOUT_S = 180
TESTS_FAILED = 1
"""Exit code of pytest when tests ran and failed."""


class Verdict(StrEnum):
    """What the tests of a killer said of a mutant."""

    KILLED = "killed"
    HUNG = "hung"
    SURVIVED = "SURVIVED"


def named_by(killer: str) -> list[str]:
    """The tests of this directory whose names begin as `killer` says, as pytest names them."""
    file, _, prefix = killer.partition("::")
    tree = ast.parse((FAULTS / file).read_text(encoding="utf-8"))
    names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    return [f"tests/faults/{file}::{name}" for name in names if name.startswith(prefix)]


def verdict_of(name: str, killer: str, *, timeout_s: float = MUTANT_TIMEOUT_S) -> Verdict:
    """Whether a test of the killer fails, or never ends, with the mutant planted."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    try:
        result = subprocess.run(
            [*command, *named_by(killer)],
            cwd=CHECKOUT,
            env={**os.environ, MUTANT_VARIABLE: name},
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict.HUNG
    return Verdict.KILLED if result.returncode == TESTS_FAILED else Verdict.SURVIVED


def judged(name: str, verdicts: Mapping[str, Verdict]) -> tuple[bool, str]:
    """Whether a mutant is dead, and the line that says so."""
    spared = [killer for killer, verdict in verdicts.items() if verdict is Verdict.SURVIVED]
    hung = [killer for killer, verdict in verdicts.items() if verdict is Verdict.HUNG]
    line = f"{name:<11} {'SURVIVED' if spared else 'killed':<9} {MUTANTS[name].bug}"
    if spared:
        line += f"; not noticed by {', '.join(spared)}"
    if hung:
        line += f"; killed by timeout, {MUTANT_TIMEOUT_S} s, in {', '.join(hung)}"
    return not spared, line


def main(names: list[str]) -> int:
    """Run the mutants named (all, if none is); 1 if one survives one of its killers."""
    alive = []
    for name in names or MUTANTS:
        verdicts = {killer: verdict_of(name, killer) for killer in MUTANTS[name].killed_by}
        is_dead, line = judged(name, verdicts)
        alive += [] if is_dead else [name]
        print(line, flush=True)
    print(f"{len(alive)} of {len(names or MUTANTS)} mutants survived: {', '.join(alive) or 'none'}")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
