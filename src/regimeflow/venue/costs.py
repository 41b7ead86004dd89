"""What taking liquidity costs: half-spread, impact, and the rounding of the price against us.

A price that was printed and to which nothing is added keeps its digits; a price we computed is
put on the tick grid, up for a buy and down for a sell. A limit is never exceeded.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from enum import Enum

import msgspec

from regimeflow.model.instrument import Instrument, decimal_from
from regimeflow.model.order import Side
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.observed import Estimates
from regimeflow.venue.orders import WorkingOrder


class Role(Enum):
    """How an order meets a price, which decides what it pays on top."""

    TAKER = "taker"
    """Crosses a spread that is not shown: half-spread and impact are added."""
    QUOTED = "quoted"
    """Takes a displayed quote: the price is the quote's."""
    AUCTION = "auction"
    """Takes part in an opening or closing print: impact only."""
    PRINTED = "printed"
    """Rested and was passed over by a better print: that print."""
    MAKER = "maker"
    """Rested and was reached: exactly its limit."""


class Opportunity(msgspec.Struct, frozen=True, gc=False):
    """A chance to trade at `price`; `size` is what is shown there (None: not shown)."""

    role: Role
    price: float
    size: float | None = None


def half_spread(
    model: ExecutionModel, instrument: Instrument, price: float, estimates: Estimates
) -> float:
    """Half of the spread in price: at least half a tick; zero for the frictionless model."""
    if model.is_frictionless:
        return 0.0
    spread_bps = estimates.spread_bps if model.spread_bps is None else model.spread_bps
    return max(0.5 * float(instrument.tick_size), 0.5e-4 * spread_bps * price)


def impact(
    model: ExecutionModel, estimates: Estimates, price: float, quantity: float, volume: float
) -> float:
    """Price concession of a parent order of `quantity` units, in price; square-root law.

    `volume` stands in for the average daily volume until one is known. Sources: Almgren, Thum,
    Hauptmann, Li (2005), "Direct Estimation of Equity Market Impact"; Toth et al. (2011),
    Physical Review X 1, 021006, for the square root with a prefactor near one.
    """
    if model.is_frictionless or model.impact_y == 0.0:
        return 0.0
    daily = estimates.volume or volume
    if daily <= 0.0:
        return 0.0
    fraction = model.impact_y * estimates.volatility * math.sqrt(quantity / daily)
    return price * min(fraction, model.impact_max)


def execution_price(
    order: WorkingOrder,
    opportunity: Opportunity,
    instrument: Instrument,
    *,
    half_spread: float,
    impact: float,
) -> Decimal:
    """The price of a fill; `half_spread` and `impact` are used where the role calls for them."""
    if opportunity.role is Role.MAKER:
        assert order.limit_price is not None
        return order.limit_price
    concession = 0.0
    if opportunity.role is Role.TAKER:
        concession = half_spread + impact
    elif opportunity.role is Role.AUCTION:
        concession = impact
    if concession == 0.0:
        price = decimal_from(opportunity.price)
    else:
        price = against_us(
            opportunity.price + order.side.sign * concession, order.side, instrument.tick_size
        )
    if order.is_limit and order.limit_price is not None:
        if order.side is Side.BUY:
            return min(price, order.limit_price)
        return max(price, order.limit_price)
    return price


def against_us(price: float, side: Side, tick_size: Decimal) -> Decimal:
    """`price` on the tick grid, up for a buy, down for a sell, and at least one tick.

    Float noise of a billionth of a tick is not a reason to pay another tick.
    """
    ticks = round(Decimal(price) / tick_size, 9)
    rounding = ROUND_CEILING if side is Side.BUY else ROUND_FLOOR
    return max(ticks.to_integral_value(rounding=rounding), Decimal(1)) * tick_size
