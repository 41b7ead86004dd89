"""What a broker can do by itself, as one frozen value that its adapter declares.

The engine does what is missing here, or refuses it. Invariant: a capability is declared only
when the adapter has it and the conformance suite has seen it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from regimeflow.model.order import OrderType, TimeInForce
from regimeflow.model.timestamps import NS_PER_S

Idempotency = Literal["permanent", "open_only", "none"]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker does itself; what is missing here the engine does, or refuses.

    `idempotency` is what a client order id promises: `permanent` (an id is never accepted twice),
    `open_only` (not while its order is open) or `none`. `snapshots` are the parts of the account
    that can be asked for. After `settle_window_ns` a query's "not found" begins to count as
    evidence. Reports missed while away are repeated as far back as `replay_horizon_ns` (0: never;
    `WHOLE_RUN_NS`: from the first). `streams` are what the broker pushes. With `has_own_time` its
    clock is not the world's (recorded data): the engine keeps that time instead of the wall's.
    """

    asset_classes: tuple[str, ...]
    market_data: tuple[str, ...]
    order_types: tuple[OrderType, ...]
    times_in_force: tuple[TimeInForce, ...]
    immediate_order_types: tuple[OrderType, ...]
    idempotency: Idempotency
    snapshots: tuple[str, ...]
    has_replace: bool
    has_native_oco: bool
    has_native_brackets: bool
    has_reduce_only: bool
    has_short_selling: bool
    settle_window_ns: int = 0
    replay_horizon_ns: int = 0
    streams: tuple[str, ...] = ()
    has_own_time: bool = False


WHOLE_RUN_NS = (1 << 63) - 1

SIM_CAPABILITIES = Capabilities(
    asset_classes=("equity", "crypto"),
    market_data=("bars", "quotes", "trades"),
    order_types=tuple(OrderType),
    times_in_force=tuple(TimeInForce),
    immediate_order_types=(OrderType.MARKET, OrderType.LIMIT),
    idempotency="permanent",
    snapshots=("orders", "fills", "positions", "account"),
    has_replace=True,
    has_native_oco=True,
    has_native_brackets=False,
    has_reduce_only=True,
    has_short_selling=True,
    settle_window_ns=10 * NS_PER_S,
    replay_horizon_ns=WHOLE_RUN_NS,
    streams=("report", "quote", "trade", "bar", "session", "heartbeat"),
    has_own_time=True,
)
"""The simulated venue, in process or over the network."""
