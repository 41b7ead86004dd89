"""Money is conserved: identities of cash, cost and profit, exact, over any fills and splits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.core.portfolio import Portfolio
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Side

INSTRUMENTS = {
    "ABC": Instrument("ABC"),
    "FUT": Instrument("FUT", multiplier=Decimal(50)),
    "COIN": Instrument("COIN", lot_size=Decimal("0.001")),
}
PRICES = st.tuples(st.integers(1, 10**7), st.integers(2, 4)).map(
    lambda pair: Decimal(pair[0]).scaleb(-pair[1])
)
FEES = st.integers(-50, 500).map(lambda cents: Decimal(cents) / 100)
FILLS = st.tuples(
    st.sampled_from(["s0", "s1", "external"]),
    st.sampled_from(sorted(INSTRUMENTS)),
    st.sampled_from(Side),
    st.integers(1, 500),
    PRICES,
    FEES,
)
SPLITS = st.tuples(
    st.sampled_from(sorted(INSTRUMENTS)), st.sampled_from(["2", "3", "0.1", "1.5", "0.125"])
)
POSTINGS = st.tuples(
    st.sampled_from(["dividend", "deposit", "withdrawal", "fee"]), st.integers(-(10**6), 10**6)
)
STEPS = st.lists(st.one_of(FILLS, SPLITS, POSTINGS), max_size=40)
CASH = Decimal(1_000_000)
CENT = Decimal("0.01")


def fill_of(step: Any) -> tuple[StrategyId, e.OrderFilled]:
    owner, symbol, side, lots, price, fee = step
    quantity = lots * INSTRUMENTS[symbol].lot_size
    return StrategyId(owner), e.OrderFilled(
        client_order_id=ClientOrderId("c"),
        broker_order_id=BrokerOrderId("b"),
        execution_id=ExecutionId("x"),
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        fee=fee,
        ts_venue_ns=0,
    )


def close(first: Decimal, second: Decimal) -> bool:
    """Equal but for the last of 28 digits, which a closed part of a cost may round."""
    return abs(first - second) <= Decimal("1e-15")


@given(STEPS)
def test_cash_cost_and_profit_always_add_up(steps: list[Any]) -> None:
    portfolio, posted, fees = Portfolio(INSTRUMENTS, CASH), Decimal(0), Decimal(0)
    flows = Decimal(0)
    for number, step in enumerate(steps):
        if len(step) == 6:
            owner, fill = fill_of(step)
            portfolio.apply_fill(owner, fill)
            fees += fill.fee
        elif step[0] in INSTRUMENTS:
            portfolio.apply_split(step[0], Decimal(step[1]))
        else:
            amount = step[1] * CENT
            portfolio.apply_cash(e.CashPosted(f"a{number}", step[0], "", amount, 0))
            posted += amount
            flows += amount if step[0] in ("deposit", "withdrawal") else 0
            fees -= amount if step[0] == "fee" else 0
        cost = sum((p.cost for p in portfolio.positions.values()), Decimal(0))
        traded = sum((p.fees for p in portfolio.positions.values()), Decimal(0))
        assert close(portfolio.cash, CASH + portfolio.realized_pnl - cost - traded + posted)
        assert portfolio.cash_float == float(portfolio.cash)
        assert (portfolio.fees, portfolio.cash_flows) == (fees, flows)
        for symbol in INSTRUMENTS:
            owned = [p for (_, s), p in portfolio.strategy_positions.items() if s == symbol]
            account = portfolio.position(symbol)
            assert sum(p.quantity for p in owned) == account.quantity
            assert account.quantity % INSTRUMENTS[symbol].lot_size == 0
            assert (symbol in portfolio.held) == bool(account.quantity)
            if not account.quantity:
                assert close(account.cost, Decimal(0))


def test_an_activity_that_is_reported_twice_is_booked_once() -> None:
    portfolio = Portfolio(INSTRUMENTS, CASH)
    for _ in range(2):
        portfolio.apply_cash(e.CashPosted("a", "dividend", "ABC", Decimal(5), 0))
    assert portfolio.cash == CASH + 5


@given(st.lists(FILLS, max_size=30))
def test_a_round_trip_realises_exactly_what_it_cost(steps: list[Any]) -> None:
    """Whatever happened, closing everything leaves cash equal to profit, to the last digit kept."""
    portfolio = Portfolio(INSTRUMENTS, CASH)
    for step in steps:
        portfolio.apply_fill(*fill_of(step))
    for (owner, symbol), own in list(portfolio.strategy_positions.items()):
        if own.quantity:
            side = Side.SELL if own.quantity > 0 else Side.BUY
            lots = int(abs(own.quantity) / INSTRUMENTS[symbol].lot_size)
            price, fee = Decimal("12.34"), Decimal(0)
            portfolio.apply_fill(*fill_of((owner, symbol, side, lots, price, fee)))
    assert not portfolio.held
    assert close(portfolio.cash, CASH + portfolio.realized_pnl - portfolio.fees)
    assert portfolio.exact_equity == portfolio.cash


@given(st.lists(FILLS, max_size=30), FILLS)
def test_looking_at_positions_changes_no_book(steps: list[Any], last: Any) -> None:
    looked, plain = Portfolio(INSTRUMENTS, CASH), Portfolio(INSTRUMENTS, CASH)
    for step in (*steps, last):
        looked.position(step[1])
        looked.strategy_position(StrategyId(step[0]), step[1])
        for portfolio in (looked, plain):
            portfolio.apply_fill(*fill_of(step))
        assert list(looked.positions) == list(plain.positions)
        assert list(looked.strategy_positions) == list(plain.strategy_positions)
        assert looked.equity == plain.equity


@given(st.lists(FILLS, min_size=1, max_size=20), st.integers(1, 2_000), PRICES)
def test_an_operators_close_takes_only_from_those_that_hold(
    steps: list[Any], lots: int, price: Decimal
) -> None:
    portfolio = Portfolio(INSTRUMENTS, CASH)
    for step in steps:
        portfolio.apply_fill(*fill_of(step))
    for side in Side:
        before = {key: p.quantity for key, p in portfolio.strategy_positions.items()}
        account = portfolio.position("ABC").quantity
        _, fill = fill_of(("external", "ABC", side, lots, price, Decimal(1)))
        portfolio.apply_closing_fill(fill)
        assert portfolio.position("ABC").quantity == account + side.sign * lots
        for key, quantity in before.items():
            after = portfolio.strategy_positions[key].quantity
            if key[1] != "ABC":
                assert after == quantity
            elif key[0] != "external":
                assert abs(after) <= abs(quantity)
                assert after * quantity >= 0
