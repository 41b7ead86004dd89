"""Round trips: what each position earned from leaving zero to coming back to it.

A round trip belongs to one strategy and one symbol. It opens with the fill that takes the
position away from zero and closes with the fill that brings it back; a fill that crosses zero
closes one and opens the next, its fee shared in proportion to quantity. Nothing is matched lot
by lot: the profit is what was received less what was paid, less fees, plus income (dividends,
borrow fees, cash for fractions) posted while it was open. So no average is ever rounded, and
money is conserved exactly: over any run,
`sum of closed profits + sum of open cash flows + value of open positions = change of equity
caused by fills and income`.

An annulled execution is taken out of its round trip, which opens again if it had closed by it.
Where that would leave more sold than was bought, or where the next round trip has begun, the
reversal is booked as an execution the other way at the same price and a negative fee: the money is
exact either way, only the number of round trips is that of what was booked.

A split multiplies the open quantity, drops what is less than a lot (the broker pays it in
cash) and changes no money. Quantities and prices shown are in units after the splits that
happened while the round trip was open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from regimeflow.backtest.round_trip import ONE, ZERO, ClosedTotals, Leg, RoundTrip
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model.events import CashPosted, OrderFilled
from regimeflow.model.evidence import ExternalAdopted, adopted_fill
from regimeflow.model.ids import ExecutionId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, CorporateAction

LEGS_MAX = 1_000
"""Executions whose legs are remembered; an older one is reversed as if it were a new one."""
_SHARE_STEP = Decimal("0.00000001")


class TradeBook:
    """Builds round trips from fills, splits and postings, in journal order.

    `instruments` gives lot sizes and multipliers; a symbol without one has a multiplier of one
    and keeps fractions. `closed` lists the closed ones, for as long as the run is; without
    `keeps_closed` it stays empty, and only their totals are known.
    """

    __slots__ = (
        "_instruments",
        "_keeps_closed",
        "_legs",
        "_open",
        "_owners",
        "closed",
        "totals",
        "traded_value",
    )

    def __init__(
        self, instruments: Mapping[str, Instrument] | None = None, *, keeps_closed: bool = True
    ) -> None:
        self._instruments = instruments or {}
        self._keeps_closed = keeps_closed
        self._open: dict[tuple[StrategyId, str], RoundTrip] = {}
        self._legs: OrderedDict[ExecutionId, tuple[Leg, ...]] = OrderedDict()
        self._owners: dict[tuple[StrategyId, str], None] = {}
        self.closed: list[RoundTrip] = []
        self.totals = ClosedTotals()
        self.traded_value = ZERO

    @property
    def open(self) -> list[RoundTrip]:
        """Round trips that have not come back to zero, in order of opening."""
        return list(self._open.values())

    def on_fill(self, ts_ns: int, strategy_id: StrategyId, fill: OrderFilled) -> None:
        """Book one execution of a strategy's order."""
        legs = self._book(ts_ns, (strategy_id, fill.symbol), fill)
        self.traded_value += sum((leg.value for leg in legs), ZERO)
        self._legs[fill.execution_id] = legs
        if len(self._legs) > LEGS_MAX:
            self._legs.popitem(last=False)

    def on_closing_fill(self, ts_ns: int, fill: OrderFilled) -> None:
        """Book one execution of an operator's closing order on the strategies it takes from.

        The same ones as in the books (`Portfolio.apply_closing_fill`). Its annulment is `EXTERNAL`.
        """
        rest, fee, legs = fill.quantity, fill.fee, list[Leg]()
        for key in self._owners:
            trip = self._open.get(key) if key[1] == fill.symbol else None
            if trip is None or trip.direction == fill.side.sign or not rest:
                continue
            part = min(rest, abs(trip.quantity))
            legs += self._book(ts_ns, key, msgspec.structs.replace(fill, quantity=part, fee=fee))
            rest, fee = rest - part, ZERO
        if rest:
            left = msgspec.structs.replace(fill, quantity=rest, fee=fee)
            legs += self._book(ts_ns, (EXTERNAL, fill.symbol), left)
        self.traded_value += sum((leg.value for leg in legs), ZERO)

    def on_adopted(self, ts_ns: int, adopted: ExternalAdopted) -> None:
        """Take units over that nobody here ordered: a flow in kind, no trade of ours."""
        self._book(ts_ns, (EXTERNAL, adopted.subject), adopted_fill(adopted))

    def on_reversal(self, ts_ns: int, strategy_id: StrategyId, fill: OrderFilled) -> None:
        """Take a booked execution back: it was annulled, or its terms were corrected."""
        legs = self._legs.pop(fill.execution_id, ())
        if legs and self._undo(ts_ns, legs):
            self.traded_value -= sum((leg.value for leg in legs), ZERO)
            return
        opposite = msgspec.structs.replace(fill, side=fill.side.opposite, fee=-fill.fee)
        legs = self._book(ts_ns, (strategy_id, fill.symbol), opposite)
        self.traded_value -= sum((leg.value for leg in legs), ZERO)

    def on_action(self, ts_ns: int, action: CorporateAction) -> None:
        """Restate open round trips after a split; a dividend arrives as cash instead."""
        if action.kind is not ActionKind.SPLIT:
            return
        instrument = self._instruments.get(action.symbol)
        for execution_id, legs in list(self._legs.items()):
            if legs[0].trip.symbol == action.symbol:
                del self._legs[execution_id]  # they speak of shares as they were before
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

    def _book(self, ts_ns: int, key: tuple[StrategyId, str], fill: OrderFilled) -> tuple[Leg, ...]:
        self._owners[key] = None
        instrument = self._instruments.get(fill.symbol)
        multiplier = instrument.multiplier if instrument else ONE
        unit_value = fill.price * multiplier
        quantity, fee, legs = fill.quantity, fill.fee, []
        trip = self._open.get(key)
        if trip is not None and trip.direction != fill.side.sign:
            closing = min(quantity, abs(trip.quantity))
            part = fee if closing == quantity else _share(fee, closing, quantity)
            trip.leave(closing, closing * unit_value, part)
            legs.append(Leg(trip, True, closing, closing * unit_value, part))
            self._close_if_flat(trip, ts_ns)
            quantity, fee = quantity - closing, fee - part
            trip = self._open.get(key)
        if quantity > 0:
            if trip is None:
                trip = RoundTrip(key[0], fill.symbol, fill.side.sign, ts_ns)
                trip.multiplier = multiplier
                self._open[key] = trip
            trip.enter(quantity, quantity * unit_value, fee)
            legs.append(Leg(trip, False, quantity, quantity * unit_value, fee))
        return tuple(legs)

    def _undo(self, ts_ns: int, legs: tuple[Leg, ...]) -> bool:
        """Take the legs out where what is left are still round trips; False changes nothing."""
        first, last = legs[0], legs[-1]
        key = (first.trip.strategy_id, first.trip.symbol)
        if last.is_whole_trip:
            if last is first:
                del self._open[key]
                return True
        elif last is not first or self._open.get(key, last.trip) is not last.trip:
            return False
        if not first.is_undoable:
            return False
        if first.trip.closed_ns is not None:
            self.totals.remove(first.trip)
            if self._keeps_closed:
                self.closed = [trip for trip in self.closed if trip is not first.trip]
            first.trip.closed_ns = None
            self._open[key] = first.trip
        first.undo()
        self._close_if_flat(first.trip, ts_ns)
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
