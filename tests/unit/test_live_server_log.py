"""A server's log: what clients did wrong is counted, what we did wrong is told in full."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from regimeflow.live.server_log import server_logger


def failing(logger: logging.Logger, error: Exception) -> None:
    """What aiohttp says of a request that ended in `error`."""
    logger.error("Error handling request from 127.0.0.1", exc_info=error)


def test_unreadable_requests_are_counted_at_every_power_of_ten(
    caplog: pytest.LogCaptureFixture,
) -> None:
    logger = server_logger("control")
    for _ in range(1_000):
        failing(logger, BadHttpMessage("\x1b[2J"))
    assert [record.getMessage().split(" to the")[0] for record in caplog.records] == [
        "1 requests",
        "10 requests",
        "100 requests",
        "1000 requests",
    ]
    assert not any(record.exc_info for record in caplog.records)
    assert "\x1b" not in caplog.text
    assert "the control port" in caplog.text


def test_failure_of_our_own_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    failing(server_logger("control"), ZeroDivisionError("ours"))
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], ZeroDivisionError)


def test_server_with_it_answers_garbage_and_says_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def talk() -> bytes:
        runner = web.AppRunner(web.Application(), logger=server_logger("control"))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port, answer = runner.addresses[0][1], b""
        for _ in range(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nno header\r\n\r\n")
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
        await runner.cleanup()
        return answer

    assert b"400" in asyncio.run(talk())
    assert len(caplog.records) == 1
