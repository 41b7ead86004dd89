"""Money is conserved: what round trips earned is exactly what the account gained."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from regimeflow.backtest.account_fold import AccountFold
from regimeflow.backtest.summary import open_profit
from regimeflow.model.events import FillBusted, FillCorrected, OrderFilled
from regimeflow.model.ids import ExecutionId
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


class Annulment(NamedTuple):
    """The venue annuls the newest execution but so many (of those that stand), or corrects it."""

    back: int
    new_price: Decimal | None


Happening = Trade | Split | Cash | Annulment
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
    st.builds(Annulment, st.integers(0, 6), st.none() | prices),
)


class NaiveLedger:
    """Cash, flows and one position a symbol: a second opinion on what the account gained."""

    def __init__(self) -> None:
        self.cash = START
        self.flows = ZERO
        self.held = {"X": ZERO, "Y": ZERO}
        self.traded = ZERO

    def count(self, done: OrderFilled, times: int) -> None:
        signed = times * done.side.sign * done.quantity
        self.cash -= signed * done.price + times * done.fee
        self.held[done.symbol] += signed
        self.traded += times * done.quantity * done.price


class World:
    """The account under test, the second opinion, and the executions that stand."""

    def __init__(self) -> None:
        self.account, self.ledger = AccountFold(START, day(0)), NaiveLedger()
        self.standing: list[OrderFilled] = []

    def take(self, number: int, happening: Happening) -> None:
        put, ledger, at = self.account.on_record, self.ledger, day(1)
        if isinstance(happening, Trade):
            order = f"o{number}"
            symbol, strategy, quantity, price, fee = happening
            done = fill(order, quantity, price, fee=fee, symbol=symbol)
            put(at, submit(order, 40, strategy=strategy, symbol=symbol))
            self.book(done, done)
            put(at, done)  # a venue repeats what it said
        elif isinstance(happening, Annulment):
            self.annul(number, happening)
        elif isinstance(happening, Split):
            put(at, split(happening.ratio, symbol=happening.symbol))
            ledger.held[happening.symbol] *= happening.ratio
            # How a broker restates an execution of before the split is not known.
            self.standing = [one for one in self.standing if one.symbol != happening.symbol]
        else:
            cash = happening.amount
            put(at, posted(cash, happening.kind, symbol=happening.symbol))
            ledger.cash += cash
            ledger.flows += cash if happening.kind == "deposit" else ZERO

    def book(self, done: OrderFilled, report: object) -> None:
        self.account.on_record(day(1), report)
        self.ledger.count(done, 1)
        self.standing.append(done)

    def annul(self, number: int, annulment: Annulment) -> None:
        if annulment.back >= len(self.standing):
            return
        old = self.standing.pop(-1 - annulment.back)
        self.ledger.count(old, -1)
        if annulment.new_price is not None:
            name = ExecutionId(f"c{number}")
            new = replace(old, execution_id=name, price=annulment.new_price)
            self.book(new, FillCorrected(old.execution_id, new, day(1)))
            return
        bust = FillBusted(old.execution_id, old.symbol, "erroneous", day(1))
        for report in (bust, bust, old):
            self.account.on_record(day(1), report)


@given(st.lists(happenings, max_size=40), prices, prices)
def test_closed_profits_open_profits_and_other_cash_make_the_change_of_equity(
    story: list[Happening], last_x: Decimal, last_y: Decimal
) -> None:
    world = World()
    for number, happening in enumerate(story):
        world.take(number, happening)
    account, ledger = world.account, world.ledger
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
    assert trades.totals.count == len(trades.closed)
    assert trades.traded_value == ledger.traded
    assert open_profit(account.curve, closed, account.other_cash) == still_open
    for symbol, quantity in ledger.held.items():
        assert quantity == sum(t.quantity for t in trades.open if t.symbol == symbol)
