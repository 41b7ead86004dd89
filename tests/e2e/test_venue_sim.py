"""`regimeflow venue sim` as users run it: it says where it listens and survives being killed."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from regimeflow.brokers.protocol import ReconnectPolicy
from regimeflow.brokers.sim.client import SimBrokerClient
from regimeflow.model.events import Event, LinkUp
from regimeflow.model.market import Bar
from regimeflow.model.reports import BrokerSnapshot, OrderAccepted, OrderFilled
from tests.conformance.orders import snapshot, submit
from tests.e2e.programs import regimeflow

pytestmark = pytest.mark.e2e
CHECKOUT = Path(__file__).resolve().parents[2]
DAYS_PER_S = 86_400 * 20


@contextmanager
def venue(*options: str, port: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program, once it listens."""
    command = [sys.executable, "-m", "regimeflow.cli", "venue", "sim", "--port", str(port)]
    command += ["--data", "examples/data", "--symbols", "IBM", "--start", "2008-01-02"]
    with subprocess.Popen(
        [*command, "--end", "2013-03-01", "--speed", str(DAYS_PER_S), *options],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line.startswith("listening on http://127.0.0.1:"), process.communicate()[1]
            yield process, line.removeprefix("listening on ")
        finally:
            process.kill()


async def until(events: list[Event], kind: type, count: int = 1) -> None:
    async with asyncio.timeout(20.0):
        while sum(isinstance(event, kind) for event in events) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def client(url: str) -> SimBrokerClient:
    return SimBrokerClient(
        url=url,
        symbols=["IBM"],
        rng=random.Random(1),
        client_name="engine",
        reconnect=ReconnectPolicy(initial_ms=20, max_ms=100),
    )


def test_killed_venue_keeps_its_books_and_its_clients(tmp_path: Path) -> None:
    state = str(tmp_path / "venue.state")
    events: list[Event] = []

    async def scenario() -> None:
        with venue("--state", state) as (first, url):
            broker = client(url)
            truth = await broker.connect()
            assert (truth.account_id, truth.is_paper) == ("SIM", True)
            running = asyncio.get_running_loop().create_task(broker.run(events.append))
            await until(events, Bar, 3)
            broker.execute(0, submit("o1", 10, symbol="IBM"))
            broker.execute(0, submit("o2", 10, limit="1.00", symbol="IBM"))
            await until(events, OrderFilled)
            first.kill()
            first.wait()
        with venue("--state", state, port=int(url.rsplit(":", 1)[1])):
            await until(events, LinkUp, 2)
            broker.execute(0, snapshot("after"))
            await until(events, BrokerSnapshot)
            await broker.close()
            assert await running == "closed"

    asyncio.run(scenario())
    listed = next(event for event in events if isinstance(event, BrokerSnapshot))
    assert listed.positions is not None
    assert [(p.symbol, int(p.quantity)) for p in listed.positions] == [("IBM", 10)]
    assert sum(isinstance(event, OrderFilled) for event in events) == 1
    assert sum(isinstance(event, OrderAccepted) for event in events) == 2
    closes = [event.ts_close_ns for event in events if isinstance(event, Bar)]
    assert closes == sorted(set(closes))


def test_second_venue_on_a_state_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    state = tmp_path / "venue.state"
    with venue("--state", str(state)) as (first, _):
        before = state.read_bytes()
        second = regimeflow(
            "venue", "sim", "--state", state, "--data", "examples/data", "--symbols", "IBM",
            cwd=CHECKOUT,
        )  # fmt: skip
        assert (second.code, second.out) == (1, "")
        assert "in use by another venue" in second.err
        assert state.read_bytes() == before
        first.kill()
        first.wait()
    with venue("--state", str(state)):
        pass


def test_history_is_served_and_never_the_future() -> None:
    async def scenario() -> None:
        with venue() as (_, url):
            broker = client(url)
            truth = await broker.connect()
            assert await broker.history("IBM", 50, 2**62) == []
            running = asyncio.get_running_loop().create_task(broker.run(events.append))
            await until(events, Bar, 5)
            bars = await broker.history("IBM", 3, 2**62)
            assert len(bars) == 3
            assert bars[0].ts_close_ns > truth.venue_ns
            assert bars[-1].ts_close_ns <= broker.venue_ns() + 10**15
            await broker.close()
            await running

    events: list[Event] = []
    asyncio.run(scenario())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_interrupted_venue_ends_in_order() -> None:
    with venue() as (process, _):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10.0)
        assert (process.returncode, out, err) == (0, "", "")
