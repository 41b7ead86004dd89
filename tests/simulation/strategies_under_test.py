"""Strategies for whole runs, loaded by name: one that uses everything, and ones that misbehave.

`EveryCall` keeps a running hash of everything a strategy can read, callback by callback, and
logs it at the end of each session. Two runs whose logs agree have shown their strategies the
same world, to the last digit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import ClassVar

from regimeflow.model.commands import HealthChanged, RegimeChanged
from regimeflow.model.events import OrderFilled
from regimeflow.model.market import Bar, BookSnapshot, CorporateAction, Quote, Trade
from regimeflow.model.order import Order, OrderType, Side, TimeInForce
from regimeflow.model.session import Session
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.context import Context

RECENT = 20


class EveryCall(Strategy):
    """Goes through every order type and every call in turn, one at each step."""

    parameters: ClassVar[Mapping[str, Parameter]] = {
        "quantity": 100,
        "every": 1,
        "warmup": 3,
        "order_at_stop": False,
        "timer_s": 45,
        "larger_bars": "15m",
    }
    transient: ClassVar[tuple[str, ...]] = ("recent", "warmup_bars")

    def initialize(self, ctx: Context) -> None:
        """Read the parameters."""
        self.warmup_bars = int(str(ctx.params["warmup"]))
        self.quantity = int(str(ctx.params["quantity"]))
        self.events = 0
        self.step = 0
        self.digest = ""
        self.seen: dict[str, int] = {}
        self.recent: dict[str, deque[float]] = {}

    # --- callbacks ----------------------------------------------------------------------

    def on_start(self) -> None:
        """Rebuild the transient closes from history: the same as had they been kept."""
        for symbol in self.ctx.symbols:
            bars = self.ctx.get_bars(symbol, RECENT)
            self.recent[symbol] = deque((bar.close for bar in bars), maxlen=RECENT)

    def on_bar(self, bar: Bar) -> None:
        """Note it, and take the next step."""
        self.recent.setdefault(bar.symbol, deque(maxlen=RECENT)).append(bar.close)
        self.note("bar", bar, self.ctx.get_bars(bar.symbol, 3)[-1].close)
        self._advance(bar.symbol, bar.close)

    def on_quote(self, quote: Quote) -> None:
        """Note it, and take the next step."""
        self.note("quote", quote)
        if 0 < quote.bid <= quote.ask:
            self._advance(quote.symbol, quote.mid)

    def on_tick(self, trade: Trade) -> None:
        """Note it, and take the next step."""
        self.note("trade", trade)
        self._advance(trade.symbol, trade.price)

    def on_order_book(self, book: BookSnapshot) -> None:
        """Note it."""
        self.note("book", book)

    def on_order_update(self, order: Order) -> None:
        """Note what became of an order."""
        self.note("order", order.status, order.filled_quantity, order.reason, order.tag)

    def on_fill(self, fill: OrderFilled) -> None:
        """Note the fill; a sale of a certain size is answered by another order at once."""
        self.note("fill", fill.price, fill.quantity, fill.fee, fill.execution_id)
        if fill.side is Side.SELL and self.step % 5 == 0:
            self.ctx.buy(fill.symbol, 3, limit_price=fill.price * 9 / 10, tag="answer")

    def on_regime_change(self, transition: RegimeChanged) -> None:
        """Note it."""
        self.note("regime", transition)

    def on_timer(self, timer_id: str) -> None:
        """Note it; one timer sets another, and one trades."""
        self.note("timer", timer_id, self.ctx.current_time)
        if timer_id.startswith("trade:"):
            self.ctx.target_position(timer_id[6:], self.quantity // 2)
        elif timer_id == "chain":
            self.ctx.schedule_timer("chained", after_ns=1)

    def on_end_of_day(self, session: Session) -> None:
        """Say what has been seen so far."""
        self.note("end", session, self.ctx.portfolio.equity)
        self.ctx.log(f"{session.date} {self.events} {self.digest}")

    def on_health(self, change: HealthChanged) -> None:
        """Note the feeds; a link is no part of the market."""
        if not change.component.startswith("link:"):
            self.note("health", change)

    def on_corporate_action(self, action: CorporateAction) -> None:
        """Note it, and begin the closes again on the new scale."""
        self.note("action", action)
        self.on_start()

    def on_stop(self) -> None:
        """Ask for something that is always denied, where the test wants that."""
        if self.ctx.params["order_at_stop"]:
            self.ctx.buy(self.ctx.symbols[0], 1, tag="too late")

    # --- steps --------------------------------------------------------------------------

    def note(self, *seen: object) -> None:
        """Add what was seen to the running hash."""
        self.events += 1
        self.digest = sha256(f"{self.digest}{seen!r}".encode()).hexdigest()[:16]

    def read_everything(self, symbol: str) -> None:
        """Look at all that the context shows."""
        ctx, own = self.ctx, self.ctx.get_position(symbol)
        books = ctx.portfolio
        self.note(books.cash, books.equity, books.gross_exposure, books.net_exposure, books.fees)
        self.note(books.realized_pnl, sorted(books.positions), ctx.is_warmup, ctx.current_regime)
        self.note(own.quantity, own.average_price, own.market_value, own.unrealized_pnl)
        self.note(ctx.session, ctx.current_time, ctx.instrument(symbol), dict(ctx.params))
        self.note(ctx.get_latest_bar(symbol), ctx.get_latest_quote(symbol))
        self.note(ctx.get_latest_trade(symbol), ctx.get_latest_book(symbol))
        self.note(list(self.recent.get(symbol, ())))
        self.note(ctx.get_bars(symbol, 2, str(ctx.params["larger_bars"])))
        for order in ctx.open_orders(symbol):
            known = ctx.get_order(order.client_order_id)
            assert known is not None
            self.note(known.order_type, known.status, known.leaves_quantity, known.limit_price)

    def _advance(self, symbol: str, price: float) -> None:
        self.seen[symbol] = self.seen.get(symbol, 0) + 1
        if self.seen[symbol] % int(str(self.ctx.params["every"])):
            return
        self.read_everything(symbol)
        steps = STEPS if len(self.ctx.symbols) == 1 else (*STEPS, _other_symbol)
        step = steps[self.step % len(steps)]
        self.step += 1
        step(self, symbol, price)


def _long(strategy: EveryCall, symbol: str) -> int:
    return max(int(strategy.ctx.get_position(symbol).quantity), 0)


def _market(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.buy(symbol, s.quantity)


def _limit(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol,
        Side.BUY,
        s.quantity,
        limit_price=price * 0.985,
        time_in_force=TimeInForce.GTC,
        tag="rest",
    )


def _modify(s: EveryCall, symbol: str, price: float) -> None:
    for order in s.ctx.open_orders():
        if order.tag == "rest" and order.limit_price is not None:
            s.ctx.modify_order(
                order.client_order_id,
                quantity=order.quantity + 10,
                limit_price=float(order.limit_price) * 1.004,
            )


def _stop(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, s.quantity // 2, stop_price=price * 1.002)


def _stop_limit(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity // 2, stop_price=price * 1.001, limit_price=price * 1.004
    )


def _trailing(s: EveryCall, symbol: str, price: float) -> None:
    if held := _long(s, symbol):
        s.ctx.submit_order(
            symbol,
            Side.SELL,
            held // 4 or held,
            trail_fraction=0.004,
            time_in_force=TimeInForce.GTC,
            tag="trail",
        )


def _trailing_amount(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, s.quantity // 4, trail_amount=0.05)


def _auctions(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, 7, order_type=OrderType.MARKET_ON_OPEN)
    s.ctx.submit_order(symbol, Side.SELL, 5, order_type=OrderType.MARKET_ON_CLOSE)


def _bracket(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity, take_profit=price * 1.004, stop_loss=price * 0.996
    )


def _oco(s: EveryCall, symbol: str, price: float) -> None:
    if held := _long(s, symbol):
        terms = {"symbol": symbol, "side": Side.SELL, "quantity": held // 3 or held}
        s.ctx.submit_oco(
            {**terms, "limit_price": price * 1.003}, {**terms, "stop_price": price * 0.997}
        )


def _cancel(s: EveryCall, symbol: str, price: float) -> None:
    for order in s.ctx.open_orders(symbol)[:2]:
        s.ctx.cancel_order(order.client_order_id)
    changed_mind = s.ctx.sell(symbol, 1, limit_price=price * 2)
    s.ctx.cancel_order(changed_mind)


def _notional(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, notional=price * 12.5, reduce_only=False)


def _good_till(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol,
        Side.BUY,
        20,
        limit_price=price * 0.99,
        time_in_force=TimeInForce.GTD,
        expire_ns=s.ctx.current_time + 7_200_000_000_000,
    )


def _immediate(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity, limit_price=price * 1.01, time_in_force=TimeInForce.IOC
    )
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity * 2, limit_price=price * 1.01, time_in_force=TimeInForce.FOK
    )


def _timers(s: EveryCall, symbol: str, price: float) -> None:
    after_ns = int(str(s.ctx.params["timer_s"])) * 1_000_000_000
    s.ctx.schedule_timer(f"trade:{symbol}", after_ns=after_ns)
    s.ctx.schedule_timer("chain", at_ns=s.ctx.current_time + after_ns // 3)
    s.ctx.schedule_timer("never", after_ns=after_ns)
    s.ctx.cancel_timer("never")


def _random(s: EveryCall, symbol: str, price: float) -> None:
    quantity = s.ctx.rng.randint(1, s.quantity)
    if s.ctx.rng.random() < 0.5:
        s.ctx.buy(symbol, quantity)
    else:
        s.ctx.sell(symbol, quantity)
    s.ctx.log(f"drew {quantity} of {symbol}")


def _percent(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.target_percent(symbol, 0.1)


def _twice(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.sell(symbol, 2)
    s.ctx.sell(symbol, 2)


def _reduce(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.SELL, s.quantity * 50, reduce_only=True)


def _close(s: EveryCall, symbol: str, price: float) -> None:
    s.ctx.close_position(symbol)


def _other_symbol(s: EveryCall, symbol: str, price: float) -> None:
    other = next(name for name in s.ctx.symbols if name != symbol)
    s.ctx.target_position(other, -s.quantity // 2)


STEPS: tuple[Callable[[EveryCall, str, float], None], ...] = (
    _market,
    _limit,
    _stop,
    _timers,
    _modify,
    _stop_limit,
    _bracket,
    _trailing,
    _random,
    _auctions,
    _oco,
    _good_till,
    _immediate,
    _cancel,
    _notional,
    _trailing_amount,
    _percent,
    _twice,
    _reduce,
    _random,
    _close,
)


class TimerAtStart(Strategy):
    """Sets a timer and an order whenever it starts, also after a restart in mid-session."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""
        self.fired = 0

    def on_start(self) -> None:
        """Ask to be called before the next bar, and for a little stock."""
        self.ctx.schedule_timer("soon", after_ns=1)
        if self.ctx.get_latest_bar(self.ctx.symbols[0]) is not None:
            self.ctx.buy(self.ctx.symbols[0], 1)

    def on_bar(self, bar: Bar) -> None:
        """Something to be seen of each bar."""
        self.ctx.log(f"{bar.ts_close_ns} {self.fired}")

    def on_timer(self, timer_id: str) -> None:
        """Count."""
        self.fired += 1


