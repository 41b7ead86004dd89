"""Broad `except` exists in a few named places, and each of them reports or raises again.

A strategy's code is not ours, a task's failure must end the engine in order, and a user must never
see a traceback for a mistake. Anywhere else a broad `except` hides a bug that trades money.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

from tests.tidy.source import Finding, SourceFile

# How many broad handlers each file may hold.
ALLOWED = {
    "src/regimeflow/core/callbacks.py": 3,  # the strategy's code and state: isolate, report
    "src/regimeflow/core/engine.py": 1,  # poison the engine, then raise again
    "src/regimeflow/live/runner.py": 1,  # the task supervisor: stop everything, in order
    "src/regimeflow/cli/main.py": 1,  # the outermost line: exit 70 with a report to send us
}
BROAD = frozenset({"Exception", "BaseException", "builtins.Exception", "builtins.BaseException"})


def check_broad_excepts(source: SourceFile) -> Iterator[Finding]:
    """Handlers of everything, beyond those the file is allowed."""
    broad = [node for node in ast.walk(source.tree) if _is_broad(source, node)]
    broad.sort(key=lambda node: getattr(node, "lineno", 0))
    for node in broad[ALLOWED.get(source.path, 0) :]:
        yield source.finding(node, "broad except; name the errors this code knows how to handle")


def _is_broad(source: SourceFile, node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return node.type is None or _names_everything(source, [node.type])
    if isinstance(node, ast.Call) and source.names.qualify(node.func) == "contextlib.suppress":
        return _names_everything(source, node.args)
    return False


def _names_everything(source: SourceFile, types: list[ast.expr]) -> bool:
    flat = [inner for kind in types for inner in (kind.elts if _is_tuple(kind) else [kind])]
    return any(source.names.qualify(kind) in BROAD for kind in flat)


def _is_tuple(node: ast.expr) -> TypeGuard[ast.Tuple]:
    return isinstance(node, ast.Tuple)
