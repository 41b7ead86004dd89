"""The steps of `EveryCall`, one for each order type and call: what a strategy can wish for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from regimeflow.model.order import OrderType, Side, TimeInForce
from regimeflow.strategy.context import Context


class Stepping(Protocol):
    """A strategy that takes steps."""

    ctx: Context
    quantity: int


def _long(strategy: Stepping, symbol: str) -> int:
    return max(int(strategy.ctx.get_position(symbol).quantity), 0)


def _market(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.buy(symbol, s.quantity)


def _limit(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol,
        Side.BUY,
        s.quantity,
        limit_price=price * 0.985,
        time_in_force=TimeInForce.GTC,
        tag="rest",
    )


def _modify(s: Stepping, symbol: str, price: float) -> None:
    for order in s.ctx.open_orders():
        if order.tag == "rest" and order.limit_price is not None:
            s.ctx.modify_order(
                order.client_order_id,
                quantity=order.quantity + 10,
                limit_price=float(order.limit_price) * 1.004,
            )


def _stop(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, s.quantity // 2, stop_price=price * 1.002)


def _stop_limit(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity // 2, stop_price=price * 1.001, limit_price=price * 1.004
    )


def _trailing(s: Stepping, symbol: str, price: float) -> None:
    if held := _long(s, symbol):
        s.ctx.submit_order(
            symbol,
            Side.SELL,
            held // 4 or held,
            trail_fraction=0.004,
            time_in_force=TimeInForce.GTC,
            tag="trail",
        )


def _trailing_amount(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, s.quantity // 4, trail_amount=0.05)


def _auctions(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, 7, order_type=OrderType.MARKET_ON_OPEN)
    s.ctx.submit_order(symbol, Side.SELL, 5, order_type=OrderType.MARKET_ON_CLOSE)


def _bracket(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity, take_profit=price * 1.004, stop_loss=price * 0.996
    )


def _oco(s: Stepping, symbol: str, price: float) -> None:
    if held := _long(s, symbol):
        terms = {"symbol": symbol, "side": Side.SELL, "quantity": held // 3 or held}
        s.ctx.submit_oco(
            {**terms, "limit_price": price * 1.003}, {**terms, "stop_price": price * 0.997}
        )


def _cancel(s: Stepping, symbol: str, price: float) -> None:
    for order in s.ctx.open_orders(symbol)[:2]:
        s.ctx.cancel_order(order.client_order_id)
    changed_mind = s.ctx.sell(symbol, 1, limit_price=price * 2)
    s.ctx.cancel_order(changed_mind)


def _notional(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.BUY, notional=price * 12.5, reduce_only=False)


def _good_till(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol,
        Side.BUY,
        20,
        limit_price=price * 0.99,
        time_in_force=TimeInForce.GTD,
        expire_ns=s.ctx.current_time + 7_200_000_000_000,
    )


def _immediate(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity, limit_price=price * 1.01, time_in_force=TimeInForce.IOC
    )
    s.ctx.submit_order(
        symbol, Side.BUY, s.quantity * 2, limit_price=price * 1.01, time_in_force=TimeInForce.FOK
    )


def _timers(s: Stepping, symbol: str, price: float) -> None:
    after_ns = int(str(s.ctx.params["timer_s"])) * 1_000_000_000
    s.ctx.schedule_timer(f"trade:{symbol}", after_ns=after_ns)
    s.ctx.schedule_timer("chain", at_ns=s.ctx.current_time + after_ns // 3)
    s.ctx.schedule_timer("never", after_ns=after_ns)
    s.ctx.cancel_timer("never")


def _random(s: Stepping, symbol: str, price: float) -> None:
    quantity = s.ctx.rng.randint(1, s.quantity)
    if s.ctx.rng.random() < 0.5:
        s.ctx.buy(symbol, quantity)
    else:
        s.ctx.sell(symbol, quantity)
    s.ctx.log(f"drew {quantity} of {symbol}")


def _percent(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.target_percent(symbol, 0.1)


def _twice(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.sell(symbol, 2)
    s.ctx.sell(symbol, 2)


def _reduce(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.submit_order(symbol, Side.SELL, s.quantity * 50, reduce_only=True)


def _close(s: Stepping, symbol: str, price: float) -> None:
    s.ctx.close_position(symbol)


def trade_other_symbol(s: Stepping, symbol: str, price: float) -> None:
    other = next(name for name in s.ctx.symbols if name != symbol)
    s.ctx.target_position(other, -s.quantity // 2)


STEPS: tuple[Callable[[Stepping, str, float], None], ...] = (
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