class RaisesOnBar(Strategy):
    """Buys, and raises at its tenth bar."""

    def initialize(self, ctx: Context) -> None:
        """Nothing to read."""
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        """Rest an order, then break."""
        self.bars += 1
        self.ctx.buy(bar.symbol, 5)
        self.ctx.submit_order(
            bar.symbol,
            Side.BUY,
            self.bars,
            limit_price=bar.close / 2,
            time_in_force=TimeInForce.GTC,
        )
        if self.bars == 10:
            raise RuntimeError("the tenth bar")


class KeepsWhatCannotBeSaved(Strategy):
    """Puts a function into its state in mid-run, which no journal can hold."""

    def initialize(self, ctx: Context) -> None:
        """All is well at the start."""
        self.kept: object = None

    def on_bar(self, bar: Bar) -> None:
        """All is well until the night."""
        self.kept = print


class RaisesWhenRestored(Strategy):
    """Its `initialize` works once only: at the first night it raises."""

    starts: ClassVar[int] = 0

    def initialize(self, ctx: Context) -> None:
        """Break rules: depend on what is neither parameter nor state."""
        if ctx.get_latest_bar(ctx.symbols[0]) is not None:
            raise RuntimeError("initialized again")
        self.bars = 0

    def on_bar(self, bar: Bar) -> None:
        """Count."""
        self.bars += 1
