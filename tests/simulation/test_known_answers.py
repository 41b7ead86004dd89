"""Runs whose answers are known by other means: plain arithmetic, and the calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from regimeflow.model import commands as c
from regimeflow.model import events as e
from tests.simulation.made_data import DAYS, sessions, write_minutes
from tests.simulation.playback import (
    CHECKOUT,
    RunConfiguration,
    configuration,
    facts_of,
    play_backtest,
    play_live,
)

Floats = NDArray[np.float64]
FAST, SLOW, SHARES, CASH = 10, 20, 100, 1_000_000.0


def crossover(opens: Floats, closes: Floats) -> tuple[list[tuple[int, int, float]], Floats]:
    """Fills `(day, signed shares, price)` and daily equity of a long-only SMA crossover.

    The side is decided on a close, from the close on which both averages exist and one more has
    been seen (warm-up), and traded at the next open. Written without any of the engine's code.
    """
    sums = np.concatenate(([0.0], np.cumsum(closes)))
    days = np.arange(SLOW, len(closes))
    fast = np.full(len(closes), np.nan)
    slow = np.full(len(closes), np.nan)
    fast[days] = (sums[days + 1] - sums[days + 1 - FAST]) / FAST
    slow[days] = (sums[days + 1] - sums[days + 1 - SLOW]) / SLOW
    fills, held, cash = [], 0, CASH
    equity = np.full(len(closes), CASH)
    wanted = 0
    for day in range(len(closes)):
        if wanted != held:
            fills.append((day, wanted - held, float(opens[day])))
            cash -= (wanted - held) * opens[day]
            held = wanted
        equity[day] = cash + held * closes[day]
        if day >= SLOW and fast[day] != slow[day]:
            wanted = SHARES if fast[day] > slow[day] else 0
    return fills, equity


@pytest.mark.parametrize("way", ["backtest", "live"])
def test_moving_average_crossover_on_google_is_that_of_plain_arithmetic(
    way: str, tmp_path: Path
) -> None:
    """2004 to 2013, 100 shares, no cost: every fill, and equity at every close, to 1e-9."""
    path = CHECKOUT / "tests" / "data" / "GOOG.csv"
    table = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=(1, 4))
    raw = configuration(
        "moving_average_cross",
        symbols=["GOOG"],
        data=path.parent,
        params={"fast_period": FAST, "slow_period": SLOW, "quantity": SHARES},
        execution={"fill_model": "frictionless", "fees": "none"},
    )
    (play_backtest if way == "backtest" else play_live)(raw, tmp_path)
    facts = [record.body for record in facts_of(tmp_path)]
    fills = [fact for fact in facts if isinstance(fact, e.OrderFilled)]
    marks = [f for f in facts if isinstance(f, c.AccountMarked) and f.kind is c.MarkKind.SESSION]
    expected_fills, expected_equity = crossover(table[:, 0], table[:, 1])
    assert len(fills) == len(expected_fills) > 50
    for fill, (_, signed, price) in zip(fills, expected_fills, strict=True):
        assert fill.side.sign * fill.quantity == signed
        assert float(fill.price) == pytest.approx(price, rel=1e-9)
    dates = [line.split(",")[0] for line in path.read_text(encoding="utf-8").splitlines()[1:]]
    days_of_fills = [dates[day] for day, _, _ in expected_fills]
    assert [_day(fill.ts_venue_ns) for fill in fills] == days_of_fills
    assert [mark.session for mark in marks] == dates
    equity = np.array([float(mark.equity) for mark in marks])
    assert np.max(np.abs(equity / expected_equity - 1.0)) < 1e-9


def test_end_of_day_is_ten_minutes_before_the_close_of_a_half_day_too(tmp_path: Path) -> None:
    play_live(everyday(tmp_path), tmp_path / "logs")
    facts = facts_of(tmp_path / "logs")
    fired = [r.body for r in facts if isinstance(r.body, e.TimerFired)]
    ends = [timer.due_ns for timer in fired if timer.timer_id == "end_of_day"]
    assert [_clock(due_ns) for due_ns in ends] == ["11-21 20:50", "11-23 17:50", "11-26 20:50"]


def test_sessions_leave_out_holidays_and_weekends(tmp_path: Path) -> None:
    play_live(everyday(tmp_path), tmp_path / "logs")
    facts = facts_of(tmp_path / "logs")
    opened = [r.body.session.date for r in facts if isinstance(r.body, e.SessionOpened)]
    assert opened == ["2012-11-21", "2012-11-23", "2012-11-26"]
    closes = [_clock(r.ts_ns) for r in facts if isinstance(r.body, e.SessionClosed)]
    assert closes == ["11-21 21:00", "11-23 18:00", "11-26 21:00"]


def test_day_orders_expire_at_the_close_of_their_session(tmp_path: Path) -> None:
    """Resting limits far away: each expires with its session, also at 13:00 New York time."""
    play_live(everyday(tmp_path), tmp_path / "logs")
    facts = facts_of(tmp_path / "logs")
    closes = {session.close_ns for session in sessions()}
    expired = [r.body for r in facts if isinstance(r.body, e.OrderExpired)]
    assert len(expired) == 3
    assert {report.ts_venue_ns for report in expired} == closes


@pytest.mark.parametrize(
    ("first", "last", "opens"),
    [
        ("2012-03-08", "2012-03-13", ["03-08 14:30", "03-09 14:30", "03-12 13:30", "03-13 13:30"]),
        ("2012-11-01", "2012-11-06", ["11-01 13:30", "11-02 13:30", "11-05 14:30", "11-06 14:30"]),
    ],
)
def test_sessions_follow_daylight_saving(
    first: str, last: str, opens: list[str], tmp_path: Path
) -> None:
    """The market opens at 9:30 in New York whatever that is in UTC; fills are at that open."""
    name = "tests.simulation.small_strategies:BuysOnEveryBar"
    raw = configuration(name, symbols=["AAPL"], days=(first, last))
    play_live(raw, tmp_path)
    facts = facts_of(tmp_path)
    seen = [r for r in facts if isinstance(r.body, e.SessionOpened)]
    assert [_clock(record.ts_ns) for record in seen] == opens
    filled = [r.body for r in facts if isinstance(r.body, e.OrderFilled)]
    assert [_clock(fill.ts_venue_ns) for fill in filled] == opens[1:]


def everyday(tmp_path: Path) -> RunConfiguration:
    """One resting order a session, on minute bars of a week with a holiday and a half-day."""
    data = tmp_path / "data"
    data.mkdir(exist_ok=True)
    return configuration(
        "tests.simulation.small_strategies:RestsOnceADay",
        symbols=["AAA"],
        data=write_minutes(data, step_minutes=5),
        days=DAYS,
    )


def _day(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 10**9, UTC).date().isoformat()


def _clock(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns // 10**9, UTC).strftime("%m-%d %H:%M")
