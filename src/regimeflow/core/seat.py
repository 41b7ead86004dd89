"""One strategy's place at the desk: the object, what it overrides, and what it wished for."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.core.setup import StrategySetup
from regimeflow.model.ids import ClientOrderId, StrategyId
from regimeflow.model.order import Order
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.state import encode_state, restore_state

CALLBACKS = (
    "on_bar",
    "on_tick",
    "on_quote",
    "on_order_book",
    "on_order_update",
    "on_fill",
    "on_regime_change",
    "on_timer",
    "on_end_of_day",
    "on_health",
    "on_corporate_action",
)


class CancelWish(msgspec.Struct, frozen=True):
    """The strategy asked to cancel."""

    client_order_id: ClientOrderId


class ModifyWish(msgspec.Struct, frozen=True):
    """The strategy asked for other terms; None leaves a term as it is."""

    client_order_id: ClientOrderId
    quantity: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None


class CloseWish(msgspec.Struct, frozen=True):
    """The strategy asked to be flat: `order` leaves when nothing else of its kind can fill."""

    order: Order


class _SavedStrategy(msgspec.Struct, frozen=True, array_like=True):
    state: bytes
    rng: tuple[Any, ...] | None


class SavedSeat(msgspec.Struct, frozen=True, array_like=True):
    """A strategy as `Seat.save` gives it (empty for a faulted one, which is never called again),
    and how far its warm-up is."""

    strategy_id: StrategyId
    saved: bytes
    is_faulted: bool
    is_warming: bool
    warmup_left: dict[str, int]


class Seat:
    """Callbacks as bound methods (None where not overridden), warm-up, staged wishes."""

    __slots__ = (
        "bar_size",
        "calls",
        "is_faulted",
        "is_warming",
        "rng",
        "seed",
        "staged",
        "strategy",
        "strategy_id",
        "symbols",
        "warmup_left",
    )

    def __init__(self, setup: StrategySetup, seed: int) -> None:
        self.strategy = setup.strategy
        self.strategy_id = setup.strategy_id
        self.symbols = setup.symbols
        self.seed = f"{seed}/{setup.strategy_id}"
        self.rng: random.Random | None = None
        self.bar_size = type(setup.strategy).bar_size
        self.calls: dict[str, Callable[[Any], None]] = {
            name: getattr(setup.strategy, name)
            for name in CALLBACKS
            if getattr(type(setup.strategy), name) is not getattr(Strategy, name)
        }
        self.staged: list[Any] = []
        self.is_faulted = False
        self.is_warming = True
        self.warmup_left: dict[str, int] = {}

    def begin_warmup(self, override: int | None) -> None:
        """Count the warm-up bars each symbol still owes (after `initialize`)."""
        bars = self.strategy.warmup_bars if override is None else override
        self.warmup_left = dict.fromkeys(self.symbols, bars) if bars > 0 else {}

    def count_warmup(self, symbol: str) -> None:
        """One more bar of `symbol` has been delivered."""
        left = self.warmup_left.get(symbol)
        if left is not None:
            if left > 1:
                self.warmup_left[symbol] = left - 1
            else:
                del self.warmup_left[symbol]

    def random(self) -> random.Random:
        """The strategy's own generator, made on first use."""
        if self.rng is None:
            self.rng = random.Random(self.seed)
        return self.rng

    def save(self) -> bytes:
        """The strategy's state, and its generator's where one was used."""
        rng = self.rng.getstate() if self.rng is not None else None
        return msgspec.msgpack.encode(_SavedStrategy(encode_state(self.strategy), rng))

    def load(self, saved: bytes) -> None:
        """Make the strategy what a fresh process would make of `saved`: `initialize`, then state.

        What is neither state nor set by `initialize` is gone, exactly as after a crash.
        """
        strategy, context = self.strategy, self.strategy.ctx
        strategy.__dict__.clear()
        strategy.ctx = context
        strategy.initialize(context)
        self.staged = []  # nothing may be wished in `initialize`
        self._put_back(saved)

    def capture(self) -> SavedSeat:
        """What a restored seat goes on from; raises what `save` raises."""
        saved = b"" if self.is_faulted else self.save()
        return SavedSeat(
            self.strategy_id, saved, self.is_faulted, self.is_warming, self.warmup_left
        )

    def restore(self, saved: SavedSeat) -> None:
        """Go on from what was captured; the strategy has just been initialised.

        Raises ConfigError when the strategy's class cannot read its state.
        """
        self.is_faulted, self.is_warming = saved.is_faulted, saved.is_warming
        self.warmup_left = dict(saved.warmup_left)
        if not saved.is_faulted:
            self._put_back(saved.saved)

    def _put_back(self, saved: bytes) -> None:
        strategy = msgspec.msgpack.decode(saved, type=_SavedStrategy)
        restore_state(self.strategy, strategy.state)
        if strategy.rng is None:
            self.rng = None
        else:
            version, internal, gauss = strategy.rng
            self.random().setstate((version, tuple(internal), gauss))
