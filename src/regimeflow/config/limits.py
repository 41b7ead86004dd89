"""`live.risk.limits`: every limit the risk gate enforces, in one place.

Each key may also stand directly under `live`; it is moved here before validation. A limit that is
absent is off. For the keys that say so, 0 is off too; elsewhere 0 is refused, because "no limit"
and "nothing allowed" must not look alike. `limit_warnings` lists what is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, PlainSerializer

from regimeflow.config.scalars import Flag, FrozenMapping, Number, RegimeLabel, Symbols, Whole
from regimeflow.config.section import Section, key

CURRENCY = "account currency"
FRACTION = "fraction of equity"


class LimitsSection(Section):
    """The limits of the account; an integer is as good as a fraction, and binds exactly."""

    max_order_value: Number = key(
        "Largest value of one order at its worst plausible price; 0 is off.",
        default=0,
        unit=CURRENCY,
        ge=0,
    )
    max_order_quantity: Number | None = key(
        "Largest quantity of one order.", default=None, unit="shares, contracts or coins", gt=0
    )
    max_notional: Number | None = key(
        "Largest sum of open positions and everything that could still fill; also each order.",
        default=None,
        unit=CURRENCY,
        gt=0,
    )
    max_position: Number | None = key(
        "Largest absolute position in a symbol, with what could still fill.",
        default=None,
        unit="shares, contracts or coins",
        gt=0,
    )
    max_position_pct: Number | None = key(
        "Largest absolute position in a symbol, with what could still fill.",
        default=None,
        unit=FRACTION,
        gt=0,
        le=4,
    )
    max_gross_exposure: Number | None = key(
        "Largest sum of long and short positions.", default=None, unit=CURRENCY, gt=0
    )
    max_net_exposure: Number | None = key(
        "Largest absolute difference of long and short positions.",
        default=None,
        unit=CURRENCY,
        gt=0,
    )
    max_leverage: Number | None = key(
        "Largest gross exposure over equity.", default=None, unit="times equity", gt=0, le=100
    )
    max_drawdown: Number | None = key(
        "Largest fall from the persistent peak of equity, net of cash flows; then no new risk.",
        default=None,
        unit=FRACTION,
        gt=0,
        le=1,
    )
    daily_loss_limit: Number = key(
        "Largest loss since the session's anchor; then no new risk. 0 is off.",
        default=0,
        unit=CURRENCY,
        ge=0,
    )
    daily_loss_limit_pct: Number = key(
        "Largest loss since the session's anchor; then no new risk. 0 is off.",
        default=0,
        unit=FRACTION,
        ge=0,
        le=1,
    )
    max_open_orders: Whole | None = key(
        "Most orders open at once.", default=None, unit="orders", gt=0
    )
    max_open_order_value: Number | None = key(
        "Largest value of all open orders together.", default=None, unit=CURRENCY, gt=0
    )
    price_collar_pct: Number | None = key(
        "Largest distance of an order's price from the fresh reference price.",
        default=None,
        unit="fraction of the reference price",
        gt=0,
        le=1,
    )
    max_reference_age: Whole = key(
        "Oldest quote, trade or bar that still counts as a reference price.",
        default=2,
        unit="bars of the subscribed size",
        gt=0,
    )
    max_in_doubt: Whole | None = key(
        "Most orders of unknown fate; above it nothing new enters.",
        default=None,
        unit="orders",
        ge=0,
    )
    max_clock_offset_ms: Whole | None = key(
        "Largest difference between our clock and the broker's, beyond what the measurement leaves "
        "uncertain; above it, and while it is not known, nothing new enters. Only with a broker "
        "behind a link.",
        default=None,
        unit="ms",
        ge=10,
    )
    restricted: Symbols = key("Symbols in which nothing may be opened.", default=())
    allow_short: Flag | None = key(
        "Whether a position may be below zero. Left out: yes for equity, no for crypto.",
        default=None,
    )
    max_orders_per_second: Whole = key(
        "Most new, replaced and cancelled orders in any second; 0 is the broker's own limit.",
        default=0,
        unit="orders",
        ge=0,
    )
    max_orders_per_minute: Whole = key(
        "Most new, replaced and cancelled orders in any minute; 0 is the broker's own limit.",
        default=60,
        unit="orders",
        ge=0,
    )
    duplicate_order_window_ms: Whole = key(
        "Time in which a second order of equal symbol, side, quantity and price is denied; "
        "0 is off.",
        default=500,
        unit="ms",
        ge=0,
    )


class RegimeLimitsSection(Section):
    """Limits that hold in one regime, beside those of the account; the stricter binds.

    Here 0 means that nothing may be opened in the regime; exits stay allowed.
    """

    max_order_value: Number | None = key(
        "Largest value of one order at its worst plausible price.",
        default=None,
        unit=CURRENCY,
        gt=0,
    )
    max_order_quantity: Number | None = key(
        "Largest quantity of one order.", default=None, unit="shares, contracts or coins", gt=0
    )
    max_notional: Number | None = key(
        "Largest sum of open positions and everything that could still fill.",
        default=None,
        unit=CURRENCY,
        ge=0,
    )
    max_position: Number | None = key(
        "Largest absolute position in a symbol.",
        default=None,
        unit="shares, contracts or coins",
        ge=0,
    )
    max_position_pct: Number | None = key(
        "Largest absolute position in a symbol.", default=None, unit=FRACTION, ge=0, le=4
    )
    max_gross_exposure: Number | None = key(
        "Largest sum of long and short positions.", default=None, unit=CURRENCY, ge=0
    )
    max_net_exposure: Number | None = key(
        "Largest absolute difference of long and short positions.",
        default=None,
        unit=CURRENCY,
        ge=0,
    )
    max_leverage: Number | None = key(
        "Largest gross exposure over equity.", default=None, unit="times equity", ge=0, le=100
    )
    max_open_orders: Whole | None = key(
        "Most orders open at once.", default=None, unit="orders", ge=0
    )
    max_open_order_value: Number | None = key(
        "Largest value of all open orders together.", default=None, unit=CURRENCY, ge=0
    )


class RegimeRiskSection(Section):
    """What differs in one regime."""

    limits: RegimeLimitsSection = key("Limits that hold while the regime lasts.")


LimitsByRegime = Annotated[
    Mapping[RegimeLabel, RegimeRiskSection], AfterValidator(FrozenMapping), PlainSerializer(dict)
]


class RiskSection(Section):
    """`live.risk`: limits of the account and of each regime; they hold in backtests too."""

    limits: LimitsSection = key("Limits of the account.", default=LimitsSection())
    limits_by_regime: LimitsByRegime = key(
        "Stricter limits by regime label; labels are those of regime.labels.", default={}
    )
