"""`backtest.execution`: how the simulated venue fills, charges and delays orders."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Tag, WithJsonSchema

from regimeflow.config.scalars import Number, Whole, expected, parse_number
from regimeflow.config.section import Section, key

FeeSchedule = Literal["none", "alpaca", "ibkr_fixed", "ibkr_tiered", "binance"]
UNION_TAGS = frozenset({"<schedule>", "<custom>"})

_SPREAD_BPS_MAX = 1000


def parse_spread_bps(value: object) -> Decimal | Literal["auto"]:
    """A spread in basis points, or `auto`."""
    if isinstance(value, str) and value == "auto":
        return "auto"
    try:
        spread_bps = parse_number(value)
    except ValueError:
        spread_bps = Decimal(-1)
    if not 0 <= spread_bps <= _SPREAD_BPS_MAX:
        raise expected(f"auto, or basis points from 0 to {_SPREAD_BPS_MAX}")
    return spread_bps


SpreadBps = Annotated[
    Decimal | Literal["auto"],
    BeforeValidator(parse_spread_bps),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "number", "minimum": 0}]}),
]


class CustomFeesSection(Section):
    """Commission of one order: rates added, raised to `minimum`, then cut to `maximum_pct`."""

    per_share: Number = key(
        "Commission for each share, contract or coin.",
        default=0,
        unit="account currency",
        ge=0,
    )
    rate_pct: Number = key(
        "Commission by value; 0.001 is one tenth of a per cent.",
        default=0,
        unit="fraction of the order's value",
        ge=0,
        le="0.05",
    )
    minimum: Number = key("Least commission of an order.", default=0, unit="account currency", ge=0)
    maximum_pct: Number | None = key(
        "Most commission of an order; it wins over the minimum.",
        default=None,
        unit="fraction of the order's value",
        gt=0,
        le=1,
    )


def _fee_form(value: object) -> str:
    return "<custom>" if isinstance(value, Mapping | CustomFeesSection) else "<schedule>"


Fees = Annotated[
    Annotated[FeeSchedule, Tag("<schedule>")] | Annotated[CustomFeesSection, Tag("<custom>")],
    Discriminator(_fee_form),
]


class ExecutionSection(Section):
    """The venue model; there is one, for backtests and for the simulated broker."""

    fill_model: Literal["realistic", "frictionless"] = key(
        "frictionless has no spread, impact or fee and one nanosecond of latency; "
        "for known answers only.",
        default="realistic",
    )
    spread_bps: SpreadBps = key(
        "Full quoted spread where the data has no quotes; auto estimates it for each symbol.",
        default="auto",
        unit="basis points of the price",
    )
    participation: Number = key(
        "Most of a bar's volume one order may take; the rest keeps working.",
        default="0.1",
        unit="fraction of volume",
        gt=0,
        le=1,
    )
    impact_y: Number = key(
        "Factor Y of the square-root law of market impact, Y * daily volatility * sqrt(Q / ADV).",
        default="0.7",
        ge=0,
        le=10,
    )
    latency_ms: Number = key(
        "Time a message takes one way, to the venue or back.",
        default=250,
        unit="ms",
        ge=0,
        le=3_600_000,
    )
    limit_fill: Literal["through", "queue", "touch"] = key(
        "When a resting limit order fills: price beyond it, queue ahead of it traded, or price "
        "at it (touch labels the report optimistic).",
        default="through",
    )
    fees: Fees = key("A dated fee schedule by name, or rates of your own.", default="none")
    seed: Whole = key(
        "Seed of every random draw; equal seeds give equal runs.",
        default=1,
        ge=0,
    )
