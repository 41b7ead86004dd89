"""One risk gate: the orders that may leave are made in one place, and only there.

The router takes `Approved`, a type. If only the gate can make one, then no path to a broker can
avoid the limits, and reading one file is enough to believe it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.source import Finding, SourceFile

GATE = "src/regimeflow/core/risk/gate.py"
MADE_BY_THE_GATE = frozenset({"SubmitOrder", "ReplaceOrder", "Approved"})


def check_one_risk_gate(source: SourceFile) -> Iterator[Finding]:
    """Constructions of an order command anywhere but in the gate.

    Patterns (`case SubmitOrder()`), annotations and `isinstance` are not constructions; decoding
    a journaled command is not one either, since it was approved when it was written.
    """
    if source.path == GATE or not source.path.startswith("src/"):
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        made = source.names.qualify(node.func).split(".")
        # `SubmitOrder.__new__(...)` and a classmethod that builds one are constructions as well.
        if MADE_BY_THE_GATE.intersection(made[-2:]):
            name = ".".join(made[-2:])
            yield source.finding(node, f"{name}(...) outside the risk gate; ask {GATE} for it")
