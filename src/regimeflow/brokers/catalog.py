"""What is true of each broker today, as values: the command line and the docs print these.

Invariant: a capability stands here only when the code has it, and a validation status only when
its evidence exists. Tests hold the simulated broker's row against the simulated venue.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from regimeflow.model.order import OrderType, TimeInForce


class Validation(StrEnum):
    """How far a broker's support has been proved."""

    IMPLEMENTED = "implemented"
    NOT_SUPPORTED = "not supported yet"


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a broker does itself; what is missing here the engine does, or refuses.

    `idempotency` is what a client order id promises: `permanent` (an id is never accepted twice),
    `open_only` (not while its order is open) or `none`. `snapshots` are the parts of the account
    that can be asked for.
    """

    asset_classes: tuple[str, ...]
    market_data: tuple[str, ...]
    order_types: tuple[OrderType, ...]
    times_in_force: tuple[TimeInForce, ...]
    immediate_order_types: tuple[OrderType, ...]
    idempotency: str
    snapshots: tuple[str, ...]
    has_replace: bool
    has_native_oco: bool
    has_native_brackets: bool
    has_reduce_only: bool
    has_short_selling: bool


class Broker(msgspec.Struct, frozen=True, kw_only=True):
    """One value of `live.broker`. `evidence` says what the status rests on."""

    name: str
    title: str
    validation: Validation
    evidence: str
    capabilities: Capabilities | None = None


def _not_yet(name: str, title: str) -> Broker:
    return Broker(
        name=name,
        title=title,
        validation=Validation.NOT_SUPPORTED,
        evidence="no adapter exists; the configuration refuses it",
    )


BROKERS: tuple[Broker, ...] = (
    Broker(
        name="sim",
        title="Simulated venue, playing recorded data",
        validation=Validation.IMPLEMENTED,
        evidence="unit tests; no conformance suite has been run against it",
        capabilities=Capabilities(
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
        ),
    ),
    _not_yet("alpaca", "Alpaca"),
    _not_yet("binance", "Binance spot"),
    _not_yet("ib", "Interactive Brokers"),
)
"""Every broker the configuration names, in its order."""
