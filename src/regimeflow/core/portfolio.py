"""The books: cash and positions, per account and per strategy, moved only by facts.

Money is exact. Equity exists twice: `equity` is a float for every event, `exact_equity` a
Decimal for order-time limits and for marks. Both value positions at the latest price.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from regimeflow.core.position import Position
from regimeflow.model.events import CashPosted, OrderFilled
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument, decimal_from
from regimeflow.model.order import ZERO, Side

EXTERNAL = StrategyId("external")
"""Owner of what no strategy of ours did: unattributed fills, fractions of a split."""

_ACCOUNT = StrategyId("")
ACTIVITIES_MAX = 10_000
"""Cash activities remembered by id, oldest forgotten first: a repeated one is booked once."""
EXTERNAL_FLOWS = frozenset({"deposit", "withdrawal"})


class Portfolio:
    """Cash, net positions of the account, and each strategy's own positions.

    Invariant: for every symbol the strategies' quantities sum to the account's, and cash
    equals initial cash plus all fills, fees and postings. `marks` holds the latest price of
    each symbol; `held` the positions that are not flat.
    """

    __slots__ = (
        "_instruments",
        "_unbooked",
        "activities",
        "cash",
        "cash_float",
        "cash_flows",
        "cash_flows_float",
        "fees",
        "held",
        "marks",
        "positions",
        "strategy_positions",
    )

    def __init__(self, instruments: Mapping[str, Instrument], cash: Decimal) -> None:
        self._instruments = instruments
        self.marks: dict[str, float] = {}
        self.cash = cash
        self.cash_float = float(cash)
        self.cash_flows = ZERO
        self.cash_flows_float = 0.0
        self.fees = ZERO
        self.activities: OrderedDict[str, None] = OrderedDict()
        self.positions: dict[str, Position] = {}
        self.held: dict[str, Position] = {}
        self.strategy_positions: dict[tuple[StrategyId, str], Position] = {}
        # Flat positions that were only looked at: no part of the books until they are booked.
        self._unbooked: dict[tuple[StrategyId, str], Position] = {}

    def position(self, symbol: str) -> Position:
        """The account's net position; looking changes no book."""
        return self.positions.get(symbol) or self._look_at(_ACCOUNT, symbol)

    def strategy_position(self, strategy_id: StrategyId, symbol: str) -> Position:
        """One strategy's position; looking changes no book."""
        return self.strategy_positions.get((strategy_id, symbol)) or self._look_at(
            strategy_id, symbol
        )

    def book_position(self, symbol: str) -> Position:
        """The account's net position, a part of the books from here on."""
        found = self.positions.get(symbol)
        if found is None:
            found = self.positions[symbol] = self._look_at(_ACCOUNT, symbol)
            del self._unbooked[_ACCOUNT, symbol]
        return found

    def book_strategy_position(self, strategy_id: StrategyId, symbol: str) -> Position:
        """One strategy's position, a part of the books from here on."""
        key = (strategy_id, symbol)
        found = self.strategy_positions.get(key)
        if found is None:
            found = self.strategy_positions[key] = self._look_at(strategy_id, symbol)
            del self._unbooked[key]
        return found

    def apply_fill(self, strategy_id: StrategyId, fill: OrderFilled) -> None:
        """Book one execution on the account and on the strategy. The caller has deduplicated."""
        account = self.book_position(fill.symbol)
        moved = account.apply_fill(fill.side, fill.quantity, fill.price, fill.fee)
        own = self.book_strategy_position(strategy_id, fill.symbol)
        own.apply_fill(fill.side, fill.quantity, fill.price, fill.fee)
        if fill.symbol not in self.marks:
            self.marks[fill.symbol] = float(fill.price)
        self.fees += fill.fee
        self._move_cash(moved)
        self._note_held(account)

    def apply_closing_fill(self, fill: OrderFilled) -> None:
        """Book an execution of an operator's closing order on the strategies it takes from.

        Those whose positions it reduces, in the order of their first fills (the first pays the
        fee); any rest is `EXTERNAL`. A strategy can thus see that its position is gone.
        """
        rest, fee = fill.quantity, fill.fee
        for (owner, symbol), own in list(self.strategy_positions.items()):
            if symbol != fill.symbol or own.quantity * fill.side.sign >= 0 or not rest:
                continue
            part = min(rest, abs(own.quantity))
            self.apply_fill(owner, msgspec.structs.replace(fill, quantity=part, fee=fee))
            rest, fee = rest - part, ZERO
        if rest:
            self.apply_fill(EXTERNAL, msgspec.structs.replace(fill, quantity=rest, fee=fee))

    def apply_cash(self, posting: CashPosted) -> None:
        """Book cash that moved without a fill, once for each activity of the broker.

        Deposits and withdrawals are external flows: no profit, no loss.
        """
        if posting.activity_id:
            if posting.activity_id in self.activities:
                return
            self.activities[posting.activity_id] = None
            if len(self.activities) > ACTIVITIES_MAX:
                self.activities.popitem(last=False)
        self._move_cash(posting.amount)
        if posting.kind in EXTERNAL_FLOWS:
            self.cash_flows += posting.amount
            self.cash_flows_float = float(self.cash_flows)
        elif posting.kind == "fee":
            self.fees -= posting.amount

    def adopt_position(self, symbol: str, quantity: Decimal, price: Decimal) -> None:
        """Take over units that nobody here ordered: a flow in kind, without profit or cash."""
        side, units = (Side.BUY if quantity > 0 else Side.SELL), abs(quantity)
        account = self.book_position(symbol)
        account.apply_fill(side, units, price, ZERO)
        own = self.book_strategy_position(EXTERNAL, symbol)
        own.apply_fill(side, units, price, ZERO)
        if symbol not in self.marks:
            self.marks[symbol] = float(price)
        self.cash_flows += quantity * price * account.multiplier
        self.cash_flows_float = float(self.cash_flows)
        self._note_held(account)

    def apply_split(self, symbol: str, ratio: Decimal) -> None:
        """Restate every position in `symbol` in new shares; lots that no strategy's share of
        the account adds up to belong to `EXTERNAL`."""
        if symbol in self.marks:
            self.marks[symbol] /= float(ratio)
        account = self.positions.get(symbol)
        if account is None:
            return
        lot_size = self.instrument(symbol).lot_size
        account.apply_split(ratio, lot_size)
        owned = ZERO
        for (_, held_symbol), own in self.strategy_positions.items():
            if held_symbol == symbol:
                own.apply_split(ratio, lot_size)
                owned += own.quantity
        if owned != account.quantity:
            rest = self.book_strategy_position(EXTERNAL, symbol)
            rest.add_free(account.quantity - owned)
        self._note_held(account)

    @property
    def equity(self) -> float:
        """Cash plus positions at the latest prices."""
        total = self.cash_float
        marks = self.marks
        for symbol, position in self.held.items():
            total += position.quantity_float * marks[symbol]
        return total

    @property
    def exact_equity(self) -> Decimal:
        """Cash plus positions at the latest prices, exact in the prices' shortest form."""
        return self.cash + self.net_exposure

    @property
    def gross_exposure(self) -> Decimal:
        """Sum of the absolute market values of all positions."""
        return sum((abs(self.market_value(p)) for p in self.held.values()), ZERO)

    @property
    def net_exposure(self) -> Decimal:
        """Market value of longs less that of shorts."""
        return sum((self.market_value(p) for p in self.held.values()), ZERO)

    @property
    def realized_pnl(self) -> Decimal:
        """Profit realised on closed quantities, before fees."""
        return sum((p.realized_pnl for p in self.positions.values()), ZERO)

    def exact_mark(self, symbol: str) -> Decimal:
        """The latest price in its shortest decimal form; zero when none was ever seen."""
        mark = self.marks.get(symbol)
        return ZERO if mark is None else decimal_from(mark)

    def market_value(self, position: Position) -> Decimal:
        """Signed value of a position at the latest price."""
        return position.quantity * self.exact_mark(position.symbol) * position.multiplier

    def restore_cash(self, cash: Decimal, cash_flows: Decimal, fees: Decimal) -> None:
        """Take over saved cash figures."""
        self.cash, self.cash_float = cash, float(cash)
        self.cash_flows, self.cash_flows_float = cash_flows, float(cash_flows)
        self.fees = fees

    def find_held(self, order: Iterable[str]) -> None:
        """List the positions that are not flat, after they were restored, in their old order.

        The order decides the last bit of the float sums over them.
        """
        for symbol in (*order, *self.positions):
            self._note_held(self.positions[symbol])

    def instrument(self, symbol: str) -> Instrument:
        """The symbol's rules; a symbol that only the broker knows is booked as plain shares."""
        return self._instruments.get(symbol) or Instrument(symbol)

    def _note_held(self, account: Position) -> None:
        if account.quantity:
            self.held[account.symbol] = account
        else:
            self.held.pop(account.symbol, None)

    def _move_cash(self, amount: Decimal) -> None:
        self.cash += amount
        self.cash_float = float(self.cash)

    def _look_at(self, owner: StrategyId, symbol: str) -> Position:
        found = self._unbooked.get((owner, symbol))
        if found is None:
            found = Position(symbol, self.instrument(symbol).multiplier)
            self._unbooked[owner, symbol] = found
        return found
