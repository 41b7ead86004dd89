"""The messages of the simulated venue's WebSocket: JSON text, decimals as strings.

Both sides use these types, so that the protocol is written down once. Requests carry an `id`
that the answer repeats; pushes carry none. Invariants: what does not fit its type here does not
exist (`VenueProtocolError`); no number is ever NaN or infinite; no obligation passes a float;
a key occurs once; a message is at most `MESSAGE_CHARS_MAX` long.
"""

from __future__ import annotations

import json
import math
from typing import Annotated, Literal, NoReturn

import msgspec
from msgspec import Meta

from regimeflow.errors import VenueProtocolError
from regimeflow.model.order import OrderType, Side, TimeInForce

PROTOCOL_VERSION = 1
MESSAGE_CHARS_MAX = 4 * 1024 * 1024
LIST_MAX = 20_000
"""Most rows of one list: orders, fills, bars."""

Number = Annotated[int, Meta(ge=0, le=2**53)]
Ns = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Price = Annotated[float, Meta(ge=0.0)]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,60})?\Z")]
"""A quantity or price of an obligation: plain decimal text, never negative."""
Money = Annotated[str, Meta(pattern=r"^-?[0-9]{1,20}(\.[0-9]{1,60})?\Z")]
"""Cash, a fee or a position: plain decimal text with a sign."""
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Symbol = Annotated[str, Meta(min_length=1, max_length=32)]
Text = Annotated[str, Meta(max_length=1_000)]


Role = Literal["trade", "observe"]
ReportBody = dict[str, object]
"""A report inside a message; `report_lines.decode_report` gives it its type."""


class Line(msgspec.Struct, frozen=True):
    """Base of rows and terms inside a message."""


class OrderTerms(Line, frozen=True, omit_defaults=True, kw_only=True):
    """A new order as it goes over the wire; intents and valuations stay with the engine."""

    client_order_id: Id
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Amount
    limit_price: Amount | None = None
    stop_price: Amount | None = None
    trail_amount: Amount | None = None
    trail_fraction: Amount | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    expire_ns: Ns | None = None
    reduce_only: bool = False
    oco_group: Text | None = None


class OrderLine(Line, frozen=True, kw_only=True):
    """One order as the venue lists it; an unknown `status` is kept as text."""

    client_order_id: Id
    broker_order_id: Id
    symbol: Symbol
    side: Side
    order_type: OrderType
    quantity: Amount
    filled_quantity: Amount
    status: Text
    limit_price: Amount | None = None
    stop_price: Amount | None = None


class FillLine(Line, frozen=True, kw_only=True):
    """One execution as the venue lists it."""

    execution_id: Id
    client_order_id: Id
    broker_order_id: Id
    symbol: Symbol
    side: Side
    quantity: Amount
    price: Amount
    fee: Money
    ts_venue_ns: Ns


class CashLine(Line, frozen=True, kw_only=True):
    """One movement of cash without a fill."""

    activity_id: Id
    cash_kind: Text
    symbol: Annotated[str, Meta(max_length=32)]
    amount: Money
    ts_venue_ns: Ns


class PositionLine(Line, frozen=True):
    """One net position."""

    symbol: Symbol
    quantity: Money


class BarLine(Line, frozen=True):
    """One bar."""

    symbol: Symbol
    ts_open_ns: Ns
    ts_close_ns: Ns
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Price
    size_ns: Ns


class SessionLine(Line, frozen=True):
    """One trading session."""

    calendar: Text
    date: Text
    open_ns: Ns
    close_ns: Ns


class InstrumentLine(Line, frozen=True):
    """The venue's trading rules of one symbol."""

    symbol: Symbol
    asset_class: Text
    currency: Text
    tick_size: Amount
    lot_size: Amount
    min_notional: Amount
    multiplier: Amount
    is_shortable: bool


# --- text ------------------------------------------------------------------------------


def parse_json(text: str) -> object:
    """Strict JSON: no repeated key, no NaN or infinity, bounded size and depth.

    Raises VenueProtocolError.
    """
    if len(text) > MESSAGE_CHARS_MAX:
        raise VenueProtocolError(f"a message of {len(text)} characters, at most 4 MiB is allowed")
    try:
        parsed = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
        )
        if "\\u" in text:
            # An escaped half of a surrogate pair is text that no file could hold.
            json.dumps(parsed, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise VenueProtocolError(f"the venue sent what is not strict JSON: {error}") from None
    return parsed


def encode(message: msgspec.Struct) -> str:
    """A message as text."""
    return msgspec.json.encode(message).decode()


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key occurs twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"{digits} is beyond every number")
    return value
