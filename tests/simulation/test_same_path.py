"""One configuration through the backtest and through the live runner: the same run."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from regimeflow.data.lean import read_minute_quotes, read_minute_trades
from regimeflow.data.session_table import load_calendar
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.order import OrderType
from regimeflow.model.timestamps import ns_from_date
from tests.simulation.everything import EVENTFUL, FEEDS, everything
from tests.simulation.made_data import write_hours
from tests.simulation.playback import (
    EVERY_CALL,
    RunConfiguration,
    assert_same,
    configuration,
    facts_of,
    last_mark,
    play_backtest,
    play_live,
    trail,
)

USED_ON_EVERY_FEED = {
    c.SubmitOrder,
    c.CancelOrder,
    c.ReplaceOrder,
    c.SetTimer,
    c.CancelTimer,
    c.OrderDenied,
    c.StrategyLogged,
    c.StrategyStateSaved,
    c.AccountMarked,
    e.OrderAccepted,
    e.OrderFilled,
    e.OrderCanceled,
    e.OrderExpired,
    e.OrderReplaced,
    e.TimerFired,
    e.SessionOpened,
    e.SessionClosed,
}
EVERY_TYPE = set(OrderType)
FILLED_ON = {"daily": EVERY_TYPE, "minutes": EVERY_TYPE, "quotes": EVERY_TYPE}


def agree(raw: RunConfiguration, tmp_path: Path) -> Counter[str]:
    """Run both ways, compare to the last digit; returns how often each kind of fact came."""
    play_backtest(raw, tmp_path / "backtest")
    summary = play_live(raw, tmp_path / "live")
    assert summary.exit_code == 0
    ours, theirs = trail(tmp_path / "live"), trail(tmp_path / "backtest")
    assert_same(ours, theirs)
    assert last_mark(tmp_path / "live") == last_mark(tmp_path / "backtest")
    return Counter(text.split(" ", 1)[0] for _, text in ours)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("moving_average_cross", {"fast_period": 5, "slow_period": 12, "quantity": 40}),
        ("buy_and_hold", {"symbol": "AAPL", "quantity": 100}),
        ("pairs_trading", {"symbol_a": "AAPL", "symbol_b": "MSFT", "lookback": 30, "entry_z": 1}),
        ("harmonic_pattern", {"symbol": "AAPL", "min_bars": 20, "tolerance": 0.5}),
    ],
)
def test_built_in_strategy_is_the_same_live_as_in_a_backtest(
    name: str, params: dict[str, object], tmp_path: Path
) -> None:
    days = EVENTFUL if name != "harmonic_pattern" else ("2002-01-02", EVENTFUL[1])
    raw = configuration(name, symbols=["AAPL", "MSFT"], params=params, days=days)
    counts = agree(raw, tmp_path)
    assert counts["OrderFilled"] >= 1
    assert counts["CorporateAction"] >= 1


@pytest.mark.parametrize("feed", FEEDS)
def test_strategy_that_uses_everything_sees_and_does_the_same(feed: str, tmp_path: Path) -> None:
    counts = agree(everything(feed, tmp_path / "data", order_at_stop=True), tmp_path)
    seen = set(counts)
    assert {kind.__name__ for kind in USED_ON_EVERY_FEED} <= seen
    assert "StrategyFaulted" not in seen
    assert not surprises(tmp_path / "live")
    assert filled_types(tmp_path / "live") >= FILLED_ON[feed]
    assert has_partial_fills(tmp_path / "live")
    denied = [r.body for r in facts_of(tmp_path / "live") if isinstance(r.body, c.OrderDenied)]
    assert [body for body in denied if body.control == "STOPPED"]


def test_market_that_never_closes_is_rolled_every_night_both_ways(tmp_path: Path) -> None:
    raw = configuration(
        EVERY_CALL,
        symbols=["CCC"],
        data=write_hours(tmp_path, days=4),
        params={"quantity": 20, "warmup": 2, "larger_bars": "6h"},
        live={"broker_asset_class": "crypto"},
    )
    counts = agree(raw, tmp_path)
    marks = [r.body for r in facts_of(tmp_path / "live") if isinstance(r.body, c.AccountMarked)]
    nights = [mark.session for mark in marks if mark.kind is c.MarkKind.SESSION]
    assert nights == ["2012-11-21", "2012-11-22", "2012-11-23", "2012-11-24"]
    assert counts["StrategyStateSaved"] == 4
    assert counts["OrderFilled"] > 10


@pytest.mark.parametrize("kind", ["trade", "quote"])
def test_recorded_minutes_of_spy_are_the_same_both_ways(
    kind: str, shared_dir: Path, tmp_path: Path
) -> None:
    """Extended hours, real spreads and real volumes, over three sessions."""
    write_lean_minutes(shared_dir, tmp_path, kind, ("20131004", "20131007", "20131008"))
    raw = configuration(
        EVERY_CALL,
        symbols=["SPY"],
        data=tmp_path,
        params={"quantity": 400, "every": 7, "warmup": 0},
        live={"heartbeat": {"interval_ms": 600_000}},
    )
    counts = agree(raw, tmp_path)
    assert counts["OrderFilled"] > 50
    assert counts["StrategyFaulted"] == 0
    assert not surprises(tmp_path / "live")


TOLD = ("not_protected", "not_closed")


def surprises(log_dir: Path) -> list[c.DiscrepancyFound]:
    """Differences, but for exits without room beside other orders, and closes that expire."""
    found = (r.body for r in facts_of(log_dir) if isinstance(r.body, c.DiscrepancyFound))
    return [difference for difference in found if difference.kind not in TOLD]


def filled_types(log_dir: Path) -> set[OrderType]:
    """Types of the orders that filled."""
    types = {}
    found = set()
    for record in facts_of(log_dir):
        body = record.body
        if isinstance(body, c.SubmitOrder):
            types[body.client_order_id] = body.order_type
        elif isinstance(body, e.OrderFilled) and body.client_order_id in types:
            found.add(types[body.client_order_id])
    return found


def has_partial_fills(log_dir: Path) -> bool:
    """Whether one order filled more than once."""
    fills = Counter(
        r.body.client_order_id for r in facts_of(log_dir) if isinstance(r.body, e.OrderFilled)
    )
    return max(fills.values()) > 1


def write_lean_minutes(shared: Path, target: Path, kind: str, days: tuple[str, ...]) -> None:
    """Recorded minutes of SPY as one file in our own format."""
    directory = shared / "data/lean/equity/usa/minute/spy"
    calendar = load_calendar(
        "XNYS", ns_from_date(date(2013, 1, 2)), ns_from_date(date(2013, 12, 30))
    )
    lines = []
    for day in days:
        path = directory / f"{day}_{kind}.zip"
        if kind == "trade":
            for bar in read_minute_trades(path, symbol="SPY", calendar=calendar):
                prices = f"{bar.open},{bar.high},{bar.low},{bar.close}"
                lines.append(f"{bar.ts_open_ns},{prices},{bar.volume}")
        else:
            for q in read_minute_quotes(path, symbol="SPY", calendar=calendar):
                lines.append(f"{q.ts_venue_ns},{q.bid},{q.ask},{q.bid_size},{q.ask_size}")
    names = "open,high,low,close,volume" if kind == "trade" else "bid,ask,bid_size,ask_size"
    text = "\n".join([f"timestamp,{names}", *lines]) + "\n"
    (target / "SPY.csv").write_text(text, encoding="utf-8", newline="\n")
