"""Limits that are off, said aloud: allowed on a simulated account, refused on live money."""

from __future__ import annotations

from regimeflow.config.problems import written
from regimeflow.config.root import Config

_BASE = ("live", "risk", "limits")


def limit_warnings(config: Config) -> list[str]:
    """One sentence for each limit that is off or that cannot bind, with the key to set."""
    limits = config.risk.limits
    warnings: list[str] = []

    def warn(name: str, text: str) -> None:
        warnings.append(f"{written((*_BASE, name))}: {text}")

    if not limits.max_order_value:
        warn("max_order_value", "off; one order may have any value. Set it above 0.")
    if not limits.daily_loss_limit and not limits.daily_loss_limit_pct:
        warn("daily_loss_limit", "off, as is daily_loss_limit_pct; a day may lose everything.")
    positions = (limits.max_position, limits.max_position_pct, limits.max_notional)
    if all(limit is None for limit in positions):
        warn("max_position_pct", "off, as are max_position and max_notional; set one of them.")
    if limits.max_drawdown is None:
        warn("max_drawdown", "off; losses do not stop trading.")
    if not limits.duplicate_order_window_ms:
        warn("duplicate_order_window_ms", "off; an order sent twice at once is sent twice.")
    if not limits.max_orders_per_second and not limits.max_orders_per_minute:
        warn("max_orders_per_minute", "off; only the broker's own rate limit remains.")
    for name in ("max_drawdown", "daily_loss_limit_pct"):
        if getattr(limits, name) == 1:
            warn(name, "1 is 100 per cent of equity and cannot bind; 0.01 is one per cent.")
    if limits.max_position_pct is not None and limits.max_position_pct >= 1:
        warn(
            "max_position_pct",
            f"{limits.max_position_pct} lets one position be all of equity or more; "
            "0.2 is 20 per cent.",
        )
    return [*warnings, *_loose_regimes(config)]


def _loose_regimes(config: Config) -> list[str]:
    warnings = []
    for label, risk in config.risk.limits_by_regime.items():
        for name in type(risk.limits).model_fields:
            own, base = getattr(risk.limits, name), getattr(config.risk.limits, name)
            if own is not None and base and own > base:
                path = written(("live", "risk", "limits_by_regime", label, "limits", name))
                warnings.append(f"{path}: {own} is above {base} of the account, which binds.")
    return warnings
