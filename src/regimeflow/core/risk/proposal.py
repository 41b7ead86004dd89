"""One order on its way through the gate, with everything the controls compare, worked out once."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

import msgspec

from regimeflow.core.exposure import ROUND_UP_12, SymbolExposure
from regimeflow.core.market_state import Reference
from regimeflow.core.portfolio import Portfolio
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, OrderType, Side


class Denial(NamedTuple):
    """Why an order may not leave: the control, its limit, what was seen, what to change."""

    control: str
    limit: str
    observed: str
    message: str


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """What would change if the order left.

    `added_quantity` and `added_value` are what it adds to the working leaves (for a
    replacement, or a second leg of a one-cancels-other group, only the part beyond what is
    counted already). `is_exit` is true when it can only reduce the account's position, `is_new`
    when one more order would work.
    """

    order: Order
    instrument: Instrument
    reference: Reference | None
    worst_price: Decimal
    value: Decimal
    added_quantity: Decimal
    added_value: Decimal
    position_quantity: Decimal
    working: SymbolExposure
    exit_room: Decimal
    is_exit: bool
    is_new: bool = True

    @property
    def worst_position(self) -> Decimal:
        """The furthest the position can get on this order's side, signed."""
        if self.order.side is Side.BUY:
            return self.position_quantity + self.working.buy_quantity + self.added_quantity
        return self.position_quantity - self.working.sell_quantity - self.added_quantity


def worst_plausible_price(
    order: Order, reference: Reference | None, last_mark: Decimal, policy: RiskPolicy
) -> Decimal:
    """The price at which an order is valued: never less than what it may plausibly cost.

    A buy limit cannot pay more than its limit. A sell limit may fill above it, so it is valued
    at the larger of limit and reference. Market orders and stops are valued at the reference
    (or the stop) plus the policy's allowance. Zero when there is no price at all.
    """
    return ROUND_UP_12.plus(_worst_price(order, reference, last_mark, policy))


def _worst_price(
    order: Order, reference: Reference | None, last_mark: Decimal, policy: RiskPolicy
) -> Decimal:
    ask = reference.ask if reference is not None else last_mark
    allowance = 1 + (policy.limits.price_collar_pct or policy.market_allowance)
    if order.limit_price is not None:
        if order.side is Side.BUY:
            return order.limit_price
        return max(order.limit_price, ask)
    if order.order_type is OrderType.STOP and order.stop_price is not None:
        return max(order.stop_price, ask) * allowance
    return ask * allowance


def exit_room(
    side: Side, position_quantity: Decimal, working: SymbolExposure, counted: Decimal
) -> Decimal:
    """How much may be closed on `side`: the position less the exits already working."""
    if side is Side.SELL:
        room = position_quantity - working.sell_quantity + counted
    else:
        room = -position_quantity - working.buy_quantity + counted
    return max(room, ZERO)


def exposure_totals(
    portfolio: Portfolio, working: dict[str, SymbolExposure]
) -> tuple[Decimal, Decimal, Decimal]:
    """Worst gross exposure, worst net long and worst net short, everything working included."""
    gross = net_long = net_short = ZERO
    empty = SymbolExposure()
    symbols = dict.fromkeys((*portfolio.held, *working))
    for symbol in symbols:
        position = portfolio.held.get(symbol)
        held = portfolio.market_value(position) if position is not None else ZERO
        leaves = working.get(symbol, empty)
        longest = held + leaves.buy_value
        shortest = held - leaves.sell_value
        gross += max(abs(longest), abs(shortest))
        net_long += longest
        net_short += shortest
    return gross, net_long, net_short
