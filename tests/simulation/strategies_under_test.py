"""A strategy for whole runs, loaded by name, that uses everything.

`EveryCall` keeps a running hash of everything a strategy can read, callback by callback, and
logs it at the end of each session. Two runs whose logs agree have shown their strategies the
same world, to the last digit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar

from regimeflow.model.commands import HealthChanged, RegimeChanged
from regimeflow.model.events import OrderFilled
from regimeflow.model.market import Bar, BookSnapshot, CorporateAction, Quote, Trade
from regimeflow.model.order import Order, Side
from regimeflow.model.session import Session
from regimeflow.strategy.base import Parameter, Strategy
from regimeflow.strategy.context import Context
from tests.simulation.steps import STEPS, trade_other_symbol

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
        steps = STEPS if len(self.ctx.symbols) == 1 else (*STEPS, trade_other_symbol)
        step = steps[self.step % len(steps)]
        self.step += 1
        step(self, symbol, price)
