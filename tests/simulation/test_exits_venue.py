"""Brackets, their exits and closes with a venue that links exits and has bad manners.

`REGIMEFLOW_EXIT_SEEDS` is how many seeds of each kind of manners are played.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from regimeflow.core.exits import STOP_LOSS
from regimeflow.model import events as e
from regimeflow.model.order import Side
from tests.simulation.exits_venue import ExitsVenue, Manners

SEEDS = int(os.environ.get("REGIMEFLOW_EXIT_SEEDS", "15"))
STEPS = 25
PAUSES_S = (0, 0.05, 0.5, 2, 8)
MANNERS = {
    "good": Manners(),
    "rejecting": Manners(rejects=0.2, refuses_cancels=0.2),
    "losing": Manners(rejects=0.1, refuses_cancels=0.1, loses=0.1),
    "cut_off": Manners(rejects=0.1, cuts_off=True),
    "flattened": Manners(rejects=0.1, refuses_cancels=0.1, flattens=True),
    "closed": Manners(rejects=0.1, refuses_cancels=0.2, closes=True),
    "moved": Manners(refuses_cancels=0.1, moves_stops=True, cancels_entries=True),
}


@pytest.mark.parametrize("manners", MANNERS)
def test_what_is_held_keeps_its_exits_or_somebody_is_told(manners: str) -> None:
    for seed in range(SEEDS):
        venue = play(seed, MANNERS[manners])
        assert venue.desk.held() == venue.book.held()


def play(seed: int, manners: Manners) -> ExitsVenue:
    """One day of brackets, settled and checked; a failure names its seed."""
    venue = ExitsVenue(seed, manners)
    try:
        for _ in range(STEPS):
            _turn(venue, venue.chance.random())
            venue.lapse(venue.chance.choice(PAUSES_S))
        venue.settle()
    except AssertionError as error:
        error.add_note(f"seed {seed}, {manners}:\n" + "\n".join(venue.told[-60:]))
        raise
    return venue


def _turn(venue: ExitsVenue, choice: float) -> None:
    """The strategy buys, or something fills, or what these manners allow happens."""
    manners, chance = venue.manners, venue.chance
    working = venue.desk.engine.ledger.orders.open.values()
    if choice < 0.2:
        venue.wish(lambda ctx: _buy(ctx, chance.randint(2, 20), is_both=chance.random() < 0.7))
    elif choice < 0.55:
        # Prices reach entries more often than exits.
        due = [o for o in venue.book.working() if not o.command.parent_id or chance.random() < 0.15]
        if due:
            venue.trade(chance.choice(due))
    elif choice < 0.6 and manners.flattens:
        venue.deliver(e.Flatten("operator"))
    elif choice < 0.68 and manners.cuts_off:
        venue.cut_off()
    elif choice < 0.74 and manners.closes:
        venue.wish(lambda ctx: ctx.close_position("ABC"))
    elif choice < 0.8 and manners.moves_stops:
        stops = [order.client_order_id for order in working if order.tag == STOP_LOSS]
        if stops:
            stop, price = chance.choice(stops), chance.choice([91, 92, 93])
            venue.wish(lambda ctx: ctx.modify_order(stop, stop_price=price))
    elif choice < 0.86 and manners.cancels_entries:
        entries = [order.client_order_id for order in working if order.parent_id is None]
        if entries:
            entry = chance.choice(entries)
            venue.wish(lambda ctx: ctx.cancel_order(entry))


def _buy(ctx: Any, quantity: int, *, is_both: bool) -> None:
    terms = {"limit_price": 100, "stop_loss": 90, "take_profit": 120 if is_both else None}
    ctx.submit_order("ABC", Side.BUY, quantity, **terms)
