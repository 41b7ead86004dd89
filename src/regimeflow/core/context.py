"""The world a strategy sees, bound to one seat. It reads the books and stages wishes.

Nothing a strategy calls acts at once: order methods stage wishes, which the desk judges when
the callback has returned. A callback that raises therefore sends nothing. What a strategy
reads includes its own staged orders, so that it never wishes for the same thing twice.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from regimeflow.core.closing_orders import CLOSE
from regimeflow.core.order_factory import build_order, new_terms
from regimeflow.core.seat import CancelWish, CloseWish, ModifyWish, Seat
from regimeflow.core.timers import TIMERS_MAX
from regimeflow.core.views import PortfolioReader, PositionReader
from regimeflow.errors import UsageError
from regimeflow.model.commands import CancelTimer, SetTimer, StrategyLogged
from regimeflow.model.ids import ClientOrderId, StrategyId, TimerId
from regimeflow.model.instrument import Instrument, Number, decimal_from
from regimeflow.model.market import Bar, BookSnapshot, Quote, Trade
from regimeflow.model.order import ZERO, Order, OrderStatus, Side
from regimeflow.model.session import Session

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

LOG_LENGTH_MAX = 2_000


class EngineContext:
    """Implements `regimeflow.strategy.Context` over the engine's books and market state."""

    __slots__ = ("_engine", "_portfolio", "_seat", "params", "strategy_id", "symbols")

    def __init__(self, engine: Engine, seat: Seat, params: Mapping[str, Any]) -> None:
        self._engine = engine
        self._seat = seat
        self._portfolio = PortfolioReader(engine.ledger.portfolio)
        self.params = params
        self.symbols = seat.symbols
        self.strategy_id: StrategyId = seat.strategy_id

    @property
    def rng(self) -> random.Random:
        """The strategy's own generator, seeded by the run; part of its state."""
        return self._seat.random()

    # --- orders -------------------------------------------------------------------------

    def submit_order(
        self, symbol: str, side: Side, quantity: Number | None = None, **terms: Any
    ) -> ClientOrderId:
        """Wish for one order; see `regimeflow.strategy.Context.submit_order`."""
        return self._stage(self._build(symbol, side, quantity, **terms))

    def submit_oco(
        self, first: Mapping[str, object], second: Mapping[str, object]
    ) -> tuple[ClientOrderId, ClientOrderId]:
        """Wish for two orders of which at most one fills."""
        legs = [self._build(**dict(terms)) for terms in (first, second)]  # type: ignore[arg-type]
        if (legs[0].symbol, legs[0].side) != (legs[1].symbol, legs[1].side):
            raise UsageError(
                "the two orders of submit_oco must share symbol and side: "
                f"{legs[0].symbol} {legs[0].side} and {legs[1].symbol} {legs[1].side}"
            )
        for leg in legs:
            leg.oco_group = legs[0].client_order_id
        return self._stage(legs[0]), self._stage(legs[1])

    def buy(
        self, symbol: str, quantity: Number, *, limit_price: Number | None = None, tag: str = ""
    ) -> ClientOrderId:
        """Buy at market, or at `limit_price` or better."""
        return self._trade(symbol, Side.BUY, quantity, limit_price, tag)

    def sell(
        self, symbol: str, quantity: Number, *, limit_price: Number | None = None, tag: str = ""
    ) -> ClientOrderId:
        """Sell at market, or at `limit_price` or better."""
        return self._trade(symbol, Side.SELL, quantity, limit_price, tag)

    def cancel_order(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False when the order is unknown or at its end."""
        for wish in self._seat.staged:
            if type(wish) is Order and wish.client_order_id == client_order_id:
                self._seat.staged.remove(wish)
                return True
        order = self._own_order(client_order_id)
        if order is None or not order.is_open:
            return False
        self._seat.staged.append(CancelWish(client_order_id))
        return True

    def modify_order(
        self,
        client_order_id: ClientOrderId,
        *,
        quantity: Number | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
    ) -> bool:
        """Ask for other terms; False when the order cannot be changed now."""
        order = self._own_order(client_order_id)
        if order is None or not order.is_open:
            return False
        terms = new_terms(self.instrument(order.symbol), order, quantity, limit_price, stop_price)
        self._seat.staged.append(ModifyWish(client_order_id, *terms))
        return True

    def target_position(self, symbol: str, quantity: Number) -> ClientOrderId | None:
        """Trade the difference to `quantity`, what is working already counted."""
        target = self.instrument(symbol).quantize_quantity(quantity)
        return self._trade_to(symbol, target)

    def target_percent(self, symbol: str, fraction: Number) -> ClientOrderId | None:
        """Trade towards `fraction` of equity at the latest price."""
        instrument = self.instrument(symbol)
        mark = self._engine.ledger.portfolio.exact_mark(symbol)
        if mark <= 0:
            return None
        budget = decimal_from(fraction) * self._engine.ledger.portfolio.exact_equity
        return self._trade_to(
            symbol, instrument.quantize_quantity(budget / (mark * instrument.multiplier))
        )

    def close_position(self, symbol: str) -> ClientOrderId | None:
        """Cancel the working orders in `symbol`; once that is answered, close what is held then.

        While a close is waiting, asking again gives the same order."""
        for waiting in self._closing():
            if waiting.symbol == symbol:
                return waiting.client_order_id
        held = self.get_position(symbol).quantity
        for order in self.open_orders(symbol):
            if not held or order.status is OrderStatus.CREATED:  # a close has the rest cancelled
                self.cancel_order(order.client_order_id)
        if not held:
            return None
        side = Side.SELL if held > 0 else Side.BUY
        order = self._build(symbol, side, abs(held), tag=CLOSE)
        self._seat.staged.append(CloseWish(order))
        return order.client_order_id

    # --- books --------------------------------------------------------------------------

    @property
    def portfolio(self) -> PortfolioReader:
        """The account."""
        return self._portfolio

    def get_position(self, symbol: str) -> PositionReader:
        """This strategy's own position."""
        portfolio = self._engine.ledger.portfolio
        self.instrument(symbol)
        return PositionReader(portfolio.strategy_position(self.strategy_id, symbol), portfolio)

    def get_order(self, client_order_id: ClientOrderId) -> Order | None:
        """A copy of one of this strategy's orders, staged ones included."""
        order = self._own_order(client_order_id)
        if order is None:
            order = next((o for o in self._staged() if o.client_order_id == client_order_id), None)
        return copy(order) if order is not None else None

    def open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        """Copies of this strategy's orders that could still fill, oldest first."""
        working = [
            order
            for order in self._engine.ledger.orders.open.values()
            if order.strategy_id == self.strategy_id
        ]
        return [
            copy(order)
            for order in (*working, *self._staged())
            if symbol is None or order.symbol == symbol
        ]

    # --- market -------------------------------------------------------------------------

    def get_latest_bar(self, symbol: str) -> Bar | None:
        """The last closed bar of the feed."""
        return self._engine.market.bars.get(symbol)

    def get_latest_quote(self, symbol: str) -> Quote | None:
        """The last quote."""
        return self._engine.market.quotes.get(symbol)

    def get_latest_trade(self, symbol: str) -> Trade | None:
        """The last trade."""
        return self._engine.market.trades.get(symbol)

    def get_latest_book(self, symbol: str) -> BookSnapshot | None:
        """The last whole book."""
        return self._engine.market.books.get(symbol)

    def get_bars(self, symbol: str, count: int, size: str | None = None) -> Sequence[Bar]:
        """Up to `count` last closed bars, oldest first, split-adjusted as of now."""
        if size is not None:
            self._engine.bar_shop.ensure(symbol, size)
        return self._engine.market.last_bars(symbol, count, size)

    def instrument(self, symbol: str) -> Instrument:
        """The symbol's rules. Raises UsageError for a symbol that is not configured."""
        found = self._engine.instruments.get(symbol)
        if found is None:
            known = ", ".join(self._engine.instruments)
            raise UsageError(f"{symbol!r} is not configured; the symbols are {known}")
        return found

    # --- time, regime, the rest ---------------------------------------------------------

    @property
    def current_time(self) -> int:
        """Nanoseconds UTC of the event in hand."""
        return self._engine.now_ns

    @property
    def current_regime(self) -> str:
        """Label of the current regime; empty when none is known yet."""
        return self._engine.regime

    @property
    def is_warmup(self) -> bool:
        """True while history is being delivered."""
        return self._seat.is_warming

    @property
    def session(self) -> Session | None:
        """The open session, or None."""
        return self._engine.market.session

    def schedule_timer(
        self, timer_id: str, *, at_ns: int | None = None, after_ns: int | None = None
    ) -> None:
        """Call `on_timer(timer_id)` at a time or after a delay (exactly one of the two)."""
        if (at_ns is None) == (after_ns is None):
            raise UsageError("schedule_timer takes either at_ns or after_ns")
        if len(self._engine.ledger.timers.pending) + len(self._seat.staged) >= TIMERS_MAX:
            raise UsageError(f"more than {TIMERS_MAX} timers are pending; cancel some first")
        due_ns = at_ns if at_ns is not None else self._engine.now_ns + (after_ns or 0)
        # Never in the past: a timer due now fires as the next event of its time.
        due_ns = max(due_ns, self._engine.now_ns + 1)
        self._seat.staged.append(SetTimer(TimerId(timer_id), self.strategy_id, due_ns))

    def cancel_timer(self, timer_id: str) -> None:
        """Forget a timer."""
        self._seat.staged.append(CancelTimer(TimerId(timer_id), self.strategy_id))

    def log(self, message: str) -> None:
        """Write a line to the journal and the audit log (cut at 2,000 characters)."""
        self._seat.staged.append(StrategyLogged(self.strategy_id, str(message)[:LOG_LENGTH_MAX]))

    # --- inside -------------------------------------------------------------------------

    def _trade(
        self, symbol: str, side: Side, quantity: Number, limit_price: Number | None, tag: str
    ) -> ClientOrderId:
        return self._stage(self._build(symbol, side, quantity, limit_price=limit_price, tag=tag))

    def _trade_to(self, symbol: str, target: Decimal) -> ClientOrderId | None:
        expected = self.get_position(symbol).quantity
        for order in self.open_orders(symbol):
            if order.oco_group is None and order.parent_id is None:
                expected += order.side.sign * order.leaves_quantity
        difference = target - expected
        if difference == ZERO:
            return None
        side = Side.BUY if difference > 0 else Side.SELL
        return self._stage(self._build(symbol, side, abs(difference), tag="target"))

    def _build(
        self, symbol: str, side: Side, quantity: Number | None = None, **terms: Any
    ) -> Order:
        instrument = self.instrument(symbol)
        mark = self._engine.ledger.portfolio.exact_mark(symbol)
        number, intent_id = self._engine.desk.next_order_id(self._seat)
        return build_order(instrument, side, quantity, mark, number, intent_id, **terms)

    def _stage(self, order: Order) -> ClientOrderId:
        if order.tag == CLOSE:
            raise UsageError(f"the tag {CLOSE!r} marks orders of close_position; choose another")
        self._seat.staged.append(order)
        return order.client_order_id

    def _staged(self) -> list[Order]:
        staged = [wish for wish in self._seat.staged if isinstance(wish, Order)]
        return [*staged, *self._closing()]

    def _closing(self) -> list[Order]:
        staged = [wish.order for wish in self._seat.staged if type(wish) is CloseWish]
        orders = (*self._engine.desk.closings.waiting, *staged)
        return [order for order in orders if order.strategy_id == self.strategy_id]

    def _own_order(self, client_order_id: ClientOrderId) -> Order | None:
        order = self._engine.ledger.orders.get(client_order_id)
        return order if order is not None and order.strategy_id == self.strategy_id else None
