"""The controls, one function each: a proposal in, a denial or None out.

Control numbers are those of the project's control list. Exits are exempt from the limits on
entering (C01, C02, C05 to C08, C14), never from sanity, duplicates, tradability and sessions.
A value that cannot be judged (no price, no equity) denies.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.core.exposure import Exposure
from regimeflow.core.portfolio import Portfolio
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.core.risk.proposal import Denial, Proposal, exposure_totals
from regimeflow.model.order import Order, Side


def check_sanity(proposal: Proposal) -> Denial | None:
    """C13/F13: on the grid, positive, and worth at least the venue's minimum."""
    order, instrument = proposal.order, proposal.instrument
    if order.quantity <= 0:
        return Denial(
            "C01",
            f"at least one lot of {instrument.lot_size}",
            str(order.quantity),
            f"the quantity of this {order.symbol} order is not positive after rounding to the "
            "lot; ask for at least one lot",
        )
    if order.quantity % instrument.lot_size:
        return Denial(
            "C01",
            f"multiples of {instrument.lot_size}",
            str(order.quantity),
            f"{order.symbol} trades in lots of {instrument.lot_size}",
        )
    if instrument.min_notional and proposal.value < instrument.min_notional:
        return Denial(
            "C02",
            f"min_notional {instrument.min_notional}",
            str(proposal.value),
            f"{order.symbol} orders must be worth {instrument.min_notional} or more",
        )
    for price in (order.limit_price, order.stop_price):
        if price is not None and price <= 0:
            return Denial("C03", "> 0", str(price), f"{order.symbol}: a price must be positive")
    return None


def check_replacement(changed: Order) -> Denial | None:
    """C01: new terms leave something to fill; a total is what it is, fills included (FIX 38)."""
    if changed.quantity > changed.filled_quantity:
        return None
    return Denial(
        "C01",
        f"more than the {changed.filled_quantity:f} filled",
        f"{changed.quantity:f}",
        f"the new total of this {changed.symbol} order leaves nothing to fill; cancel it instead",
    )


def check_tradable(proposal: Proposal, policy: RiskPolicy) -> Denial | None:
    """C17: not restricted; short only where both the policy and the instrument allow it."""
    symbol = proposal.order.symbol
    if symbol in policy.restricted:
        return Denial("C17", "restricted", symbol, f"{symbol} is on the restricted list")
    allows_short = policy.allow_short and proposal.instrument.is_shortable
    if proposal.order.side is Side.SELL and not allows_short and proposal.worst_position < 0:
        return Denial(
            "C17",
            "no short positions",
            str(proposal.worst_position),
            f"this sale could leave {symbol} at {proposal.worst_position}; sell no more than is "
            "held less what is already being sold, or allow short selling",
        )
    return None


def check_reference(proposal: Proposal) -> Denial | None:
    """C19: an entry needs a fresh price to be valued at; without one it is denied, not free."""
    if proposal.reference is not None or proposal.is_exit:
        return None
    return Denial(
        "C19",
        "a fresh reference price",
        "none",
        f"no fresh quote, trade or bar of {proposal.order.symbol}; wait for data or raise "
        "max_reference_age",
    )


def check_collar(proposal: Proposal, limits: RiskLimits) -> Denial | None:
    """C03: a limit price within the collar of the reference, for exits too."""
    collar, price = limits.price_collar_pct, proposal.order.limit_price
    if collar is None or price is None or proposal.reference is None:
        return None
    reference = proposal.reference
    anchor = reference.ask if proposal.order.side is Side.BUY else reference.bid
    distance = abs(price - anchor) / anchor
    if distance <= collar:
        return None
    return Denial(
        "C03",
        f"price_collar_pct {collar}",
        f"{distance:.6f}",
        f"limit {price} is {distance:.2%} away from {proposal.order.symbol} at {anchor}; use a "
        "nearer limit or raise price_collar_pct",
    )


