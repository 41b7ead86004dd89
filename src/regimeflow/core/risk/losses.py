"""Drawdown and daily loss: equity net of external cash flows, against a peak and an anchor.

The peak is the highest equity ever seen and is never reset; the anchor is the equity at the
session's open. Deposits and withdrawals move neither (they are subtracted).
"""

from __future__ import annotations

from regimeflow.core.risk.limits import RiskLimits
from regimeflow.model.commands import RiskBreached


class LossWatch:
    """Peak and session anchor, in account currency, as floats of the same exact books."""

    __slots__ = ("_bounds", "_limits", "anchor", "peak")

    def __init__(self, equity: float) -> None:
        self.peak = self.anchor = equity
        self._limits = RiskLimits()
        self._bounds = _bounds(self._limits)

    def see(self, equity: float) -> None:
        """Take one valuation: the peak follows it up."""
        if equity > self.peak:
            self.peak = equity

    def open_session(self, equity: float) -> None:
        """Today's losses count from here."""
        self.see(equity)
        self.anchor = equity

    def breach(self, equity: float, limits: RiskLimits) -> RiskBreached | None:
        """The first loss limit that `equity` breaks, or None. A NaN equity breaks them all."""
        if limits is not self._limits:
            self._limits, self._bounds = limits, _bounds(limits)
        drawdown_max, loss_max, loss_fraction_max = self._bounds
        drawdown = 1.0 - equity / self.peak if self.peak > 0 else 1.0
        if drawdown_max is not None and not drawdown < drawdown_max:
            return _breach("C14", "max_drawdown", str(limits.max_drawdown), f"{drawdown:.6f}")
        loss = self.anchor - equity
        if loss_max is not None and not loss < loss_max:
            return _breach("C14", "daily_loss_limit", str(limits.daily_loss_limit), f"{loss:.2f}")
        if loss_fraction_max is not None and not loss < loss_fraction_max * self.anchor:
            share = loss / self.anchor if self.anchor else float("inf")
            limit = str(limits.daily_loss_limit_pct)
            return _breach("C14", "daily_loss_limit_pct", limit, f"{share:.6f}")
        return None


def _bounds(limits: RiskLimits) -> tuple[float | None, float | None, float | None]:
    """The limits on losses as floats, converted once: they are compared at every price."""
    drawdown, loss = limits.max_drawdown, limits.daily_loss_limit
    fraction = limits.daily_loss_limit_pct
    return (
        None if drawdown is None else float(drawdown),
        None if loss is None else float(loss),
        None if fraction is None else float(fraction),
    )


def _breach(control: str, key: str, limit: str, observed: str) -> RiskBreached:
    return RiskBreached(
        control,
        limit,
        observed,
        f"{key} is {limit}, the account is at {observed}; only reducing orders may leave until "
        "an operator resumes",
    )
