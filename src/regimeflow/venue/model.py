"""The execution model: every assumption about fills in one frozen value, and what it leaves out.

The same value configures a backtest and the `sim` broker, so that the two cannot differ. It knows
which parts of reality it models (`checklist`), because a result is only as honest as that list.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Literal

import msgspec

from regimeflow.errors import ConfigError
from regimeflow.model.order import ZERO
from regimeflow.venue.fees import FeeSchedule, schedule_from

FillModel = Literal["realistic", "frictionless"]
LimitFill = Literal["through", "queue", "touch"]
ItemStatus = Literal["modelled", "partial", "missing"]


class RealismItem(msgspec.Struct, frozen=True):
    """One of the twelve things a backtest has to model, and how this model does."""

    name: str
    status: ItemStatus
    detail: str


class RealismChecklist(msgspec.Struct, frozen=True):
    """The twelve items, whether the result is optimistic, and because of what."""

    items: tuple[RealismItem, ...]
    optimistic: bool
    reasons: tuple[str, ...]


class ExecutionModel(msgspec.Struct, frozen=True, kw_only=True):
    """How the simulated venue fills.

    `spread_bps` is the full quoted spread; None estimates it per symbol from past bars.
    `participation` is the largest fraction of a bar's volume our orders may take; None is no
    limit. Impact is `impact_y * sigma_day * sqrt(quantity / ADV)`, at most `impact_max` of the
    price. `latency_ns` is one way and at least 1; each order draws its own addition of up to
    `latency_jitter_ns`, once, from (seed, strategy, intent). `borrow_rate` and `margin_rate` are
    yearly on a 360-day base. `leverage_max` refuses orders that would take gross exposure above
    that multiple of equity; None does not.

    Raises ConfigError when a value is out of range: the user's configuration is wrong.
    """

    fill_model: FillModel = "realistic"
    spread_bps: float | None = None
    participation: Decimal | None = Decimal("0.1")
    impact_y: float = 0.7
    impact_max: float = 0.05
    latency_ns: int = 250_000_000
    latency_jitter_ns: int = 0
    limit_fill: LimitFill = "through"
    fees: str | FeeSchedule = "none"
    borrow_rate: Decimal = Decimal("0.003")
    margin_rate: Decimal = Decimal("0.07")
    leverage_max: Decimal | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        problems = [
            (self.fill_model not in ("realistic", "frictionless"), "fill_model", self.fill_model),
            (self.limit_fill not in ("through", "queue", "touch"), "limit_fill", self.limit_fill),
            (not _is_at_least_zero(self.spread_bps), "spread_bps", self.spread_bps),
            (not _is_at_least_zero(self.impact_y), "impact_y", self.impact_y),
            (not _is_at_least_zero(self.impact_max), "impact_max", self.impact_max),
            (not _is_fraction(self.participation), "participation", self.participation),
            (self.latency_ns < 1, "latency_ns", self.latency_ns),
            (self.latency_jitter_ns < 0, "latency_jitter_ns", self.latency_jitter_ns),
            (self.borrow_rate < 0, "borrow_rate", self.borrow_rate),
            (self.margin_rate < 0, "margin_rate", self.margin_rate),
            (self.leverage_max is not None and self.leverage_max <= 0, "leverage_max", ""),
        ]
        for is_wrong, key, seen in problems:
            if is_wrong:
                raise ConfigError(f"execution.{key}: {seen} is out of range; {_EXPECTED[key]}")
        schedule_from(self.fees)

    @classmethod
    def frictionless(cls) -> ExecutionModel:
        """No spread, impact, fee, financing or volume limit; one nanosecond. For known answers."""
        return cls(
            fill_model="frictionless",
            spread_bps=0.0,
            participation=None,
            impact_y=0.0,
            latency_ns=1,
            borrow_rate=ZERO,
            margin_rate=ZERO,
        )

    @property
    def is_frictionless(self) -> bool:
        """True when printed prices are what we get."""
        return self.fill_model == "frictionless"

    @property
    def fee_schedule(self) -> FeeSchedule:
        """The schedule that `fees` names; none for the frictionless model."""
        return schedule_from("none" if self.is_frictionless else self.fees)

    def checklist(self) -> RealismChecklist:
        """What is modelled and what is not, for the report; anything missing is optimistic."""
        items = _items(self)
        reasons = [f"{item.name}: {item.detail}" for item in items if item.status == "missing"]
        if self.limit_fill == "touch":
            reasons.append("limit orders: a touch counts as a fill, an upper bound")
        return RealismChecklist(items, bool(reasons), tuple(reasons))


_EXPECTED = {
    "fill_model": "use realistic or frictionless",
    "limit_fill": "use through, queue or touch",
    "spread_bps": "use auto, or basis points of at least 0",
    "impact_y": "use a finite number of at least 0",
    "impact_max": "use a finite fraction of at least 0",
    "participation": "use a fraction above 0 and at most 1",
    "latency_ns": "use at least 1 nanosecond",
    "latency_jitter_ns": "use at least 0",
    "borrow_rate": "use a yearly fraction of at least 0",
    "margin_rate": "use a yearly fraction of at least 0",
    "leverage_max": "use a multiple of equity above 0",
}


def _is_at_least_zero(number: float | None) -> bool:
    return number is None or (math.isfinite(number) and number >= 0)


def _is_fraction(number: Decimal | None) -> bool:
    return number is None or (number.is_finite() and 0 < number <= 1)


def _when(is_modelled: object, name: str, detail: str, otherwise: str) -> RealismItem:
    """One row: modelled with `detail`, or missing with the reason."""
    return (
        RealismItem(name, "modelled", detail)
        if is_modelled
        else RealismItem(name, "missing", otherwise)
    )


def _items(model: ExecutionModel) -> tuple[RealismItem, ...]:
    costs = not model.is_frictionless
    spread = "estimated from past bars" if model.spread_bps is None else f"{model.spread_bps} bps"
    fees = model.fee_schedule.name
    return (
        RealismItem("timing", "modelled", "decided on a closed bar, filled at a later print"),
        _when(
            costs and model.spread_bps != 0,
            "spread",
            f"quoted half-spread, else {spread}, at least half a tick",
            "no spread is paid",
        ),
        _when(
            costs and model.participation is not None,
            "volume participation",
            f"at most {model.participation} of a bar's volume",
            "volume is unlimited",
        ),
        _when(
            costs and model.impact_y > 0,
            "impact",
            f"square root law, Y = {model.impact_y}, at most {model.impact_max}",
            "orders do not move the price",
        ),
        RealismItem("limit orders", "modelled", f"{model.limit_fill}; worst case inside a bar"),
        _when(fees != "none", "fees", f"{fees}, by date", "no fee is charged"),
        _when(
            costs and model.latency_ns >= 1_000_000,
            "latency",
            f"{model.latency_ns / 1e6:g} ms one way",
            "orders arrive at once",
        ),
        RealismItem("sessions", "modelled", "day orders expire at the close; auctions by type"),
        RealismItem("corporate actions", "modelled", "raw prices; splits and dividends booked"),
        RealismItem("lots and ticks", "modelled", "the instrument's own rounding"),
        _when(
            costs and (model.borrow_rate > 0 or model.margin_rate > 0),
            "financing",
            f"borrow {model.borrow_rate}, margin {model.margin_rate} a year, by the session",
            "borrowing shares and cash is free",
        ),
        RealismItem("settlement", "partial", "a margin account: T+1 does not bind"),
    )
