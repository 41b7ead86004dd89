"""Who must not send what, by the journal alone: halts, unproved books, clocks, held symbols.

The journal has an order, so nothing is tolerated: what was decided after a hold began and before
it ended broke it. Whether an order was an entry is for the venue to say, by its own books. It may
be taken late, though, when the position that it was to close is gone: what by the journal's books
could only reduce when it left was no entry.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from regimeflow.core.external import TERMS_TAKEN
from regimeflow.core.ledger import Ledger
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.risk.clock import CLOCK
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.evidence import as_observed
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import Order, Side

BOOKS = "books"
HOLDING = {
    "bust": "an execution was annulled",
    "unknown_fill": "an execution belonged to no order",
    "late_order": "an order lived that had ended",
    "order_terms": "the venue worked other terms",
    "fills_missing": "fills of an order were missing",
    "unknown_status": "the venue named a status that nobody knows",
    "impossible_fill": "an execution could not be",
    "execution_reused": "an execution id came twice with other terms",
}
"""Differences after which the symbol is held until an operator resumes."""
_OF_EXECUTIONS = frozenset({"bust", "unknown_fill", "impossible_fill", "execution_reused"})
_STRICTNESS = (c.TradingState.ACTIVE, c.TradingState.REDUCING, c.TradingState.HALTED)


@dataclass
class HoldWatch:
    """What holds at each record; `held` are the orders that left all the same, and why.

    `barred` are those for which even an exit would not have been allowed, and cancels that left
    while the broker took no requests.
    """

    held: list[tuple[str, str]] = field(default_factory=list)
    barred: list[tuple[str, str]] = field(default_factory=list)
    _states: dict[str | None, c.TradingState] = field(default_factory=dict)
    _account: dict[str, str] = field(default_factory=dict)
    _symbols: dict[str, str] = field(default_factory=dict)
    _suspension: str = ""
    _executed: str = ""
    _reduces: bool = False

    def see(self, record: Record, order: Order | None, ledger: Ledger) -> None:
        """Take the next record, which `ledger` has just taken; `order` is the one it is about."""
        body = record.body
        self._reduces = order is not None and _reduces(order, ledger)
        if isinstance(body, c.SubmitOrder):
            self._judge(body.client_order_id, body.strategy_id, body.symbol)
        elif isinstance(body, c.ReplaceOrder) and order is not None:
            self._judge(body.client_order_id, order.strategy_id, order.symbol)
        elif isinstance(body, c.TradingStateChanged):
            self._change(body)
        elif isinstance(body, e.EngineStarted):
            self._account = {BOOKS: "the engine had just started"}
        elif isinstance(body, c.CancelOrder) and self._suspension:
            self.barred.append((body.client_order_id, self._suspension))
        elif isinstance(body, e.LinkDown):
            self._account[BOOKS] = f"link {body.link} was down"
            if body.link == e.REQUESTS:
                self._suspension = f"while the broker took no requests: {body.reason}"
        elif isinstance(body, e.LinkUp) and body.link == e.REQUESTS:
            self._suspension = ""
        elif isinstance(body, c.HealthChanged) and body.component in (BOOKS, CLOCK):
            self._account[body.component] = body.detail
            if body.status is c.HealthStatus.OK:
                self._account.pop(body.component)
        elif isinstance(body, e.ReportNotUnderstood):
            symbol = body.symbol or (order.symbol if order is not None else "")
            self._symbols[symbol] = "a report was not understood"
        elif isinstance(body, c.DiscrepancyFound):
            self._hold(body, ledger)
        else:
            self._note_execution(as_observed(body))

    def _note_execution(self, report: object) -> None:
        """A difference of an execution follows its report, and names no symbol."""
        if isinstance(report, e.FillCorrected):
            report = report.fill
        if isinstance(report, e.FillBusted | e.OrderFilled):
            self._executed = report.symbol

    def _hold(self, found: c.DiscrepancyFound, ledger: Ledger) -> None:
        """What the table of differences says is held; adopted orders may change at the broker."""
        why = HOLDING.get(found.kind)
        if why is None or found.detail.endswith(TERMS_TAKEN):
            return
        order = ledger.orders.get(ClientOrderId(found.subject))
        if found.kind in _OF_EXECUTIONS:
            self._symbols[self._executed] = why
        elif order is not None:
            self._symbols[order.symbol] = why

    def _change(self, change: c.TradingStateChanged) -> None:
        self._states[change.strategy_id] = change.state
        if change.state is c.TradingState.ACTIVE and change.strategy_id is None:
            self._symbols.clear()

    def _judge(self, client_order_id: str, strategy_id: str, symbol: str) -> None:
        active = c.TradingState.ACTIVE
        state = max(
            self._states.get(None, active),
            self._states.get(strategy_id, active),
            key=_STRICTNESS.index,
        )
        if state is c.TradingState.HALTED and strategy_id != EXTERNAL:
            self.barred.append((client_order_id, "while trading was halted"))
        elif state is not active and not self._reduces:
            self.held.append((client_order_id, f"while trading was {state}"))
        if self._suspension:
            self.barred.append((client_order_id, self._suspension))
        if self._reduces:
            return  # neither books nor clocks nor symbols hold an exit
        for held_by in self._account.values():
            self.held.append((client_order_id, f"while entries waited: {held_by}"))
        for held_symbol in (symbol, ""):
            if held_symbol in self._symbols:
                why = f"while {symbol} was held: {self._symbols[held_symbol]}"
                self.held.append((client_order_id, why))


def _reduces(order: Order, ledger: Ledger) -> bool:
    """Whether all that may fill on its side, itself included, is covered by what is held."""
    held = ledger.portfolio.position(order.symbol).quantity * order.side.sign
    reach = ledger.orders.exposure.of(order.symbol)
    may_fill = reach.buy_quantity if order.side is Side.BUY else reach.sell_quantity
    return held < 0 and may_fill <= -held
