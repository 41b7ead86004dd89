"""Drawdown and daily loss: equity net of external cash flows, against a peak and an anchor.

The peak is the highest equity ever seen and is never reset; the anchor is the equity at the
session's open. Deposits and withdrawals move neither (they are subtracted). A session opens once,
however often it is told: a new process hears again of the one that is running, and a restart must
not forgive what the day has lost.
"""

from __future__ import annotations

from regimeflow.core.risk.limits import RiskLimits
from regimeflow.model.commands import RiskBreached
from regimeflow.model.session import Session


class LossWatch:
    """Peak and session anchor, in account currency, as floats of the same exact books.

    `opened` is the date of the session that was opened last, by calendar.
    """

    __slots__ = ("_bounds", "_limits", "anchor", "opened", "peak")

    def __init__(self, equity: float) -> None:
        self.peak = self.anchor = equity
        self.opened: dict[str, str] = {}
        self._limits = RiskLimits()
        self._bounds = _bounds(self._limits)

    def see(self, equity: float) -> None:
        """Take one valuation: the peak follows it up."""
        if equity > self.peak:
            self.peak = equity

    def open_session(self, equity: float, session: Session) -> None:
        """Today's losses count from here, unless they do since the session was first told."""
        self.see(equity)
        if not self.has_opened(session):
            self.opened[session.calendar] = session.date
            self.anchor = equity

    def has_opened(self, session: Session) -> bool:
        """Whether this is the session of its calendar that was opened last.

        Its calendar and date say so; a venue may move its times while it runs.
        """
        return self.opened.get(session.calendar) == session.date

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
