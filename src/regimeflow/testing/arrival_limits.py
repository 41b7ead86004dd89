"""The configured limits, judged from the venue's books at the moment an order arrives.

Worked out anew, without the code of the gate: what is held, and all that may still fill. The
engine judged at its decision with its own prices; the venue judges one journey later. A limit
that depends on a price therefore tolerates `PRICE_TOLERANCE`, a limit in units nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model.order import ZERO, Side

PRICE_TOLERANCE = Decimal("1.02")
"""How far prices may move between decision and arrival: 2 %."""
NOT_JUDGED = (
    "max_drawdown",
    "daily_loss_limit",
    "daily_loss_limit_pct",
    "max_in_doubt",
    "max_clock_offset_ms",
    "duplicate_order_window_ms",
    "max_reference_age",
    "limits_by_regime",
)
"""What only the engine can know at its decision; unit tests of the gate judge these."""
MEANING = f"no limit exceeded, at any arrival (not judged: {', '.join(NOT_JUDGED)})"


@dataclass
class Reach:
    """One symbol: what is held, and what fills still possible could add on either side."""

    price: Decimal = ZERO
    held: Decimal = ZERO
    held_value: Decimal = ZERO
    buy: Decimal = ZERO
    sell: Decimal = ZERO
    buy_value: Decimal = ZERO
    sell_value: Decimal = ZERO

    @property
    def gross_value(self) -> Decimal:
        """The value at the worse side."""
        return max(abs(self.held_value + self.buy_value), abs(self.held_value - self.sell_value))

    def furthest(self, side: Side) -> Decimal:
        """How far orders of this side could take the position, in their direction."""
        return self.held + self.buy if side is Side.BUY else self.sell - self.held


@dataclass(frozen=True)
class Arrival:
    """An order or a replacement that has just arrived, with the account around it.

    `quantity` is its total, `value` what may still fill of it at its price; `reaches` and
    `open_orders` include it.
    """

    name: str
    symbol: str
    side: Side
    quantity: Decimal
    value: Decimal
    limit_price: Decimal | None
    is_new: bool
    reaches: Mapping[str, Reach]
    open_orders: int
    cash: Decimal
    reduce_only: bool = False

    @property
    def is_exit(self) -> bool:
        """Whether it can only reduce the position: even if everything on its side fills, or
        because the venue itself sees to that."""
        return self.reduce_only or self.reaches[self.symbol].furthest(self.side) <= 0

    @property
    def equity(self) -> Decimal:
        """Cash and positions at the venue's prices."""
        return self.cash + sum((reach.held_value for reach in self.reaches.values()), ZERO)


def exceeded(policy: RiskPolicy, arrival: Arrival) -> Iterator[str]:
    """Each limit that this arrival breaks, with what was seen; exits are bound by few."""
    limits = policy.limits
    for what, seen, limit in (*_on_everything(policy, arrival), *_on_entries(policy, arrival)):
        if seen > limit:
            yield f"{arrival.name}: {arrival.symbol} {what} {seen:.6g}, allowed {limit:.6g}"
    if limits.price_collar_pct is not None and arrival.limit_price is not None:
        price = arrival.reaches[arrival.symbol].price
        distance = abs(arrival.limit_price - price)
        if distance > (limits.price_collar_pct + PRICE_TOLERANCE - 1) * price:
            yield f"{arrival.name}: price_collar_pct, {arrival.limit_price} at {price}"


_Judged = tuple[str, Decimal, Decimal]


def _on_everything(policy: RiskPolicy, arrival: Arrival) -> Iterator[_Judged]:
    if arrival.symbol in policy.restricted:
        yield "restricted", arrival.quantity, ZERO
    if not policy.allow_short and arrival.side is Side.SELL:
        yield "allow_short", arrival.reaches[arrival.symbol].furthest(Side.SELL), ZERO


def _on_entries(policy: RiskPolicy, arrival: Arrival) -> Iterator[_Judged]:
    if arrival.is_exit:
        return
    limits, reach = policy.limits, arrival.reaches[arrival.symbol]
    if limits.max_order_quantity is not None:
        yield "max_order_quantity", arrival.quantity, limits.max_order_quantity
    if limits.max_position is not None:
        yield "max_position", reach.furthest(arrival.side), limits.max_position
    if limits.max_open_orders is not None and arrival.is_new:
        yield "max_open_orders", Decimal(arrival.open_orders), limits.max_open_orders
    for what, value, limit in _values(limits, policy.initial_margin_ratio, arrival):
        if limit is not None:
            yield what, value, limit * PRICE_TOLERANCE


def _values(
    limits: RiskLimits, margin_ratio: Decimal | None, arrival: Arrival
) -> Iterator[tuple[str, Decimal, Decimal | None]]:
    """Everything that depends on prices: what, how much, and the limit."""
    reaches, reach = arrival.reaches.values(), arrival.reaches[arrival.symbol]
    equity = max(arrival.equity, ZERO)
    gross = sum((r.gross_value for r in reaches), ZERO)
    longest = sum((r.held_value + r.buy_value for r in reaches), ZERO)
    shortest = sum((r.held_value - r.sell_value for r in reaches), ZERO)
    is_buy = arrival.side is Side.BUY
    worst = reach.held_value + reach.buy_value if is_buy else reach.held_value - reach.sell_value
    working = sum((r.buy_value + r.sell_value for r in reaches), ZERO)
    yield "max_order_value", arrival.value, limits.max_order_value
    yield "max_position_pct", abs(worst), _times(limits.max_position_pct, equity)
    yield "max_notional", gross, limits.max_notional
    yield "max_gross_exposure", gross, limits.max_gross_exposure
    yield "max_net_exposure", max(abs(longest), abs(shortest)), limits.max_net_exposure
    yield "max_leverage", gross, _times(limits.max_leverage, equity)
    if margin_ratio is not None:
        yield "initial_margin_ratio", gross * margin_ratio, equity
    yield "max_open_order_value", working, limits.max_open_order_value


def _times(limit: Decimal | None, equity: Decimal) -> Decimal | None:
    return None if limit is None else limit * equity
