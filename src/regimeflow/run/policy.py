"""From configuration to the values the engine runs by: limits, instruments, venue model."""

from __future__ import annotations

from decimal import Decimal

from regimeflow.config import Config
from regimeflow.config.live import LiveSection
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model.instrument import AssetClass, Instrument
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_MS
from regimeflow.venue.fees import FeeSchedule
from regimeflow.venue.model import ExecutionModel

TICK_REFERENCE_NS = NS_PER_MINUTE
"""What counts as one bar for `max_reference_age` on a feed without bars."""
PAUSE_S_MIN = 1.0
"""A shorter standstill is an ordinary hiccup: a slow sync, a collection of garbage."""
_ZERO_IS_OFF = ("max_order_value", "daily_loss_limit", "daily_loss_limit_pct")


def risk_policy(config: Config, *, bar_open_time_ns: int | None) -> RiskPolicy:
    """The limits and rates of a run. `bar_open_time_ns`: how long a feed bar is in open time."""
    limits = config.risk.limits
    age_of_one_ns = bar_open_time_ns or TICK_REFERENCE_NS
    return RiskPolicy(
        limits=_limits(limits),
        limits_by_regime={
            label: _limits(section.limits)
            for label, section in config.risk.limits_by_regime.items()
        },
        restricted=frozenset(limits.restricted),
        allow_short=limits.allow_short is not False,
        max_orders_per_second=limits.max_orders_per_second,
        max_orders_per_minute=limits.max_orders_per_minute,
        duplicate_order_window_ns=limits.duplicate_order_window_ms * NS_PER_MS,
        reference_age_ns_max=limits.max_reference_age * age_of_one_ns,
        max_in_doubt=limits.max_in_doubt,
        max_clock_offset_ms=limits.max_clock_offset_ms,
        initial_margin_ratio=config.account.margin.initial_margin_ratio,
    )


def pause_s(live: LiveSection) -> float:
    """How long (real seconds) the engine may stand still before all that it knows is old."""
    return max(live.heartbeat.interval_ms / 1_000, PAUSE_S_MIN)


def instruments(config: Config) -> dict[str, Instrument]:
    """Trading terms of every symbol, in the order of the configuration."""
    found = {}
    for symbol in config.symbols:
        terms = config.instrument_terms(symbol)
        found[symbol] = Instrument(
            symbol=symbol,
            asset_class=AssetClass(terms.asset_class),
            currency=terms.currency,
            tick_size=terms.tick_size,
            lot_size=terms.lot_size,
            min_notional=terms.min_notional,
            multiplier=terms.multiplier,
            is_shortable=terms.allow_short,
        )
    return found


def execution_model(config: Config) -> ExecutionModel:
    """The venue's assumptions; the same object for a backtest and for the `sim` broker."""
    section = config.backtest.execution
    if section.fill_model == "frictionless":
        return ExecutionModel.frictionless()
    fees = section.fees
    return ExecutionModel(
        fill_model="realistic",
        spread_bps=None if section.spread_bps == "auto" else float(section.spread_bps),
        participation=section.participation,
        impact_y=float(section.impact_y),
        latency_ns=max(int(section.latency_ms * NS_PER_MS), 1),
        limit_fill=section.limit_fill,
        fees=fees
        if isinstance(fees, str)
        else FeeSchedule(
            per_share=fees.per_share,
            rate=fees.rate_pct,
            minimum=fees.minimum,
            maximum_fraction=fees.maximum_pct,
        ),
        seed=section.seed,
    )


def _limits(section: object) -> RiskLimits:
    values: dict[str, Decimal | None] = {}
    for name in RiskLimits.__struct_fields__:
        value = getattr(section, name, None)
        if value is not None:
            value = Decimal(value)
            if name in _ZERO_IS_OFF and not value:
                value = None
        values[name] = value
    return RiskLimits(**values)
