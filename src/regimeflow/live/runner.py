"""The live runner: boots, plays events through the pump on an asyncio loop, stops in order.

Today it drives the `sim` broker, whose one clock is the data: `speed` only sleeps, and no event
is ever stamped by the wall. The loop is real, so signals and pacing work as with any broker.

Stop order: no new events, strategies stop, last valuation, journal flushed, files brought up to
date, lock released. A dead disk is the exception to "write, then act": cancels leave all the
same and are printed (decision "a dead disk").
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from regimeflow.config import Config, limit_warnings
from regimeflow.errors import EXIT_HALTED, EXIT_OK, ConfigError, JournalError
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.archive import END_OF_DATA, archive_completed
from regimeflow.live.boot import Booted, boot
from regimeflow.live.console import Console
from regimeflow.live.lock import EngineLock
from regimeflow.live.observers import LiveObservers, load_baseline
from regimeflow.live.polls import Polls
from regimeflow.model.commands import CancelOrder, TradingState
from regimeflow.model.events import EngineStarted, EngineStopped, LinkUp
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.manifest import write_manifest
from regimeflow.run.plan import RunPlan, make_plan
from regimeflow.run.pump import Pump

TURN_S = 0.005
"""How long the loop plays before it looks after signals: the longest delay of an order to stop."""
Progress = Callable[[int, int], None]


class LiveSummary(NamedTuple):
    """How a run ended. `exit_code` is 0, or 3 when it ended HALTED."""

    exit_code: int
    reason: str
    orders: int
    fills: int
    equity: str
    verdict: str
    audit_head: str
    journal_head: str
    log_dir: Path


class LiveRunner:
    """One live run over one configuration; use `run` once."""

    def __init__(
        self, config: Config, console: Console, *, progress: Progress | None = None
    ) -> None:
        if config.live is None:
            raise ConfigError("live: missing; a live run needs a live section (see `init`)")
        self._config = config
        self._live = config.live
        self._console = console
        self._progress = progress
        self._stop = asyncio.Event()
        self._stop_reason = ""

    def request_stop(self, reason: str) -> None:
        """Ask for an orderly stop; safe from a signal handler on the loop."""
        self._stop_reason = self._stop_reason or reason
        self._stop.set()

    async def run(self) -> LiveSummary:
        """Run to the end of the playback or to a stop request.

        Raises ConfigError, StartRefused or JournalError (see `regimeflow.errors`).
        """
        log_dir = self._live.log_dir
        with EngineLock(log_dir):
            archived = archive_completed(log_dir)
            plan = make_plan(self._config, "live")
            baseline = load_baseline(self._config, plan)
            observers = LiveObservers(plan, log_dir, baseline)
            journal_dir = log_dir / "journal"
            write_manifest(journal_dir, plan)
            self._announce(plan, archived)
            booted = boot(plan, journal_dir, (observers.on_record,))
            recovered = booted.recovered
            journal = JournalWriter(
                journal_dir,
                durability=_durability(self._config),
                next_seq=recovered.next_seq,
                head_hash=recovered.head_hash,
            )
            pump = Pump(
                booted.engine,
                journal,
                booted.schedule,
                (observers.on_record, self._console.on_record),
                fingerprint=plan.fingerprint(baseline.sha256 if baseline else ""),
                epoch=recovered.epochs,
                ts_ns=recovered.last_ts_ns,
            )
            try:
                reason = await self._play(plan, pump, booted)
            except JournalError:
                self._cancel_without_journal(pump)
                raise
            journal.close()
            observers.flush()
            self._console.close_year()
            return self._summarise(reason, pump, observers, journal)

    # --- playing ------------------------------------------------------------------------

    async def _play(self, plan: RunPlan, pump: Pump, booted: Booted) -> str:
        schedule = booted.schedule
        number = booted.recovered.boot + 1
        if booted.unwritten:
            pump.finish_cut_event(booted.last_event_seq, booted.unwritten)
        item = schedule.next()
        if not booted.is_resumed and item is not None:
            pump.ts_ns = item[0]
        pump.take(pump.ts_ns, EngineStarted(number))
        pump.open_epoch("start" if number == 1 else "restart", boot=number)
        pump.take(pump.ts_ns, LinkUp("sim", "in process"))
        polls, pace = Polls(self._config), _Pace(self._live.broker_config.speed, pump.ts_ns)
        loop = asyncio.get_running_loop()
        total, done = plan.feed.event_count, 0
        turn_ends = loop.time() + TURN_S
        while item is not None and not self._stop.is_set():
            ts_ns, event = item
            delay_s = pace.delay_s(loop.time(), ts_ns)
            if delay_s > 0:
                pump.commit()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), delay_s)
                    break
            pump.take(ts_ns, event)
            done += 1
            if ts_ns >= polls.next_ns:
                pump.request_snapshot(polls.due(ts_ns))
            item = schedule.next()
            if loop.time() >= turn_ends:
                if self._progress is not None:
                    self._progress(min(done, total), total)
                await asyncio.sleep(0)
                turn_ends = loop.time() + TURN_S
        reason = END_OF_DATA if item is None else self._stop_reason
        pump.take(pump.ts_ns, EngineStopped(reason))
        pump.commit()
        return reason

    def _cancel_without_journal(self, pump: Pump) -> None:
        """The disk is dead: ask the venue to cancel what works, and say what was asked."""
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

    # --- telling ------------------------------------------------------------------------

    def _announce(self, plan: RunPlan, archived: Path | None) -> None:
        say = self._console.say
        if archived is not None:
            say(f"the last completed playback was moved to {archived}", "dim")
        for warning in limit_warnings(self._config):
            say(f"warning: {warning}", "warn")
        names = ", ".join(plan.strategy_names)
        say(f"connected  broker sim  paper  {names} on {', '.join(self._config.symbols)}", "ok")
        for symbol, available in plan.feed.warmup_available.items():
            wanted = max(plan.warmup_bars - available, 0)
            if wanted:
                say(
                    f"warm-up: only {available} of {plan.warmup_bars} bars of {symbol} precede "
                    f"the start; the first {wanted} of the run are warm-up",
                    "warn",
                )

    def _summarise(
        self, reason: str, pump: Pump, observers: LiveObservers, journal: JournalWriter
    ) -> LiveSummary:
        ledger = pump.engine.ledger
        is_halted = ledger.trading.account is TradingState.HALTED
        tally = observers.status.fold.tally
        return LiveSummary(
            exit_code=EXIT_HALTED if is_halted else EXIT_OK,
            reason=reason,
            orders=tally.orders,
            fills=tally.fills,
            equity=f"{ledger.portfolio.exact_equity:,.2f}",
            verdict=observers.drift.verdict if observers.drift is not None else "off",
            audit_head=observers.audit.head,
            journal_head=journal.head,
            log_dir=self._live.log_dir,
        )


class _Pace:
    """How long to wait before an event: `speed` data seconds pass in one wall second."""

    __slots__ = ("_origin_ns", "_origin_s", "_speed")

    def __init__(self, speed: object, origin_ns: int) -> None:
        self._speed = float(str(speed))
        self._origin_ns = origin_ns
        self._origin_s: float | None = None

    def delay_s(self, now_s: float, ts_ns: int) -> float:
        if not self._speed:
            return 0.0
        if self._origin_s is None:
            self._origin_s = now_s
        return self._origin_s + (ts_ns - self._origin_ns) / NS_PER_S / self._speed - now_s


def run_live(config: Config, *, console: Console, progress: Progress | None = None) -> LiveSummary:
    """Run the live engine until a signal or the end of the playback, and say how it ended.

    The first SIGINT or SIGTERM stops in order; a second one raises KeyboardInterrupt.
    """
    return asyncio.run(_with_signals(config, console, progress))


async def _with_signals(config: Config, console: Console, progress: Progress | None) -> LiveSummary:
    runner = LiveRunner(config, console, progress=progress)
    loop = asyncio.get_running_loop()

    def on_signal(name: str) -> None:
        if runner._stop.is_set():
            raise KeyboardInterrupt
        console.say(f"{name}: stopping in order (again to stop at once)", "warn")
        runner.request_stop(f"stopped by {name}")

    for name in ("SIGINT", "SIGTERM"):
        number = getattr(signal, name)
        try:
            loop.add_signal_handler(number, on_signal, name)
        except NotImplementedError:
            # Event loops of Windows have no signal handlers of their own.
            signal.signal(number, lambda *_, name=name: loop.call_soon_threadsafe(on_signal, name))
    return await runner.run()


def _durability(config: Config) -> Durability:
    live = config.live
    assert live is not None
    if live.journal.durability == "auto":
        return Durability.PROCESS  # the sim broker; a real one asks for POWER
    return Durability(live.journal.durability)
