"""The equity curve: a fold over `AccountMarked`, one point per session.

Why: return, drawdown and every ratio come from here, in a backtest and live alike. Returns are
time-weighted: deposits and withdrawals are not performance. Growth is chain-linked at every
mark, taking an external flow as made at the end of the interval between two marks
(`factor = (equity - flow) / previous equity`); the shorter the interval the less it matters.

Invariants: growth starts at 1.0; it never falls below zero (an account that has lost more than
it held stays at zero); a stretch without capital earns nothing.
Memory: one point per session, which is bounded by the length of the run.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.commands import AccountMarked, MarkKind
from regimeflow.model.timestamps import date_from_ns

ZERO = Decimal(0)


class EquityPoint(msgspec.Struct, frozen=True):
    """The account at the last mark of one session.

    `period_return` is the time-weighted return since the previous point; `growth` the value of
    one unit invested at the start; `drawdown` a positive fraction of the highest growth.
    `regime` is the label that was known when the period *began*: what it earned is credited
    to the regime a trader knew of, not to the one seen afterwards.
    """

    session: str
    ts_ns: int
    kind: MarkKind
    equity: Decimal
    cash: Decimal
    gross_exposure: Decimal
    net_exposure: Decimal
    cash_flows: Decimal
    growth: float
    period_return: float
    drawdown: float
    regime: str

    @property
    def exposure(self) -> float | None:
        """Gross exposure over equity; None without equity."""
        return float(self.gross_exposure / self.equity) if self.equity > 0 else None


class EquityCurve:
    """Folds marks into points. Marks arrive in time order.

    `initial_equity` is what the account held before the first mark; None takes the first mark
    itself as the start, whose return is then zero. `initial_flows` is what had been deposited
    less withdrawn by then.
    """

    __slots__ = (
        "_at_close",
        "_equity",
        "_flows",
        "_peak",
        "_regime",
        "_start_regime",
        "growth",
        "initial_equity",
        "points",
        "start_ns",
    )

    def __init__(
        self,
        initial_equity: Decimal | None = None,
        start_ns: int | None = None,
        *,
        initial_flows: Decimal = ZERO,
    ) -> None:
        self.initial_equity = initial_equity
        self.start_ns = start_ns
        self.points: list[EquityPoint] = []
        self.growth = 1.0
        self._equity = initial_equity
        self._flows = initial_flows
        self._peak = 1.0
        self._at_close = 1.0
        self._regime = ""
        self._start_regime = ""

    def on_mark(self, ts_ns: int, mark: AccountMarked) -> EquityPoint:
        """Take one mark; the point of its session so far. A later mark replaces it."""
        self._link(ts_ns, mark)
        session = mark.session or date_from_ns(ts_ns).isoformat()
        if self.points and self.points[-1].session == session:
            self.points.pop()
        elif self.points:
            self._at_close = self.points[-1].growth
            self._start_regime = self._regime
        self._regime = mark.regime
        point = EquityPoint(
            session=session,
            ts_ns=ts_ns,
            kind=mark.kind,
            equity=mark.equity,
            cash=mark.cash,
            gross_exposure=mark.gross_exposure,
            net_exposure=mark.net_exposure,
            cash_flows=mark.cash_flows,
            growth=self.growth,
            period_return=self.growth / self._at_close - 1.0 if self._at_close > 0.0 else 0.0,
            drawdown=(self._peak - self.growth) / self._peak,
            regime=self._start_regime,
        )
        self.points.append(point)
        return point

    @property
    def total_return(self) -> float | None:
        """Time-weighted return since the start; None before the first mark."""
        return self.growth - 1.0 if self.points else None

    @property
    def returns(self) -> list[float]:
        """Return of each session, oldest first."""
        return [point.period_return for point in self.points]

    @property
    def elapsed_s(self) -> float:
        """Calendar time from the start to the last mark."""
        if not self.points or self.start_ns is None:
            return 0.0
        return (self.points[-1].ts_ns - self.start_ns) / 1e9

    def _link(self, ts_ns: int, mark: AccountMarked) -> None:
        if self.start_ns is None:
            self.start_ns = ts_ns
        if self._equity is None:
            self.initial_equity = mark.equity
        elif self._equity > 0:
            earned = mark.equity - (mark.cash_flows - self._flows)
            self.growth *= max(float(earned / self._equity), 0.0)
        self._equity = mark.equity
        self._flows = mark.cash_flows
        self._peak = max(self._peak, self.growth)
