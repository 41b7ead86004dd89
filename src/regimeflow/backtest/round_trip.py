"""One round trip, and what closed ones add up to; see `trades.py` for how they are built."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

from regimeflow.model.ids import StrategyId

ZERO = Decimal(0)
ONE = Decimal(1)


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

    def enter(self, quantity: Decimal, value: Decimal, fee: Decimal) -> None:
        """Count an execution away from zero."""
        self.entry_quantity += quantity
        self.entry_value += value
        self.fees += fee
        self.fills += 1

    def leave(self, quantity: Decimal, value: Decimal, fee: Decimal) -> None:
        """Count an execution back to zero; it is not larger than what is open."""
        self.exit_quantity += quantity
        self.exit_value += value
        self.fees += fee
        self.fills += 1

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
        self._count(trip, 1)

    def remove(self, trip: RoundTrip) -> None:
        """Count one no longer: what closed it is annulled."""
        self._count(trip, -1)

    def _count(self, trip: RoundTrip, times: int) -> None:
        profit = trip.cash_flow
        self.count += times
        self.winning += times * (profit > 0)
        self.losing += times * (profit < 0)
        self.won += times * max(profit, ZERO)
        self.lost += times * min(profit, ZERO)
        self.held_ns += times * ((trip.closed_ns or trip.opened_ns) - trip.opened_ns)


class Leg(NamedTuple):
    """What one execution did to one round trip; one through zero has a leg in each of two."""

    trip: RoundTrip
    is_exit: bool
    quantity: Decimal
    value: Decimal
    fee: Decimal

    @property
    def is_whole_trip(self) -> bool:
        """Whether the round trip is open and has nothing but this leg in it."""
        trip = self.trip
        return (
            trip.closed_ns is None
            and trip.fills == 1
            and not trip.income
            and trip.quantity == trip.direction * self.quantity
        )

    @property
    def is_undoable(self) -> bool:
        """Whether the round trip is still one without this leg: never more left than entered."""
        entered, left = self.trip.entry_quantity, self.trip.exit_quantity
        if self.is_exit:
            return self.quantity <= left
        return self.trip.closed_ns is None and left <= entered - self.quantity > 0

    def undo(self) -> None:
        """Take it out of its round trip."""
        count = self.trip.leave if self.is_exit else self.trip.enter
        count(-self.quantity, -self.value, -self.fee)
        self.trip.fills -= 2  # neither this count nor the first one was an execution that stands


def _price(value: Decimal, quantity: Decimal, multiplier: Decimal) -> Decimal | None:
    return value / quantity / multiplier if quantity else None
