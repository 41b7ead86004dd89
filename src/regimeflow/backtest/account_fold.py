"""One account followed through the journal: equity, orders and round trips together.

Shared by the backtest report and live performance, so that both measure the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from regimeflow.backtest.artifacts import Json
from regimeflow.backtest.equity import EquityCurve
from regimeflow.backtest.execution_fold import Booking
from regimeflow.backtest.order_tally import OrderTally
from regimeflow.backtest.summary import performance_summary
from regimeflow.backtest.trades import TradeBook
from regimeflow.core.portfolio import EXTERNAL_FLOWS
from regimeflow.model.commands import AccountMarked
from regimeflow.model.events import CashPosted
from regimeflow.model.evidence import ExternalAdopted, as_observed
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import CorporateAction

ZERO = Decimal(0)


class AccountFold:
    """Folds records into curve, tally and trades. Records arrive in journal order.

    `initial_equity` is the account before the first record (None: the first mark),
    `initial_flows` what had been deposited less withdrawn by then. `other_cash` sums what was
    posted but belongs to no trade and is no deposit: interest, fees of the account. Without
    `keeps_trades` closed round trips are counted and forgotten: a live run has no end.
    Sketch: about 2 us a record that matters, 0.2 us one that does not.
    """

    __slots__ = ("bars", "curve", "other_cash", "tally", "trades")

    def __init__(
        self,
        initial_equity: Decimal | None,
        start_ns: int | None,
        *,
        initial_flows: Decimal = ZERO,
        instruments: Mapping[str, Instrument] | None = None,
        keeps_trades: bool = True,
    ) -> None:
        self.curve = EquityCurve(initial_equity, start_ns, initial_flows=initial_flows)
        self.tally = OrderTally()
        self.trades = TradeBook(instruments, keeps_closed=keeps_trades)
        self.other_cash = ZERO
        self.bars = 0

    def on_record(self, ts_ns: int, body: object) -> tuple[Booking, ...]:
        """Take one journal record; says what it did to positions, which is mostly nothing."""
        bookings = self.tally.on_record(ts_ns, body)
        for booking in bookings:
            self._trade(ts_ns, booking)
        body = as_observed(body)
        if type(body) is AccountMarked:
            self.curve.on_mark(ts_ns, body)
            self.bars = body.bars
        elif type(body) is CorporateAction:
            self.trades.on_action(ts_ns, body)
        elif (
            type(body) is CashPosted and body.kind not in EXTERNAL_FLOWS and body.amount.is_finite()
        ):
            self.other_cash += ZERO if self.trades.on_cash(body) else body.amount
        elif type(body) is ExternalAdopted and body.kind == "position":
            self.trades.on_adopted(ts_ns, body)
        return bookings

    def _trade(self, ts_ns: int, booking: Booking) -> None:
        fill = booking.fill
        owner = self.tally.strategy_of(fill.client_order_id)
        if booking.is_reversal:
            self.trades.on_reversal(ts_ns, owner, fill)
        elif self.tally.is_closing(fill.client_order_id):
            self.trades.on_closing_fill(ts_ns, fill)
        else:
            self.trades.on_fill(ts_ns, owner, fill)

    def summary(self, *, periods_per_year: float) -> dict[str, Json]:
        """Every number of the account, by its name in `performance_summary`."""
        return performance_summary(
            self.curve,
            self.trades,
            self.tally,
            periods_per_year=periods_per_year,
            other_cash=self.other_cash,
        )
