"""`Strategy`: what a user subclasses. Every callback is synchronous and optional but one.

The engine calls the callbacks of one strategy one at a time; each completes before the next.
Orders wished inside a callback are staged: if the callback raises, none of them is sent.

State is the instance's `__dict__` less `ctx` and the names in `transient`. It is encoded,
decoded and restored at every session roll, in backtests too, so that a normal night equals a
crash. Anything that cannot be encoded is refused by name at start; put library objects
(indicators) in `transient` and rebuild them in `on_start`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from regimeflow.errors import ConfigError

if TYPE_CHECKING:
    from regimeflow.model.commands import HealthChanged, RegimeChanged
    from regimeflow.model.events import OrderFilled
    from regimeflow.model.market import Bar, BookSnapshot, CorporateAction, Quote, Trade
    from regimeflow.model.order import Order
    from regimeflow.model.session import Session
    from regimeflow.strategy.context import Context

Parameter = bool | int | float | str | list[str] | list[float] | None


class Strategy:
    """Subclass, define `initialize`, and override the callbacks you need.

    `parameters` declares what the configuration may set, with defaults; an unknown parameter
    or one of another type is refused at start. `transient` names attributes that are not
    state. `warmup_bars` is how many bars per symbol the strategy needs before it may trade;
    set it in `initialize` when it depends on parameters. `bar_size` (`"5m"`, `"1h"`, `"1d"`)
    asks for `on_bar` with larger bars, built from whatever the feed delivers; None means the
    feed's own bars.
    """

    parameters: ClassVar[Mapping[str, Parameter]] = {}
    transient: ClassVar[tuple[str, ...]] = ()
    warmup_bars: int = 0
    bar_size: ClassVar[str | None] = None
    ctx: Context

    def initialize(self, ctx: Context) -> None:
        """Read `ctx.params` and create state. No orders, no data yet.

        Called on a fresh object at start, and again at every session roll before the saved
        state is put back, so it must depend on nothing but `ctx.params` and `ctx.symbols`.
        """
        raise ConfigError(
            f"{type(self).__name__} has no initialize; every strategy defines initialize(self, ctx)"
        )

    def on_start(self) -> None:
        """The run begins or resumes, and every session after a roll: rebuild transients here."""

    def on_bar(self, bar: Bar) -> None:
        """A bar closed. Also called during warm-up, with `ctx.is_warmup` true."""

    def on_tick(self, trade: Trade) -> None:
        """A trade printed."""

    def on_quote(self, quote: Quote) -> None:
        """The best bid or ask changed."""

    def on_order_book(self, book: BookSnapshot) -> None:
        """The order book changed; `book` is the whole book after the change."""

    def on_order_update(self, order: Order) -> None:
        """One of this strategy's orders changed its state; `order` is a copy."""

    def on_fill(self, fill: OrderFilled) -> None:
        """One execution of this strategy's order was booked (after `on_order_update`)."""

    def on_regime_change(self, transition: RegimeChanged) -> None:
        """The market regime changed."""

    def on_timer(self, timer_id: str) -> None:
        """A timer set with `ctx.schedule_timer` is due."""

    def on_end_of_day(self, session: Session) -> None:
        """Shortly before the close on intraday feeds; after the last bar on daily feeds."""

    def on_health(self, change: HealthChanged) -> None:
        """A feed, link or component changed its status."""

    def on_corporate_action(self, action: CorporateAction) -> None:
        """A split or dividend took effect: rescale prices you keep yourself."""

    def on_stop(self) -> None:
        """The run ends in an orderly way. Orders wished here are denied."""
