"""Closing orders: they leave once nothing else works in their symbol, for what is held then.

A strategy's close is a wish like any other, and can be denied. An operator's flatten must not get
lost: it waits for the order rate, and where another control refuses it, that is a discrepancy for
a person. Both wait for a broker that takes no requests.
"""

from __future__ import annotations

from collections.abc import Callable

from regimeflow.core.approved import EngineOutput
from regimeflow.core.ledger import Ledger
from regimeflow.core.order_factory import build_order
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.rate_wait import RateWait
from regimeflow.core.risk.proposal import Denial
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Order, Side

FLATTEN = "flatten"
"""Tag of an operator's closing orders."""
STOPPED = Denial("STOPPED", "while running", "stopping", "the run is ending; no order may leave")
FLAT = Denial("FLAT", "a position to close", "flat", "nothing is left to close")


class Closings:
    """Holds closing orders until they can leave; `waiting` in the order they were asked for."""

    __slots__ = ("_emit", "_instruments", "_ledger", "_rate_wait", "_submit", "waiting")

    def __init__(
        self,
        *,
        ledger: Ledger,
        instruments: dict[str, Instrument],
        submit: Callable[[int, Order, Denial | None], Denial | None],
        emit: Callable[[EngineOutput], object],
        rate_wait: RateWait,
    ) -> None:
        self._ledger = ledger
        self._instruments = instruments
        self._submit = submit
        self._emit = emit
        self._rate_wait = rate_wait
        self.waiting: list[Order] = []

    def of(self, strategy_id: StrategyId, symbol: str) -> Order | None:
        """The closing order of this owner and symbol that waits, if there is one."""
        for order in self.waiting:
            if order.strategy_id == strategy_id and order.symbol == symbol:
                return order
        return None

    def flatten(self, symbol: str, client_order_id: ClientOrderId, intent_id: IntentId) -> None:
        """Queue an operator's closing order for `symbol`."""
        held = self._ledger.portfolio.position(symbol).quantity
        self.waiting.append(
            build_order(
                self._instruments[symbol],
                Side.SELL if held > 0 else Side.BUY,
                abs(held),
                self._ledger.portfolio.exact_mark(symbol),
                client_order_id,
                intent_id,
                reduce_only=True,
                tag=FLATTEN,
            )
        )

    def send_what_can(self, ts_ns: int, *, is_stopping: bool) -> None:
        """Send those whose strategy has nothing else working in the symbol.

        An operator's waits for the orders of every strategy: any of them could still fill.
        """
        if not self.waiting:
            return
        left = []
        for order in self.waiting:
            owner = order.strategy_id
            must_wait = any(
                o.symbol == order.symbol and owner in (o.strategy_id, EXTERNAL)
                for o in self._ledger.orders.open.values()
            )
            if must_wait or not self._has_left(ts_ns, order, is_stopping=is_stopping):
                left.append(order)
        self.waiting = left

    # --- inside -------------------------------------------------------------------------

    def _has_left(self, ts_ns: int, order: Order, *, is_stopping: bool) -> bool:
        """Send it for what is held now; False where it has to wait."""
        portfolio = self._ledger.portfolio
        is_operators = order.strategy_id == EXTERNAL
        if is_operators:
            held = portfolio.position(order.symbol).quantity
        else:
            held = portfolio.strategy_position(order.strategy_id, order.symbol).quantity
        order.side = Side.SELL if held > 0 else Side.BUY
        order.quantity = abs(held)
        if not is_operators and self._rate_wait.is_shut and not is_stopping:
            return False
        if not is_operators:
            refusal = STOPPED if is_stopping else None
            self._submit(ts_ns, order, refusal if held else FLAT)
        elif held:
            is_full = self._rate_wait.has_to_wait(ts_ns, order, f"the flatten of {order.symbol}")
            overdue = self._rate_wait.refusal(ts_ns, order) if is_full else None
            if is_full and overdue is None:
                return False
            self._report(order, self._submit(ts_ns, order, overdue))
        return True

    def _report(self, order: Order, denial: Denial | None) -> None:
        """An operator's closing order that may not leave is for a person to look at."""
        if denial is not None:
            held = str(self._ledger.portfolio.position(order.symbol).quantity)
            why = f"{denial.control}: {denial.message}; close it at the broker"
            self._emit(DiscrepancyFound("not_flattened", order.symbol, "refused", held, why))
