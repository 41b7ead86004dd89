"""`Context`: everything a strategy can see and do. No clock, no broker, nothing to await.

Every method works live exactly as it does in a backtest. Quantities and prices may be given
as int, float, str or Decimal; they are put on the instrument's grid in one place. An order
method returns the client order id at once; what became of the order arrives in
`on_order_update` (also a denial, with its reason).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from regimeflow.model.ids import ClientOrderId, StrategyId
from regimeflow.model.instrument import Instrument, Number
from regimeflow.model.market import Bar, BookSnapshot, Quote, Trade
from regimeflow.model.order import Order, OrderType, Side, TimeInForce
from regimeflow.model.session import Session


class PositionView(Protocol):
    """One strategy's position in one symbol. Negative quantity is short."""

    @property
    def symbol(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def quantity_float(self) -> float: ...
    @property
    def average_price(self) -> float: ...
    @property
    def market_value(self) -> float: ...
    @property
    def unrealized_pnl(self) -> float: ...
    @property
    def realized_pnl(self) -> Decimal: ...


class PortfolioView(Protocol):
    """The account as the engine's books have it: cash, equity and positions of all strategies."""

    @property
    def cash(self) -> Decimal: ...
    @property
    def equity(self) -> float: ...
    @property
    def gross_exposure(self) -> float: ...
    @property
    def net_exposure(self) -> float: ...
    @property
    def realized_pnl(self) -> Decimal: ...
    @property
    def fees(self) -> Decimal: ...
    @property
    def positions(self) -> Mapping[str, PositionView]: ...


class Context(Protocol):
    """The whole world of one strategy."""

    strategy_id: StrategyId
    symbols: tuple[str, ...]
    params: Mapping[str, Any]

    @property
    def rng(self) -> random.Random:
        """This strategy's own seeded generator; part of its saved state."""
        ...

    # --- orders -------------------------------------------------------------------------

    def submit_order(
        self,
        symbol: str,
        side: Side,
        quantity: Number | None = None,
        *,
        notional: Number | None = None,
        order_type: OrderType | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
        trail_amount: Number | None = None,
        trail_fraction: Number | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
        expire_ns: int | None = None,
        reduce_only: bool = False,
        take_profit: Number | None = None,
        stop_loss: Number | None = None,
        tag: str = "",
    ) -> ClientOrderId:
        """Wish for an order of `quantity` units or `notional` currency (exactly one).

        Without `order_type` the prices given say it: a limit price makes a limit order, a stop
        price a stop, both a stop-limit, a trail a trailing stop, none a market order.

        `take_profit` and `stop_loss` are prices of exits placed as each fill arrives; the two
        cancel each other. `tag` is any short text but "close", which marks orders of
        `close_position`. Raises UsageError for a call that can never make sense (a limit
        order without a price): the strategy's fault, and it faults that strategy.
        """
        ...

    def submit_oco(
        self, first: Mapping[str, object], second: Mapping[str, object]
    ) -> tuple[ClientOrderId, ClientOrderId]:
        """Two orders of which at most one fills; each mapping holds `submit_order` arguments."""
        ...

    def cancel_order(self, client_order_id: ClientOrderId) -> bool:
        """Ask to cancel; False when the order is already at its end. The end arrives later."""
        ...

    def modify_order(
        self,
        client_order_id: ClientOrderId,
        *,
        quantity: Number | None = None,
        limit_price: Number | None = None,
        stop_price: Number | None = None,
    ) -> bool:
        """Ask to change terms; False when the order cannot be changed now."""
        ...

    def buy(
        self, symbol: str, quantity: Number, *, limit_price: Number | None = None, tag: str = ""
    ) -> ClientOrderId:
        """Buy at market, or at `limit_price` or better."""
        ...

    def sell(
        self, symbol: str, quantity: Number, *, limit_price: Number | None = None, tag: str = ""
    ) -> ClientOrderId:
        """Sell at market, or at `limit_price` or better."""
        ...

    def target_position(self, symbol: str, quantity: Number) -> ClientOrderId | None:
        """Trade the difference to `quantity`, working orders counted; None when there is none."""
        ...

    def target_percent(self, symbol: str, fraction: Number) -> ClientOrderId | None:
        """Trade towards `fraction` of equity at the reference price; None when nothing to do."""
        ...

    def close_position(self, symbol: str) -> ClientOrderId | None:
        """Cancel this strategy's working orders in `symbol` and close its position.

        The closing order leaves when all of them have ended, for what is held then; None when
        nothing is held. Until then refused cancels are repeated, late fills get no exits, other
        new orders in `symbol` are denied, and asking again gives the same id. After ten minutes
        in vain, outages not counted, it is denied: ask again if it is still meant.
        """
        ...

    # --- books --------------------------------------------------------------------------

    @property
    def portfolio(self) -> PortfolioView:
        """The account."""
        ...

    def get_position(self, symbol: str) -> PositionView:
        """This strategy's position; flat when it never traded the symbol."""
        ...

    def get_order(self, client_order_id: ClientOrderId) -> Order | None:
        """A copy of one of this strategy's orders, by any id it has had."""
        ...

    def open_orders(self, symbol: str | None = None) -> Sequence[Order]:
        """Copies of this strategy's orders that could still fill, oldest first."""
        ...

    # --- market -------------------------------------------------------------------------

    def get_latest_bar(self, symbol: str) -> Bar | None:
        """The last closed bar, raw; None before the first."""
        ...

    def get_latest_quote(self, symbol: str) -> Quote | None:
        """The last quote; None before the first."""
        ...

    def get_latest_trade(self, symbol: str) -> Trade | None:
        """The last trade; None before the first."""
        ...

    def get_latest_book(self, symbol: str) -> BookSnapshot | None:
        """The last whole book; None before the first."""
        ...

    def get_bars(self, symbol: str, count: int, size: str | None = None) -> Sequence[Bar]:
        """Up to `count` last closed bars, oldest first, split-adjusted as of now.

        `size` (`"5m"`, `"1h"`) asks for larger bars built from what arrives; the default is
        the feed's own size. History is bounded (1,024 bars a symbol and size, oldest
        dropped).
        """
        ...

    def instrument(self, symbol: str) -> Instrument:
        """Tick, lot, minimum notional and currency of a symbol."""
        ...

    # --- time, regime, the rest ---------------------------------------------------------

    @property
    def current_time(self) -> int:
        """Nanoseconds UTC of the event in hand."""
        ...

    @property
    def current_regime(self) -> str:
        """Label of the current regime; empty when none is known yet."""
        ...

    @property
    def is_warmup(self) -> bool:
        """True while history is being delivered; orders are denied meanwhile."""
        ...

    @property
    def session(self) -> Session | None:
        """The open session, or None when the venue is closed."""
        ...

    def schedule_timer(
        self, timer_id: str, *, at_ns: int | None = None, after_ns: int | None = None
    ) -> None:
        """Call `on_timer(timer_id)` at a time or after a delay; setting again moves it."""
        ...

    def cancel_timer(self, timer_id: str) -> None:
        """Forget a timer; harmless when it is not pending."""
        ...

    def log(self, message: str) -> None:
        """Write a line to the journal and the audit log."""
        ...
