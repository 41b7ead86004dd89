"""What could still fill: the half of exposure that is not yet a position.

Counts every order from the moment its command is emitted until its end is proved: sent, in
doubt, open and cancel-pending alike. For a replacement the larger of old and new counts until
it is answered. Of a one-cancels-other group only the larger leg counts, since only one can
fill. Kept as running Decimal sums, which do not drift.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal

import msgspec

from regimeflow.model.commands import ReplaceOrder
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, Side

ROUND_UP_12 = Context(prec=12, rounding=ROUND_CEILING)
"""For prices that value an order: twelve digits, rounded up. Sums of such values stay exact in
Decimal's 28 digits, so that what is added and taken away again leaves nothing behind."""


class SymbolExposure:
    """Leaves of one symbol's working orders, by side: quantity, value at worst price, count."""

    __slots__ = ("buy_quantity", "buy_value", "order_count", "sell_quantity", "sell_value")

    def __init__(self) -> None:
        self.buy_quantity = ZERO
        self.buy_value = ZERO
        self.sell_quantity = ZERO
        self.sell_value = ZERO
        self.order_count = 0

    def add(self, side: Side, quantity: Decimal, value: Decimal) -> None:
        """Count `quantity` more that may fill on `side` (negative: less)."""
        if side is Side.BUY:
            self.buy_quantity += quantity
            self.buy_value += value
        else:
            self.sell_quantity += quantity
            self.sell_value += value


class SavedExposure(msgspec.Struct, frozen=True, array_like=True):
    """The running sums, digit for digit: a refusal tells them with as many as they were kept.

    `by_symbol`: symbol, buy quantity and value, sell quantity and value. `counted`: order or
    group, quantity, value.
    """

    by_symbol: list[tuple[str, Decimal, Decimal, Decimal, Decimal]]
    counted: list[tuple[str, Decimal, Decimal]]


class Exposure:
    """Working leaves per symbol, kept in line with the orders by `open`, `recount`, `close`."""

    __slots__ = ("_counted", "_groups", "_instruments", "by_symbol", "order_count")

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self._instruments = instruments
        self._groups: dict[str, list[Order]] = {}
        self._counted: dict[str, tuple[Decimal, Decimal]] = {}
        self.by_symbol: dict[str, SymbolExposure] = {}
        self.order_count = 0

    def capture(self) -> SavedExposure:
        """The sums as they stand."""
        return SavedExposure(
            [
                (symbol, s.buy_quantity, s.buy_value, s.sell_quantity, s.sell_value)
                for symbol, s in self.by_symbol.items()
            ],
            [(key, quantity, value) for key, (quantity, value) in self._counted.items()],
        )

    def restore(self, saved: SavedExposure) -> None:
        """Write the sums as they stood; the orders they are made of have been restored."""
        counted_anew, self.by_symbol = self.by_symbol, {}
        for symbol, buy_quantity, buy_value, sell_quantity, sell_value in saved.by_symbol:
            sums = counted_anew.get(symbol) or SymbolExposure()
            sums.buy_quantity, sums.buy_value = buy_quantity, buy_value
            sums.sell_quantity, sums.sell_value = sell_quantity, sell_value
            self.by_symbol[symbol] = sums
        self._counted = {key: (quantity, value) for key, quantity, value in saved.counted}

    def of(self, symbol: str) -> SymbolExposure:
        """The symbol's working leaves, created empty when new."""
        found = self.by_symbol.get(symbol)
        if found is None:
            found = self.by_symbol[symbol] = SymbolExposure()
        return found

    def open(self, order: Order) -> None:
        """An order may fill from now on (call `recount` next)."""
        self.of(order.symbol).order_count += 1
        self.order_count += 1
        if order.oco_group is not None:
            group = self._groups.setdefault(order.oco_group, [])
            if all(leg is not order for leg in group):
                group.append(order)

    def close(self, order: Order) -> None:
        """An order has ended (call `recount` next)."""
        self.of(order.symbol).order_count -= 1
        self.order_count -= 1

    def siblings(self, order: Order) -> list[Order]:
        """The other open orders of the same one-cancels-other group."""
        if order.oco_group is None:
            return []
        return [o for o in self._groups.get(order.oco_group, ()) if o is not order and o.is_open]

    def counted_in_group(self, oco_group: str | None) -> tuple[Decimal, Decimal]:
        """Quantity and value that a group already counts for; zero outside a group."""
        if oco_group is None:
            return ZERO, ZERO
        return self._counted.get(oco_group, (ZERO, ZERO))

    def counted_for(self, order: Order) -> tuple[Decimal, Decimal]:
        """Quantity and value that an open order (or its group) already counts for."""
        key = order.group_id
        return self._counted.get(key, (ZERO, ZERO))

    def recount(self, order: Order, asked: Mapping[ClientOrderId, ReplaceOrder]) -> None:
        """Bring the sums in line with this order (or its whole group).

        `asked` holds the replacements that are not answered yet.
        """
        if order.oco_group is None:
            key: str = order.root_id
            quantity, value = self._may_fill(order, asked)
        else:
            key = order.oco_group
            legs = [self._may_fill(leg, asked) for leg in self._groups.get(key, (order,))]
            quantity = max(leg[0] for leg in legs)
            value = max(leg[1] for leg in legs)
        before = self._counted.get(key, (ZERO, ZERO))
        if (quantity, value) == before:
            return
        self.of(order.symbol).add(order.side, quantity - before[0], value - before[1])
        if quantity:
            self._counted[key] = (quantity, value)
            return
        self._counted.pop(key, None)
        if order.oco_group is not None and not any(o.is_open for o in self._groups[key]):
            del self._groups[key]

    def _may_fill(
        self, order: Order, asked: Mapping[ClientOrderId, ReplaceOrder]
    ) -> tuple[Decimal, Decimal]:
        leaves = order.leaves_quantity
        worst = order.worst_price
        if asked and order.is_open:
            for client_order_id in order.client_order_ids[1:]:
                replacement = asked.get(client_order_id)
                if replacement is not None:
                    leaves = max(leaves, replacement.quantity - order.filled_quantity)
                    worst = max(worst, replacement.worst_price)
        return leaves, leaves * worst * self._instruments[order.symbol].multiplier
