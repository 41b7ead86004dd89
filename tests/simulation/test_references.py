"""How old a price is: measured in open time, across sessions, for every symbol alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.core.market_state import SESSIONS_MAX, MarketState
from regimeflow.model import commands as c
from regimeflow.model.session import Session
from tests.simulation.everything import EVENTFUL
from tests.simulation.playback import EVERY_CALL, configuration, facts_of, play_live

DAY, OPEN, CLOSE = 1_000, 100, 400


def market_after(days: int, *, is_open: bool) -> MarketState:
    """So many sessions of 300 are over; the next one has opened, or not."""
    market = MarketState()
    for day in range(days):
        session = Session("made", str(day), day * DAY + OPEN, day * DAY + CLOSE)
        market.session = session
        market.close_session(session)
    if is_open:
        market.session = Session("made", str(days), days * DAY + OPEN, days * DAY + CLOSE)
    return market


@pytest.mark.parametrize(
    ("days", "is_open", "ts_ns", "observed_ns", "age_ns"),
    [
        (1, False, 900, 400, 0),
        (1, False, 900, 350, 50),
        (1, True, 1150, 400, 50),
        (1, True, 1150, 1120, 30),
        (1, True, 1150, 390, 60),
        (2, False, 1400, 400, 300),
        (2, True, 2150, 400, 350),
        (3, True, 3100, 400, 600),
    ],
)
def test_price_ages_only_while_the_venue_is_open(
    days: int, is_open: bool, ts_ns: int, observed_ns: int, age_ns: int
) -> None:
    assert market_after(days, is_open=is_open).open_age_ns(ts_ns, observed_ns) == age_ns


def test_price_older_than_the_sessions_remembered_is_never_too_young() -> None:
    days = SESSIONS_MAX + 5
    market = market_after(days, is_open=False)
    assert market.open_age_ns(days * DAY, 0) >= days * 300


def test_order_for_the_symbol_whose_bar_comes_second_has_a_price(tmp_path: Path) -> None:
    """At one close AAPL's bar comes first: MSFT's last price is a session old, and good."""
    raw = configuration(
        EVERY_CALL,
        symbols=["AAPL", "MSFT"],
        days=EVENTFUL,
        params={"larger_bars": "1d", "timer_s": 86_400},
    )
    play_live(raw, tmp_path)
    facts = [record.body for record in facts_of(tmp_path)]
    assert [f for f in facts if isinstance(f, c.OrderDenied) and f.control == "C19"] == []
