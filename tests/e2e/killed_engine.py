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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import aiohttp
import yaml

from regimeflow.core.ledger import Ledger
from regimeflow.journal.reader import read_facts, read_records
from regimeflow.model.commands import AccountMarked, FillRecovered, MarkKind, SubmitOrder
from regimeflow.model.events import OrderFilled
from regimeflow.model.order import OrderStatus
from regimeflow.run.folds import ledger_fold
from regimeflow.run.manifest import plan_of, read_manifest

SYMBOL = "BTC-USD"
CLI = (sys.executable, "-m", "regimeflow.cli")
LAST_RUN_S_MAX = 1_200.0
CROSSINGS = {
    "name": "moving_average_cross",
    "id": "sma",
    "params": {"fast_period": 2, "slow_period": 4, "quantity": 1},
}


class Where(StrEnum):
    """What a killed engine was doing."""

    RUNNING = "writing its journal"
    STARTING = "not connected yet"
    RECOVERING = "connected, nothing written yet"


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
        self.deaths: Counter[Where] = Counter()
        self._start_s = self._recovery_s = 0.0
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

    def run_and_kill(self, rng: random.Random, *, trading_s_max: float) -> None:
        """Start an engine and kill it at a random moment of its start, recovery or trading.

        In turn: up to `trading_s_max` after it began to write, so that orders come about; from the
        start of its process on; from its connection on. The last one that traded says how long
        the latter two take. `deaths` counts where they died.
        """
        said, facts = self._said_bytes(), self._facts_bytes()
        kind = list(Where)[sum(self.deaths.values()) % len(Where)]
        started_s = time.monotonic()
        engine = self.start()
        if kind is Where.STARTING:
            self._sleep(engine, rng.uniform(0.0, self._start_s))
        else:
            self._wait(engine, lambda: self._has_connected(said))
            connected_s = time.monotonic()
            if kind is Where.RECOVERING:
                self._sleep(engine, rng.uniform(0.0, self._recovery_s))
            else:
                self._wait(engine, lambda: self._facts_bytes() > facts)
                self._start_s = connected_s - started_s
                self._recovery_s = time.monotonic() - connected_s
                self._sleep(engine, rng.uniform(0.0, trading_s_max))
        engine.send_signal(signal.SIGKILL)
        # One that ends by itself has seen the end of the data, or failed: that is no kill.
        assert engine.wait() == -signal.SIGKILL, self.said()[-2_000:]
        if not self._has_connected(said):
            self.deaths[Where.STARTING] += 1
        elif self._facts_bytes() == facts:
            self.deaths[Where.RECOVERING] += 1
        else:
            self.deaths[Where.RUNNING] += 1

    def _wait(self, engine: subprocess.Popen[bytes], is_there: Callable[[], bool]) -> None:
        while engine.poll() is None and not is_there():
            time.sleep(0.002)

    def _sleep(self, engine: subprocess.Popen[bytes], seconds: float) -> None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            engine.wait(seconds)

    def _has_connected(self, said_bytes: int) -> bool:
        return b"connected" in self._log.read_bytes()[said_bytes:]

    def _said_bytes(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0

    def _facts_bytes(self) -> int:
        return sum(path.stat().st_size for path in (self.log_dir / "journal").glob("facts-*"))

    def run_to_the_end(self) -> int:
        """Start an engine and let the data end; its exit status."""
        return self.start().wait(LAST_RUN_S_MAX)

    def truth(self) -> Truth:
        """Ask the venue for every fill of the run and for the account."""
        return asyncio.run(_truth(self.url))

    def freeze_venue(self, *, is_on: bool) -> None:
        """Stop the venue's process without ending it, or let it go on."""
        self._venue.send_signal(signal.SIGSTOP if is_on else signal.SIGCONT)

    def close(self) -> None:
        """End the venue."""
        self.freeze_venue(is_on=False)
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

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start an engine; whoever does ends it."""
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*CLI, "live", "--config", str(self.config), *options], stdout=log, stderr=log
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
    journal = drive.log_dir / "journal"
    truth = drive.truth()
    submitted: list[str] = []
    intents: Counter[object] = Counter()
    booked: set[str] = set()
    marked: AccountMarked | None = None
    for record in read_facts(journal):
        body = record.body
        if isinstance(body, SubmitOrder):
            submitted.append(body.client_order_id)
            intents[body.intent_id] += 1
        elif isinstance(body, AccountMarked):
            marked = body
        fill = body.fill if isinstance(body, FillRecovered) else body
        if isinstance(fill, OrderFilled):
            booked.add(fill.execution_id)
    taken = drive.taken()
    assert taken, "the venue took no order, so nothing was shown"
    assert len(taken) == len(set(taken)), "an order reached the venue twice"
    assert set(taken) <= set(submitted), "the venue holds an order that was never journaled"
    assert len(submitted) == len(set(submitted)), "a client order id was used twice"
    assert max(intents.values()) == 1, "one wish became two orders"
    assert booked == truth.fills, "the books hold other executions than the venue"
    _check_books(fold_of(drive), truth)
    assert marked is not None, "the engine never valued its account"
    assert (marked.kind, marked.cash) == (MarkKind.FINAL, truth.cash), "the engine's last cash"
    return len(booked)


def fold_of(drive: Drive) -> Ledger:
    """The books that the journal alone gives."""
    journal = drive.log_dir / "journal"
    return ledger_fold(plan_of(read_manifest(journal)).setup().books(), read_records(journal))


def _check_books(ledger: Ledger, truth: Truth) -> None:
    """Cash, positions and working orders as the journal's books have them are the venue's."""
    portfolio = ledger.portfolio
    ours = {symbol: position.quantity for symbol, position in portfolio.held.items()}
    assert ours == truth.positions, "positions differ"
    assert portfolio.cash == truth.cash, "cash differs"
    working = {order.standing_id for order in ledger.orders.open.values()}
    assert working == truth.open_orders, "other orders work than the books say"
