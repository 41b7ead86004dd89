"""What is told about time itself: that it passed, what the broker's clock says, that ours was
set, that our own process stood still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.model import events as e
from regimeflow.model.commands import HealthChanged
from regimeflow.model.timestamps import NS_PER_S

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine


class TimeHandler:
    """Handles heartbeats, clocks and pauses for one engine."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_heartbeat(self, event: e.Heartbeat) -> None:
        """Time passed: what is periodic may be due. Fresh data makes it change nothing."""
        engine = self._engine
        market = engine.market_handler
        if not market.next_due_ns:
            market.judge_silence()  # nothing has come yet; what is periodic begins with data
        elif engine.now_ns >= market.next_due_ns:
            market.work_periodically()
        engine.holds.on_time()
        self._announce(engine.gate.clock.on_time(engine.now_ns))

    def on_measured(self, measured: e.ClockMeasured) -> None:
        """The broker's clock, beside ours; while they agree no decision can read it."""
        self._engine.order_truth.on_measured(measured)
        self._announce(self._engine.gate.clock.on_measured(self._engine.now_ns, measured))

    def on_stepped(self, stepped: e.ClockStepped) -> None:
        """We may have been suspended, or the wall was set: neither clock is sure any more."""
        engine = self._engine
        whose = f"the {stepped.clock} clock stepped"
        self._announce(engine.gate.clock.on_step(stepped.delta_ns, whose))
        engine.holds.on_pause(f"{whose} by {stepped.delta_ns / NS_PER_S:+.1f} s")

    def on_adjusted(self, adjusted: e.ClockAdjusted) -> None:
        """Our clock was set. By as much as a pause: that may have hidden one."""
        engine = self._engine
        engine.order_truth.on_adjusted(adjusted.delta_ns)
        self._announce(engine.gate.clock.on_step(adjusted.delta_ns, "our clock was set"))
        if abs(adjusted.delta_ns) >= engine.setup.pause_ns:
            self._return(f"the clock was set by {adjusted.delta_ns / NS_PER_S:+.1f} s")

    def on_stalled(self, stalled: e.LoopStalled) -> None:
        """We stood still: all that we know is old until the broker has proved otherwise."""
        self._return(f"the engine stood still for {stalled.length_ns / NS_PER_S:.1f} s")

    def _return(self, why: str) -> None:
        """Back from a pause; in a playback, whose clock is the data, there is none."""
        if self._engine.setup.proves_books:
            self._engine.holds.on_pause(why)
            self._engine.market_handler.judge_silence()

    def _announce(self, change: HealthChanged | None) -> None:
        if change is not None:
            self._engine.change_health(change)
