"""`regimeflow status`: what the engine of a log directory is doing, or did last."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from regimeflow.cli.audit_places import LogDirOption, directory_of
from regimeflow.cli.reply import JsonOption, Reply, Status

STATUS_NAME = "status.json"
STATUS_BYTES_MAX = 16 * 2**20
STATE_STATUS = {"active": Status.PASS, "reducing": Status.WARN, "halted": Status.FAIL}


def status(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="PATH", help="Take log_dir from this file.")
    ] = None,
    log_dir: LogDirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the engine is doing, or did last.

    Exit 1 without a status, or when something in it needs you. Ages are in the time of the data:
    how much older than the last event.
    """
    if config is not None and log_dir is not None:
        raise typer.BadParameter("give --config or --log-dir, not both")
    with Reply("status", is_json=as_json) as reply:
        directory = directory_of(config, log_dir)
        document = _read(directory / STATUS_NAME)
        if document is None:
            reply.item(
                "status",
                Status.FAIL,
                seen=f"no {STATUS_NAME} in {directory}",
                expected="the directory of a live run",
                fix="start one with regimeflow_live, or name its directory",
            )
            reply.say_failure(f"error: no {STATUS_NAME} in {directory}; no live run wrote there")
            return
        is_running = _is_running(directory)
        reply.add(running=is_running, log_dir=str(directory), **document)
        _tell_process(reply, document, directory, is_running=is_running)
        _tell_trading(reply, document)
        _tell_parts(reply, document)
        _tell_account(reply, document)


def _is_running(directory: Path) -> bool:
    from regimeflow.errors import ConfigError
    from regimeflow.live.lock import is_locked

    try:
        return is_locked(directory)
    except OSError as error:
        raise ConfigError(
            f"{directory}: whether an engine runs here cannot be told ({error}); run this as the "
            "user that runs the engine"
        ) from error


def _read(path: Path) -> dict[str, Any] | None:
    """The document, None where there is none. Raises ConfigError where it is not a status."""
    import msgspec

    from regimeflow.errors import ConfigError
    from regimeflow.observe.health import SCHEMA

    try:
        with path.open("rb") as file:
            content = file.read(STATUS_BYTES_MAX)
        document = msgspec.json.decode(content, type=dict[str, Any])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{path} cannot be read as a status ({error}); the next run writes it again"
        ) from error
    if document.get("schema") != SCHEMA:
        raise ConfigError(
            f"{path}: seen schema {document.get('schema')!r}, expected {SCHEMA!r}; the next run "
            "writes it again"
        )
    return document


def _tell_process(
    reply: Reply, document: dict[str, Any], directory: Path, *, is_running: bool
) -> None:
    stopped = document["stopped"]
    if is_running:
        seen, found, fix = "running", Status.PASS, ""
    elif stopped:
        seen, found, fix = f"stopped: {stopped}", Status.PASS, ""
    else:
        seen, found = "not running, and it never said that it stopped", Status.FAIL
        fix = "start it again: it recovers from its journal"
    reply.item("engine", found, seen=seen, expected="running, or stopped in order", fix=fix)
    reply.say(f"engine    {seen} ({directory}, boot {document['boot']})")
    reply.say(f"last      {document['last_event'] or 'no event yet'}")
    if fix:
        reply.say(f"          {fix}")


def _tell_trading(reply: Reply, document: dict[str, Any]) -> None:
    states = {"trading": document["trading"], **document["strategies"]}
    for name, state in states.items():
        value, fault = state.get("state", "active"), state.get("fault", "")
        reason = "; ".join(part for part in (state.get("reason", ""), fault) if part)
        by = f" by {state['control']}" if state.get("control") else ""
        found = Status.FAIL if fault else STATE_STATUS.get(value, Status.FAIL)
        seen = f"{value}{by}: {reason}" if reason else f"{value}{by}"
        reply.item(name if name == "trading" else f"strategy:{name}", found, seen=seen)
        reply.say(f"{'trading' if name == 'trading' else name:<9} {seen}")


def _tell_parts(reply: Reply, document: dict[str, Any]) -> None:
    for name, link in document["links"].items():
        is_stopped = bool(document["stopped"])
        found = Status.PASS if link["status"] == "up" or is_stopped else Status.WARN
        reply.item(f"link:{name}", found, seen=f"{link['status']}: {link['detail']}")
        reply.say(f"link      {name} {link['status']} {link['detail']}")
    for name, part in document["health"].items():
        found = Status.PASS if part["status"] == "ok" else Status.WARN
        reply.item(f"health:{name}", found, seen=f"{part['status']}: {part['detail']}")
        reply.say(f"health    {name} {part['status']} {part['detail']}")
    for name, clock in document.get("clocks", {}).items():
        side = "ahead of" if clock["ahead_ms"] >= 0 else "behind"
        reply.say(
            f"clock     {name} is {abs(clock['ahead_ms']):.0f} ms {side} ours, give or take "
            f"{clock['uncertainty_ms']:.0f} ms"
        )
    for symbol, data in document["data"].items():
        reply.say(f"data      {symbol} is {data['age_s']:.0f} s older than the last event")


def _tell_account(reply: Reply, document: dict[str, Any]) -> None:
    orders, account = document["orders"], document["account"]
    in_doubt = orders["in_doubt"]
    reply.item(
        "orders",
        Status.WARN if in_doubt else Status.PASS,
        seen=f"{orders['open']} open, {in_doubt} in doubt",
    )
    counted = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in orders.items())
    reply.say(f"orders    {counted}")
    if account is not None:
        reply.say(
            f"account   equity {account['equity']:,.2f}, cash {account['cash']:,.2f}, "
            f"gross exposure {account['gross_exposure']:,.2f}"
        )
