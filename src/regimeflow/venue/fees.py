"""Fee schedules: what an execution costs, by whom and since when.

One data-driven shape covers every broker, so that a schedule is a row of numbers to check against
the broker's page rather than code to believe. All arithmetic is `Decimal`. Invariants: what an
order pays over its fills is the published fee of the whole order (minimum first, then the cap,
so that the cap wins); a fee that is charged by the day is accrued and posted at session close.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, ROUND_UP, Decimal

import msgspec

from regimeflow.errors import ConfigError
from regimeflow.model.order import ZERO, Side
from regimeflow.model.timestamps import date_from_ns
from regimeflow.venue.fee_rates import CAT, SEC, TAF, rate_at

CENT = Decimal("0.01")
_FEE_STEP = Decimal("0.00000001")


class FeeTier(msgspec.Struct, frozen=True):
    """`per_share` applies to units up to `quantity_max` traded in the month (None: the rest)."""

    quantity_max: Decimal | None
    per_share: Decimal


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """One broker's charges in account currency; every part defaults to nothing.

    Commission of an order is `per_share * quantity + rate * notional`, at least `minimum`, at
    most `maximum_fraction * notional`; the cap wins over the minimum. `tiers` replace `per_share`
    by the month's volume, marginally. `maker_rate` replaces `rate` for passive fills.
    `clearing_per_share` and `pass_through` (a fraction of the commission) come on top, and so do
    the `regulatory` fees, by the fill or, with `is_daily`, accrued and rounded up to the cent.
    """

    name: str = "custom"
    per_share: Decimal = ZERO
    tiers: tuple[FeeTier, ...] = ()
    minimum: Decimal = ZERO
    maximum_fraction: Decimal | None = None
    rate: Decimal = ZERO
    maker_rate: Decimal | None = None
    clearing_per_share: Decimal = ZERO
    pass_through: Decimal = ZERO
    regulatory: tuple[str, ...] = ()
    is_daily: bool = False


class FeeState(msgspec.Struct):
    """What the schedule has to remember between fills: the month's volume, the day's accruals."""

    month: str = ""
    month_quantity: Decimal = ZERO
    accrued: dict[str, Decimal] = {}


class OrderFees(msgspec.Struct, gc=False):
    """What one order has traded and been charged as commission so far."""

    quantity: Decimal = ZERO
    notional: Decimal = ZERO
    unbounded: Decimal = ZERO
    charged: Decimal = ZERO


def _d(*numbers: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(number) for number in numbers)


_TIER_BOUNDS = (*_d("300000", "3000000", "20000000", "100000000"), None)
_TIER_RATES = _d("0.0035", "0.0020", "0.0015", "0.0010", "0.0005")

SCHEDULES: dict[str, FeeSchedule] = {
    "none": FeeSchedule(name="none"),
    # Source: https://docs.alpaca.markets/docs/regulatory-fees (read 2026-11): accrued intraday,
    # the day's total of each fee rounded up to the cent.
    "alpaca": FeeSchedule(name="alpaca", regulatory=("SEC", "TAF", "CAT"), is_daily=True),
    # Source: Interactive Brokers, US stocks, fixed pricing (read 2026-11): exchange fees are
    # included, transaction fees on sales are passed on.
    "ibkr_fixed": FeeSchedule(
        name="ibkr_fixed",
        per_share=Decimal("0.005"),
        minimum=Decimal("1.00"),
        maximum_fraction=Decimal("0.01"),
        regulatory=("SEC", "TAF"),
    ),
    # Source: Interactive Brokers, US stocks, tiered pricing (read 2026-11). The pass-through is
    # NYSE 0.000175 plus FINRA 0.000565 of the commission. Exchange fees and rebates depend on the
    # route and are not modelled.
    "ibkr_tiered": FeeSchedule(
        name="ibkr_tiered",
        tiers=tuple(
            FeeTier(quantity_max=bound, per_share=rate)
            for bound, rate in zip(_TIER_BOUNDS, _TIER_RATES, strict=True)
        ),
        minimum=Decimal("0.35"),
        maximum_fraction=Decimal("0.01"),
        clearing_per_share=Decimal("0.00020"),
        pass_through=Decimal("0.000740"),
        regulatory=("SEC", "TAF", "CAT"),
    ),
    # Source: Binance spot, VIP 0 (read 2026-11). Charged in the account's currency here; the
    # venue itself takes it from the asset received.
    "binance": FeeSchedule(name="binance", rate=Decimal("0.001"), maker_rate=Decimal("0.001")),
}


def schedule_from(fees: str | FeeSchedule) -> FeeSchedule:
    """The schedule of that name, or the custom schedule itself.

    Raises ConfigError for a name that is not one of ours: the user's configuration is wrong.
    """
    if isinstance(fees, FeeSchedule):
        return fees
    try:
        return SCHEDULES[fees]
    except KeyError:
        raise ConfigError(
            f"fees: {fees!r} is not a fee schedule; use one of {', '.join(SCHEDULES)}, "
            "or a mapping of per_share, minimum, maximum_fraction, rate"
        ) from None


def charge_fill(
    schedule: FeeSchedule,
    state: FeeState,
    order: OrderFees,
    *,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    ts_ns: int,
    is_maker: bool = False,
) -> Decimal:
    """The fee of one execution, to 1e-8; updates the order's totals and the state.

    `price` is per unit with any multiplier applied. Fills of one order have to arrive in time
    order. A later fill never refunds an earlier one.
    """
    notional = quantity * price
    order.quantity += quantity
    order.notional += notional
    rate = schedule.rate
    if is_maker and schedule.maker_rate is not None:
        rate = schedule.maker_rate
    order.unbounded += _per_share(schedule, state, quantity, ts_ns) + rate * notional
    bounded = max(order.unbounded, schedule.minimum)
    if schedule.maximum_fraction is not None:
        bounded = min(bounded, schedule.maximum_fraction * order.notional)
    commission = bounded - order.charged
    order.charged = bounded
    fee = commission * (1 + schedule.pass_through) + schedule.clearing_per_share * quantity
    for kind in schedule.regulatory:
        amount = _regulatory(kind, side=side, quantity=quantity, notional=notional, ts_ns=ts_ns)
        if schedule.is_daily:
            state.accrued[kind] = state.accrued.get(kind, ZERO) + amount
        else:
            fee += amount
    return _plain(fee)


def settle_day(state: FeeState) -> list[tuple[str, Decimal]]:
    """The day's fees by type, each rounded up to the cent, in alphabetical order; then forgets.

    Source: https://docs.alpaca.markets/docs/regulatory-fees (0.00083 becomes 0.01).
    """
    due = [
        (kind, amount.quantize(CENT, rounding=ROUND_UP))
        for kind, amount in sorted(state.accrued.items())
        if amount
    ]
    state.accrued.clear()
    return due


def _plain(fee: Decimal) -> Decimal:
    """A fee to 1e-8, written without zeros beyond the cent."""
    if not fee:
        return ZERO
    exact = fee.quantize(_FEE_STEP, rounding=ROUND_HALF_EVEN)
    cents = exact.quantize(CENT, rounding=ROUND_HALF_EVEN)
    return cents if cents == exact else exact.normalize()


def _per_share(schedule: FeeSchedule, state: FeeState, quantity: Decimal, ts_ns: int) -> Decimal:
    if not schedule.tiers:
        return schedule.per_share * quantity
    month = date_from_ns(ts_ns).isoformat()[:7]
    if month != state.month:
        state.month, state.month_quantity = month, ZERO
    amount = _tiered(schedule.tiers, state.month_quantity, quantity)
    state.month_quantity += quantity
    return amount


def _tiered(tiers: Sequence[FeeTier], done: Decimal, quantity: Decimal) -> Decimal:
    """Marginal: each unit pays the rate of the tier it falls into."""
    amount, left = ZERO, quantity
    for tier in tiers:
        room = left if tier.quantity_max is None else min(left, tier.quantity_max - done)
        if room > 0:
            amount += room * tier.per_share
            done += room
            left -= room
    return amount


def _regulatory(
    kind: str, *, side: Side, quantity: Decimal, notional: Decimal, ts_ns: int
) -> Decimal:
    if kind == "CAT":
        return rate_at(CAT, ts_ns).rate * quantity
    if side is Side.BUY:
        return ZERO
    if kind == "SEC":
        return rate_at(SEC, ts_ns).rate * notional
    taf = rate_at(TAF, ts_ns)
    return min(taf.rate * quantity, taf.cap) if taf.cap is not None else taf.rate * quantity
