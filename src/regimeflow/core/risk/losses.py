"""Drawdown and daily loss: equity net of external cash flows, against a peak and an anchor.

The peak is the highest equity ever seen and is never reset; the anchor is the equity at the
session's open. Deposits and withdrawals move neither (they are subtracted).
"""

from __future__ import annotations

from regimeflow.core.risk.limits import RiskLimits
from regimeflow.model.commands import RiskBreached


class LossWatch:
    """Peak and session anchor, in account currency, as floats of the same exact books."""

    __slots__ = ("anchor", "is_anchored", "peak")

    def __init__(self) -> None:
        self.peak = 0.0
        self.anchor = 0.0
        self.is_anchored = False

    def see(self, equity: float) -> None:
        """Take one valuation: the peak follows it up."""
        if not self.is_anchored:
            self.peak = self.anchor = equity
            self.is_anchored = True
        elif equity > self.peak:
            self.peak = equity

    def open_session(self, equity: float) -> None:
        """Today's losses count from here."""
        self.see(equity)
        self.anchor = equity

    def breach(self, equity: float, limits: RiskLimits) -> RiskBreached | None:
        """The first loss limit that `equity` breaks, or None. A NaN equity breaks them all."""
        drawdown = 1.0 - equity / self.peak if self.peak > 0 else 1.0
        if limits.max_drawdown is not None and not drawdown < float(limits.max_drawdown):
            return _breach("C14", "max_drawdown", str(limits.max_drawdown), f"{drawdown:.6f}")
        loss = self.anchor - equity
        limit = limits.daily_loss_limit
        if limit is not None and not loss < float(limit):
            return _breach("C14", "daily_loss_limit", str(limit), f"{loss:.2f}")
        fraction = limits.daily_loss_limit_pct
        if fraction is not None and not loss < float(fraction) * self.anchor:
            share = loss / self.anchor if self.anchor else float("inf")
            return _breach("C14", "daily_loss_limit_pct", str(fraction), f"{share:.6f}")
        return None


def _breach(control: str, key: str, limit: str, observed: str) -> RiskBreached:
    return RiskBreached(
        control,
        limit,
        observed,
        f"{key} is {limit}, the account is at {observed}; only reducing orders may leave until "
        "an operator resumes",
    )
