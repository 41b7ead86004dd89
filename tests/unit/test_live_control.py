"""The control address takes an operator's commands, once each, and nobody else's."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from regimeflow.config.live import ControlSection
from regimeflow.errors import ConfigError
from regimeflow.live import control
from regimeflow.live.control import CONTROL_NAME, FAILURES_MAX, ControlServer
from regimeflow.model.commands import TradingState
from regimeflow.model.events import Event
from tests.faults.desk_script import LinkedDesk

Post = Callable[..., Awaitable[tuple[int, dict[str, Any]]]]
ID = "0123456789abcdef"


def spoken_to(
    tmp_path: Path, conversation: Callable[[LinkedDesk, Post], Awaitable[None]]
) -> LinkedDesk:
    """Run a conversation with the control address of a desk."""
    desk = LinkedDesk()

    def feed(event: Event) -> None:
        desk.feed(event)

    async def talk() -> None:
        server = ControlServer(ControlSection(), tmp_path)
        await server.start()
        server.attach(desk.engine, feed)
        address = json.loads((tmp_path / CONTROL_NAME).read_text(encoding="utf-8"))
        mode = (tmp_path / CONTROL_NAME).stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        try:
            async with aiohttp.ClientSession() as session:

                async def post(
                    verb: str, *, token: str = address["token"], query: str = "",
                    headers: dict[str, str] | None = None, **body: object,
                ) -> tuple[int, dict[str, Any]]:  # fmt: skip
                    async with session.post(
                        f"{address['url']}/v1/{verb}{query}",
                        json={"id": ID, **body},
                        headers={"Authorization": f"Bearer {token}", **(headers or {})},
                    ) as response:
                        is_json = response.content_type == "application/json"
                        return response.status, await response.json() if is_json else {}

                await conversation(desk, post)
        finally:
            await server.close()
        assert not (tmp_path / CONTROL_NAME).exists()

    asyncio.run(talk())
    return desk


def test_halt_and_resume_take_effect_and_say_so(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        status, answer = await post("halt", id="halt-0001", reason="lunch")
        assert (status, answer["ok"], answer["state"]) == (200, True, "halted")
        assert desk.try_to_buy() == "C25"
        status, answer = await post("resume", id="resume-01")
        assert (answer["ok"], answer["state"]) == (True, "active")
        assert desk.try_to_buy() == ""

    desk = spoken_to(tmp_path, conversation)
    assert desk.trading == TradingState.ACTIVE


def test_command_is_taken_once(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        assert (await post("halt"))[0] == 200
        status, answer = await post("resume")
        assert (status, answer["error"]) == (409, "this command was taken before")

    assert spoken_to(tmp_path, conversation).trading == TradingState.HALTED


@pytest.mark.parametrize(
    ("status", "request_of"),
    [
        (401, {"token": "guessed"}),
        (403, {"headers": {"Origin": "http://127.0.0.1"}}),
        (400, {"headers": {"Host": "evil.example"}}),
        (400, {"query": "?token=x"}),
        (400, {"id": "short"}),
        (400, {"unknown": 1}),
        (400, {"strategy": "nobody"}),
        (400, {"reason": "x" * 300}),
        (413, {"reason": "x" * 10_000}),
    ],
)
def test_what_is_not_an_operators_command_changes_nothing(
    status: int, request_of: dict[str, Any], tmp_path: Path
) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        assert (await post("halt", **request_of))[0] == status

    assert spoken_to(tmp_path, conversation).trading == TradingState.ACTIVE


def test_unknown_command_is_refused_by_name(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        status, answer = await post("explode")
        assert (status, answer["error"][:7]) == (404, "explode")

    spoken_to(tmp_path, conversation)


def test_guessing_locks_everybody_out_for_a_while(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        for _ in range(FAILURES_MAX):
            assert (await post("halt", token="guess"))[0] == 401
        assert (await post("halt"))[0] == 429

    assert spoken_to(tmp_path, conversation).trading == TradingState.ACTIVE


def test_resume_is_refused_while_a_difference_stands(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        desk.hold(5)
        desk.sweeps(2, positions=())
        status, answer = await post("resume")
        assert (status, answer["ok"], answer["state"]) == (200, False, "reducing")
        assert "position ABC differs" in answer["text"]
        _, answer = await post("adopt", id="adopt-001")
        assert answer["ok"], answer
        _, answer = await post("resume", id="resume-02")
        assert answer["state"] == "active"

    spoken_to(tmp_path, conversation)


def test_flatten_cancels_and_closes_although_trading_is_halted(tmp_path: Path) -> None:
    async def conversation(desk: LinkedDesk, post: Post) -> None:
        desk.hold(5)
        assert (await post("halt", id="halt-0002"))[0] == 200
        _, answer = await post("flatten")
        assert answer["text"] == "1 orders and 1 positions are being closed"

    spoken_to(tmp_path, conversation)


def test_commands_before_the_engine_is_up_are_to_be_repeated(tmp_path: Path) -> None:
    async def talk() -> None:
        server = ControlServer(ControlSection(), tmp_path)
        await server.start()
        address = json.loads((tmp_path / CONTROL_NAME).read_text(encoding="utf-8"))
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{address['url']}/v1/halt",
                json={"id": ID},
                headers={"Authorization": f"Bearer {address['token']}"},
            ) as response,
        ):
            assert response.status == 503
        await server.close()

    asyncio.run(talk())


def test_port_that_is_taken_is_the_configurations_mistake(tmp_path: Path) -> None:
    async def talk() -> None:
        first = ControlServer(ControlSection(), tmp_path)
        await first.start()
        url = json.loads((tmp_path / CONTROL_NAME).read_text(encoding="utf-8"))["url"]
        port = int(url.rpartition(":")[2])
        second = ControlServer(ControlSection(port=port), tmp_path / "other")
        with pytest.raises(ConfigError, match="name another port"):
            await second.start()
        await first.close()

    asyncio.run(talk())


def test_switched_off_listens_nowhere(tmp_path: Path) -> None:
    asyncio.run(ControlServer(ControlSection(enabled=False), tmp_path).start())
    assert not (tmp_path / CONTROL_NAME).exists()
    assert control.IDS_MAX >= FAILURES_MAX
