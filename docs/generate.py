"""Writes the reference pages from the code, so that no table in the documentation can be wrong.

`make docs` runs it; a test compares every page with what it would write today. Pages name the
module they come from. Nothing here imports more than the values it prints: classes, fields and
docstrings are read from the source text.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import typer
from typer.testing import CliRunner

from docs.differences import differences
from docs.fault_matrix import fault_matrix
from docs.source_reading import (
    audit_types,
    functions_in,
    judged_by_gate,
    limit_keys,
    methods,
    promise,
    properties,
    structs,
    table,
    texts_in,
    tree_of,
)
from regimeflow.backtest.definitions import DEFINITIONS
from regimeflow.brokers.catalog import BROKERS
from regimeflow.cli.app import app, live_app
from regimeflow.config import config_reference
from regimeflow.core.order_table import ORDER_TABLE
from regimeflow.model.order import OrderStatus

DOCS = Path(__file__).resolve().parent
PROGRAMS = {"regimeflow": app, "regimeflow_live": live_app}
CONTROL = re.compile(r"C\d\d")
CONTROL_MODULES = (
    "core/risk/controls.py",
    "core/risk/gate.py",
    "core/risk/losses.py",
    "core/risk/clock.py",
    "core/closings.py",
    "core/cancels.py",
    "core/duty_wait.py",
    "core/on_report.py",
    "core/discrepancies.py",
    "core/external.py",
    "core/on_operator.py",
    "core/callbacks.py",
)


def order_states() -> str:
    """The order life cycle: a diagram of its usual part, and the whole table."""
    own = {OrderStatus.CREATED, OrderStatus.DENIED, OrderStatus.IN_DOUBT, OrderStatus.NOT_FOUND}
    edges: dict[tuple[str, str], list[str]] = {}
    for (before, happening), after in ORDER_TABLE.items():
        if before is not after and not before.is_terminal:
            edges.setdefault((before.name, after.name), []).append(happening.value)
    lines = [f"    {a} --> {b}: {' / '.join(what)}" for (a, b), what in edges.items()]
    ends = [f"    {s.name} --> [*]" for s in OrderStatus if s.is_terminal]
    rows = [
        f"| `{before.name}` | {happening.value} | `{after.name}` |"
        for (before, happening), after in ORDER_TABLE.items()
    ]
    states = [
        f"| `{s.name}` | {'ours' if s in own else 'FIX'} | {'yes' if s.is_terminal else ''} |"
        for s in OrderStatus
    ]
    return _page(
        "Order states",
        "core/order_table.py",
        "A row says: in this state, this happening leads to that state. A report without a row is "
        "a `DiscrepancyFound`; the order stays as it is. Where a row leads to `NEW` and the order "
        "has fills, it is `PARTIALLY_FILLED` again.",
        "```mermaid\nstateDiagram-v2\n    [*] --> CREATED\n" + "\n".join((*lines, *ends)) + "\n```",
        "The diagram leaves out what changes no state, and late reports on ended orders; the table "
        "below has them.",
        table("state", "from", "ended", rows=states),
        "## Every transition",
        table("in state", "when", "leads to", rows=rows),
    )


def controls() -> str:
    """Every control in the code: what it judges, by which keys, and whether exits are exempt."""
    keys = limit_keys()
    always, entries_only = judged_by_gate()
    rows = []
    for module in CONTROL_MODULES:
        for name, function in functions_in(tree_of(module)):
            numbers = sorted({t for t in texts_in(function) if CONTROL.fullmatch(t)})
            if not numbers:
                continue
            words = {word for text in texts_in(function) for word in re.findall(r"[a-z_]+", text)}
            named = ", ".join(f"`{key}`" for key in keys if key in words)
            short = name.rpartition(".")[2]
            scope = "entries" if short in entries_only else "all orders" if short in always else ""
            rows.append(
                f"| {', '.join(numbers)} | {promise(function)} | {named} | {scope} | "
                f"`{module}:{name}` |"
            )
    return _page(
        "Risk controls",
        "core/",
        "Every place in the code that can refuse an order or change what may leave. “Entries” "
        "means that an order which can only reduce the account's position is exempt. An empty "
        "scope means that the control judges the account, not one order.",
        table("control", "what it does", "keys", "judges", "where", rows=rows),
        "Units and defaults of the keys are in the [configuration reference](config.md).",
    )


def events() -> str:
    """Market data, events, commands and notices with their fields."""
    parts = []
    for title, module in (
        ("Market data", "model/market.py"),
        ("Events", "model/events.py"),
        ("Commands and notices", "model/commands.py"),
    ):
        parts.append(f"## {title}\n\nFrom `{module}`.")
        parts += structs(module)
    return _page(
        "Events, commands and notices",
        "model/",
        "What can influence the engine, and what it gives out. Times are nanoseconds UTC. Market "
        "data is float; orders, fills, cash and limits are exact decimals.",
        *parts,
    )


def strategy() -> str:
    """Callbacks of a strategy and methods of its context."""
    base, context = "strategy/base.py", "strategy/context.py"
    return _page(
        "Strategy and context",
        "strategy/",
        "Every callback is optional but `initialize`. Inside a callback, `self.ctx` is everything "
        "there is. How to use them: [writing strategies](../strategies.md).",
        "## Callbacks",
        *methods(base, "Strategy"),
        "## Context",
        *methods(context, "Context"),
        "## Position",
        properties(context, "PositionView"),
        "## Portfolio",
        properties(context, "PortfolioView"),
    )


def metrics() -> str:
    """What each number of a report means."""
    rows = [f"| `{name}` | {meaning} |" for name, meaning in DEFINITIONS.items()]
    return _page(
        "Metrics of a report",
        "backtest/definitions.py",
        "The same text is in every `report.json`, under `definitions`.",
        table("name", "meaning", rows=rows),
    )


def brokers() -> str:
    """What is true of each broker today."""
    rows = [f"| `{b.name}` | {b.title} | {b.validation} | {b.evidence} |" for b in BROKERS]
    parts = []
    for broker in BROKERS:
        if broker.capabilities is None:
            continue
        values = {
            name: getattr(broker.capabilities, name)
            for name in broker.capabilities.__struct_fields__
        }
        cells = [
            f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in values.items()
        ]
        parts += [f"## `{broker.name}`", table("capability", "value", rows=cells)]
    return _page(
        "Brokers",
        "brokers/catalog.py",
        "`regimeflow brokers` prints the same.",
        table("`live.broker`", "what", "status", "evidence", rows=rows),
        *parts,
    )


def audit() -> str:
    """The types of audit lines, and which records of the journal lead to them."""
    rows = [
        f"| `{kind}` | {', '.join(f'`{record}`' for record in records)} |"
        for kind, records in audit_types().items()
    ]
    return _page(
        "Audit log",
        "observe/audit_fold.py",
        "`audit.jsonl` has one line for each of these, with `seq`, `timestamp`, `type`, `details`, "
        "`metadata`, `prev_hash` and `hash`; `audit.log` holds the same as CSV. Every line about "
        "an order carries strategy, symbol, side, quantity, price, client and broker id, the "
        "record of the journal it tells of and the record that caused that. `DryRunOrder` belongs "
        "to `live.dry_run`, which is refused today.",
        table("type", "written for", rows=rows),
    )


def commands() -> str:
    """Every command with its help."""
    parts = []
    for program, application in PROGRAMS.items():
        for path in _command_paths(application):
            result = CliRunner(env={"COLUMNS": "80"}).invoke(
                application, [*path, "--help"], prog_name=program
            )
            name = " ".join((program, *path))
            parts.append(f"## `{name}`\n\n```text\n{result.output.strip()}\n```")
    return _page(
        "Commands",
        "cli/app.py",
        "What each program says when it is asked with `--help`. Exit codes: [errors](errors.md).",
        *parts,
    )


def command_names() -> list[tuple[str, ...]]:
    """Every command as it is typed, word by word."""
    paths = ((program, _command_paths(each)) for program, each in PROGRAMS.items())
    return [(program, *path) for program, found in paths for path in found]


def _command_paths(application: typer.Typer) -> Iterator[tuple[str, ...]]:
    if application.registered_groups or len(application.registered_commands) > 1:
        for command in application.registered_commands:
            yield (str(command.name),)
        for group in application.registered_groups:
            if group.typer_instance is not None:
                for path in _command_paths(group.typer_instance):
                    yield (str(group.name), *path)
    else:
        yield ()


def errors() -> str:
    """The error tree with its exit codes."""
    tree = f"```text\n{ast.get_docstring(tree_of('errors.py'))}\n```"
    return _page("Errors and exit codes", "errors.py", tree)


def config() -> str:
    """Every key of the configuration."""
    return config_reference().rstrip() + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "reference/audit.md": audit,
    "reference/brokers.md": brokers,
    "reference/commands.md": commands,
    "reference/config.md": config,
    "reference/controls.md": controls,
    "reference/differences.md": differences,
    "reference/errors.md": errors,
    "reference/events.md": events,
    "reference/fault-matrix.md": fault_matrix,
    "reference/metrics.md": metrics,
    "reference/order-states.md": order_states,
    "reference/strategy.md": strategy,
}


def main() -> int:
    """Write every page that has changed; returns the exit code."""
    for name, make in PAGES.items():
        path = DOCS / name
        text = make()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8", newline="\n")
            print(f"written: docs/{name}")
    return 0


def _page(title: str, origin: str, *parts: str) -> str:
    head = f"# {title}\n\nGenerated by `make docs` from `src/regimeflow/{origin}`; do not edit."
    return "\n\n".join((head, *parts)) + "\n"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


if __name__ == "__main__":
    sys.exit(main())
