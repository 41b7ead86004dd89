"""Commands to a running engine: halt, resume, cancel-all, flatten, adopt."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from regimeflow.cli.audit_places import LogDirOption, directory_of
from regimeflow.cli.reply import JsonOption, Reply, Status

TIMEOUT_S = 5.0
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="PATH", help="Take log_dir from this file.")
]
ReasonOption = Annotated[
    str, typer.Option("--reason", metavar="TEXT", help="Why; it is journaled and audited.")
]
StrategyOption = Annotated[
    str | None, typer.Option("--strategy", metavar="ID", help="Only this strategy.")
]


def halt(
    *,
    config: ConfigOption = None,
    log_dir: LogDirOption = None,
    reason: ReasonOption = "",
    strategy: StrategyOption = None,
    exits: Annotated[
        bool, typer.Option("--exits", help="Let orders leave that reduce a position.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop new orders until `resume`; what works at the broker stays there."""
    extra = {"strategy": strategy, "allows_exits": exits}
    _give("halt", _directory(config, log_dir), reason, extra, is_json=as_json)


def resume(
    *,
    config: ConfigOption = None,
    log_dir: LogDirOption = None,
    reason: ReasonOption = "",
    strategy: StrategyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trade on; refused while the broker and the books differ."""
    _give("resume", _directory(config, log_dir), reason, {"strategy": strategy}, is_json=as_json)


def cancel_all(
    *,
    config: ConfigOption = None,
    log_dir: LogDirOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cancel every working order."""
    _give("cancel-all", _directory(config, log_dir), reason, {}, is_json=as_json)


def flatten(
    *,
    config: ConfigOption = None,
    log_dir: LogDirOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Cancel every working order and close every position, whatever the trading state."""
    _give("flatten", _directory(config, log_dir), reason, {}, is_json=as_json)


def adopt(
    *,
    config: ConfigOption = None,
    log_dir: LogDirOption = None,
    reason: ReasonOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take what the broker has and the books have not into the books; then `resume`."""
    _give("adopt", _directory(config, log_dir), reason, {}, is_json=as_json)


def _directory(config: Path | None, log_dir: Path | None) -> Path:
    if config is not None and log_dir is not None:
        raise typer.BadParameter("give --config or --log-dir, not both")
    return directory_of(config, log_dir)


def _give(verb: str, directory: Path, reason: str, extra: dict[str, Any], *, is_json: bool) -> None:
    import secrets

    fields = {"id": secrets.token_hex(16), "reason": reason}
    fields |= {name: value for name, value in extra.items() if value}
    with Reply(verb, is_json=is_json) as reply:
        status, answer = _post(directory, verb, fields)
        if status != OK:
            said = str(answer.get("error", f"status {status}"))
            reply.item(verb, Status.FAIL, seen=said)
            reply.say_failure(f"error: {verb} was not taken: {said}")
            return
        text = f"trading {str(answer['state']).upper()}: {answer['text']}"
        reply.item(verb, Status.PASS if answer["ok"] else Status.FAIL, seen=text)
        (reply.say if answer["ok"] else reply.say_failure)(text)


OK = 200


def _post(directory: Path, verb: str, fields: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Send one command; raises StartRefused where no engine answers."""
    import json
    import urllib.error
    import urllib.request

    from regimeflow.errors import StartRefused

    address = _address(directory)
    request = urllib.request.Request(
        f"{address['url']}/v1/{verb}",
        data=json.dumps(fields).encode(),
        headers={
            "Authorization": f"Bearer {address['token']}",
            "Content-Type": "application/json",
        },
        method="POST",
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)
    except OSError as error:
        raise StartRefused(
            f"the engine of {directory} does not answer at {address['url']} ({error}). If its "
            "process has gone, start it again; if it is stuck, end it: what works at the broker "
            "stays there"
        ) from error


def _address(directory: Path) -> dict[str, str]:
    import json

    from regimeflow.errors import StartRefused

    path = directory / "control.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {"url": str(found["url"]), "token": str(found["token"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StartRefused(
            f"no engine takes commands in {directory} ({path.name}: {error}); name the log_dir of "
            "a running one, or start it with live.control.enabled: true"
        ) from error
