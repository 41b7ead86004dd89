"""Calls that are banned, each with its replacement.

In the pure packages: whatever reads a clock, draws unseeded, touches the world, or takes its order
from memory addresses or hash seeds. Everywhere: whatever runs text as code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.tidy.layers import PURE
from tests.tidy.source import Finding, SourceFile

BANNED_IN_PURE = {
    "datetime.date.today": "use the ts_ns of the event in hand",
    "datetime.datetime.now": "use the ts_ns of the event in hand",
    "datetime.datetime.today": "use the ts_ns of the event in hand",
    "datetime.datetime.utcnow": "use the ts_ns of the event in hand",
    "random.SystemRandom": "use a random.Random seeded by (seed, strategy id), passed in",
}
BANNED_BUILTINS_IN_PURE = {
    "__import__": "loading by name belongs in config/",
    "breakpoint": "remove it",
    "hash": "use hashlib over the encoded value; hash() of text differs between processes",
    "id": "use a key of the value itself; addresses differ between runs",
    "input": "take an operator event",
    "open": "take the content as an argument; shells open files",
    "print": "return a notice; the console prints from the journal",
}
BANNED_IN_LIVE = {
    "asyncio.as_completed": "use asyncio.TaskGroup; completion order comes from a set",
    "asyncio.wait": "use asyncio.TaskGroup or asyncio.timeout; its results come in a set",
}
BANNED_EVERYWHERE = {
    "dill": "encode with msgspec",
    "cloudpickle": "encode with msgspec",
    "joblib": "encode with msgspec",
    "marshal": "encode with msgspec",
    "os.popen": "use subprocess.run with a list of arguments",
    "os.system": "use subprocess.run with a list of arguments",
    "pickle": "encode with msgspec",
    "shelve": "use the journal, or a msgspec file",
    "unittest.mock": "write a fake that keeps the contract, or run the real part",
    "yaml.full_load": "use yaml.safe_load",
    "yaml.load": "use yaml.safe_load, or a SafeLoader subclass and its get_single_data()",
    "yaml.load_all": "use yaml.safe_load_all",
    "yaml.unsafe_load": "use yaml.safe_load",
}
BANNED_BUILTINS_EVERYWHERE = {
    "eval": "parse the text (ast.literal_eval, msgspec, Decimal)",
    "exec": "import a module, or call a function",
}
BANNED_KEYWORDS = {
    "shell": "pass a list of arguments and no shell",
    "allow_pickle": "store arrays as plain numbers",
}
# The order of a set follows addresses and hash seeds, so it may not reach a decision.
ORDERED_READERS = {"list", "tuple", "iter", "next", "enumerate"}
VIRTUAL_TIME_SUITES = ("unit/", "property/", "conformance/", "simulation/", "tidy/")


def check_everywhere(source: SourceFile) -> Iterator[Finding]:
    """What no file of the project may do: run text as code, unpickle, start a shell, mock."""
    yield from _banned_paths(source, BANNED_EVERYWHERE)
    for call in _calls(source):
        yield from _banned_builtin(source, call, BANNED_BUILTINS_EVERYWHERE)
        for keyword in call.keywords:
            on = isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            if on and keyword.arg in BANNED_KEYWORDS:
                remedy = BANNED_KEYWORDS[keyword.arg]
                yield source.finding(call, f"{keyword.arg}=True; {remedy}")


def check_pure(source: SourceFile) -> Iterator[Finding]:
    """What breaks determinism or touches the world inside a pure package."""
    if source.package not in PURE:
        return
    yield from _banned_paths(source, BANNED_IN_PURE)
    yield from _unseeded_draws(source)
    yield from _set_order(source)
    for call in _calls(source):
        yield from _banned_builtin(source, call, BANNED_BUILTINS_IN_PURE)
        yield from _local_time_zone(source, call)
        for keyword in call.keywords:
            if keyword.arg == "key" and _is_name(keyword.value, {"id", "hash"}):
                yield source.finding(call, "ordering by address or hash; order by the value itself")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
            yield source.finding(node, "asynchronous code; emit a command, the shell awaits")


def check_live(source: SourceFile) -> Iterator[Finding]:
    """What would make the live shell's order of work depend on a set."""
    if source.package == "live":
        yield from _banned_paths(source, BANNED_IN_LIVE)


def check_virtual_time(source: SourceFile) -> Iterator[Finding]:
    """Tests that sleep; only whole programs (e2e) may be waited for."""
    if source.path.removeprefix("tests/").startswith(VIRTUAL_TIME_SUITES):
        yield from _banned_paths(source, {"time.sleep": "advance virtual time instead"})


def _banned_paths(source: SourceFile, table: dict[str, str]) -> Iterator[Finding]:
    """Uses and imports of banned dotted paths, under whatever name they were imported."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            paths = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute):
            paths = [source.names.qualify(node)]
        else:
            continue
        for path in paths:
            for banned, remedy in table.items():
                below = isinstance(node, ast.Import | ast.ImportFrom) and path.startswith(
                    banned + "."
                )
                if path == banned or below:
                    yield source.finding(node, f"{banned}; {remedy}")


def _unseeded_draws(source: SourceFile) -> Iterator[Finding]:
    remedy = "use a random.Random seeded by (seed, strategy id), passed in"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "random":
            drawn = [alias.name for alias in node.names if alias.name != "Random"]
            for name in drawn:
                yield source.finding(node, f"random.{name}; {remedy}")
        elif isinstance(node, ast.Attribute):
            path = source.names.qualify(node)
            if path.startswith("random.") and path.split(".")[1] not in {"Random", "SystemRandom"}:
                yield source.finding(node, f"{path}; {remedy}")
    for call in _calls(source):
        seeded = bool(call.args or call.keywords)
        if not seeded and source.names.qualify(call.func) == "random.Random":
            yield source.finding(call, f"random.Random() without a seed; {remedy}")


def _set_order(source: SourceFile) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.For | ast.comprehension):
            looped = node.iter
        elif isinstance(node, ast.Call) and _is_name(node.func, ORDERED_READERS) and node.args:
            looped = node.args[0]
        else:
            continue
        if isinstance(looped, ast.Set | ast.SetComp) or (
            isinstance(looped, ast.Call) and _is_name(looped.func, {"set", "frozenset"})
        ):
            yield source.finding(looped, "order of a set; use sorted(), a tuple or a dict")


def _local_time_zone(source: SourceFile, call: ast.Call) -> Iterator[Finding]:
    path = source.names.qualify(call.func)
    if path == "datetime.datetime.fromtimestamp" and len(call.args) + len(call.keywords) < 2:
        yield source.finding(call, f"{path} without a zone reads the machine's; pass UTC")


def _banned_builtin(source: SourceFile, call: ast.Call, table: dict[str, str]) -> Iterator[Finding]:
    if isinstance(call.func, ast.Name) and call.func.id in table:
        yield source.finding(call, f"{call.func.id}(); {table[call.func.id]}")


def _calls(source: SourceFile) -> Iterator[ast.Call]:
    return (node for node in ast.walk(source.tree) if isinstance(node, ast.Call))


def _is_name(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names