def check_order_size(proposal: Proposal, limits: RiskLimits) -> Denial | None:
    """C01 and C02: the quantity and the worst value of one order."""
    order = proposal.order
    if limits.max_order_quantity is not None and order.quantity > limits.max_order_quantity:
        return _over(
            proposal, "C01", "max_order_quantity", limits.max_order_quantity, order.quantity
        )
    if limits.max_order_value is not None and proposal.value > limits.max_order_value:
        return _over(proposal, "C02", "max_order_value", limits.max_order_value, proposal.value)
    if limits.max_notional is not None and proposal.value > limits.max_notional:
        return _over(proposal, "C06", "max_notional", limits.max_notional, proposal.value)
    return None


def check_position(proposal: Proposal, limits: RiskLimits, portfolio: Portfolio) -> Denial | None:
    """C05: the furthest the position can get, in units and as a fraction of equity."""
    worst = abs(proposal.worst_position)
    if limits.max_position is not None and worst > limits.max_position:
        return _over(proposal, "C05", "max_position", limits.max_position, worst)
    if limits.max_position_pct is None:
        return None
    order = proposal.order
    held = portfolio.position(order.symbol)
    value = portfolio.market_value(held)
    if order.side is Side.BUY:
        value += proposal.working.buy_value + proposal.added_value
    else:
        value -= proposal.working.sell_value + proposal.added_value
    equity = portfolio.exact_equity
    if equity > 0 and abs(value) <= limits.max_position_pct * equity:
        return None
    share = abs(value) / equity if equity > 0 else Decimal("Infinity")
    return _over(proposal, "C05", "max_position_pct", limits.max_position_pct, share)


def check_exposure(
    proposal: Proposal,
    limits: RiskLimits,
    policy: RiskPolicy,
    portfolio: Portfolio,
    exposure: Exposure,
) -> Denial | None:
    """C06 and C07: gross, net, leverage and buying power, everything working included."""
    needs_totals = (
        limits.max_notional is not None
        or limits.max_gross_exposure is not None
        or limits.max_net_exposure is not None
        or limits.max_leverage is not None
        or policy.initial_margin_ratio is not None
    )
    if not needs_totals:
        return None
    proposal.working.add(proposal.order.side, proposal.added_quantity, proposal.added_value)
    gross, net_long, net_short = exposure_totals(portfolio, exposure.by_symbol)
    proposal.working.add(proposal.order.side, -proposal.added_quantity, -proposal.added_value)
    for key, limit in (
        ("max_notional", limits.max_notional),
        ("max_gross_exposure", limits.max_gross_exposure),
    ):
        if limit is not None and gross > limit:
            return _over(proposal, "C06", key, limit, gross)
    net = max(abs(net_long), abs(net_short))
    if limits.max_net_exposure is not None and net > limits.max_net_exposure:
        return _over(proposal, "C06", "max_net_exposure", limits.max_net_exposure, net)
    equity = portfolio.exact_equity
    if limits.max_leverage is not None and not gross <= limits.max_leverage * equity:
        leverage = gross / equity if equity > 0 else Decimal("Infinity")
        return _over(proposal, "C06", "max_leverage", limits.max_leverage, leverage)
    ratio = policy.initial_margin_ratio
    if ratio is not None and not gross * ratio <= equity:
        return _over(
            proposal, "C07", "buying power (equity / initial_margin_ratio)", equity / ratio, gross
        )
    return None


def check_open_orders(proposal: Proposal, limits: RiskLimits, exposure: Exposure) -> Denial | None:
    """C08: how many orders may work at once, and for how much."""
    count = Decimal(exposure.order_count + proposal.is_new)
    if limits.max_open_orders is not None and proposal.is_new and count > limits.max_open_orders:
        return _over(proposal, "C08", "max_open_orders", limits.max_open_orders, count)
    if limits.max_open_order_value is None:
        return None
    working = sum((s.buy_value + s.sell_value for s in exposure.by_symbol.values()), Decimal(0))
    total = working + proposal.added_value
    if total > limits.max_open_order_value:
        return _over(proposal, "C08", "max_open_order_value", limits.max_open_order_value, total)
    return None


def _over(proposal: Proposal, control: str, key: str, limit: Decimal, observed: Decimal) -> Denial:
    order = proposal.order
    return Denial(
        control,
        f"{key} {limit:f}",
        f"{observed:.6f}".rstrip("0").rstrip("."),
        f"{key} is {limit:f}, this {order.side} of {order.quantity:f} {order.symbol} would make "
        f"it {observed:.2f}; lower the quantity or raise {key}",
    )
