"""`regimeflow config`: check a configuration, or print what one may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.reply import JsonOption, Reply, Status
from regimeflow.errors import EXIT_CONFIG

if TYPE_CHECKING:
    from regimeflow.config import Config, Problem


def check(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The configuration file.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Validate a configuration and its strategies' parameters.

    Exit 2 when something is wrong. Limits that are off are warnings.
    """
    from regimeflow.config import inspect_config, limit_warnings

    with Reply("config-check", is_json=as_json) as reply:
        reply.refuse_with(EXIT_CONFIG)
        config, problems = inspect_config(path)
        warnings: list[str] = []
        if config is not None:
            _check_strategies(reply, config)
            warnings = limit_warnings(config)
        for problem in problems:
            _add_problem(reply, problem)
        for warning in warnings:
            key, _, text = warning.partition(": ")
            reply.item(key, Status.WARN, seen=text)
            reply.say(f"warning: {path}: {warning}")
        if reply.is_ok:
            reply.item("configuration", Status.PASS, seen=f"{path} is valid")
            reply.say(f"ok: {path}, {len(warnings)} warnings")


def schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    from regimeflow.config import config_schema

    print(json.dumps(config_schema(), indent=2))


def reference() -> None:
    """Print every key with its default, meaning and unit, as a Markdown page."""
    from regimeflow.config import config_reference

    print(config_reference(), end="")


def _add_problem(reply: Reply, problem: Problem) -> None:
    from regimeflow.config.problems import written

    reply.item(
        written(problem.path) or "file",
        Status.FAIL,
        seen=problem.seen if problem.line is None else f"{problem.seen} (line {problem.line})",
        expected=problem.expected,
        fix=problem.next_step,
    )
    reply.say_failure(f"error: {problem}")


def _check_strategies(reply: Reply, config: Config) -> None:
    from regimeflow.errors import ConfigError
    from regimeflow.run.strategies import load_strategies

    try:
        loaded = load_strategies(config)
    except ConfigError as error:
        reply.item("strategy", Status.FAIL, seen=str(error), fix="correct the strategy section")
        reply.say_failure(f"error: {config.source}: {error}")
        return
    for entry in loaded:
        kind = type(entry.strategy)
        seen = f"{entry.strategy_id} is {kind.__module__}:{kind.__qualname__}"
        reply.item("strategy", Status.PASS, seen=seen)
