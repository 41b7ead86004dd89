"""Round trips: what each position earned from leaving zero to coming back to it.

A round trip belongs to one strategy and one symbol. It opens with the fill that takes the
position away from zero and closes with the fill that brings it back; a fill that crosses zero
closes one and opens the next, its fee shared in proportion to quantity. Nothing is matched lot
by lot: the profit is what was received less what was paid, less fees, plus income (dividends,
borrow fees, cash for fractions) posted while it was open. So no average is ever rounded, and
money is conserved exactly: over any run,
`sum of closed profits + sum of open cash flows + value of open positions = change of equity
caused by fills and income`.

A split multiplies the open quantity, drops what is less than a lot (the broker pays it in
cash) and changes no money. Quantities and prices shown are in units after the splits that
happened while the round trip was open.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from regimeflow.model.events import CashPosted, OrderFilled
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, CorporateAction

ZERO = Decimal(0)
ONE = Decimal(1)
_SHARE_STEP = Decimal("0.00000001")


class RoundTrip(msgspec.Struct):
    """One round trip; open while `closed_ns` is None.

    `direction` is +1 for long, -1 for short. `entry_quantity` and `exit_quantity` are what was
    traded away from and back to zero, `entry_value` and `exit_value` quantity times price,
    times multiplier, all positive. `fees` is positive when it cost us.
    """

    strategy_id: StrategyId
    symbol: str
    direction: int
    opened_ns: int
    entry_quantity: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_quantity: Decimal = ZERO
    exit_value: Decimal = ZERO
    fees: Decimal = ZERO
    income: Decimal = ZERO
    multiplier: Decimal = ONE
    fills: int = 0
    closed_ns: int | None = None

    @property
    def quantity(self) -> Decimal:
        """Position that is still open, signed."""
        if self.closed_ns is not None:
            return ZERO
        return self.direction * (self.entry_quantity - self.exit_quantity)

    @property
    def cash_flow(self) -> Decimal:
        """Cash received less cash paid so far; the profit once the round trip is closed."""
        traded = self.direction * (self.exit_value - self.entry_value)
        return traded - self.fees + self.income

    @property
    def entry_price(self) -> Decimal | None:
        """Mean price of the fills away from zero."""
        return _price(self.entry_value, self.entry_quantity, self.multiplier)

    @property
    def exit_price(self) -> Decimal | None:
        """Mean price of the fills back to zero."""
        return _price(self.exit_value, self.exit_quantity, self.multiplier)

    @property
    def return_on_entry(self) -> float | None:
        """Profit over the value of the entries; None while open."""
        if self.closed_ns is None or not self.entry_value:
            return None
        return float(self.cash_flow / self.entry_value)

    @property
    def holding_days(self) -> float | None:
        """Calendar days from first to last fill; None while open."""
        return None if self.closed_ns is None else (self.closed_ns - self.opened_ns) / 86_400e9


class ClosedTotals(msgspec.Struct):
    """What all closed round trips add up to; `lost` is negative or zero."""

    count: int = 0
    winning: int = 0
    losing: int = 0
    won: Decimal = ZERO
    lost: Decimal = ZERO
    held_ns: int = 0

    @property
    def earned(self) -> Decimal:
        """Profit of all of them."""
        return self.won + self.lost

    def add(self, trip: RoundTrip) -> None:
        """Count one that has just closed."""
        profit = trip.cash_flow
        self.count += 1
        self.winning += profit > 0
        self.losing += profit < 0
        self.won += max(profit, ZERO)
        self.lost += min(profit, ZERO)
        self.held_ns += (trip.closed_ns or trip.opened_ns) - trip.opened_ns


class TradeBook:
    """Builds round trips from fills, splits and postings, in journal order.

    `instruments` gives lot sizes and multipliers; a symbol without one has a multiplier of one
    and keeps fractions. `closed` lists the closed ones, for as long as the run is; without
    `keeps_closed` it stays empty, and only their totals are known.
    """

    __slots__ = ("_instruments", "_keeps_closed", "_open", "closed", "totals", "traded_value")

    def __init__(
        self, instruments: Mapping[str, Instrument] | None = None, *, keeps_closed: bool = True
    ) -> None:
        self._instruments = instruments or {}
        self._keeps_closed = keeps_closed
        self._open: dict[tuple[StrategyId, str], RoundTrip] = {}
        self.closed: list[RoundTrip] = []
        self.totals = ClosedTotals()
        self.traded_value = ZERO

    @property
    def open(self) -> list[RoundTrip]:
        """Round trips that have not come back to zero, in order of opening."""
        return list(self._open.values())

    def on_fill(self, ts_ns: int, strategy_id: StrategyId, fill: OrderFilled) -> None:
        """Book one execution of a strategy's order."""
        key = (strategy_id, fill.symbol)
        instrument = self._instruments.get(fill.symbol)
        multiplier = instrument.multiplier if instrument else ONE
        unit_value = fill.price * multiplier
        self.traded_value += fill.quantity * unit_value
        quantity, fee = fill.quantity, fill.fee
        trip = self._open.get(key)
        if trip is not None and trip.direction != fill.side.sign:
            closing = min(quantity, abs(trip.quantity))
            part = fee if closing == quantity else _share(fee, closing, quantity)
            trip.exit_quantity += closing
            trip.exit_value += closing * unit_value
            trip.fees += part
            trip.fills += 1
            self._close_if_flat(trip, ts_ns)
            quantity, fee = quantity - closing, fee - part
            trip = self._open.get(key)
        if quantity > 0:
            if trip is None:
                trip = RoundTrip(strategy_id, fill.symbol, fill.side.sign, ts_ns)
                trip.multiplier = multiplier
                self._open[key] = trip
            trip.entry_quantity += quantity
            trip.entry_value += quantity * unit_value
            trip.fees += fee
            trip.fills += 1

    def on_action(self, ts_ns: int, action: CorporateAction) -> None:
        """Restate open round trips after a split; a dividend arrives as cash instead."""
        if action.kind is not ActionKind.SPLIT:
            return
        instrument = self._instruments.get(action.symbol)
        for trip in self.open:
            if trip.symbol == action.symbol:
                trip.entry_quantity *= action.value
                trip.exit_quantity *= action.value
                if instrument is not None:
                    left = instrument.quantize_quantity(abs(trip.quantity))
                    trip.exit_quantity = trip.entry_quantity - left
                self._close_if_flat(trip, ts_ns)

    def on_cash(self, posted: CashPosted) -> bool:
        """Credit a posting to the open round trips of its symbol, in proportion to position.

        False when none is open, so that the caller can count the cash apart.
        """
        trips = [trip for trip in self._open.values() if trip.symbol == posted.symbol]
        held = sum((trip.quantity for trip in trips), ZERO)
        if not held:
            return False
        left = posted.amount
        for trip in trips[:-1]:
            part = _share(posted.amount, trip.quantity, held)
            trip.income += part
            left -= part
        trips[-1].income += left
        return True

    def _close_if_flat(self, trip: RoundTrip, ts_ns: int) -> None:
        if not trip.quantity:
            trip.closed_ns = ts_ns
            del self._open[trip.strategy_id, trip.symbol]
            self.totals.add(trip)
            if self._keeps_closed:
                self.closed.append(trip)


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount * part / whole`, rounded half-even to 1e-8; the caller keeps the remainder."""
    return (amount * part / whole).quantize(_SHARE_STEP)


def _price(value: Decimal, quantity: Decimal, multiplier: Decimal) -> Decimal | None:
    return value / quantity / multiplier if quantity else None
