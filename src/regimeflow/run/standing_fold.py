"""What stands until an operator or evidence ends it, and is in no book: as the facts alone tell.

An engine that is rebuilt has the books of the one before, not its memory. Held symbols, ids that
this journal never sent, fills in quarantine, breaks, unfinished flattens (an operator's, and those
of adopted positions) and an operator's cancels that a ban withheld are folded here from events and
notices, never from what strategies decide: so they are known where decisions cannot be repeated,
and every later start finds the same.

Where facts do not say it exactly, more is held and nothing is freed. A break that may have healed
stands until the next list; an execution whose symbol nobody knows holds every symbol; a flatten
that may have been refused is tried once more. Lost are a strategy's wishes to close or cancel that
waited, which are no facts, and exits of filled entries that waited: the rebuilt engine tells which
positions lack them.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from regimeflow.core.closing_orders import FLATTEN, is_flatten
from regimeflow.core.closings import REFUSED, WAITS
from regimeflow.core.discrepancies import QUARANTINED_MAX, UNBOOKED
from regimeflow.core.engine import Engine
from regimeflow.core.external import BY_POLICY, EXTERNAL_KINDS, UNKNOWN_IDS_MAX
from regimeflow.core.ledger import Ledger
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.reconcile import Difference, Key, SavedReconciler, differences
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import ClientOrderId, ExecutionId
from regimeflow.model.market import MarketEvent
from regimeflow.model.order import Order, OrderStatus
from regimeflow.run.folds import is_output

HOLD_OF_ORDERS = frozenset({"order_terms", "late_order", "unknown_status", "fills_missing"})
HOLD_OF_EXECUTIONS = frozenset({"bust", "unknown_fill", *UNBOOKED})
HOLD_OF_REPORTS = frozenset({"unknown_report"})
"""Kinds of differences that hold a symbol, by what their subject is."""
_BREAKS = {
    "position": "positions",
    "cash": "account",
    "order_unknown_here": "orders",
    "order_missing_there": "orders",
    "order_terms": "orders",
}
"""Kinds that are breaks, and the part of a snapshot that shows whether one is over."""
ALL_SYMBOLS = ""
_NO_ID = ClientOrderId("")
_CLOSED_BY_POLICY = BY_POLICY.format("flatten")


class StandingFold:
    """Takes records in order of seq, each before the books do; hands over to a rebuilt engine.

    Market data changes nothing that is kept here: of it only `observe` is told.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._event: Any = None
        self._is_settled = True
        self._newest_ns = 0
        self._symbols: dict[str, str] = {}
        self._unknown_ids: dict[ClientOrderId, str] = {}
        self._quarantined: OrderedDict[ExecutionId, None] = OrderedDict()
        self._breaks: dict[Key, Difference] = {}
        self._listed: tuple[OrderRecord, ...] = ()
        self._closing: dict[str, dict[str, None]] = {FLATTEN: {}, EXTERNAL: {}}
        self._withheld: dict[ClientOrderId, str] = {}
        self._suspension = ""

    def take(self, record: Record) -> None:
        """Take the next record."""
        body: Any = record.body
        if is_output(record):
            self._take_output(body)
        elif type(body) is not EpochOpened:
            self._settle()
            self._event = body
            self._is_settled = False
            self._take_event(body)

    def observe(self, event: MarketEvent) -> None:
        """Market data came next: outputs may name it."""
        self._settle()
        self._event = event

    def hand_over(self, engine: Engine) -> None:
        """Let an engine that was rebuilt on the same books know what stands."""
        self._settle()
        for held, reason in self._symbols.items():
            for symbol in engine.instruments if held == ALL_SYMBOLS else (held,):
                engine.holds.hold_symbol(symbol, reason)
        engine.externals.restore(self._unknown_ids)
        engine.discrepancies.restore(list(self._quarantined))
        breaks = [found for found in self._breaks.values() if self._holds(engine, found)]
        known = SavedReconciler({}, breaks, [], list(self._listed))
        engine.report_handler.restore((self._newest_ns, known))
        operator = engine.operator_handler
        operator.unfinished = tuple(self._closing[FLATTEN])
        operator.unclosed = tuple(self._closing[EXTERNAL])
        operator.is_rebuilt = True
        engine.desk.cancels.withheld = dict(self._withheld)
        if self._suspension:
            engine.holds.on_link_down(e.LinkDown(e.REQUESTS, self._suspension))

    # --- events -------------------------------------------------------------------------

    def _take_event(self, event: Any) -> None:
        if isinstance(event, e.BrokerSnapshot):
            if event.orders is not None and self._is_current(event):
                self._listed = event.orders
        elif isinstance(event, e.Adopt):
            # Those that work are adopted one by one, or stay unknown.
            working = {o.client_order_id for o in self._listed if not o.status.is_terminal}
            self._unknown_ids = {i: s for i, s in self._unknown_ids.items() if i in working}
        elif isinstance(event, e.CancelAll | e.Flatten):
            self._take_clearance(event)
        elif isinstance(event, e.LinkDown | e.LinkUp):
            if event.link == e.REQUESTS:
                self._suspension = event.reason if isinstance(event, e.LinkDown) else ""
        elif isinstance(event, e.OrderRejected):
            self._note_rejected(event.client_order_id)
        if isinstance(event, _SEEN) and event.ts_venue_ns > self._newest_ns:
            self._newest_ns = event.ts_venue_ns

    def _take_clearance(self, event: e.CancelAll | e.Flatten) -> None:
        """An operator wants everything gone; in a ban the cancels wait for its end."""
        working = self._ledger.orders.open
        if self._suspension:
            for root, order in working.items():
                if order.status is not OrderStatus.PENDING_CANCEL or not order.is_unwanted:
                    self._withheld.setdefault(root, event.reason)
        if isinstance(event, e.Flatten):
            symbols = {*self._ledger.portfolio.held, *(o.symbol for o in working.values())}
            self._closing[FLATTEN].update(dict.fromkeys(sorted(symbols)))

    def _settle(self) -> None:
        """All that the last event led to is in the books: forget what is over by it."""
        if self._is_settled:
            return
        self._is_settled, event = True, self._event
        working, books = self._ledger.orders.open, self._ledger.portfolio
        for root in [root for root in self._withheld if root not in working]:
            del self._withheld[root]
        operators, adopted = self._closing[FLATTEN], self._closing[EXTERNAL]
        if operators:
            busy = {order.symbol for order in working.values()}
            for symbol in [s for s in operators if s not in busy and s not in books.held]:
                del operators[symbol]
        for symbol in [s for s in adopted if not books.strategy_position(EXTERNAL, s).quantity]:
            del adopted[symbol]
        if self._breaks and isinstance(event, e.BrokerSnapshot) and self._is_current(event):
            found = differences(event, self._ledger)
            current = {difference[:2] for part in found.values() for difference in part}
            for key in [k for k in self._breaks if _BREAKS[k[0]] in found and k not in current]:
                del self._breaks[key]

    def _is_current(self, snapshot: e.BrokerSnapshot) -> bool:
        """Whether the engine compared it: it is no look into the past."""
        return snapshot.ts_venue_ns >= self._newest_ns or not snapshot.ts_venue_ns

    # --- outputs ------------------------------------------------------------------------

    def _take_output(self, output: Any) -> None:
        if isinstance(output, c.DiscrepancyFound):
            self._note(output)
        elif isinstance(output, c.TradingStateChanged):
            if self._is_resumed(output):
                self._symbols.clear()
        elif isinstance(output, c.ExternalAdopted):
            kind = "order_unknown_here" if output.order is not None else output.kind
            self._breaks.pop((kind, output.subject), None)
            self._unknown_ids.pop(ClientOrderId(output.subject), None)
            if output.reason == _CLOSED_BY_POLICY and not isinstance(self._event, e.Adopt):
                self._take_closing(output)
        elif isinstance(output, c.CancelOrder):
            order = self._ledger.orders.get(output.client_order_id)
            if order is not None:
                self._withheld.pop(order.root_id, None)
        elif isinstance(output, c.SubmitOrder):
            if output.strategy_id == EXTERNAL:
                self._closing.get(output.tag, {}).pop(output.symbol, None)
        elif isinstance(output, c.OrderDenied) and output.strategy_id == EXTERNAL:
            self._end_closing(output.symbol)
        elif isinstance(output, c.OrderResolved) and output.status is OrderStatus.REJECTED:
            self._note_rejected(output.client_order_id)

    def _note_rejected(self, client_order_id: ClientOrderId) -> None:
        """A flatten that was rejected is sent again, whether a report or evidence says so."""
        order = self._ledger.orders.get(client_order_id)
        if order is not None and is_flatten(order) and _is_wanted(order):
            self._closing[order.tag][order.symbol] = None

    def _take_closing(self, adopted: c.ExternalAdopted) -> None:
        """What policy flattens is adopted: it is cancelled or closed at once, or once that can."""
        if adopted.kind == "position":
            self._closing[EXTERNAL][adopted.subject] = None
        elif adopted.order is not None and self._suspension:
            self._withheld.setdefault(adopted.order.client_order_id, EXTERNAL)

    def _end_closing(self, symbol: str) -> None:
        """A closing order was refused for good. Of an operator's and a policy's in one symbol
        nobody says which it was: both stay, and are tried once more.
        """
        due = [symbols for symbols in self._closing.values() if symbol in symbols]
        if len(due) == 1:
            del due[0][symbol]

    def _note(self, found: c.DiscrepancyFound) -> None:
        kind, subject = found.kind, found.subject
        why = f"{kind} {subject}, from before the engine was rebuilt"
        if kind in HOLD_OF_ORDERS:
            order = self._ledger.orders.get(ClientOrderId(subject))
            self._symbols.setdefault(ALL_SYMBOLS if order is None else order.symbol, why)
        elif kind in HOLD_OF_EXECUTIONS:
            self._symbols.setdefault(_symbol_in(self._event, subject), why)
        elif kind in HOLD_OF_REPORTS:
            order = self._ledger.orders.get(self._event.client_order_id)
            symbol = self._event.symbol or (order.symbol if order is not None else ALL_SYMBOLS)
            self._symbols.setdefault(symbol, why)
        elif kind == "own_id_unknown" and len(self._unknown_ids) < UNKNOWN_IDS_MAX:
            self._unknown_ids[ClientOrderId(subject)] = found.ours
        elif kind == "not_flattened" and found.ours not in (WAITS, REFUSED):
            order = self._ledger.orders.get(getattr(self._event, "client_order_id", _NO_ID))
            if order is not None and is_flatten(order):
                self._closing[order.tag].pop(subject, None)
            else:
                self._end_closing(subject)
        if kind in UNBOOKED:
            self._quarantined[ExecutionId(subject)] = None
            if len(self._quarantined) > QUARANTINED_MAX:
                self._quarantined.popitem(last=False)
        if kind in _BREAKS:
            self._breaks[kind, subject] = (kind, subject, found.ours, found.theirs)

    def _is_resumed(self, change: c.TradingStateChanged) -> bool:
        """Whether an operator's resume of the whole account was granted by this."""
        event = self._event
        return (
            isinstance(event, e.Resume)
            and event.strategy_id is None
            and (change.state, change.reason) == (c.TradingState.ACTIVE, event.reason)
        )

    def _holds(self, engine: Engine, found: Difference) -> bool:
        """What the policy settles is found, and settled, anew; the books wait for proof anyway."""
        kind, subject, _, _ = found
        is_settled = engine.setup.external != "refuse" and kind in EXTERNAL_KINDS
        return not is_settled or subject in self._unknown_ids


def _is_wanted(order: Order) -> bool:
    return order.is_open and not order.is_unwanted


_SEEN = (
    e.OrderAccepted,
    e.OrderRejected,
    e.OrderCanceled,
    e.OrderReplaced,
    e.OrderExpired,
    e.CancelRejected,
    e.OrderFilled,
    e.CashPosted,
)
"""Reports whose time says how far the venue has come."""


def _symbol_in(event: Any, execution_id: str) -> str:
    """The symbol of an execution that an event tells of."""
    if isinstance(event, e.OrderFilled | e.FillBusted):
        return event.symbol
    if isinstance(event, e.FillCorrected):
        return event.fill.symbol
    if isinstance(event, e.BrokerSnapshot):
        for record in (*(event.fills or ()), *event.annulled):
            if record.execution_id == execution_id:
                return record.symbol
    return ALL_SYMBOLS
