"""The ledger fold: events, commands and notices in, books out. It never runs user code.

`apply_event` and `apply_output` are the only mutators of the books, live and in recovery
alike: the engine applies what it emits, and boot applies what the journal holds. Folding a
journal therefore rebuilds the books exactly, whatever the strategies were.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from regimeflow.core.applied import NOTHING, Applied
from regimeflow.core.legs import listed_terms
from regimeflow.core.market_state import INFINITE
from regimeflow.core.order_table import Happening
from regimeflow.core.orders import Orders
from regimeflow.core.portfolio import EXTERNAL, Portfolio
from regimeflow.core.recent_orders import RecentOrders
from regimeflow.core.resolutions import (
    adopted_order,
    apply_resolution,
    refusal_of,
)
from regimeflow.core.risk.losses import LossWatch
from regimeflow.core.splits import restate_bracket
from regimeflow.core.throttle import Throttle
from regimeflow.core.timers import Timers
from regimeflow.core.trading_state import TradingStates
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.evidence import as_observed
from regimeflow.model.ids import ExecutionId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, Bar, CorporateAction, Quote, Trade
from regimeflow.model.order import ZERO

_PLAIN_REPORTS: dict[type, Happening] = {
    e.OrderAccepted: Happening.ACCEPTED,
    e.OrderRejected: Happening.REJECTED,
    e.OrderCanceled: Happening.CANCELED,
    e.OrderExpired: Happening.EXPIRED,
}


class Books(NamedTuple):
    """What a ledger starts from."""

    instruments: Mapping[str, Instrument]
    cash: Decimal
    orders_per_second_max: int = 0
    orders_per_minute_max: int = 0


class Ledger:
    """Orders, positions, cash, trading state, timers, throttle windows and loss anchors."""

    __slots__ = (
        "bar_closes_ns",
        "losses",
        "order_numbers",
        "orders",
        "portfolio",
        "recent",
        "throttle",
        "timers",
        "trading",
    )

    def __init__(self, books: Books) -> None:
        self.orders = Orders(books.instruments)
        self.portfolio = Portfolio(books.instruments, books.cash)
        self.trading = TradingStates()
        self.timers = Timers()
        self.throttle = Throttle(books.orders_per_second_max, books.orders_per_minute_max)
        self.recent = RecentOrders()
        self.losses = LossWatch(self.net_equity)
        self.order_numbers: dict[StrategyId, int] = {}
        self.bar_closes_ns: dict[str, int] = {}

    @property
    def net_equity(self) -> float:
        """Equity less all external cash flows: what loss limits are judged on."""
        return self.portfolio.equity - self.portfolio.cash_flows_float

    # --- events -------------------------------------------------------------------------

    def apply_event(self, ts_ns: int, event: e.Event) -> Applied:
        """Take one event into the books; returns the order it moved and what was wrong."""
        kind = type(event)
        if kind is Quote:
            self.apply_quote(event)  # type: ignore[arg-type]
            return NOTHING
        happening = _PLAIN_REPORTS.get(kind)
        if happening is not None:
            return self.orders.report(
                ts_ns,
                event.client_order_id,  # type: ignore[union-attr]
                happening,
                reason=getattr(event, "reason", ""),
                broker_order_id=getattr(event, "broker_order_id", None),
                counted=getattr(event, "filled_quantity", None) or ZERO,
            )
        if isinstance(event, e.OrderFilled):
            return self.apply_fill(ts_ns, event)
        if isinstance(event, Bar):
            self.apply_bar(event)
            return NOTHING
        if isinstance(event, Trade):
            self.apply_price(event.symbol, event.price)
            return NOTHING
        if isinstance(event, e.OrderReplaced):
            return self.orders.apply_replaced(ts_ns, event)
        if isinstance(event, e.CancelRejected):
            is_cancel = event.response_to is e.RequestKind.CANCEL
            what = Happening.CANCEL_REJECTED if is_cancel else Happening.REPLACE_REJECTED
            return self.orders.report(ts_ns, event.client_order_id, what, reason=event.reason)
        if isinstance(event, e.OutcomeUnknown):
            return self.orders.report(
                ts_ns, event.client_order_id, Happening.LOST_SIGHT, reason=event.reason
            )
        if isinstance(event, e.FillBusted):
            self.orders.executions.await_annulled(event.execution_id)
            return self._bust(ts_ns, event.execution_id)
        if isinstance(event, e.FillCorrected):
            # What the correction states takes the place of what it corrects: nothing is used up.
            self._bust(ts_ns, event.corrects, uses_up=False)
            return self.apply_fill(ts_ns, event.fill)
        if isinstance(event, e.CashPosted):
            if event.amount.is_finite():
                self.portfolio.apply_cash(event)
        elif isinstance(event, CorporateAction):
            if event.kind is ActionKind.SPLIT:
                self._split(event)
        elif isinstance(event, e.TimerFired):
            self.timers.fire(event.owner, event.timer_id, event.due_ns)
        elif isinstance(event, e.SessionOpened):
            self.losses.open_session(self.net_equity, event.session)
        return NOTHING

    def apply_quote(self, quote: Quote) -> None:
        """Value the symbol at mid; a one-sided quote values nothing, the last good price stands."""
        bid, ask = quote.bid, quote.ask
        if 0.0 < bid <= ask:
            self.apply_price(quote.symbol, 0.5 * (bid + ask))

    def apply_bar(self, bar: Bar) -> bool:
        """Value the symbol at the close; False for a bar that is repeated or comes late."""
        if bar.ts_close_ns <= self.bar_closes_ns.get(bar.symbol, -1):
            return False
        self.bar_closes_ns[bar.symbol] = bar.ts_close_ns
        self.apply_price(bar.symbol, bar.close)
        return True

    def apply_price(self, symbol: str, price: float) -> None:
        """Value the symbol at what was just observed, and let the peak follow."""
        if not 0.0 < price < INFINITE:
            return  # NaN, zero and the like are no prices: the last good one stands
        portfolio = self.portfolio
        portfolio.marks[symbol] = price
        if symbol in portfolio.held:
            self.losses.see(self.net_equity)

    def apply_fill(self, ts_ns: int, fill: e.OrderFilled) -> Applied:
        """Book one execution once: position and cash first, the order's state second."""
        if self.orders.executions.is_repeat(fill):
            return NOTHING
        refused = refusal_of(self.orders.executions, fill)
        if refused is not None:
            return refused
        applied = self.orders.apply_fill(ts_ns, fill)
        if self.orders.executions.annulled_early.pop(fill.execution_id, self) is None:
            # Annulled before it came: the order used it up, position and cash never saw it.
            return Applied(self.orders.unfill(ts_ns, fill), None, has_ended=applied.has_ended)
        order = applied.order
        if order is not None and order.strategy_id == EXTERNAL and order.tag != EXTERNAL:
            self.portfolio.apply_closing_fill(fill)
        else:
            self.portfolio.apply_fill(EXTERNAL if order is None else order.strategy_id, fill)
        return applied

    # --- outputs ------------------------------------------------------------------------

    def apply_output(self, ts_ns: int, output: c.Output) -> Applied:
        """Take one command or notice into the books (most notices change nothing)."""
        mutator = _OUTPUTS.get(type(output))
        if mutator is None:
            return NOTHING
        return mutator(self, ts_ns, output) or NOTHING

    def _submit(self, ts_ns: int, command: c.SubmitOrder) -> None:
        self._note_number(command.strategy_id, command.client_order_id)
        self.throttle.note(ts_ns)
        self.recent.note(ts_ns, command)
        self.orders.sent(ts_ns, command)

    def _deny(self, ts_ns: int, notice: c.OrderDenied) -> None:
        self._note_number(notice.strategy_id, notice.client_order_id)
        self.orders.denied(ts_ns, notice)

    def _cancel(self, ts_ns: int, command: c.CancelOrder) -> None:
        self.throttle.note(ts_ns)
        self.orders.cancel_sent(ts_ns, command)

    def _replace(self, ts_ns: int, command: c.ReplaceOrder) -> None:
        self.throttle.note(ts_ns)
        order = self.orders.replace_sent(ts_ns, command)
        if order is not None:
            self._note_number(order.strategy_id, command.client_order_id)

    def _set_timer(self, ts_ns: int, command: c.SetTimer) -> None:
        self.timers.set(command.owner, command.timer_id, command.due_ns)

    def _cancel_timer(self, ts_ns: int, command: c.CancelTimer) -> None:
        self.timers.cancel(command.owner, command.timer_id)

    def _change_state(self, ts_ns: int, notice: c.TradingStateChanged) -> None:
        self.trading.apply(notice)

    def _resolve(self, ts_ns: int, notice: c.OrderResolved) -> None:
        apply_resolution(self.orders, ts_ns, notice)

    def _recover(self, ts_ns: int, notice: c.Output) -> Applied:
        """What a list shows changes the books as the report would have."""
        return self.apply_event(ts_ns, as_observed(notice))  # type: ignore[arg-type]

    def _split(self, split: CorporateAction) -> None:
        """Positions, and the exits that entries ask for; the venue reports its orders' terms."""
        self.portfolio.apply_split(split.symbol, split.value)
        instrument = self.portfolio.instrument(split.symbol)
        # Ended orders too: a late fill or a correction of one still places exits.
        for order in self.orders.by_root.values():
            if order.symbol == split.symbol:
                restate_bracket(instrument, order, split.value)

    def _bust(self, ts_ns: int, execution_id: ExecutionId, *, uses_up: bool = True) -> Applied:
        """Reverse an annulled execution once; nothing when it is not in the books (any more)."""
        fill = self.orders.executions.annul(execution_id)
        if fill is None:
            return NOTHING
        order = self.orders.unfill(ts_ns, fill, uses_up=uses_up)
        self.portfolio.apply_fill(
            order.strategy_id if order is not None else EXTERNAL,
            msgspec.structs.replace(fill, side=fill.side.opposite, fee=-fill.fee),
        )
        return Applied(order, None)

    def _recover_bust(self, ts_ns: int, notice: c.BustRecovered) -> Applied:
        """Reversed if it was booked; else its order learns what it used up for nothing."""
        applied = self.apply_event(ts_ns, notice.bust)
        if notice.fill.execution_id in self.orders.executions.annulled_early:
            return self.apply_fill(ts_ns, notice.fill)
        return applied

    def _adopt(self, ts_ns: int, notice: c.ExternalAdopted) -> None:
        record = notice.order
        known = None if record is None else self.orders.get(record.client_order_id)
        if record is not None and known is not None:
            self.orders.apply_replaced(ts_ns, listed_terms(record, known, ts_ns))
        elif record is not None:
            self.orders.restore(adopted_order(ts_ns, record, notice.price))
        elif notice.kind == "position":
            self.portfolio.adopt_position(notice.subject, notice.quantity, notice.price)
        else:
            self.portfolio.apply_cash(
                e.CashPosted("", "deposit", "", amount=notice.quantity, ts_venue_ns=ts_ns)
            )

    def _note_discrepancy(self, ts_ns: int, notice: c.DiscrepancyFound) -> None:
        if notice.kind == "own_id_unknown":
            self._note_number(StrategyId(notice.ours), notice.subject)

    def _note_number(self, strategy_id: StrategyId, client_order_id: str) -> None:
        """Ids end in the strategy's running number; the next one continues from the largest."""
        number = int(client_order_id.rpartition("-")[2])
        if number > self.order_numbers.get(strategy_id, 0):
            self.order_numbers[strategy_id] = number


_OUTPUTS: dict[type, Callable[[Ledger, int, Any], Applied | None]] = {
    c.SubmitOrder: Ledger._submit,
    c.OrderDenied: Ledger._deny,
    c.CancelOrder: Ledger._cancel,
    c.ReplaceOrder: Ledger._replace,
    c.SetTimer: Ledger._set_timer,
    c.CancelTimer: Ledger._cancel_timer,
    c.TradingStateChanged: Ledger._change_state,
    c.OrderResolved: Ledger._resolve,
    c.FillRecovered: Ledger._recover,
    c.CashRecovered: Ledger._recover,
    c.BustRecovered: Ledger._recover_bust,
    c.ExternalAdopted: Ledger._adopt,
    c.DiscrepancyFound: Ledger._note_discrepancy,
}
