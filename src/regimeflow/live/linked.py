"""A run behind a link: clock, timers, sessions, polls and a broker's client around the pump.

Boot has folded the journal. What it cannot know is settled here before anything may enter:
orders that may have left without an answer are put in doubt, wishes that were cut off by a
crash are denied (never sent late), and the books are proved by a complete snapshot
(`core/holds.py`). Only then do entries go on, and again after every reconnect.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from regimeflow.brokers.protocol import AccountTruth, BrokerClient, Deliver
from regimeflow.config import Config
from regimeflow.errors import JournalError
from regimeflow.live.boot import Booted
from regimeflow.live.clock import EngineClock
from regimeflow.live.clock_watch import ClockWatch
from regimeflow.live.control import ControlServer
from regimeflow.live.farewell import Farewell
from regimeflow.live.idle import SYNC_EVERY_S
from regimeflow.live.inbox import Inbox
from regimeflow.live.restart import boot_number, is_unanswered, refusal_of, unanswered
from regimeflow.live.session_clock import SessionClock
from regimeflow.live.timer_service import TimerService
from regimeflow.model import events as e
from regimeflow.model.commands import (
    CancelTimer,
    Command,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
)
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.market import Bar
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.run.plan import RunPlan
from regimeflow.run.policy import pause_s
from regimeflow.run.pump import Pump


class BrokerLink:
    """What the router talks to: timers stay here, everything else goes to the broker."""

    def __init__(self, client: BrokerClient) -> None:
        self._client = client
        self.timers: TimerService | None = None

    def execute(self, ts_ns: int, command: Command) -> None:
        """Carry out one command; never blocks and never raises for the network."""
        if isinstance(command, SetTimer):
            assert self.timers is not None
            self.timers.set(command)
        elif isinstance(command, CancelTimer):
            assert self.timers is not None
            self.timers.cancel(command)
        else:
            self._client.execute(ts_ns, command)


class LinkedRun:
    """Drives one pump from one broker client until it is told to stop."""

    def __init__(
        self,
        config: Config,
        client: BrokerClient,
        truth: AccountTruth,
        link: BrokerLink,
        history: Sequence[Bar],
        control: ControlServer,
    ) -> None:
        assert config.live is not None
        self._config = config
        self._live = config.live
        self._client = client
        self._truth = truth
        self._link = link
        self._history = history
        self._control = control
        self._handles: dict[str, asyncio.TimerHandle] = {}
        self._poll_number = 0
        self._failure: BaseException | None = None
        self.farewell = Farewell()
        self.ended = "the link ended"

    async def play(
        self,
        plan: RunPlan,
        pump: Pump,
        booted: Booted,
        stop: asyncio.Event,
        on_idle: Callable[[], None],
        last_cancels: Callable[[], Collection[ClientOrderId]],
    ) -> None:
        """Run until `stop` is set. Raises what the pump raised (a dead journal, our bug).

        Warm-up bars come first, through the same callbacks as everything else. `last_cancels` is
        called when the journal has died: it sends cancels without it, and says for which orders.
        """
        loop = asyncio.get_running_loop()
        clock = self._new_clock(loop)
        clock.not_before(pump.ts_ns)
        inbox = Inbox(pump, clock)
        watch = self._new_watch(loop, clock, inbox)
        timers = self._link.timers = TimerService(loop, clock, watch.deliver)
        loop.set_exception_handler(lambda _, context: self._fail(context, stop))
        for bar in self._history if not booted.is_resumed else ():
            pump.take(max(bar.ts_close_ns, pump.ts_ns), bar)
        # Part of the last event's outputs: they precede whatever this start brings.
        never_left = self._deny_unwritten(pump, booted)
        pump.ts_ns = clock.now_ns()
        may_have_left = unanswered(pump.engine.ledger.orders)
        self._begin(plan, pump, booted, inbox)
        self._settle_boot(pump, inbox, [*never_left, *may_have_left])
        if pump.engine.holds.suspension:
            inbox.deliver(e.LinkUp(e.REQUESTS, "asked anew after a restart"))
        timers.rearm(pump.engine.ledger.timers.pending)
        watch.start()
        sessions = SessionClock(plan.calendar, clock, watch.deliver, pump.engine.market.session)
        if "session" not in self._truth.capabilities.streams:
            sessions.start()
        self._control.attach(pump.engine, _at_once(watch.deliver))
        self._start_polls(pump)
        self._beat(watch.deliver, loop)
        self._idle_later(loop, on_idle)
        deliver = self.farewell.guard(watch.deliver, lambda error: self._end_with(error, stop))
        task = loop.create_task(self._client.run(deliver), name="broker")
        try:
            await self._until(stop, task)
        finally:
            self._control.detach()
            sessions.close()
            watch.close()
            self._stop_polls()
            timers.close()
            await self._let_go(task, last_cancels)
        if self._failure is not None:
            raise self._failure
        if task.done() and not task.cancelled():
            self.ended = task.result()

    async def _let_go(
        self, task: asyncio.Task[str], last_cancels: Callable[[], Collection[ClientOrderId]]
    ) -> None:
        """Close the link; with a dead journal, after the cancels that still leave by it."""
        if isinstance(self._failure, JournalError) and not task.done():
            self.farewell.expect(last_cancels())
            await self.farewell.wait(self._live.broker_config.request_timeout_ms / 1_000)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await self._client.close()

    @property
    def _wall_ns(self) -> Callable[[], int] | None:
        """What the clock is anchored to; None where the venue keeps a time of its own."""
        return None if self._truth.capabilities.has_own_time else time.time_ns

    def _new_clock(self, loop: asyncio.AbstractEventLoop) -> EngineClock:
        broker_ns = self._client.venue_ns()
        anchor_ns = broker_ns if self._wall_ns is None else self._wall_ns()
        if abs(anchor_ns - broker_ns) >= pause_s(self._live) * NS_PER_S:
            # One of them is wrong, and a clock that never goes back can only be set forward later.
            anchor_ns = min(anchor_ns, broker_ns)
        return EngineClock(loop.time, anchor_ns, pace=self._truth.speed)

    def _new_watch(
        self, loop: asyncio.AbstractEventLoop, clock: EngineClock, inbox: Inbox
    ) -> ClockWatch:
        wall_ns = self._wall_ns
        return ClockWatch(loop, clock, inbox.deliver, pause_s=pause_s(self._live), wall_ns=wall_ns)

    async def _until(self, stop: asyncio.Event, task: asyncio.Task[str]) -> None:
        """Wait for the stop, or for the client to end by itself (a failure, or given up)."""
        task.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if task.done() and not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    # --- boot ---------------------------------------------------------------------------

    @staticmethod
    def _begin(plan: RunPlan, pump: Pump, booted: Booted, inbox: Inbox) -> None:
        """Number the start, and open the epoch that it begins."""
        is_numbered_by_clock = plan.link is not None and bool(plan.link.run)
        boot = boot_number(booted.recovered.boot, pump.ts_ns if is_numbered_by_clock else 0)
        if booted.rebuilt_as:
            # Decisions are folded from here on: the engine was rebuilt, not continued.
            pump.open_epoch(booted.rebuilt_as, boot)
        inbox.deliver(e.EngineStarted(boot))
        if not booted.rebuilt_as:
            pump.open_epoch("restart" if booted.is_resumed else "start", boot)
        if booted.quarantine:
            inbox.deliver(e.Halt(booted.quarantine, allows_exits=True))

    def _settle_boot(self, pump: Pump, inbox: Inbox, reports: Sequence[e.Event]) -> None:
        """Deny what never left, doubt what may have and is unanswered still."""
        for report in reports:
            if not isinstance(report, e.OutcomeUnknown) or is_unanswered(
                pump.engine.ledger.orders.get(report.client_order_id)
            ):
                inbox.deliver(report)

    def _deny_unwritten(self, pump: Pump, booted: Booted) -> list[e.Event]:
        """Record what a crash cut off, unsent, and report each order as refused."""
        refusals: list[e.Event] = []
        for output in booted.unwritten:
            pump.record_unsent(booted.last_event_seq, output)
            refusal = refusal_of(output, pump.ts_ns)
            if refusal is not None:
                refusals.append(refusal)
        pump.commit()
        return refusals

    # --- periodic work ------------------------------------------------------------------

    def _start_polls(self, pump: Pump) -> None:
        live = self._live
        for scope, interval_ms in (
            (SnapshotScope.ORDERS, live.order_reconcile_interval_ms),
            (SnapshotScope.POSITIONS, live.position_reconcile_interval_ms),
            (SnapshotScope.ACCOUNT, live.account_refresh_interval_ms),
        ):
            if interval_ms:
                self._poll_later(pump, scope, interval_ms / 1_000 / self._truth.speed)

    def _poll_later(self, pump: Pump, scope: SnapshotScope, interval_s: float) -> None:
        def poll() -> None:
            self._poll_number += 1
            request_id = f"poll-{pump.ts_ns}-{self._poll_number}"
            if not pump.engine.holds.suspension:
                pump.request_snapshot(RequestSnapshot(request_id, scope))
            self._poll_later(pump, scope, interval_s)

        self._handles[scope] = asyncio.get_running_loop().call_later(interval_s, poll)

    def _stop_polls(self) -> None:
        for handle in self._handles.values():
            handle.cancel()

    def _beat(self, deliver: Deliver, loop: asyncio.AbstractEventLoop) -> None:
        """Time passes for the watchdog even when nothing arrives."""
        interval_s = self._live.heartbeat.interval_ms * NS_PER_MS / 1e9 / self._truth.speed

        def beat() -> None:
            deliver(e.Heartbeat("engine"))
            self._handles["beat"] = loop.call_later(interval_s, beat)

        if self._live.heartbeat.enabled:
            self._handles["beat"] = loop.call_later(interval_s, beat)

    def _idle_later(self, loop: asyncio.AbstractEventLoop, on_idle: Callable[[], None]) -> None:
        def idle() -> None:
            on_idle()
            self._idle_later(loop, on_idle)

        self._handles["idle"] = loop.call_later(SYNC_EVERY_S, idle)

    def _fail(self, context: dict[str, Any], stop: asyncio.Event) -> None:
        """An exception in a loop callback."""
        if "socket" in context:
            return  # a connection that could not be accepted, whoever wanted it: not the engine's
        error = context.get("exception") or RuntimeError(str(context.get("message")))
        self._end_with(error, stop)

    def _end_with(self, error: BaseException, stop: asyncio.Event) -> None:
        """End the run with its first failure; nothing is booked from here on."""
        self._failure = self._failure or error
        self.farewell.is_begun = True
        stop.set()


def _at_once(
    deliver: Callable[[e.Event], None],
) -> Callable[[e.Event, Callable[[], None]], None]:
    """Processes an operator's event before it says so."""

    def carry_out(event: e.Event, on_done: Callable[[], None]) -> None:
        deliver(event)
        on_done()

    return carry_out
