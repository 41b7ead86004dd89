"""Round trips: flat to flat, exact, whatever crosses zero, splits or pays a dividend."""

from __future__ import annotations

from decimal import Decimal

from regimeflow.backtest.round_trip import ClosedTotals
from regimeflow.backtest.trades import TradeBook
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument
from tests.unit.account_records import day, fill, posted, split

S = StrategyId("s")
OTHER = StrategyId("other")


def test_a_long_round_trip_earns_the_difference_less_fees() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 10, 100, fee=1))
    book.on_fill(day(3), S, fill("b", -10, 103, fee=2))
    (trip,) = book.closed
    assert trip.cash_flow == 27
    assert trip.holding_days == 2.0
    assert trip.return_on_entry == 0.027
    assert book.open == []


def test_a_short_round_trip_earns_when_the_price_falls() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", -10, 100))
    book.on_fill(day(2), S, fill("b", 10, 90))
    assert book.closed[0].direction == -1
    assert book.closed[0].cash_flow == 100


def test_scaling_in_and_out_is_one_round_trip_at_mean_prices() -> None:
    book = TradeBook()
    for order, quantity, price in (("a", 10, 100), ("b", 30, 104), ("c", -15, 110), ("d", -25, 90)):
        book.on_fill(day(1), S, fill(order, quantity, price))
    (trip,) = book.closed
    assert trip.entry_price == 103
    assert trip.exit_price == Decimal("97.5")
    assert trip.cash_flow == 40 * (Decimal("97.5") - 103)
    assert trip.fills == 4


def test_a_fill_through_zero_closes_one_and_opens_the_next_sharing_its_fee() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 10, 100))
    book.on_fill(day(2), S, fill("b", -30, 110, fee=3))
    assert book.closed[0].cash_flow == 100 - 1
    (short,) = book.open
    assert short.quantity == -20
    assert short.fees == 2


def test_strategies_keep_their_own_round_trips_in_one_symbol() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 10, 100))
    book.on_fill(day(2), OTHER, fill("b", -10, 101))
    assert book.closed == []
    assert [trip.quantity for trip in book.open] == [10, -10]


def test_a_split_changes_shares_and_no_money() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 10, 100))
    book.on_action(day(2), split(2))
    book.on_fill(day(3), S, fill("b", -20, 60))
    (trip,) = book.closed
    assert trip.entry_price == 50
    assert trip.cash_flow == 200


def test_a_reverse_split_keeps_whole_lots_as_the_books_do() -> None:
    book = TradeBook({"X": Instrument("X")})
    book.on_fill(day(1), S, fill("a", 15, 10))
    book.on_action(day(2), split("0.1"))
    assert book.open[0].quantity == 1
    assert book.on_cash(posted(50, "cash_in_lieu"))
    book.on_fill(day(3), S, fill("b", -1, 110))
    assert book.closed[0].cash_flow == 110 + 50 - 150


def test_a_split_of_another_symbol_does_nothing() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 10, 100))
    book.on_action(day(2), split(2, symbol="Y"))
    assert book.open[0].quantity == 10


def test_a_dividend_is_shared_by_position_to_the_last_cent() -> None:
    book = TradeBook()
    book.on_fill(day(1), S, fill("a", 1, 100))
    book.on_fill(day(1), OTHER, fill("b", 2, 100))
    assert book.on_cash(posted("1.00"))
    incomes = [trip.income for trip in book.open]
    assert sum(incomes) == 1
    assert incomes[1] > incomes[0]


def test_cash_without_a_position_belongs_to_no_trade() -> None:
    assert not TradeBook().on_cash(posted("5.00", "interest", symbol=""))


def test_a_multiplier_scales_value_and_not_price() -> None:
    book = TradeBook({"X": Instrument("X", multiplier=Decimal(50))})
    book.on_fill(day(1), S, fill("a", 1, 100))
    book.on_fill(day(2), S, fill("b", -1, 101))
    assert book.closed[0].cash_flow == 50
    assert book.closed[0].entry_price == 100


def test_totals_are_those_of_the_list_and_outlive_it() -> None:
    kept, counted = TradeBook(), TradeBook(keeps_closed=False)
    prices = (100, 103, 103, 99, 99, 99, 99, 120)
    for number, price in enumerate(prices):
        quantity = 10 if number % 2 == 0 else -10
        for book in (kept, counted):
            book.on_fill(day(number), S, fill(f"o{number}", quantity, price, fee=number))
    profits = [trip.cash_flow for trip in kept.closed]
    totals = kept.totals
    assert totals == counted.totals
    assert counted.closed == []
    assert (totals.count, totals.winning, totals.losing) == (4, 2, 2)
    assert totals.earned == sum(profits)
    assert totals.won == sum(profit for profit in profits if profit > 0)
    assert totals.held_ns == day(4) - day(0)


def test_an_annulled_exit_opens_its_round_trip_again() -> None:
    book = TradeBook()
    sale = fill("b", -10, 110, fee=2)
    book.on_fill(day(1), S, fill("a", 10, 100, fee=1))
    book.on_fill(day(2), S, sale)
    book.on_reversal(day(3), S, sale)
    (trip,) = book.open
    assert trip.quantity == 10
    assert trip.fees == trip.fills == 1
    assert book.closed == []
    assert book.totals == ClosedTotals()
    assert book.traded_value == 1000


def test_an_annulled_only_entry_leaves_nothing() -> None:
    book = TradeBook()
    buy = fill("a", 10, 100)
    book.on_fill(day(1), S, buy)
    book.on_reversal(day(2), S, buy)
    assert book.open == book.closed == []
    assert book.traded_value == 0


def test_an_annulled_part_of_an_entry_closes_what_was_left() -> None:
    book = TradeBook()
    extra = fill("b", 5, 100)
    for done in (fill("a", 10, 100), extra, fill("c", -10, 101)):
        book.on_fill(day(1), S, done)
    book.on_reversal(day(4), S, extra)
    assert book.open == []
    assert book.closed[0].cash_flow == 10
    assert book.closed[0].closed_ns == day(4)


def test_an_annulled_execution_through_zero_is_taken_out_of_both_round_trips() -> None:
    book = TradeBook()
    through = fill("b", -30, 110, fee=3)
    book.on_fill(day(1), S, fill("a", 10, 100))
    book.on_fill(day(2), S, through)
    book.on_reversal(day(3), S, through)
    (trip,) = book.open
    assert trip.quantity == 10
    assert trip.fees == 0
    assert book.closed == []


def test_an_annulled_entry_of_what_was_sold_since_becomes_a_short_position() -> None:
    book = TradeBook()
    buy = fill("a", 10, 100)
    book.on_fill(day(1), S, buy)
    book.on_fill(day(2), S, fill("b", -10, 110))
    book.on_reversal(day(3), S, buy)
    (trip,) = book.open
    assert trip.quantity == -10
    assert book.closed[0].cash_flow + trip.cash_flow == 1100
    assert book.traded_value == 1100
