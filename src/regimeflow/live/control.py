"""The control address: where an operator's commands reach a running engine.

One HTTP server on a loopback address. Its address and a token, new at each start, are in
`control.json`, readable by its owner alone. A command needs the token in its Authorization
header, the address in its Host header, no Origin and no query, so that no page in a browser can
give one. A token of 256 bits needs no lock against guessing, which would lock out the operator.
A command's id is taken once; the last `IDS_MAX` are remembered.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import os
import secrets
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from regimeflow.config.live import ControlSection
from regimeflow.core.engine import Engine
from regimeflow.errors import ConfigError, UsageError
from regimeflow.live.operator import VERBS, Wish, answer_of, event_of
from regimeflow.live.server_log import server_logger
from regimeflow.model.events import Event

if TYPE_CHECKING:
    from aiohttp import web

CONTROL_NAME = "control.json"
BODY_BYTES_MAX = 4_096
ANSWER_S = 3.0
IDS_MAX = 1_000
Deliver = Callable[[Event, Callable[[], None]], None]
"""Has an event processed, and calls back once it was."""
_DECODE = msgspec.json.Decoder(Wish).decode


class ControlServer:
    """Takes commands for one engine; `attach` names it, until then they are refused."""

    def __init__(self, section: ControlSection, log_dir: Path) -> None:
        self._section = section
        self._path = log_dir / CONTROL_NAME
        self._token = ""
        self._hosts: frozenset[str] = frozenset()
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._engine: Engine | None = None
        self._deliver: Deliver | None = None
        self._runner: web.AppRunner | None = None

    def attach(self, engine: Engine, deliver: Deliver) -> None:
        """Commands go to this engine from now on; `deliver` says when one was processed."""
        self._engine, self._deliver = engine, deliver

    def detach(self) -> None:
        """The run ends: commands are refused from now on."""
        self._engine = self._deliver = None

    async def start(self) -> None:
        """Listen, and say where in `control.json`. Raises ConfigError where that cannot be."""
        if not self._section.enabled:
            return
        from aiohttp import web

        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/v1/{verb}", self._on_post)
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=5.0, logger=server_logger("control")
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._section.host, self._section.port)
        try:
            await site.start()
            host, port = self._runner.addresses[0][:2]
            self._token = secrets.token_urlsafe(32)
            name = f"[{host}]" if ":" in host else host
            self._hosts = frozenset({f"{name}:{port}", f"localhost:{port}"})
            _write_private(self._path, {"url": f"http://{name}:{port}", "token": self._token})
        except OSError as error:
            await self.close()
            raise ConfigError(
                f"live.control: {self._section.host}:{self._section.port} cannot be used "
                f"({error.strerror or error}); name another port, 0 for any, or set enabled: false"
            ) from error

    async def close(self) -> None:
        """Stop listening and remove `control.json`; harmless when repeated.

        On a dead disk the file stays: it names a port where nobody listens.
        """
        runner, self._runner = self._runner, None
        if runner is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)
            await runner.cleanup()

    def take(self, verb: str, wish: Wish, on_done: Callable[[], None]) -> bool:
        """Have a wish processed in a turn of its own; False while there is no engine.

        If the engine fails in it, that is the run's business, not a request's. Raises UsageError
        as `event_of` does.
        """
        if self._engine is None or self._deliver is None:
            return False
        event = event_of(self._engine, verb, wish)
        asyncio.get_running_loop().call_soon(self._deliver, event, on_done)
        return True

    # --- inside -------------------------------------------------------------------------

    async def _on_post(self, request: web.Request) -> web.Response:
        from aiohttp import web

        refusal = self._refusal(request)
        if refusal is not None:
            return web.json_response({"error": refusal[1]}, status=refusal[0])
        verb = request.match_info["verb"]
        if verb not in VERBS:
            known = ", ".join(VERBS)
            return web.json_response({"error": f"{verb} is none of {known}"}, status=404)
        try:
            wish = _DECODE(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"error": "too long for a command"}, status=413)
        except msgspec.MsgspecError as error:
            return web.json_response({"error": f"not a command: {error}"}, status=400)
        if self._engine is None or self._deliver is None:
            said = "the engine is not up yet, or is stopping; repeat it"
            return web.json_response({"error": said}, status=503)
        if wish.id in self._ids:
            return web.json_response({"error": "this command was taken before"}, status=409)
        self._ids[wish.id] = None
        if len(self._ids) > IDS_MAX:
            self._ids.popitem(last=False)
        engine, processed = self._engine, asyncio.get_running_loop().create_future()

        def done() -> None:
            if not processed.done():
                processed.set_result(None)

        try:
            self.take(verb, wish, done)
        except UsageError as error:
            return web.json_response({"error": str(error)}, status=400)
        try:
            async with asyncio.timeout(ANSWER_S):
                await processed
        except TimeoutError:
            return web.json_response({"error": "the engine failed; see its console"}, status=500)
        return web.json_response(msgspec.to_builtins(answer_of(engine, verb, wish)))

    def _refusal(self, request: web.Request) -> tuple[int, str] | None:
        """Why this request is not an operator's; None when it is."""
        headers = request.headers
        if headers.getall("Host", []) not in ([host] for host in self._hosts):
            return 400, "this address is not spoken to by that name"
        if "Origin" in headers:
            return 403, "no page gives commands"
        if request.query_string:
            return 400, "nothing belongs into the address"
        given = headers.get("Authorization", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
            return 401, f"the token is not the one in {CONTROL_NAME}"
        return None


def _write_private(path: Path, content: dict[str, str]) -> None:
    """Put a file in place at once that only its owner may read."""
    partial = path.with_name(path.name + ".part")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as stream:
        json.dump(content, stream)
    partial.replace(path)
