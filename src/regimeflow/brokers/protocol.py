"""What every broker adapter is to the engine's shell: one connection, commands in, events out.

An adapter has three layers: `wire.py` knows bytes, `session.py` knows the conversation without a
socket, `client.py` is the only file that awaits. Invariants, held by the conformance suite: a
command ends in evidence, in a definite refusal, or in `OutcomeUnknown`; silence is never a
refusal; nothing is ever resent; a report is delivered once for each connection that has it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Protocol

import msgspec

from regimeflow.brokers.capabilities import Capabilities
from regimeflow.model.commands import Command
from regimeflow.model.events import Event
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar

Deliver = Callable[[Event], None]
CLOCK_TOLD_EVERY_S = 10.0
"""Longest pause between two comparisons of the broker's clock with ours, while the link is up."""


class AccountTruth(msgspec.Struct, frozen=True, kw_only=True):
    """What the broker said when it was first greeted; compared with the configuration.

    `venue_ns` is the venue's time at that moment and `speed` how fast it runs (1: real time).
    Numbers of reports belong to an `epoch`: another one means that the venue began anew.
    `bar_size_ns` is the size of the bars it pushes; None where it pushes anything else.
    """

    account_id: str
    currency: str
    is_paper: bool
    venue_ns: int
    speed: float
    epoch: int
    capabilities: Capabilities
    instruments: tuple[Instrument, ...]
    bar_size_ns: int | None = None


class BrokerClient(Protocol):
    """One account at one broker."""

    name: str
    capabilities: Capabilities

    async def connect(self) -> AccountTruth:
        """Greet the broker once. Raises StartRefused, saying what to do, when it cannot be."""
        ...

    async def run(self, deliver: Deliver) -> str:
        """Deliver market events, reports and the link's state until closed; returns why it ended.

        `deliver` is called on the loop, never from inside `execute`. While the link is up the
        broker's time is asked for and told (`ClockMeasured`) with each greeting and at least every
        `CLOCK_TOLD_EVERY_S`, as it is at the moment of delivery (see `brokers/venue_clock.py`).
        """
        ...

    def venue_ns(self) -> int:
        """The broker's time now, as well as it is known. Call after `connect`."""
        ...

    def execute(self, ts_ns: int, command: Command) -> None:
        """Carry out a command. Never blocks, never raises for the network: see `run`."""
        ...

    async def history(self, symbol: str, bars: int, end_ns: int) -> list[Bar]:
        """The last `bars` bars complete by `end_ns`, oldest first; raises StartRefused."""
        ...

    async def close(self) -> None:
        """Drop the connection and end `run`; harmless when repeated."""
        ...


class ReconnectPolicy(msgspec.Struct, frozen=True):
    """Exponential backoff with jitter; `max_attempts` 0 never gives up; disabled never tries."""

    initial_ms: int = 500
    max_ms: int = 30_000
    max_attempts: int = 0
    is_enabled: bool = True

    def delay_s(self, attempt: int, rng: random.Random) -> float | None:
        """How long to wait before the `attempt`-th attempt in a row (from 1); None: give up.

        Half of it is random, so that engines that lost one venue do not return in step.
        """
        if not self.is_enabled or (self.max_attempts and attempt > self.max_attempts):
            return None
        whole_ms = min(self.initial_ms << min(attempt - 1, 30), self.max_ms)
        return whole_ms * (0.5 + 0.5 * rng.random()) / 1_000.0
