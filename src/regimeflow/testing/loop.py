"""An asyncio event loop in virtual time whose whole schedule follows from a seed.

Time moves only when nothing is ready, and then jumps to the next timer; a day of heartbeats
takes seconds. The order of callbacks is asyncio's own (policy `fifo`), or wake-ups of tasks are
permuted by the seed (`shuffle`); plain callbacks are never permuted, because the contract of
transports (`connection_made` before `data_received`) rests on their order. `digest` names the
run: equal seeds give equal digests in every process of one Python version.

Not deterministic, and not mended here: sets of other objects than tasks and futures, which
still iterate by address (aiohttp closes busy connections in such an order), and `datetime.now`.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import gc
import hashlib
import heapq
import random
from collections.abc import Callable
from typing import Any, Literal, TypeVar, TypeVarTuple, Unpack

from regimeflow.testing.det_tasks import DetFuture, DetTask, callback_name, task_of
from regimeflow.testing.failures import Deadlock, HostKilled, Livelock, TimeLimit
from regimeflow.testing.incarnation import CURRENT, Incarnation
from regimeflow.testing.loop_io import VirtualIoLoop
from regimeflow.testing.network import Network

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
Policy = Literal["fifo", "shuffle"]
STEPS_MAX = 50_000_000
STEPS_AT_ONE_MOMENT_MAX = 500_000
UNHANDLED_MAX = 100
"""Unhandled errors kept; later ones are only counted."""
GC_EVERY_STEPS = 250_000
"""The collector runs at fixed steps: finalizers that schedule work must not follow its mood."""
DIGEST_CHUNK = 4_096
CANCELLED_TIMERS_MAX = 512
"""Cancelled timers left in the heap before it is rebuilt, if they are more than half of it."""

_Entry = tuple[asyncio.Handle, Incarnation | None, Callable[..., object]]


class DetLoop(VirtualIoLoop):
    """A seeded event loop in virtual time, with a network in memory.

    `rng` serves the schedule alone and is drawn from only by `shuffle`. Raises Deadlock,
    Livelock or TimeLimit out of `run_until_complete`.
    """

    def __init__(
        self,
        *,
        rng: random.Random,
        network: Network,
        policy: Policy = "fifo",
        steps_max: int = STEPS_MAX,
    ) -> None:
        super().__init__(network)
        self.set_debug(False)
        self.policy: Policy = policy
        self.steps = 0
        self.steps_max = steps_max
        self.ends_at_s = float("inf")
        self.unhandled: list[str] = []
        self.unhandled_count = 0
        self._rng = rng
        self._now_s = 0.0
        self._entries: collections.deque[_Entry] = collections.deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle, _Entry]] = []
        self._timer_number = 0
        self._cancelled_timers = 0
        self._steps_at_moment = 0
        self._number = 0
        self._hash = hashlib.blake2b(digest_size=16)
        self._trace: list[str] = []

    # --- time -----------------------------------------------------------------------------

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._now_s

    def block(self, delay_s: float) -> None:
        """Let time pass inside the running callback, as a blocking system call does."""
        self._now_s += max(delay_s, 0.0)

    # --- scheduling -----------------------------------------------------------------------

    def call_soon(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """As asyncio's; the incarnation of the context owns the callback."""
        self._check_open()
        handle = asyncio.Handle(callback, args, self, context)
        owner = CURRENT.get() if context is None else context.get(CURRENT)
        self._entries.append((handle, owner, callback))
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """There are no other threads here."""
        return self.call_soon(callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        """As asyncio's, but timers of one moment fire in the order they were set."""
        self._check_open()
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        owner = CURRENT.get() if context is None else context.get(CURRENT)
        self._timer_number += 1
        entry = (handle, owner, callback)
        heapq.heappush(self._timers, (when, self._timer_number, handle, entry))
        return handle

    def create_task(
        self,
        coro: Any,
        *,
        name: object = None,
        context: contextvars.Context | None = None,
        **_: Any,
    ) -> asyncio.Task[Any]:
        """A task named and hashed by this loop's counter. Eager starts are not supported."""
        self._check_open()
        self._number += 1
        return DetTask(self._number, coro, self, name=name, context=context)

    def create_future(self) -> DetFuture:
        """A future hashed by this loop's counter."""
        self._number += 1
        return DetFuture(self._number, self)

    def run_in_executor(
        self, executor: object, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        """No threads: `func` runs on the loop, in a step of its own."""
        return self.create_task(_call(func, args))

    def wake(self, incarnation: Incarnation) -> None:
        """Let a stopped process run on: what waited for it runs next, in order."""
        self._entries.extend(incarnation.go_on())

    # --- one turn -------------------------------------------------------------------------

    def _run_once(self) -> None:
        if not self._entries:
            self._advance()
        self._take_due()
        batch = list(self._entries)
        self._entries.clear()
        if self.policy == "shuffle" and len(batch) > 1:
            _shuffle_tasks(batch, self._rng)
        for entry in batch:
            handle, owner, callback = entry
            if handle.cancelled() or (owner is not None and not owner.may_run(entry)):
                continue
            self._note_step(callback)
            handle._run()

    def _advance(self) -> None:
        """Jump to the next timer."""
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled_timers = max(self._cancelled_timers - 1, 0)
        if timers:
            when_s = timers[0][0]
            if when_s > self.ends_at_s:
                raise TimeLimit(
                    f"the scenario did not end within {self.ends_at_s:g} virtual seconds; "
                    f"{self._waiting()}"
                )
            if when_s > self._now_s:
                self._now_s = when_s
                self._steps_at_moment = 0
                self._trace.append(f"@{when_s!r}")
        elif not self._stops():
            raise Deadlock(f"at {self._now_s:g} s nothing can happen any more; {self._waiting()}")

    def _take_due(self) -> None:
        timers, now_s = self._timers, self._now_s
        while timers and timers[0][0] <= now_s:
            _, _, handle, entry = heapq.heappop(timers)
            if handle.cancelled():
                self._cancelled_timers = max(self._cancelled_timers - 1, 0)
            else:
                self._entries.append(entry)

    def _note_step(self, callback: Callable[..., object]) -> None:
        task = task_of(callback)
        name = callback_name(callback) if task is None else task.get_name()
        self._trace.append(name)
        self.steps += 1
        self._steps_at_moment += 1
        if len(self._trace) >= DIGEST_CHUNK:
            self._flush_trace()
        if self.steps % GC_EVERY_STEPS == 0:
            gc.collect()
        if self.steps >= self.steps_max or self._steps_at_moment >= STEPS_AT_ONE_MOMENT_MAX:
            moment = f"{self._steps_at_moment} of them at {self._now_s:g} s"
            raise Livelock(f"{self.steps} steps, {moment}; {name} ran last")

    @property
    def digest(self) -> str:
        """Names every step so far: virtual time and callback, in order."""
        self._flush_trace()
        return self._hash.hexdigest()

    def _flush_trace(self) -> None:
        self._hash.update("".join([f"{name}\n" for name in self._trace]).encode())
        self._trace.clear()

    def _stops(self) -> bool:
        return bool(getattr(self, "_stopping", False))

    def _check_open(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")

    def _waiting(self) -> str:
        tasks = sorted(asyncio.all_tasks(self), key=hash)
        return "waiting: " + ("; ".join(_where(task) for task in tasks[:20]) or "no task")

    # --- bookkeeping ----------------------------------------------------------------------

    def set_exception_handler(self, handler: Callable[..., object] | None) -> None:
        """As asyncio's, for the process that asks: each life on this loop has its own."""
        owner = CURRENT.get()
        if owner is not None:
            owner.exception_handler = handler

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled; the death of a process is not an error."""
        error = context.get("exception")
        if isinstance(error, HostKilled):
            return
        handle = context.get("handle")
        owner = handle._context.get(CURRENT) if handle is not None else CURRENT.get()
        if owner is not None and owner.exception_handler is not None:
            owner.exception_handler(self, context)
            return
        self.unhandled_count += 1
        if len(self.unhandled) < UNHANDLED_MAX:
            who = context.get("future") or context.get("task")
            name = f" in {who.get_name()}" if isinstance(who, DetTask) else ""
            self.unhandled.append(f"{context.get('message')}{name}: {error!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        cancelled = self._cancelled_timers
        if cancelled > CANCELLED_TIMERS_MAX and cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def close(self) -> None:
        """Forget every callback; closing twice is harmless."""
        super().close()
        self._entries.clear()
        self._timers.clear()


def _shuffle_tasks(batch: list[_Entry], rng: random.Random) -> None:
    """Permute the wake-ups of tasks over the places they hold; callbacks stay where they are."""
    places = [place for place, entry in enumerate(batch) if task_of(entry[2]) is not None]
    if len(places) > 1:
        wakeups = [batch[place] for place in places]
        rng.shuffle(wakeups)
        for place, entry in zip(places, wakeups, strict=True):
            batch[place] = entry


async def _call(func: Callable[..., _T], args: tuple[Any, ...]) -> _T:
    return func(*args)


def _where(task: asyncio.Task[Any]) -> str:
    """A task and the line it waits at."""
    frames = task.get_stack(limit=1)
    if not frames:
        return task.get_name()
    code = frames[-1].f_code
    return f"{task.get_name()} in {code.co_qualname} (line {frames[-1].f_lineno})"
