"""Which days of the user's data a first configuration runs over, found by opening the data.

The data is opened as a run would open it, so what a run would refuse is told at once. Days up to
a move that no corporate action explains are left out, and that is said: nothing is allowed on
the user's behalf. The last part of the days is kept for the live engine, so that it never trades
what the backtest has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

HISTORY_BARS = 60
"""Bars before the first day that have to be good as well: strategies warm up on them."""
HISTORY_DAYS = 120
"""Calendar days that surely hold that many daily bars."""
LIVE_PART = 0.3
JUMPS_PASSED_MAX = 50


class StarterDays(NamedTuple):
    """First and last day of backtest and live; `left_out` says why earlier days are not used."""

    backtest: tuple[str, str]
    live: tuple[str, str]
    left_out: str


def starter_days(data: Path, symbols: Sequence[str]) -> StarterDays | None:
    """Days that a run over daily bars accepts; None for other data, or too little of it.

    Raises DataError for data that no choice of days makes good: the user mends it first.
    """
    from regimeflow.data.feed import open_feed
    from regimeflow.data.price_jumps import PriceJump
    from regimeflow.data.session_table import load_calendar
    from regimeflow.model.timestamps import date_from_ns, ns_from_date
    from regimeflow.run.plan import CALENDAR_FIRST, CALENDAR_LAST

    calendar = load_calendar("XNYS", ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST))
    start: date | None = None
    left_out = ""
    for passed in range(JUMPS_PASSED_MAX + 1):
        try:
            feed = open_feed(
                symbols=symbols,
                data_directory=data,
                start_ns=None if start is None else ns_from_date(start),
                calendar=calendar,
                warmup_bars=0 if start is None else HISTORY_BARS,
            )
        except PriceJump as jump:
            if passed == JUMPS_PASSED_MAX:
                raise
            start, left_out = jump.day + timedelta(days=HISTORY_DAYS), str(jump)
        else:
            first = start or date_from_ns(feed.first_ns)
            last = date_from_ns(feed.last_ns)
            return _split(first, last, left_out) if feed.is_daily else None
    return None


def _split(first: date, last: date, left_out: str) -> StarterDays | None:
    days = (last - first).days
    if days < HISTORY_DAYS:
        return None
    live_first = last - timedelta(days=int(days * LIVE_PART))
    before = live_first - timedelta(days=1)
    return StarterDays(
        (first.isoformat(), before.isoformat()),
        (live_first.isoformat(), last.isoformat()),
        left_out,
    )
