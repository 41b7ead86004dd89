"""Entries of the audit: the names of its types, and what each carries.

The type names are a contract with whoever reads audit files; they never change.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from regimeflow.journal.records import Body
from regimeflow.model import commands, events
from regimeflow.model.commands import TradingState
from regimeflow.model.order import Side
from regimeflow.observe.audit_lines import Metadata
from regimeflow.observe.audit_orders import OrderLeg
from regimeflow.observe.describe import describe, plain

DRY_RUN_CONTROL = "dry_run"
"""Control of an `OrderDenied` that would have been sent but for `live.dry_run`."""
NO_PRICE = "market"


class AuditEntry(NamedTuple):
    """One line to be, without its number, time and hashes."""

    kind: str
    details: str
    metadata: Metadata


def entry_of(kind: str, body: Body, metadata: Metadata) -> AuditEntry:
    """An entry that says what `describe` says of the record."""
    return AuditEntry(kind, describe(body), metadata)


def order_metadata(leg: OrderLeg) -> Metadata:
    """What every line about an order carries."""
    metadata: Metadata = {
        "strategy": leg.strategy_id,
        "symbol": leg.symbol,
        "side": leg.side.value,
        "quantity": plain(leg.quantity),
        "price": NO_PRICE if leg.price is None else plain(leg.price),
        "client_order_id": leg.client_order_id,
        "broker_order_id": leg.broker_order_id,
    }
    if leg.orig_client_order_id:
        metadata["orig_client_order_id"] = leg.orig_client_order_id
    return metadata


def unknown_order_metadata(client_order_id: str, symbol: str) -> Metadata:
    """The same keys for an order that is not ours, or too old: empty says not known."""
    return {
        "strategy": "",
        "symbol": symbol,
        "side": "",
        "quantity": "",
        "price": "",
        "client_order_id": client_order_id,
        "broker_order_id": "",
    }


def denied_entries(body: commands.OrderDenied) -> list[AuditEntry]:
    """An order the gate refused, or one that a dry run kept back."""
    metadata: Metadata = {
        "strategy": body.strategy_id,
        "symbol": body.symbol,
        "side": body.side.value,
        "quantity": plain(body.quantity),
        "price": NO_PRICE,
        "client_order_id": body.client_order_id,
        "broker_order_id": "",
        "control": body.control,
        "limit": body.limit,
        "observed": body.observed,
    }
    kind = "DryRunOrder" if body.control == DRY_RUN_CONTROL else "OrderDenied"
    return [entry_of(kind, body, metadata)]


def position_entry(kind: str, fill: events.OrderFilled, quantity: Decimal) -> AuditEntry:
    """A position that a fill opened or closed; `quantity` is signed."""
    side = "long" if quantity > 0 else "short"
    verb = "opened" if kind == "PositionOpened" else "closed"
    metadata: Metadata = {
        "symbol": fill.symbol,
        "side": (Side.BUY if quantity > 0 else Side.SELL).value,
        "quantity": plain(quantity),
        "price": plain(fill.price),
        "client_order_id": fill.client_order_id,
        "execution_id": fill.execution_id,
    }
    details = f"{side} {plain(abs(quantity))} {fill.symbol} {verb} at {plain(fill.price)}"
    return AuditEntry(kind, details, metadata)


def _trading_state(body: commands.TradingStateChanged) -> list[AuditEntry]:
    kind = "TradingResumed" if body.state is TradingState.ACTIVE else "TradingHalted"
    metadata: Metadata = {
        "state": body.state.value,
        "control": body.control,
        "reason": body.reason,
        "strategy": body.strategy_id or "",
    }
    return [entry_of(kind, body, metadata)]


def _regime(body: commands.RegimeChanged) -> list[AuditEntry]:
    metadata: Metadata = {
        "symbol": body.symbol,
        "previous": body.previous,
        "current": body.current,
        "probability": plain(body.probability),
        "model": body.model_id,
    }
    return [entry_of("RegimeChange", body, metadata)]


MEMORYLESS: dict[type, Callable[[Any], list[AuditEntry]]] = {
    commands.TradingStateChanged: _trading_state,
    commands.RegimeChanged: _regime,
    events.EngineStopped: lambda body: [entry_of("SystemStop", body, {"reason": body.reason})],
    commands.RiskBreached: lambda body: [
        entry_of(
            "RiskLimitBreached",
            body,
            {"control": body.control, "limit": body.limit, "observed": body.observed},
        )
    ],
    commands.HealthChanged: lambda body: [
        entry_of("HealthChange", body, {"component": body.component, "status": body.status.value})
    ],
    commands.DiscrepancyFound: lambda body: [
        entry_of(
            "ReconciliationMismatch",
            body,
            {
                "kind": body.kind,
                "subject": body.subject,
                "ours": body.ours,
                "theirs": body.theirs,
            },
        )
    ],
    commands.StrategyFaulted: lambda body: [
        entry_of("Error", body, {"strategy": body.strategy_id, "callback": body.callback})
    ],
}
"""Facts that need no memory of earlier ones."""
