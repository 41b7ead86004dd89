"""A broker behind the real live runner whose every word a test has written.

`run_life` is one life of the engine: the real runner, journal, boot and inbox; only the client
is scripted. The script runs without yielding to the loop, so no timer of the wall fires; it
moves the broker's clock itself, and with it the loop's: time passes for both alike, and the
broker lives through it (a heartbeat a second). A life may end in `Crash`, anywhere a command
leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from regimeflow.brokers.capabilities import SIM_CAPABILITIES, Capabilities
from regimeflow.brokers.protocol import AccountTruth, Deliver
from regimeflow.core.ledger import Ledger
from regimeflow.live import linked, runner
from regimeflow.live.runner import LiveRunner, LiveSummary
from regimeflow.live.summary import summarise
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord
from regimeflow.model.commands import (
    Command,
    QueryOrder,
    RequestSnapshot,
    SubmitOrder,
)
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, Quote
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from regimeflow.strategy.base import Strategy
from tests.simulation.playback import Crash, Quiet, RunConfiguration, config_in, configuration

SYMBOL = "AAPL"
START_NS = 19_725 * NS_PER_DAY + 15 * NS_PER_HOUR
"""A Wednesday, an hour into the session."""


class BuyOnce(Strategy):
    """One limit order at the first quote it may act on, and never another."""

    has_bought: bool

    def initialize(self, ctx: Any) -> None:
        self.has_bought = False

    def on_quote(self, quote: Quote) -> None:
        if not self.has_bought:
            self.has_bought = True
            self.ctx.buy(SYMBOL, 10, limit_price=100.0)


class BuyUntilItLeaves(Strategy):
    """The same order at every quote, until one has left."""

    def initialize(self, ctx: Any) -> None:
        pass

    def on_quote(self, quote: Quote) -> None:
        if not self.ctx.open_orders():
            self.ctx.buy(SYMBOL, 10, limit_price=100.0)


class ScriptedBroker:
    """See the module's docstring; `said` has what the script delivered in this life."""

    name = "sim"
    capabilities: Capabilities = SIM_CAPABILITIES

    def __init__(self, script: Callable[[ScriptedBroker], None], now_ns: int = START_NS) -> None:
        self._script = script
        self.now_ns = now_ns
        self.lapsed_s = 0.0
        self.wall_error_ns = 0
        self.sent: list[Command] = []
        self.dies_on: type | None = None
        self._deliver: Deliver = lambda event: None

    async def connect(self) -> AccountTruth:
        return AccountTruth(
            account_id="A",
            currency="USD",
            is_paper=True,
            venue_ns=self.now_ns,
            speed=1.0,
            epoch=1,
            capabilities=self.capabilities,
            instruments=(Instrument(SYMBOL),),
        )

    async def run(self, deliver: Deliver) -> str:
        self._deliver = deliver
        self._script(self)
        return "end of the script"

    def venue_ns(self) -> int:
        return self.now_ns

    def time_ns(self) -> int:
        """What the engine's wall clock shows, in place of the module `time`."""
        return self.now_ns + self.wall_error_ns

    def execute(self, ts_ns: int, command: Command) -> None:
        """Take a command; a life that dies on it dies after it has left."""
        self.sent.append(command)
        if self.dies_on is not None and isinstance(command, self.dies_on):
            raise Crash

    async def history(self, symbol: str, bars: int, end_ns: int) -> list[Bar]:
        return []

    async def close(self) -> None:
        """Nothing is open."""

    # --- what a script says -----------------------------------------------------------------

    def say(self, *events: e.Event, after_s: float = 0.001) -> None:
        """Deliver events, each so much later."""
        for event in events:
            left_s = after_s
            while left_s > 1.0:
                self.lapse(1.0)
                self._deliver(e.Heartbeat("sim"))
                left_s -= 1.0
            self.lapse(left_s)
            self._deliver(event)

    def lapse(self, seconds: float) -> None:
        """Let time pass in silence."""
        self.lapsed_s += seconds
        self.now_ns += int(seconds * NS_PER_S)

    def come_up(self, **parts: Any) -> None:
        """Link, an agreeing list of an empty account (or `parts`) as asked for, a quote."""
        self.say(e.LinkUp("sim"))
        self.say(self.listing(**parts), self.quote())

    def quote(self, price: float = 100.0) -> Quote:
        return Quote(SYMBOL, self.now_ns, price, price, 100.0, 100.0)

    def listing(self, **parts: Any) -> e.BrokerSnapshot:
        """What the account holds: nothing, and the opening cash, but for `parts`.

        It answers what has been asked last.
        """
        asked = [c.request_id for c in self.sent if isinstance(c, RequestSnapshot)]
        empty: dict[str, Any] = {
            "orders": (),
            "fills": (),
            "positions": (),
            "account": AccountRecord("A", "USD", OPENING_CASH),
        }
        request_id = asked[-1] if asked else "said"
        return e.BrokerSnapshot(request_id, **{**empty, **parts}, ts_venue_ns=self.now_ns)

    def orders_sent(self, kind: type = SubmitOrder) -> list[Any]:
        """Commands of a kind that left in this life."""
        return [command for command in self.sent if isinstance(command, kind)]


OPENING_CASH = config_in(
    configuration("buy_and_hold", symbols=[SYMBOL]), Path("nowhere")
).backtest.initial_capital


def linked_configuration(strategy: type[Strategy] = BuyOnce, **live: Any) -> RunConfiguration:
    """One strategy that buys, on a broker behind a link."""
    name = f"tests.faults.scripted_broker:{strategy.__name__}"
    raw = configuration(name, symbols=[SYMBOL], live=live)
    raw["live"]["broker_config"]["url"] = "http://127.0.0.1:9"
    return raw


def run_life(
    log_dir: Path,
    broker: ScriptedBroker,
    *,
    configured: RunConfiguration | None = None,
    look: Callable[[Ledger], None] | None = None,
) -> LiveSummary | None:
    """One life of the engine on `log_dir`; None when it crashed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "make_client", lambda config: broker)
        patch.setattr(linked, "time", broker)
        if look is not None:
            _look_at_the_end(patch, look)
        live = LiveRunner(config_in(configured or linked_configuration(), log_dir), Quiet())
        try:
            with asyncio.Runner(loop_factory=lambda: _ScriptedLoop(broker)) as loop:
                return loop.run(live.run())
        except Crash:
            return None


class _ScriptedLoop(asyncio.SelectorEventLoop):
    """A loop whose clock the script moves, and nothing else: no timer of its own ever fires."""

    def __init__(self, broker: ScriptedBroker) -> None:
        self._broker = broker
        super().__init__()

    def time(self) -> float:
        return self._broker.lapsed_s


def _look_at_the_end(patch: pytest.MonkeyPatch, look: Callable[[Ledger], None]) -> None:
    """Show the books to a test before the engine stops."""

    def watching(reason: str, pump: Any, *rest: Any) -> LiveSummary:
        look(pump.engine.ledger)
        return summarise(reason, pump, *rest)

    patch.setattr(runner, "summarise", watching)


def queries(commands: Sequence[Command]) -> list[str]:
    """Ids that were asked after."""
    return [command.client_order_id for command in commands if isinstance(command, QueryOrder)]
