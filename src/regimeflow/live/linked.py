"""A run behind a link: clock, timers, sessions, polls and a broker's client around the pump.

Boot has folded the journal. What it cannot know is settled here before anything may enter:
orders that may have left without an answer are put in doubt, wishes that were cut off by a
crash are denied (never sent late), and the books are proved by a complete snapshot
(`core/holds.py`). Only then do entries go on, and again after every reconnect.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

from regimeflow.brokers.protocol import AccountTruth, BrokerClient, Deliver
from regimeflow.config import Config
from regimeflow.core.approved import Approved, EngineOutput, plain
from regimeflow.errors import JournalError
from regimeflow.live.boot import Booted
from regimeflow.live.clock import EngineClock
from regimeflow.live.farewell import Farewell
from regimeflow.live.idle import SYNC_EVERY_S
from regimeflow.live.inbox import Inbox
from regimeflow.live.session_clock import SessionClock
from regimeflow.live.timer_service import TimerService
from regimeflow.model import events as e
from regimeflow.model.commands import (
    CancelTimer,
    Command,
    ReplaceOrder,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
    SubmitOrder,
)
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.market import Bar
from regimeflow.model.order import Order, OrderStatus
from regimeflow.model.timestamps import NS_PER_MS
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Pump

CUT_OFF = "cut off by a crash before it was sent; never sent late"
_FATE_UNKNOWN = {
    OrderStatus.PENDING_NEW: e.RequestKind.SUBMIT,
    OrderStatus.PENDING_CANCEL: e.RequestKind.CANCEL,
    OrderStatus.PENDING_REPLACE: e.RequestKind.REPLACE,
}


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
    ) -> None:
        assert config.live is not None
        self._config = config
        self._live = config.live
        self._client = client
        self._truth = truth
        self._link = link
        self._history = history
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
        clock = EngineClock(self._client.venue_ns, speed=self._truth.speed)
        clock.not_before(pump.ts_ns)
        inbox = Inbox(pump, clock)
        timers = self._link.timers = TimerService(loop, clock, inbox.deliver)
        loop.set_exception_handler(lambda _, context: self._fail(context, stop))
        for bar in self._history if not booted.is_resumed else ():
            pump.take(max(bar.ts_close_ns, pump.ts_ns), bar)
        # Part of the last event's outputs: they precede whatever this start brings.
        never_left = self._deny_unwritten(pump, booted)
        boot = booted.recovered.boot + 1
        pump.ts_ns = clock.now_ns()
        if booted.rebuilt_as:
            # Decisions are folded from here on: the engine was rebuilt, not continued.
            pump.open_epoch(booted.rebuilt_as, boot)
        inbox.deliver(e.EngineStarted(boot))
        if not booted.rebuilt_as:
            pump.open_epoch("restart" if booted.is_resumed else "start", boot)
        if booted.quarantine:
            inbox.deliver(e.Halt(booted.quarantine, allows_exits=True))
        self._settle_boot(pump, inbox, never_left)
        timers.rearm(pump.engine.ledger.timers.pending)
        sessions = SessionClock(plan.calendar, clock, inbox.deliver, pump.engine.market.session)
        if "session" not in self._truth.capabilities.streams:
            sessions.start()
        self._start_polls(pump)
        self._beat(inbox, loop)
        self._idle_later(loop, on_idle)
        deliver = self._guarded(inbox.deliver, stop)
        task = loop.create_task(self._client.run(deliver), name="broker")
        try:
            await self._until(stop, task)
        finally:
            sessions.close()
            for handle in self._handles.values():
                handle.cancel()
            timers.close()
            if isinstance(self._failure, JournalError) and not task.done():
                self.farewell.expect(last_cancels())
                await self.farewell.wait(self._live.broker_config.request_timeout_ms / 1_000)
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await self._client.close()
        if self._failure is not None:
            raise self._failure
        if task.done() and not task.cancelled():
            self.ended = task.result()

    def _guarded(self, deliver: Deliver, stop: asyncio.Event) -> Deliver:
        """A dead journal ends the run, not the connection: the last cancels leave by it."""

        def guarded(event: e.Event) -> None:
            if self._failure is not None:
                self.farewell.take(event)
                return
            try:
                deliver(event)
            except JournalError as error:
                self._failure = error
                stop.set()

        return guarded

    async def _until(self, stop: asyncio.Event, task: asyncio.Task[str]) -> None:
        """Wait for the stop, or for the client to end by itself (a failure, or given up)."""
        task.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if task.done() and not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    # --- boot ---------------------------------------------------------------------------

    def _settle_boot(self, pump: Pump, inbox: Inbox, never_left: Sequence[e.Event]) -> None:
        """Deny what never left, doubt what may have."""
        for event in never_left:
            inbox.deliver(event)
        for order in list(pump.engine.ledger.orders.open.values()):
            request = _FATE_UNKNOWN.get(order.status)
            if request is not None:
                inbox.deliver(e.OutcomeUnknown(_awaited_id(order), request, "restart"))

    def _deny_unwritten(self, pump: Pump, booted: Booted) -> list[e.Event]:
        """Record what a crash cut off, unsent, and report each order as refused."""
        refusals: list[e.Event] = []
        for output in booted.unwritten:
            pump.record_unsent(booted.last_event_seq, output)
            refusal = _refusal(output, pump.ts_ns)
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
            pump.request_snapshot(RequestSnapshot(request_id, scope))
            self._poll_later(pump, scope, interval_s)

        self._handles[scope] = asyncio.get_running_loop().call_later(interval_s, poll)

    def _beat(self, inbox: Inbox, loop: asyncio.AbstractEventLoop) -> None:
        """Time passes for the watchdog even when nothing arrives."""
        interval_s = self._live.heartbeat.interval_ms * NS_PER_MS / 1e9 / self._truth.speed

        def beat() -> None:
            inbox.deliver(e.Heartbeat("engine"))
            self._handles["beat"] = loop.call_later(interval_s, beat)

        if self._live.heartbeat.enabled:
            self._handles["beat"] = loop.call_later(interval_s, beat)

    def _idle_later(self, loop: asyncio.AbstractEventLoop, on_idle: Callable[[], None]) -> None:
        def idle() -> None:
            on_idle()
            self._idle_later(loop, on_idle)

        self._handles["idle"] = loop.call_later(SYNC_EVERY_S, idle)

    def _fail(self, context: dict[str, Any], stop: asyncio.Event) -> None:
        """An exception in a loop callback: end the run with it (the first one counts)."""
        error = context.get("exception")
        if self._failure is None:
            self._failure = error or RuntimeError(str(context.get("message")))
        stop.set()


def _awaited_id(order: Order) -> Any:
    """The client order id under which the pending request left."""
    return order.client_order_ids[-1]


def _refusal(output: EngineOutput, ts_ns: int) -> e.Event | None:
    command = plain(output) if isinstance(output, Approved) else None
    if isinstance(command, SubmitOrder):
        return e.OrderRejected(command.client_order_id, CUT_OFF, ts_ns)
    if isinstance(command, ReplaceOrder):
        return e.CancelRejected(command.client_order_id, e.RequestKind.REPLACE, CUT_OFF, ts_ns)
    return None
