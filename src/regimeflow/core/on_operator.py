"""Operator commands: halt, resume, cancel all, flatten. They are events like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from regimeflow.model import events as e
from regimeflow.model.commands import DiscrepancyFound, TradingState, TradingStateChanged

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine


class OperatorHandler:
    """Handles operator commands for one engine."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def on_halt(self, event: e.Halt) -> None:
        """Latch HALTED, for all or for one strategy."""
        engine = self._engine
        if engine.ledger.trading.would_tighten(TradingState.HALTED, event.strategy_id):
            engine.emit(
                TradingStateChanged(TradingState.HALTED, event.reason, "C25", event.strategy_id)
            )

    def on_resume(self, event: e.Resume) -> None:
        """The only way back; refused while the books and the broker differ."""
        engine = self._engine
        breaks = engine.report_handler.reconciler.breaks
        if breaks and engine.setup.halt_on_mismatch:
            kind, subject, ours, theirs = next(iter(breaks.values()))
            engine.emit(
                TradingStateChanged(
                    engine.ledger.trading.account,
                    f"resume refused: {kind} {subject} differs (ours {ours}, theirs {theirs})",
                    "C31",
                )
            )
            return
        engine.holds.symbols.clear()
        engine.emit(
            TradingStateChanged(TradingState.ACTIVE, event.reason, "C31", event.strategy_id)
        )

    def on_cancel_all(self, event: e.CancelAll) -> None:
        """Cancel whatever works."""
        self._engine.desk.cancel_all(event.reason)

    def on_flatten(self, event: e.Flatten) -> None:
        """Cancel whatever works, then close every position as the cancels are answered."""
        engine = self._engine
        engine.desk.cancel_all(event.reason)
        # A working order may fill before its cancel arrives: its symbol is flattened too.
        working = [order.symbol for order in engine.ledger.orders.open.values()]
        for symbol in sorted({*engine.ledger.portfolio.held, *working}):
            if symbol in engine.instruments:
                engine.desk.flatten(symbol)
            else:
                held = str(engine.ledger.portfolio.position(symbol).quantity)
                why = "this symbol is not configured here; close it at the broker"
                engine.emit(DiscrepancyFound("not_flattened", symbol, "not configured", held, why))
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()
