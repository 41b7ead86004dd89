"""The books as bytes: what an epoch carries over, and the digest that proves two folds equal.

The encoding is canonical (insertion order of the books is itself determined by the events), so
equal books give equal bytes. Executions and ended orders are carried over for
`REPLAY_HORIZON_NS`, as far back as a venue may repeat itself; older ones stay in the journal.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal

import msgspec

from regimeflow.core.ledger import Books, Ledger
from regimeflow.core.position import Position
from regimeflow.model.commands import ReplaceOrder, TradingState
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import ExecutionId, StrategyId
from regimeflow.model.order import Order
from regimeflow.model.timestamps import NS_PER_DAY

REPLAY_HORIZON_NS = 7 * NS_PER_DAY


class PositionState(msgspec.Struct, array_like=True):
    """One position, exact."""

    owner: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    realized_pnl: Decimal
    fees: Decimal


class LedgerState(msgspec.Struct, kw_only=True):
    """Everything a ledger knows, as values; `is_anchored` is true since loss anchors exist."""

    version: int = 1
    cash: Decimal
    cash_flows: Decimal
    fees: Decimal
    marks: dict[str, float]
    positions: list[PositionState]
    strategy_positions: list[PositionState]
    open_orders: list[Order]
    ended_orders: list[Order]
    replacements: list[ReplaceOrder]
    executions: list[OrderFilled]
    execution_horizon_ns: int
    trading: TradingState
    trading_reason: str
    strategy_states: dict[StrategyId, TradingState]
    timers: list[tuple[str, str, int]]
    sent_second_ns: list[int]
    sent_minute_ns: list[int]
    order_numbers: dict[StrategyId, int]
    peak: float
    anchor: float
    is_anchored: bool
    held: list[str] = []
    annulled: list[ExecutionId] = []
    activities: list[str] = []
    bar_closes_ns: dict[str, int] = {}
    annulled_early: list[ExecutionId] = []
    opened_sessions: dict[str, str] = {}


def ledger_state(ledger: Ledger) -> bytes:
    """The books as canonical bytes."""
    return msgspec.msgpack.encode(capture_ledger(ledger))


def ledger_digest(ledger: Ledger) -> str:
    """SHA-256 of the books: equal digests mean equal books."""
    return hashlib.sha256(ledger_state(ledger)).hexdigest()


def restore_ledger(books: Books, encoded: bytes) -> Ledger:
    """A ledger as it was when `encoded` was made; raises as `decode_ledger`."""
    return ledger_from(books, decode_ledger(encoded))


def decode_ledger(encoded: bytes) -> LedgerState:
    """The values in `encoded`.

    Raises msgspec.DecodeError for bytes that are no ledger state (a damaged journal).
    """
    return msgspec.msgpack.decode(encoded, type=LedgerState)


def take_values(ledger: Ledger, state: LedgerState) -> None:
    """Value the books as they were when `state` was made: prices, newest bars, loss anchors.

    These alone come from market data; a fold that went without it is whole again afterwards.
    """
    ledger.portfolio.marks = dict(state.marks)
    ledger.bar_closes_ns = dict(state.bar_closes_ns)
    ledger.losses.peak, ledger.losses.anchor = state.peak, state.anchor
    # The anchor is that of these sessions; an older state names none, and the next one is new.
    ledger.losses.opened = dict(state.opened_sessions)


def ledger_from(books: Books, state: LedgerState) -> Ledger:
    """A ledger as it was when `state` was made."""
    ledger = Ledger(books)
    portfolio = ledger.portfolio
    take_values(ledger, state)
    portfolio.restore_cash(state.cash, state.cash_flows, state.fees)
    for saved in state.positions:
        _fill_position(portfolio.book_position(saved.symbol), saved)
    portfolio.find_held(state.held)
    for saved in state.strategy_positions:
        own = portfolio.book_strategy_position(StrategyId(saved.owner), saved.symbol)
        _fill_position(own, saved)
    orders = ledger.orders
    orders.replacements.update({r.client_order_id: r for r in state.replacements})
    for order in (*state.ended_orders, *state.open_orders):
        orders.restore(order)
    orders.executions.booked.update({f.execution_id: f for f in state.executions})
    orders.executions.horizon_ns = state.execution_horizon_ns
    orders.executions.annulled.update(dict.fromkeys(state.annulled))
    orders.executions.annulled_early.update(dict.fromkeys(state.annulled_early))
    portfolio.activities.update(dict.fromkeys(state.activities))
    ledger.trading.account = state.trading
    ledger.trading.account_reason = state.trading_reason
    ledger.trading.by_strategy.update(state.strategy_states)
    for owner, timer_id, due_ns in state.timers:
        ledger.timers.set(owner, timer_id, due_ns)
    ledger.throttle.per_second.sent_ns.extend(state.sent_second_ns)
    ledger.throttle.per_minute.sent_ns.extend(state.sent_minute_ns)
    ledger.order_numbers.update(state.order_numbers)
    return ledger


def capture_ledger(ledger: Ledger) -> LedgerState:
    """The books as values, some of them the ledger's own objects: to be encoded at once."""
    portfolio, orders = ledger.portfolio, ledger.orders
    executions = orders.executions.booked
    ended = orders.ended()
    newest_ns = max(
        next((fill.ts_venue_ns for fill in reversed(executions.values())), 0),
        ended[-1].updated_ns if ended else 0,
    )
    since_ns = newest_ns - REPLAY_HORIZON_NS
    return LedgerState(
        cash=portfolio.cash,
        cash_flows=portfolio.cash_flows,
        fees=portfolio.fees,
        marks=portfolio.marks,
        positions=[_position_state("", p) for p in portfolio.positions.values()],
        strategy_positions=[
            _position_state(owner, p) for (owner, _), p in portfolio.strategy_positions.items()
        ],
        open_orders=list(orders.open.values()),
        ended_orders=[order for order in ended if order.updated_ns >= since_ns],
        replacements=list(orders.replacements.values()),
        executions=[fill for fill in executions.values() if fill.ts_venue_ns >= since_ns],
        execution_horizon_ns=orders.executions.horizon_ns,
        trading=ledger.trading.account,
        trading_reason=ledger.trading.account_reason,
        strategy_states=ledger.trading.by_strategy,
        timers=[(o, t, due_ns) for (o, t), due_ns in ledger.timers.pending.items()],
        sent_second_ns=list(ledger.throttle.per_second.sent_ns),
        sent_minute_ns=list(ledger.throttle.per_minute.sent_ns),
        order_numbers=ledger.order_numbers,
        peak=ledger.losses.peak,
        anchor=ledger.losses.anchor,
        is_anchored=True,
        held=list(portfolio.held),
        annulled=list(orders.executions.annulled),
        activities=list(portfolio.activities),
        bar_closes_ns=ledger.bar_closes_ns,
        annulled_early=list(orders.executions.annulled_early),
        opened_sessions=ledger.losses.opened,
    )


def _position_state(owner: str, position: Position) -> PositionState:
    return PositionState(
        owner,
        position.symbol,
        position.quantity,
        position.cost,
        position.realized_pnl,
        position.fees,
    )


def _fill_position(position: Position, saved: PositionState) -> None:
    position.quantity = saved.quantity
    position.cost = saved.cost
    position.realized_pnl = saved.realized_pnl
    position.fees = saved.fees
    position.quantity_float = float(saved.quantity * position.multiplier)
