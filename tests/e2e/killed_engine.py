"""A real engine, a real venue, real sockets and `kill -9`: the drive, and what must hold."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import aiohttp
import yaml

from regimeflow.journal.reader import read_facts
from regimeflow.model.commands import FillRecovered, SubmitOrder
from regimeflow.model.events import OrderFilled
from regimeflow.model.order import OrderStatus

SYMBOL = "BTC-USD"
CLI = (sys.executable, "-m", "regimeflow.cli")
LAST_RUN_S_MAX = 900.0
CROSSINGS = {
    "name": "moving_average_cross",
    "id": "sma",
    "params": {"fast_period": 2, "slow_period": 4, "quantity": 1},
}


@dataclass(frozen=True)
class Truth:
    """What the venue says at the end."""

    fills: frozenset[str]
    positions: dict[str, Decimal]
    cash: Decimal
    open_orders: frozenset[str]


class Drive:
    """One venue process, and engines that are killed and started again on one journal.

    `live` are more keys of the live section; `log_dir` among them may lie elsewhere.
    """

    def __init__(
        self,
        directory: Path,
        *,
        minutes: int,
        speed: float,
        strategy: Mapping[str, object] = CROSSINGS,
        **live: object,
    ) -> None:
        self._directory = directory
        self._strategy = dict(strategy)
        self._live = live
        self.state = directory / "venue.state"
        self.log_dir = Path(str(live.get("log_dir", directory / "logs")))
        self._log = directory / "engine.log"
        _write_minutes(directory / f"{SYMBOL}.csv", minutes)
        played = self._write("venue.yaml", {"data_directory": str(directory)})
        self._venue = subprocess.Popen(
            [
                *CLI, "venue", "sim", "--port", "0", "--state", str(self.state),
                "--config", str(played), "--speed", str(speed),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self._venue.stdout is not None
        line = self._venue.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None, line
        self.url = found[0]
        self.config = self._write("run.yaml", {"url": self.url, "request_timeout_ms": 1000})

    def _write(self, name: str, broker_config: dict[str, object]) -> Path:
        path = self._directory / name
        configuration = {
            "strategy": self._strategy,
            "live": {
                "broker": "sim",
                "broker_asset_class": "crypto",
                "paper": True,
                "symbols": [SYMBOL],
                "broker_config": broker_config,
                "log_dir": str(self.log_dir),
                "max_order_value": 100000,
                "max_orders_per_minute": 0,
                "reconnect": {"initial_ms": 50, "max_ms": 500},
                **self._live,
            },
        }
        path.write_text(yaml.safe_dump(configuration), encoding="utf-8")
        return path

    def run_and_kill(self, rng: random.Random, *, after_s_max: float) -> None:
        """Start an engine and kill it at a random moment, wherever it then is."""
        said = self._log.stat().st_size if self._log.exists() else 0
        engine = self.start()
        while engine.poll() is None and b"connected" not in self._log.read_bytes()[said:]:
            time.sleep(0.02)
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(rng.uniform(0.0, after_s_max))
        engine.send_signal(signal.SIGKILL)
        engine.wait()

    def run_to_the_end(self) -> int:
        """Start an engine and let the data end; its exit status."""
        return self.start().wait(LAST_RUN_S_MAX)

    def truth(self) -> Truth:
        """Ask the venue for every fill of the run and for the account."""
        return asyncio.run(_truth(self.url))

    def close(self) -> None:
        """End the venue."""
        self._venue.terminate()
        self._venue.wait()
        if self._venue.stdout is not None:
            self._venue.stdout.close()

    def said(self) -> str:
        """Everything that the engines have printed."""
        return self._log.read_text(encoding="utf-8") if self._log.exists() else ""

    def taken(self) -> list[str]:
        """Client order ids of the orders that reached the venue, oldest first."""
        return re.findall(
            r'"Taken"[^\n]*?"SubmitOrder"[^\n]*?"client_order_id":"([^"]+)"',
            self.state.read_text(encoding="utf-8"),
        )

    def start(self) -> subprocess.Popen[bytes]:
        """Start an engine; whoever does ends it."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*CLI, "live", "--config", str(self.config)], stdout=log, stderr=log
            )


def _write_minutes(path: Path, minutes: int) -> None:
    """A price that wanders, one bar a minute around the clock."""
    rng = random.Random(3)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    price = 1_000.0
    lines = ["timestamp,open,high,low,close,volume"]
    for minute in range(minutes):
        close = max(price + rng.gauss(0.0, 2.0), 100.0)
        high, low = max(price, close) + 0.5, min(price, close) - 0.5
        stamp = (start + timedelta(minutes=minute)).isoformat()
        lines.append(f"{stamp},{price:.2f},{high:.2f},{low:.2f},{close:.2f},500")
        price = float(f"{close:.2f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


async def _truth(url: str) -> Truth:
    """Speak the venue's protocol plainly, without the adapter that is under test."""
    fills: dict[str, OrderFilled] = {}
    hello = {
        "verb": "hello", "id": 1, "protocol": 1, "account": "", "client": "truth",
        "is_takeover": True, "resume_fill_seq": 0,
    }  # fmt: skip
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/v1") as socket:
        await socket.send_str(json.dumps(hello))
        await socket.send_str(json.dumps({"verb": "snapshot", "id": 2, "scope": "all"}))
        while True:
            message = json.loads((await socket.receive(timeout=20)).data)
            if message["type"] == "report" and message["report"]["kind"] == "OrderFilled":
                fill = message["report"]
                fills[fill["execution_id"]] = fill
            elif message["type"] == "account":
                positions = {p["symbol"]: Decimal(p["quantity"]) for p in message["positions"]}
                working = {
                    order["client_order_id"]
                    for order in message["orders"]
                    if not OrderStatus(order["status"]).is_terminal
                }
                cash = Decimal(message["cash"])
                return Truth(frozenset(fills), positions, cash, frozenset(working))


def check_nothing_lost_or_doubled(drive: Drive) -> int:
    """Venue and journal tell the same story; returns how many fills there were."""
    truth = drive.truth()
    submitted: list[str] = []
    intents: Counter[object] = Counter()
    booked: Counter[str] = Counter()
    held: dict[str, Decimal] = {}
    for record in read_facts(drive.log_dir / "journal"):
        body = record.body
        if isinstance(body, SubmitOrder):
            submitted.append(body.client_order_id)
            intents[body.intent_id] += 1
        fill = body.fill if isinstance(body, FillRecovered) else body
        if isinstance(fill, OrderFilled) and not booked[fill.execution_id]:
            booked[fill.execution_id] += 1
            held[fill.symbol] = held.get(fill.symbol, Decimal(0)) + fill.quantity * fill.side.sign
    taken = drive.taken()
    assert taken, "the venue took no order, so nothing was shown"
    assert len(taken) == len(set(taken)), "an order reached the venue twice"
    assert set(taken) <= set(submitted), "the venue holds an order that was never journaled"
    assert len(submitted) == len(set(submitted)), "a client order id was used twice"
    assert max(intents.values()) == 1, "one wish became two orders"
    assert set(booked) == truth.fills, "the books hold other executions than the venue"
    ours = {symbol: quantity for symbol, quantity in held.items() if quantity}
    assert ours == truth.positions
    return len(booked)
