"""Round trips: what each position earned from leaving zero to coming back to it.

A round trip belongs to one strategy and one symbol. It opens with the fill that takes the
position away from zero and closes with the fill that brings it back; a fill that crosses zero
closes one and opens the next, its fee shared in proportion to quantity. Nothing is matched lot
by lot: the profit is what was received less what was paid, less fees, plus dividends while it
was open. So no average is ever rounded, and money is conserved exactly: over any run,
`sum of closed profits + sum of open cash flows + value of open positions = change of cash and
positions caused by fills and dividends`.

A split multiplies the open quantity and changes no money. Quantities and prices shown are in
units after the splits that happened while the round trip was open.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.events import CashPosted, OrderFilled
from regimeflow.model.ids import StrategyId
from regimeflow.model.market import ActionKind, CorporateAction

ZERO = Decimal(0)
DIVIDEND = "dividend"
_FEE_STEP = Decimal("0.00000001")
_DUST = Decimal("1e-12")
"""A position smaller than this is division dust of a split, and counts as flat."""


class RoundTrip(msgspec.Struct):
    """One round trip; open while `closed_ns` is None.

    `direction` is +1 for long, -1 for short. `entry_quantity` and `exit_quantity` are what was
    traded away from and back to zero, `entry_value` and `exit_value` quantity times price,
    all positive. `fees` is positive when it cost us.
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
    dividends: Decimal = ZERO
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
        return traded - self.fees + self.dividends

    @property
    def entry_price(self) -> Decimal | None:
        """Mean price of the fills away from zero."""
        return self.entry_value / self.entry_quantity if self.entry_quantity else None

    @property
    def exit_price(self) -> Decimal | None:
        """Mean price of the fills back to zero."""
        return self.exit_value / self.exit_quantity if self.exit_quantity else None

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


class TradeBook:
    """Builds round trips from fills, splits and dividends, in journal order."""

    __slots__ = ("_open", "closed")

    def __init__(self) -> None:
        self.closed: list[RoundTrip] = []
        self._open: dict[tuple[StrategyId, str], RoundTrip] = {}

    @property
    def open(self) -> list[RoundTrip]:
        """Round trips that have not come back to zero, in order of opening."""
        return list(self._open.values())

    def on_fill(self, ts_ns: int, strategy_id: StrategyId, fill: OrderFilled) -> None:
        """Book one execution of a strategy's order."""
        key = (strategy_id, fill.symbol)
        quantity, fee = fill.quantity, fill.fee
        trip = self._open.get(key)
        if trip is not None and trip.direction != fill.side.sign:
            closing = min(quantity, abs(trip.quantity))
            part = fee if closing == quantity else _share(fee, closing, quantity)
            self._exit(trip, ts_ns, closing, fill.price, part)
            quantity, fee = quantity - closing, fee - part
            trip = self._open.get(key)
        if quantity > 0:
            if trip is None:
                trip = RoundTrip(strategy_id, fill.symbol, fill.side.sign, ts_ns)
                self._open[key] = trip
            trip.entry_quantity += quantity
            trip.entry_value += quantity * fill.price
            trip.fees += fee
            trip.fills += 1

    def on_action(self, ts_ns: int, action: CorporateAction) -> None:
        """Restate open round trips in units after a split; a dividend arrives as cash."""
        if action.kind is not ActionKind.SPLIT:
            return
        for trip in self.open:
            if trip.symbol == action.symbol:
                trip.entry_quantity *= action.value
                trip.exit_quantity *= action.value
                self._close_if_flat(trip, ts_ns)

    def on_cash(self, posted: CashPosted) -> bool:
        """Credit a dividend to the open round trips of its symbol, in proportion to position.

        False when the cash belongs to no open round trip, so the caller can count it apart.
        """
        trips = [trip for trip in self._open.values() if trip.symbol == posted.symbol]
        held = sum((trip.quantity for trip in trips), ZERO)
        if posted.kind != DIVIDEND or not held:
            return False
        left = posted.amount
        for trip in trips[:-1]:
            part = _share(posted.amount, trip.quantity, held)
            trip.dividends += part
            left -= part
        trips[-1].dividends += left
        return True

    def _exit(
        self, trip: RoundTrip, ts_ns: int, quantity: Decimal, price: Decimal, fee: Decimal
    ) -> None:
        trip.exit_quantity += quantity
        trip.exit_value += quantity * price
        trip.fees += fee
        trip.fills += 1
        self._close_if_flat(trip, ts_ns)

    def _close_if_flat(self, trip: RoundTrip, ts_ns: int) -> None:
        if abs(trip.quantity) <= _DUST:
            trip.closed_ns = ts_ns
            self.closed.append(self._open.pop((trip.strategy_id, trip.symbol)))


def _share(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """`amount * part / whole`, rounded half-even to 1e-8; the caller keeps the remainder."""
    return (amount * part / whole).quantize(_FEE_STEP)
