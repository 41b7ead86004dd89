"""A small world for strategies: closed bars in, orders filled at once at the last close.

It knows nothing of the engine and shares no code with it. Limit orders rest for ever, so that
a test can look at them. What a test wants to go wrong it sets in `deny`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import cast

from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId
from regimeflow.model.market import Bar, Quote
from regimeflow.model.order import Order, OrderStatus, OrderType, Side
from regimeflow.model.session import Session
from regimeflow.strategy import Context, Strategy
from regimeflow.strategy.base import Parameter

STRATEGY_ID = StrategyId("s")
DAY_NS = 86_400_000_000_000


@dataclass
class FakePosition:
    symbol: str
    quantity: Decimal = Decimal(0)

    @property
    def quantity_float(self) -> float:
        return float(self.quantity)


@dataclass
class FakePortfolio:
    equity: float = 100_000.0


@dataclass
class FakeContext:
    symbols: tuple[str, ...]
    params: Mapping[str, Parameter] = field(default_factory=dict)
    strategy_id: StrategyId = STRATEGY_ID
    is_warmup: bool = False
    current_time: int = 0
    current_regime: str = ""
    session: Session | None = None
    deny: set[str] = field(default_factory=set)
    portfolio: FakePortfolio = field(default_factory=FakePortfolio)
    orders: list[Order] = field(default_factory=list)
    timers: dict[str, int] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    positions: dict[str, FakePosition] = field(default_factory=dict)
    bars: dict[str, list[Bar]] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    updates: list[Order] = field(default_factory=list)

    def _order(
        self, symbol: str, signed: Decimal, limit_price: object = None, tag: str = ""
    ) -> ClientOrderId:
        order_id = ClientOrderId(f"o{len(self.orders)}")
        order = Order(
            client_order_id=order_id,
            strategy_id=self.strategy_id,
            symbol=symbol,
            side=Side.BUY if signed > 0 else Side.SELL,
            order_type=OrderType.MARKET if limit_price is None else OrderType.LIMIT,
            quantity=abs(signed),
            limit_price=None if limit_price is None else Decimal(str(limit_price)),
            intent_id=IntentId(self.strategy_id, symbol, self.current_time, 0, len(self.orders)),
            tag=tag,
            status=OrderStatus.NEW,
            created_ns=self.current_time,
        )
        if self.is_warmup or symbol in self.deny:
            order.status = OrderStatus.DENIED
            order.reason = "warm-up" if self.is_warmup else "denied by the test"
        elif limit_price is None:
            order.status = OrderStatus.FILLED
            order.filled_quantity = order.quantity
            position = self.positions.setdefault(symbol, FakePosition(symbol))
            position.quantity += signed
        self.orders.append(order)
        self.updates.append(order)
        return order_id

    def buy(
        self, symbol: str, quantity: object, *, limit_price: object = None, tag: str = ""
    ) -> ClientOrderId:
        return self._order(symbol, Decimal(str(quantity)), limit_price, tag)

    def sell(
        self, symbol: str, quantity: object, *, limit_price: object = None, tag: str = ""
    ) -> ClientOrderId:
        return self._order(symbol, -Decimal(str(quantity)), limit_price, tag)

    def target_position(self, symbol: str, quantity: object) -> ClientOrderId | None:
        missing = Decimal(str(quantity)) - self.get_position(symbol).quantity
        return self._order(symbol, missing) if missing else None

    def target_percent(self, symbol: str, fraction: float) -> ClientOrderId | None:
        price = self.bars[symbol][-1].close
        return self.target_position(symbol, int(self.portfolio.equity * fraction / price))

    def close_position(self, symbol: str) -> ClientOrderId | None:
        for order in self.open_orders(symbol):
            order.status = OrderStatus.CANCELED
        return self.target_position(symbol, 0)

    def get_position(self, symbol: str) -> FakePosition:
        return self.positions.get(symbol, FakePosition(symbol))

    def open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        return [o for o in self.orders if o.is_open and symbol in (None, o.symbol)]

    def cancel_order(self, client_order_id: ClientOrderId) -> bool:
        order = next(o for o in self.orders if o.client_order_id == client_order_id)
        was_open, order.status = order.is_open, OrderStatus.CANCELED
        return was_open

    def get_bars(self, symbol: str, count: int, size: str | None = None) -> Sequence[Bar]:
        return self.bars.get(symbol, [])[-count:]

    def get_latest_quote(self, symbol: str) -> Quote | None:
        return self.quotes.get(symbol)

    def schedule_timer(
        self, timer_id: str, *, at_ns: int | None = None, after_ns: int | None = None
    ) -> None:
        due_ns = at_ns if at_ns is not None else self.current_time + (after_ns or 0)
        self.timers[timer_id] = due_ns

    def cancel_timer(self, timer_id: str) -> None:
        self.timers.pop(timer_id, None)

    def log(self, message: str) -> None:
        self.lines.append(message)


def start(strategy: Strategy, ctx: FakeContext) -> FakeContext:
    """Initialise and start `strategy` in `ctx`."""
    strategy.ctx = cast("Context", ctx)
    strategy.initialize(strategy.ctx)
    strategy.on_start()
    return ctx


def feed(strategy: Strategy, bars: Iterable[Bar], *, warmup_bars: int = 0) -> FakeContext:
    """Deliver closed bars, the first `warmup_bars` as warm-up, and the updates of each bar."""
    ctx = cast("FakeContext", strategy.ctx)
    for number, bar in enumerate(bars):
        ctx.is_warmup = number < warmup_bars
        ctx.current_time = bar.ts_close_ns
        ctx.bars.setdefault(bar.symbol, []).append(bar)
        strategy.on_bar(bar)
        while ctx.updates:
            strategy.on_order_update(ctx.updates.pop(0))
    return ctx


def bars_of(symbol: str, closes: Iterable[float], *, first_day: int = 0) -> list[Bar]:
    """Daily bars with these closes and a range of two per cent."""
    return [
        Bar(
            symbol,
            (first_day + day) * DAY_NS,
            (first_day + day + 1) * DAY_NS - 1,
            close,
            close * 1.01,
            close * 0.99,
            close,
            1e6,
        )
        for day, close in enumerate(closes)
    ]


def read_daily(path: Path, symbol: str) -> list[Bar]:
    """Bars of a file with the columns Date, Open, High, Low, Close, Volume."""
    bars = []
    for line in path.read_text().splitlines()[1:]:
        day, *numbers = line.split(",")
        open_, high, low, close, volume = (float(number) for number in numbers[:5])
        opened = datetime.fromisoformat(f"{day}T14:30:00").replace(tzinfo=UTC)
        ts_open_ns = int(opened.timestamp()) * 1_000_000_000
        bars.append(
            Bar(
                symbol, ts_open_ns, ts_open_ns + 23_400_000_000_000, open_, high, low, close, volume
            )
        )
    return bars
