"""The limits that bind, as exact values. None means: this limit is off."""

from __future__ import annotations

from decimal import Decimal

import msgspec


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Keys, units and scopes as in the configuration reference (`live.risk.limits`)."""

    max_order_quantity: Decimal | None = None
    max_order_value: Decimal | None = None
    max_notional: Decimal | None = None
    max_position: Decimal | None = None
    max_position_pct: Decimal | None = None
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_leverage: Decimal | None = None
    max_open_orders: Decimal | None = None
    max_open_order_value: Decimal | None = None
    price_collar_pct: Decimal | None = None
    max_drawdown: Decimal | None = None
    daily_loss_limit: Decimal | None = None
    daily_loss_limit_pct: Decimal | None = None

    def tightened_by(self, other: RiskLimits) -> RiskLimits:
        """For each limit the smaller of the two; a limit that is off never loosens the other."""
        return RiskLimits(
            **{
                name: _smaller(getattr(self, name), getattr(other, name))
                for name in self.__struct_fields__
            }
        )

    @property
    def watches_losses(self) -> bool:
        """Whether equity has to be watched between orders."""
        return not (
            self.max_drawdown is None
            and self.daily_loss_limit is None
            and self.daily_loss_limit_pct is None
        )


def _smaller(first: Decimal | None, second: Decimal | None) -> Decimal | None:
    if first is None or second is None:
        return second if first is None else first
    return min(first, second)


class RiskPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """All that the gate needs to know, fixed for a run.

    `market_allowance` is how much worse than the reference a market order may plausibly fill;
    it prices market orders and stops. `initial_margin_ratio` is own money per unit of exposure
    (0.5 allows twice the equity); None means exposure is not bound by buying power.
    """

    limits: RiskLimits = RiskLimits()
    limits_by_regime: dict[str, RiskLimits] = {}
    restricted: frozenset[str] = frozenset()
    allow_short: bool = True
    max_orders_per_second: int = 0
    max_orders_per_minute: int = 0
    duplicate_order_window_ns: int = 0
    reference_age_ns_max: int = 0
    market_allowance: Decimal = Decimal("0.05")
    initial_margin_ratio: Decimal | None = None
    max_in_doubt: int | None = None
    max_clock_offset_ms: int | None = None

    def limits_in(self, regime: str) -> RiskLimits:
        """The limits that bind in `regime`; an unknown regime gets the strictest of all."""
        if not self.limits_by_regime:
            return self.limits
        if regime in self.limits_by_regime:
            return self.limits.tightened_by(self.limits_by_regime[regime])
        limits = self.limits
        if not regime:
            for other in self.limits_by_regime.values():
                limits = limits.tightened_by(other)
        return limits
