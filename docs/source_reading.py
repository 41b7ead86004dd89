"""Reads classes, fields, docstrings and texts from the package's source, without importing it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "regimeflow"
SECTION = re.compile(r"# --- (.+?) -+$")
AUDIT_TYPE = re.compile(r"Error|(?:[A-Z][a-z]+){2,}")
AUDIT_DEPTH_MAX = 3
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def _source(module: str) -> str:
    return (PACKAGE / module).read_text(encoding="utf-8")


@cache
def tree_of(module: str) -> ast.Module:
    """The parsed text of a module of the package, named by its path below it."""
    return ast.parse(_source(module))


def functions_in(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions, and methods as `Class.method`, in the order of the text."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, Function):
                    yield f"{node.name}.{inner.name}", inner


def texts_in(node: ast.AST) -> Iterator[str]:
    """Every piece of text that a function holds."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def limit_keys() -> list[str]:
    """The keys of `live.risk.limits`."""
    section = _class("config/limits.py", "LimitsSection")
    return [ast.unparse(n.target) for n in section.body if isinstance(n, ast.AnnAssign)]


def judged_by_gate() -> tuple[set[str], set[str]]:
    """Names of the checks that judge every order, and of those that spare exits."""
    functions = dict(functions_in(tree_of("core/risk/gate.py")))
    judge = functions["RiskGate._judge"]
    spared = {n for s in judge.body if isinstance(s, ast.If) for n in _called(s)}
    called = {n for name in ("_judge", "approve") for n in _called(functions[f"RiskGate.{name}"])}
    return called - spared, spared


def _called(node: ast.AST) -> set[str]:
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return {func.attr for func in calls if isinstance(func, ast.Attribute)}


def _class(module: str, name: str) -> ast.ClassDef:
    return next(n for n in tree_of(module).body if isinstance(n, ast.ClassDef) and n.name == name)


def structs(module: str) -> Iterator[str]:
    """One paragraph for each Struct of a module, under its sections' headings."""
    lines = _source(module).splitlines()
    section, seen = "", 0
    for node in tree_of(module).body:
        if not isinstance(node, ast.ClassDef):
            continue
        headings = [m[1] for line in lines[seen : node.lineno] if (m := SECTION.match(line))]
        seen = node.lineno
        if headings and headings[-1] != section:
            section = headings[-1]
            yield f"### {section.capitalize()}"
        is_struct = any("Struct" in ast.unparse(base) for base in node.bases)
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign)]
        if is_struct:
            named = ", ".join(
                f"`{ast.unparse(f.target)}: {ast.unparse(f.annotation)}`" for f in fields
            )
            yield f"**`{node.name}`** {_whole(node)}\n\nFields: {named}."


def methods(module: str, name: str) -> Iterator[str]:
    """One part for each method of a class: its signature and what it promises."""
    for node in _class(module, name).body:
        if isinstance(node, Function):
            is_property = any(ast.unparse(d) == "property" for d in node.decorator_list)
            result = "" if node.returns is None else f" -> {ast.unparse(node.returns)}"
            arguments = re.sub(r"^self(, )?", "", ast.unparse(node.args))
            call = "" if is_property else f"({arguments})"
            head = f"### `{node.name}`\n\n```python\n{node.name}{call}{result}\n```"
            yield f"{head}\n\n{_whole(node)}"


def properties(module: str, name: str) -> str:
    """The properties of a protocol as a table."""
    rows = [
        f"| `{node.name}` | `{ast.unparse(node.returns)}` |"
        for node in _class(module, name).body
        if isinstance(node, Function) and node.returns is not None
    ]
    return f"{_whole(_class(module, name))}\n\n" + table("property", "type", rows=rows)


def _whole(node: Function | ast.ClassDef) -> str:
    return ast.get_docstring(node) or ""


def promise(node: Function) -> str:
    """The first sentence of a docstring, without the number of the control it begins with."""
    return re.sub(
        r"^C\d\d(/F\d\d| and C\d\d)?: ", "", _whole(node).split("\n\n")[0].replace("\n", " ")
    )


def table(*columns: str, rows: list[str]) -> str:
    """A Markdown table."""
    return "\n".join((f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows))


def audit_types() -> dict[str, list[str]]:
    """For each type of audit line, the journal records that can lead to it."""
    trees = [tree_of("observe/audit_fold.py"), tree_of("observe/audit_entries.py")]
    functions = {n.rpartition(".")[2]: f for tree in trees for n, f in functions_in(tree)}
    found: dict[str, list[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    record = ast.unparse(key).rpartition(".")[2] if key is not None else ""
                    if record[:1].isupper():
                        for kind in _audit_names(value, functions):
                            found.setdefault(kind, []).append(record)
    return dict(sorted(found.items()))


def _audit_names(node: ast.AST, functions: dict[str, Function], depth: int = 0) -> set[str]:
    """Names of audit types in a handler and in the functions it calls."""
    names = {text for text in texts_in(node) if AUDIT_TYPE.fullmatch(text)}
    for inner in ast.walk(node):
        called = inner.attr if isinstance(inner, ast.Attribute) else getattr(inner, "id", "")
        if called in functions and depth < AUDIT_DEPTH_MAX:
            names |= _audit_names(functions[called], functions, depth + 1)
    return names
