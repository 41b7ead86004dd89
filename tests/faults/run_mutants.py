"""Run every mutant against the tests that have to kill it: `python -m tests.faults.run_mutants`.

Each runs in a process of its own, so that no planted bug can leak into another run. A mutant is
killed when its tests ran and failed; tests that cannot even be collected kill nothing. Names of
mutants as arguments run only those.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.mutant import Mutant
from tests.faults.mutants import MUTANT_VARIABLE, MUTANTS

FAULTS = Path(__file__).resolve().parent
CHECKOUT = FAULTS.parent.parent
MUTANT_TIMEOUT_S = 180
TESTS_FAILED = 1
"""Exit code of pytest when tests ran and failed."""


def killers_of(mutant: Mutant) -> list[str]:
    """The tests of this directory whose names begin as the mutant says, as pytest names them."""
    found = []
    for killer in mutant.killed_by:
        file, _, prefix = killer.partition("::")
        tree = ast.parse((FAULTS / file).read_text(encoding="utf-8"))
        names = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        found += [f"tests/faults/{file}::{name}" for name in names if name.startswith(prefix)]
    return found


def is_killed(name: str) -> bool:
    """Whether a test fails with the mutant planted."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [*command, *killers_of(MUTANTS[name])],
        cwd=CHECKOUT,
        env={**os.environ, MUTANT_VARIABLE: name},
        capture_output=True,
        timeout=MUTANT_TIMEOUT_S,
        check=False,
    )
    return result.returncode == TESTS_FAILED


def main(names: list[str]) -> int:
    """Run the mutants named (all, if none is); 1 if one survives."""
    alive = []
    for name in names or MUTANTS:
        killed = is_killed(name)
        alive += [] if killed else [name]
        print(f"{name:<11} {'killed' if killed else 'SURVIVED':<9} {MUTANTS[name].bug}", flush=True)
    print(f"{len(alive)} of {len(names or MUTANTS)} mutants survived: {', '.join(alive) or 'none'}")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
