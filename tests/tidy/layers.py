"""Which package may import which: values at the bottom, the pure engine above, shells outside.

    errors <- model <- strategy, regime, venue      core may use model, strategy and regime

Pure packages know nothing of disks, sockets, clocks or processes, so the same engine runs in a
backtest, live, in a replay and in a simulation. An import under `TYPE_CHECKING` counts too: a
layer that needs another's types depends on it.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.tidy.source import Finding, SourceFile, imported_modules

# For each pure package, which of ours it may import besides itself.
MAY_IMPORT = {
    "errors": frozenset[str](),
    "model": frozenset({"errors"}),
    "strategy": frozenset({"errors", "model"}),
    "regime": frozenset({"errors", "model"}),
    "venue": frozenset({"errors", "model"}),
    "core": frozenset({"errors", "model", "strategy", "regime"}),
}
PURE = frozenset(MAY_IMPORT)

# Standard modules that read nothing but their arguments. `datetime` is for calendar dates and
# formatting; its clock is banned in bans.py, as is everything of `random` but seeded instances.
PURE_MODULES = frozenset(
    {
        "__future__ abc array bisect collections contextlib copy dataclasses datetime decimal enum",
        "fractions functools hashlib heapq itertools math numbers operator random re statistics",
        "string types typing",
    }
)
PURE_STANDARD = frozenset(name for line in PURE_MODULES for name in line.split())
PURE_THIRD_PARTY = frozenset({"msgspec", "typing_extensions"})

REPLACEMENT = {
    "aiohttp": "emit a command; the broker's client.py carries it out",
    "asyncio": "emit a command or SetTimer; the shell runs the loop",
    "calendar": "use the session calendar in regimeflow.model.session",
    "csv": "read files in backtest/ or brokers/ and pass values in",
    "json": "use msgspec.json on values",
    "locale": "format(number, 'f') does not depend on the machine",
    "logging": "return a notice; observers log from the journal",
    "multiprocessing": "the engine is one thread; offline work belongs in research/",
    "numpy": "use float arithmetic and math; numpy's bits differ between processors",
    "os": "take the value as an argument; config/ reads the environment",
    "pathlib": "take the content as an argument; shells open files",
    "queue": "call the function; the engine has no queue hop",
    "secrets": "derive ids from (session, boot, strategy, number)",
    "select": "emit a command; the shell runs the loop",
    "signal": "take an operator event (Halt, CancelAll, Flatten)",
    "socket": "emit a command; the broker's client.py carries it out",
    "subprocess": "move it to a shell (live/, cli/)",
    "sys": "take the value as an argument",
    "tempfile": "take the content as an argument; shells open files",
    "threading": "the engine is one thread; there is nothing to lock",
    "time": "use the ts_ns of the event in hand, or SetTimer",
    "uuid": "derive ids from (session, boot, strategy, number)",
    "zoneinfo": "use the session calendar in regimeflow.model.session",
}

# A sans-I/O adapter knows bytes (wire) and conversation (session); only its client awaits.
SANS_IO_FILES = ("wire.py", "session.py")
NETWORK_MODULES = frozenset({"aiohttp", "asyncio", "http", "select", "socket", "ssl", "urllib"})


def check_layers(source: SourceFile) -> Iterator[Finding]:
    """Imports that point up or out of the layer a file lives in."""
    for node, module in imported_modules(source):
        for complaint in _complaints(source, module):
            yield source.finding(node, complaint)


def check_sans_io(source: SourceFile) -> Iterator[Finding]:
    """Network imports in the parts of a broker adapter that must not know the network."""
    file_name = source.path.rsplit("/", 1)[-1]
    if source.package != "brokers" or not file_name.endswith(SANS_IO_FILES):
        return
    for node, module in imported_modules(source):
        if module.split(".")[0] in NETWORK_MODULES and module != "urllib.parse":
            yield source.finding(
                node, f"{file_name} imports {module}; only client.py touches the network"
            )


def _complaints(source: SourceFile, module: str) -> Iterator[str]:
    if module.startswith("."):
        yield f"relative import {module}; write it as regimeflow.…"
        return
    top, _, rest = module.partition(".")
    own = source.package
    if top == "regimeflow":
        target = rest.split(".")[0]
        if target == "cli" and own not in {"cli", "__main__"}:
            yield f"{own} imports {module}; only cli imports cli, move the shared part below it"
        elif own in PURE and target not in MAY_IMPORT[own] | {own}:
            allowed = ", ".join(sorted(MAY_IMPORT[own])) or "nothing of ours"
            yield f"{own} imports {module}; it may import {allowed}. Pass the value in instead"
    elif own in PURE and top not in PURE_STANDARD | PURE_THIRD_PARTY:
        remedy = REPLACEMENT.get(top, "pass the value in, or move this to a shell package")
        yield f"{own} is pure and imports {module}; {remedy}"
