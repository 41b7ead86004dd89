"""The live runner: lock, plan, boot, then a playback or a broker behind a link, then the files.

Stop order: no new events, strategies stop, last valuation, journal flushed, files brought up to
date, lock released. A dead disk is the exception to "write, then act": cancels leave all the
same and are printed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from regimeflow.config import Config, limit_warnings
from regimeflow.errors import ConfigError, JournalError
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.archive import archive_completed
from regimeflow.live.boot import Booted, boot
from regimeflow.live.boot_linked import boot_linked
from regimeflow.live.broker_client import make_client
from regimeflow.live.console import Console
from regimeflow.live.control import ControlServer
from regimeflow.live.idle import IdleSync
from regimeflow.live.linked import BrokerLink, LinkedRun
from regimeflow.live.linked_plan import linked_plan
from regimeflow.live.lock import EngineLock
from regimeflow.live.market_upkeep import MarketUpkeep, StartUpkeep, UpkeepProcess
from regimeflow.live.observers import LiveObservers, load_baseline
from regimeflow.live.playback import OperatorWishes, Progress, play
from regimeflow.live.signals import on_stop_signals
from regimeflow.live.state_keeper import keeper_of
from regimeflow.live.summary import LiveSummary, summarise
from regimeflow.model.commands import CancelOrder
from regimeflow.model.events import EngineStopped
from regimeflow.model.ids import ClientOrderId
from regimeflow.observe.baseline import Baseline
from regimeflow.run.linked_fold import Restart
from regimeflow.run.manifest import write_manifest
from regimeflow.run.plan import RunPlan, make_plan
from regimeflow.run.pump import Pump
from regimeflow.run.router import Link

__all__ = ["LiveRunner", "LiveSummary", "run_live"]


class LiveRunner:
    """One live run over one configuration; use `run` once.

    `on_booted` is shown what the journal gave, before the first event; a test bench looks there.
    `change` accepts that strategies or configuration differ from the journal's, behind a link.
    `start_upkeep` begins the upkeep of market data (see `live/market_upkeep.py`).
    """

    def __init__(
        self,
        config: Config,
        console: Console,
        *,
        progress: Progress | None = None,
        on_booted: Callable[[Booted], None] | None = None,
        change: Restart | None = None,
        start_upkeep: StartUpkeep = UpkeepProcess,
    ) -> None:
        if config.live is None:
            raise ConfigError("live: missing; a live run needs a live section (see `init`)")
        self._config = config
        self._live = config.live
        self._console = console
        self._progress = progress
        self._on_booted = on_booted
        self._change = change
        self._start_upkeep = start_upkeep
        self._stop = asyncio.Event()
        self._stop_reason = ""
        self._journal_dir = self._live.log_dir / "journal"
        self.control = ControlServer(self._live.control, self._live.log_dir)

    def request_stop(self, reason: str) -> bool:
        """Ask for an orderly stop; False when one is under way already."""
        if self._stop.is_set():
            return False
        self._stop_reason = reason
        self._stop.set()
        return True

    async def run(self) -> LiveSummary:
        """Run to the end of the playback or to a stop request.

        Raises ConfigError, StartRefused or JournalError (see `regimeflow.errors`).
        """
        with EngineLock(self._live.log_dir):
            await self.control.start()
            try:
                if self._live.broker_config.url is not None:
                    return await self._run_linked()
                return await self._run_playback()
            finally:
                await self.control.close()

    async def _run_playback(self) -> LiveSummary:
        """The venue is in this process and plays recorded data."""
        plan = make_plan(self._config, "live")
        baseline = load_baseline(self._config, plan)
        # After what may refuse the start: a refused one leaves the last run where it was.
        archived = archive_completed(self._live.log_dir)
        if archived is not None:
            self._console.say(f"the last completed playback was moved to {archived}", "dim")
        self._announce(plan, "paper")
        observers = LiveObservers(plan, self._live.log_dir, baseline)
        write_manifest(self._journal_dir, plan)
        booted = boot(plan, self._journal_dir, (observers.on_record,))
        assert booted.schedule is not None
        pump, journal = self._open(plan, baseline, observers, booted, booted.schedule)
        wishes = OperatorWishes()
        self.control.attach(pump.engine, wishes.put)
        try:
            reason = await play(
                self._config,
                plan,
                pump,
                booted,
                self._stop,
                self._progress,
                self._idle(journal),
                wishes,
            )
            self.control.detach()
            return self._finish(reason or self._stop_reason, pump, observers, journal)
        except JournalError:
            self._cancel_without_journal(pump)
            raise

    async def _run_linked(self) -> LiveSummary:
        """The venue is behind a link and keeps its own books."""
        client = make_client(self._config)
        try:
            truth = await client.connect()
            plan, history = await linked_plan(
                self._config,
                client,
                truth,
                self._journal_dir,
                accepts_change=self._change is not None,
            )
            baseline = load_baseline(self._config, plan)
            self._announce(plan, f"{'paper' if truth.is_paper else 'LIVE'} {truth.account_id}")
            observers = LiveObservers(plan, self._live.log_dir, baseline)
            booted = boot_linked(
                plan, self._journal_dir, (observers.on_record,), change=self._change
            )
            link = BrokerLink(client)
            pump, journal = self._open(plan, baseline, observers, booted, link)
            upkeep = self._keep_states(pump, booted, journal)
            run = LinkedRun(self._config, client, truth, link, history, self.control)
            try:
                await run.play(
                    plan,
                    pump,
                    booted,
                    self._stop,
                    self._idle(journal, upkeep),
                    lambda: self._cancel_without_journal(pump),
                )
                return self._finish(self._stop_reason or run.ended, pump, observers, journal)
            finally:
                upkeep.close()
                for order_id, why in run.farewell.failed.items():
                    self._console.say(f"cancel of {order_id} not confirmed: {why}", "bad")
        finally:
            await client.close()

    def _finish(
        self, reason: str, pump: Pump, observers: LiveObservers, journal: JournalWriter
    ) -> LiveSummary:
        """Strategies stop, the last valuation is made, every file is brought up to date."""
        pump.take(pump.ts_ns, EngineStopped(reason))
        pump.commit()
        journal.close()
        observers.flush()
        self._console.close_year()
        return summarise(reason, pump, observers, journal, self._live.log_dir)

    @staticmethod
    def _idle(journal: JournalWriter, then: Callable[[], None] | None = None) -> IdleSync:
        return IdleSync(journal, asyncio.get_running_loop().time, then)

    def _open(
        self,
        plan: RunPlan,
        baseline: Baseline | None,
        observers: LiveObservers,
        booted: Booted,
        link: Link,
    ) -> tuple[Pump, JournalWriter]:
        """The journal continued where it ends, and the pump on it."""
        recovered = booted.recovered
        if recovered.facts_cut_bytes:
            self._console.warn(
                f"recovery cut {recovered.facts_cut_bytes} bytes of facts that a kill or power cut "
                f"left behind the last sync; they are kept in {self._journal_dir}/*.cut-*"
            )
        if self._on_booted is not None:
            self._on_booted(booted)
        if said := observers.begin(booted.engine.market, self._journal_dir):
            self._console.warn(said)
        journal = JournalWriter(
            self._journal_dir,
            durability=_durability(self._config),
            next_seq=recovered.next_seq,
            head_hash=recovered.head_hash,
        )
        pump = Pump(
            booted.engine,
            journal,
            link,
            (observers.on_record, self._console.on_record),
            fingerprint=plan.fingerprint(baseline.sha256 if baseline else ""),
            epoch=recovered.epochs,
            ts_ns=recovered.last_ts_ns,
        )
        return pump, journal

    def _keep_states(self, pump: Pump, booted: Booted, journal: JournalWriter) -> MarketUpkeep:
        directory, days = self._journal_dir, self._live.journal.market_retention_days
        keeper = keeper_of(directory, pump, booted, journal, self._console.warn)
        return MarketUpkeep(directory, keeper, days, self._console.warn, self._start_upkeep)

    def _cancel_without_journal(self, pump: Pump) -> list[ClientOrderId]:
        """The disk is dead: ask the venue to cancel what works, and say what was asked."""
        asked = []
        for order in pump.engine.ledger.orders.open.values():
            pump.send_unjournaled(
                CancelOrder(
                    order.standing_id,
                    order.broker_order_id,
                    order.symbol,
                    "the journal failed",
                )
            )
            self._console.say(
                f"cancel sent without journal: {order.side} {order.leaves_quantity} "
                f"{order.symbol} ({order.standing_id})",
                "bad",
            )
            asked.append(order.standing_id)
        return asked

    def _announce(self, plan: RunPlan, account: str) -> None:
        say = self._console.say
        for warning in limit_warnings(self._config):
            self._console.warn(warning)
        names = ", ".join(plan.strategy_names)
        symbols = ", ".join(self._config.symbols)
        say(f"connected  broker {self._live.broker}  {account}  {names} on {symbols}", "ok")
        for symbol, available in plan.feed.warmup_available.items():
            wanted = max(plan.warmup_bars - available, 0)
            if wanted:
                say(
                    f"warm-up: only {available} of {plan.warmup_bars} bars of {symbol} precede "
                    f"the start; the first {wanted} of the run are warm-up",
                    "warn",
                )


def run_live(
    config: Config,
    *,
    console: Console,
    progress: Progress | None = None,
    change: Restart | None = None,
) -> LiveSummary:
    """Run the live engine until a signal or the end of the playback, and say how it ended.

    The first SIGINT or SIGTERM stops in order; a second one raises KeyboardInterrupt.
    """
    return asyncio.run(
        _with_signals(LiveRunner(config, console, progress=progress, change=change), console)
    )


async def _with_signals(runner: LiveRunner, console: Console) -> LiveSummary:

    def stop(name: str) -> bool:
        if runner.request_stop(f"stopped by {name}"):
            console.say(f"{name}: stopping in order (again to stop at once)", "warn")
            return True
        return False

    on_stop_signals(asyncio.get_running_loop(), stop)
    return await runner.run()


def _durability(config: Config) -> Durability:
    live = config.live
    assert live is not None
    if live.journal.durability == "auto":
        return Durability.PROCESS  # the sim broker; a real one asks for POWER
    return Durability(live.journal.durability)
