"""What happens to the venue's books without a trade: splits, dividends, fees, financing.

Splits and dividends are in force before the opening of their ex-date; fees and financing are
posted after the close. Every amount is posted to the cent, halves away from zero, except fees,
which their schedule rounds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal

from regimeflow.model.events import BrokerReport, CashPosted
from regimeflow.model.instrument import Instrument, decimal_from
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, date_from_ns
from regimeflow.venue.fees import settle_day
from regimeflow.venue.ledger import to_cents
from regimeflow.venue.matcher import Matcher
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.orders import WorkingOrder

DAYS_PER_YEAR = 360
"""Money-market convention of United States brokers for borrowed shares and margin loans."""


def apply_action(
    matcher: Matcher,
    action: CorporateAction,
    *,
    instruments: Mapping[str, Instrument],
    ts_ns: int,
    latency_ns: int,
) -> None:
    """Restate the books for a split, or pay a dividend; a symbol we do not trade is ignored."""
    instrument = instruments.get(action.symbol)
    if instrument is None:
        return
    if action.kind is ActionKind.DIVIDEND:
        posting = _dividend(matcher, instrument, action.value, ts_ns)
    else:
        posting = _split(matcher, instrument, action.value, ts_ns)
    if posting is not None:
        matcher.reports.push(ts_ns + latency_ns, posting)


def settle_session(
    matcher: Matcher,
    session: Session,
    *,
    model: ExecutionModel,
    instruments: Mapping[str, Instrument],
) -> None:
    """Post the day's fees by type, then interest on what was borrowed since the last close."""
    ledger, ts_ns = matcher.ledger, session.close_ns
    postings: list[BrokerReport] = [
        ledger.post(
            kind="fee", symbol="", label=f"{kind}-{session.date}", amount=-amount, ts_ns=ts_ns
        )
        for kind, amount in settle_day(ledger.fee_state)
    ]
    days = (ts_ns - ledger.financed_until_ns + NS_PER_DAY // 2) // NS_PER_DAY
    if ledger.financed_until_ns and days > 0 and not model.is_frictionless:
        for symbol, interest in _interest(matcher, model, instruments, days):
            if interest:
                posting = ledger.post(
                    kind="interest",
                    symbol=symbol,
                    label=session.date,
                    amount=-interest,
                    ts_ns=ts_ns,
                )
                postings.append(posting)
    ledger.financed_until_ns = ts_ns
    for posted in postings:
        matcher.reports.push(ts_ns + model.latency_ns, posted)


def _interest(
    matcher: Matcher, model: ExecutionModel, instruments: Mapping[str, Instrument], days: int
) -> list[tuple[str, Decimal]]:
    """Borrow fee of each short position, and margin interest on negative cash, to the cent."""
    charges = []
    for symbol, quantity in sorted(matcher.ledger.positions.items()):
        price = matcher.observed.previous_close(symbol)
        if quantity < 0 and price is not None:
            value = -quantity * decimal_from(price) * instruments[symbol].multiplier
            charges.append((symbol, to_cents(value * model.borrow_rate * days / DAYS_PER_YEAR)))
    # The proceeds of short sales are collateral, not a loan to us.
    loan = -matcher.ledger.cash
    if loan > 0:
        charges.append(("", to_cents(loan * model.margin_rate * days / DAYS_PER_YEAR)))
    return charges


def _dividend(
    matcher: Matcher, instrument: Instrument, per_share: Decimal, ts_ns: int
) -> CashPosted | None:
    """Cash for the position at the opening of the ex-date; a short position pays it."""
    position = matcher.ledger.position(instrument.symbol)
    if not position:
        return None
    return matcher.ledger.post(
        kind="dividend",
        symbol=instrument.symbol,
        label=date_from_ns(ts_ns).isoformat(),
        amount=to_cents(position * per_share * instrument.multiplier),
        ts_ns=ts_ns,
    )


def _split(
    matcher: Matcher, instrument: Instrument, ratio: Decimal, ts_ns: int
) -> CashPosted | None:
    symbol = instrument.symbol
    previous_close = matcher.observed.previous_close(symbol)
    matcher.observed.split(symbol, float(ratio))
    for order in tuple(matcher.book.working.get(symbol, ())):
        _split_order(matcher, order, instrument, ratio, ts_ns)
    fraction = matcher.ledger.split(instrument, ratio)
    if not fraction or previous_close is None:
        return None
    amount = fraction * decimal_from(previous_close) / ratio * instrument.multiplier
    return matcher.ledger.post(
        kind="cash_in_lieu",
        symbol=symbol,
        label=date_from_ns(ts_ns).isoformat(),
        amount=to_cents(amount),
        ts_ns=ts_ns,
    )


def _split_order(
    matcher: Matcher, order: WorkingOrder, instrument: Instrument, ratio: Decimal, ts_ns: int
) -> None:
    """New terms for what is still open; what has filled stays as it was reported.

    Prices round so that the order is never more aggressive and never triggers earlier.
    """
    lots = (order.leaves_quantity * ratio / instrument.lot_size).to_integral_value(
        rounding=ROUND_DOWN
    )
    if not lots:
        matcher.cancel(order, ts_ns, "split: less than one lot is left")
        return
    order.quantity = order.filled_quantity + lots * instrument.lot_size
    if order.limit_price is not None:
        order.limit_price = instrument.price_after_split(order.limit_price, ratio, order.side)
    if order.stop_price is not None:
        order.stop_price = instrument.stop_after_split(order.stop_price, ratio, order.side)
    if order.trail_amount is not None:
        order.trail_amount = instrument.stop_after_split(order.trail_amount, ratio, order.side)
    if order.best_price is not None:
        order.best_price /= float(ratio)
    order.queue_ahead = None
    matcher.report_terms(order, ts_ns)
