"""Money is conserved: what round trips earned is exactly what the account gained."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.backtest.account_fold import AccountFold
from regimeflow.backtest.summary import open_profit
from tests.unit.account_records import day, fill, mark, posted, split, submit

ZERO = Decimal(0)
START = Decimal(10_000)
prices = st.decimals("0.01", "500", places=2)
amounts = st.decimals("-20", "20", places=2)
symbols = st.sampled_from(["X", "Y"])


class Trade(NamedTuple):
    """A fill of some strategy's order; a negative quantity sells."""

    symbol: str
    strategy: str
    quantity: Decimal
    price: Decimal
    fee: Decimal


class Split(NamedTuple):
    """New shares per old."""

    symbol: str
    ratio: Decimal


class Cash(NamedTuple):
    """A dividend, or a deposit."""

    symbol: str
    kind: str
    amount: Decimal


Happening = Trade | Split | Cash
happenings: st.SearchStrategy[Happening] = st.one_of(
    st.builds(
        Trade,
        symbols,
        st.sampled_from(["s", "t"]),
        st.integers(-40, 40).filter(bool).map(Decimal),
        prices,
        st.decimals("0", "9.99", places=4),
    ),
    st.builds(Split, symbols, st.sampled_from([Decimal(2), Decimal(3), Decimal(5)])),
    st.builds(Cash, symbols, st.sampled_from(["dividend", "deposit"]), amounts),
)


class NaiveLedger:
    """Cash, flows and one position a symbol: a second opinion on what the account gained."""

    def __init__(self) -> None:
        self.cash = START
        self.flows = ZERO
        self.held = {"X": ZERO, "Y": ZERO}

    def take(self, happening: Happening) -> None:
        if isinstance(happening, Trade):
            self.cash -= happening.quantity * happening.price + happening.fee
            self.held[happening.symbol] += happening.quantity
        elif isinstance(happening, Split):
            self.held[happening.symbol] *= happening.ratio
        else:
            self.cash += happening.amount
            self.flows += happening.amount if happening.kind == "deposit" else ZERO


def put(account: AccountFold, number: int, happening: Happening) -> None:
    order, at = f"o{number}", day(1)
    if isinstance(happening, Trade):
        symbol, strategy, quantity, price, fee = happening
        account.on_record(at, submit(order, 40, strategy=strategy, symbol=symbol))
        account.on_record(at, fill(order, quantity, price, fee=fee, symbol=symbol))
    elif isinstance(happening, Split):
        account.on_record(at, split(happening.ratio, symbol=happening.symbol))
    else:
        account.on_record(at, posted(happening.amount, happening.kind, symbol=happening.symbol))


@given(st.lists(happenings, max_size=40), prices, prices)
def test_closed_profits_open_profits_and_other_cash_make_the_change_of_equity(
    story: list[Happening], last_x: Decimal, last_y: Decimal
) -> None:
    account, ledger = AccountFold(START, day(0)), NaiveLedger()
    for number, happening in enumerate(story):
        put(account, number, happening)
        ledger.take(happening)
    value = ledger.held["X"] * last_x + ledger.held["Y"] * last_y
    account.on_record(day(1), mark(1, ledger.cash + value, flows=ledger.flows))

    trades = account.trades
    marks = {"X": last_x, "Y": last_y}
    still_open = sum(
        (trip.cash_flow + trip.quantity * marks[trip.symbol] for trip in trades.open), ZERO
    )
    closed = sum((trip.cash_flow for trip in trades.closed), ZERO)
    assert closed + still_open + account.other_cash == ledger.cash + value - ledger.flows - START
    assert trades.totals.earned == closed
    assert open_profit(account.curve, closed, account.other_cash) == still_open
    for symbol, quantity in ledger.held.items():
        assert quantity == sum(t.quantity for t in trades.open if t.symbol == symbol)
