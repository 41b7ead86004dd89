"""One order and its replacements with a venue that loses, delays, reorders and doubles.

`REGIMEFLOW_LOSSY_SEEDS` is how many seeds of each style of replacement are played.
"""

from __future__ import annotations

import os

import pytest

from tests.simulation.lossy_venue import LossyVenue, ReplaceStyle

SEEDS = int(os.environ.get("REGIMEFLOW_LOSSY_SEEDS", "150"))


@pytest.mark.parametrize("style", ReplaceStyle, ids=lambda style: str(style.name).lower())
def test_books_equal_those_of_a_venue_that_loses_and_doubles_messages(style: ReplaceStyle) -> None:
    for seed in range(SEEDS):
        venue = play(seed, style)
        assert (venue.desk.held(), venue.desk.may_fill()) == (venue.filled(), venue.leaves())


def play(seed: int, style: ReplaceStyle) -> LossyVenue:
    """One order's life with this venue, settled and checked; a failure names its seed."""
    venue = LossyVenue(seed, style)
    chance = venue.chance
    try:
        venue.wish(lambda ctx: ctx.buy("ABC", 100, limit_price=100.0))
        for _ in range(chance.randint(3, 14)):
            venue.lapse(chance.choice([0.1, 1.0, chance.uniform(0, 15)]))
            _turn(venue, chance.random())
        venue.settle()
    except AssertionError as error:
        error.add_note(f"seed {seed}, {style}:\n" + "\n".join(venue.told[-40:]))
        raise
    return venue


def _turn(venue: LossyVenue, choice: float) -> None:
    """The strategy changes or cancels its order, or the venue fills or lists it, or neither."""
    working = list(venue.desk.engine.ledger.orders.open)
    if choice < 0.4 and working:
        quantity = venue.chance.randint(1, 400)
        venue.wish(lambda ctx: ctx.modify_order(working[0], quantity=quantity))
    elif choice < 0.5 and working:
        venue.wish(lambda ctx: ctx.cancel_order(working[0]))
    elif choice < 0.8:
        venue.trade()
    elif choice < 0.9:
        venue.list_all()
