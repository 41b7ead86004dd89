"""The table of differences is complete: the engine reports no kind that it does not explain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import regimeflow.core
from regimeflow.core.difference_table import DIFFERENCES, Reaction

CORE = Path(regimeflow.core.__file__).parent
MAKERS = {"DiscrepancyFound": 0, "_unbooked": 1}


def kinds_reported() -> Iterator[str]:
    """Every literal kind that is passed to what makes a discrepancy, or begins a difference."""
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                called = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                place = MAKERS.get(called)
                if place is None:
                    continue
                named = [k.value for k in node.keywords if k.arg == "kind"]
                given = named or node.args[place : place + 1]
                yield from (str(a.value) for a in given if isinstance(a, ast.Constant))
            elif isinstance(node, ast.Tuple) and path.name == "reconcile.py":
                first = node.elts[0] if len(node.elts) == 4 else None
                if isinstance(first, ast.Constant):
                    yield str(first.value)


def test_every_kind_that_is_reported_is_explained_and_none_is_idle() -> None:
    kinds = {kind for kind in kinds_reported() if not kind.startswith("_")}
    assert kinds == set(DIFFERENCES)


def test_every_explanation_says_what_was_seen_done_and_what_ends_it() -> None:
    for kind, explained in DIFFERENCES.items():
        assert all((explained.seen, explained.does, explained.ends)), kind
    assert {x.reaction for x in DIFFERENCES.values()} == set(Reaction)
