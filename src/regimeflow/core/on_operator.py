"""Operator commands: halt, resume, cancel all, flatten. They are events like any other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from regimeflow.core.closing_orders import CLOSE, FLATTEN, is_operators
from regimeflow.core.exits import unprotected
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model import events as e
from regimeflow.model.commands import DiscrepancyFound, TradingState, TradingStateChanged

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine


class OperatorHandler:
    """Handles operator commands for one engine.

    What the engine before this one left, if it was rebuilt, and the start takes up: `unfinished`
    are symbols that it was flattening, `unclosed` those whose adopted positions it was closing;
    `is_rebuilt` says that exits may have waited in it.
    """

    __slots__ = ("_engine", "_halted_ns", "is_rebuilt", "unclosed", "unfinished")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._halted_ns = -1
        self.unfinished: tuple[str, ...] = ()
        self.unclosed: tuple[str, ...] = ()
        self.is_rebuilt = False

    def capture(self) -> int:
        """When the last halt came."""
        return self._halted_ns

    def restore(self, halted_ns: int) -> None:
        """Remember when the last halt came."""
        self._halted_ns = halted_ns

    def on_halt(self, event: e.Halt) -> None:
        """Latch HALTED (REDUCING where exits are allowed), for all or for one strategy."""
        engine = self._engine
        self._halted_ns = engine.now_ns
        state = TradingState.REDUCING if event.allows_exits else TradingState.HALTED
        if engine.ledger.trading.would_tighten(state, event.strategy_id):
            engine.emit(TradingStateChanged(state, event.reason, "C25", event.strategy_id))

    def on_resume(self, event: e.Resume) -> None:
        """The only way back; refused while the books and the broker differ."""
        engine = self._engine
        refusal = self._why_not_resume()
        if refusal:
            state = engine.ledger.trading.account
            engine.emit(TradingStateChanged(state, f"resume refused: {refusal}", "C31"))
            return
        if event.strategy_id is None:
            engine.holds.symbols.clear()
        engine.emit(
            TradingStateChanged(TradingState.ACTIVE, event.reason, "C31", event.strategy_id)
        )
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def on_adopt(self, event: e.Adopt) -> None:
        """Take over what the broker has and the books have not; trading goes on by `Resume`."""
        self._engine.externals.on_adopt(event.reason)

    def on_cancel_all(self, event: e.CancelAll) -> None:
        """Cancel whatever works."""
        self._engine.desk.cancel_all(event.reason)

    def on_flatten(self, event: e.Flatten) -> None:
        """Cancel whatever works, then close every position as the cancels are answered."""
        engine = self._engine
        engine.desk.cancel_all(event.reason)
        # A working order may fill before its cancel arrives: its symbol is flattened too.
        working = [order.symbol for order in engine.ledger.orders.open.values()]
        self._flatten(sorted({*engine.ledger.portfolio.held, *working}))
        engine.desk.close_what_can(engine.now_ns)
        engine.callbacks.drain()

    def on_started(self) -> None:
        """Go on with flattens that the engine before this one could not finish.

        Their closing orders leave as ever, when nothing works in their symbols. Exits that waited
        are told: only that engine knew for how much, and since when.
        """
        engine = self._engine
        symbols, self.unfinished = self.unfinished, ()
        self._flatten(symbols)
        adopted, self.unclosed = self.unclosed, ()
        self._flatten(adopted, EXTERNAL)
        if self.is_rebuilt:
            self.is_rebuilt = False
            working = engine.ledger.orders.open.values()
            self._tell_unprotected(
                {*symbols, *(o.symbol for o in working if is_operators(o) or o.tag == CLOSE)}
            )

    # --- inside -------------------------------------------------------------------------

    def _tell_unprotected(self, closing: Collection[str]) -> None:
        """The exits that waited in the engine before this one are lost: tell what has none, but
        for symbols that are `closing`.
        """
        for entry, tag, quantity in unprotected(self._engine.ledger, closing):
            why = (
                f"the {tag} of {entry.root_id} neither works nor waits since the engine was "
                "rebuilt; protect it at the broker"
            )
            self._engine.emit(
                DiscrepancyFound("not_protected", entry.symbol, "lost", f"{quantity}", why)
            )

    def _flatten(self, symbols: Iterable[str], tag: str = FLATTEN) -> None:
        engine = self._engine
        for symbol in symbols:
            if symbol in engine.instruments:
                engine.desk.flatten(symbol, tag)
            else:
                held = str(engine.ledger.portfolio.position(symbol).quantity)
                why = "this symbol is not configured here; close it at the broker"
                engine.emit(DiscrepancyFound("not_flattened", symbol, "not configured", held, why))

    def _why_not_resume(self) -> str:
        engine = self._engine
        if self._halted_ns == engine.now_ns:
            return "halted in the same instant; a halt wins over a resume it could not know of"
        if engine.externals.unknown_ids:
            return f"{next(iter(engine.externals.unknown_ids))} is not ours to know; adopt first"
        breaks = engine.reconciler.breaks
        if not breaks or not engine.setup.halt_on_mismatch:
            return ""
        kind, subject, ours, theirs = next(iter(breaks.values()))
        return f"{kind} {subject} differs (ours {ours}, theirs {theirs})"
