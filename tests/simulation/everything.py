"""Runs that use everything, one for each kind of feed: what the promises are tried on."""

from __future__ import annotations

from pathlib import Path

from tests.simulation.made_data import DAYS, write_minutes, write_quotes
from tests.simulation.playback import EVERY_CALL, RunConfiguration, configuration

FEEDS = ("daily", "minutes", "quotes")
EVENTFUL = ("2004-09-01", "2005-06-30")
"""Daily bars with a split of AAPL, a special dividend of MSFT and a half-day."""
REGIME = {
    "detector": "volatility",
    "thresholds": [0.3, 0.6],
    "labels": ["calm", "normal", "crisis"],
}


def everything(feed: str, directory: Path, *, order_at_stop: bool = False) -> RunConfiguration:
    """The configuration of `EveryCall` on one kind of feed; made data goes to `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    if feed == "daily":
        return daily(order_at_stop=order_at_stop)
    params = {"order_at_stop": order_at_stop, "quantity": 60}
    live = {"duplicate_order_window_ms": 500}
    if feed == "minutes":
        return configuration(
            EVERY_CALL,
            symbols=["AAA", "BBB"],
            data=write_minutes(directory, step_minutes=10),
            days=DAYS,
            params=params,
            live=live,
        )
    return configuration(
        EVERY_CALL,
        symbols=["AAA", "BBB"],
        data=write_quotes(directory, every_s=240),
        days=DAYS,
        params={**params, "warmup": 0, "every": 1},
        execution={"latency_ms": 40, "fees": "ibkr_tiered"},
        live={**live, "heartbeat": {"interval_ms": 700_000}},
    )


def daily(*, order_at_stop: bool = False) -> RunConfiguration:
    """Daily bars of AAPL and MSFT; orders are large for the volume they may take."""
    return configuration(
        EVERY_CALL,
        symbols=["AAPL", "MSFT"],
        days=EVENTFUL,
        params={"order_at_stop": order_at_stop, "timer_s": 86_400, "larger_bars": "1d"},
        execution={"participation": 0.000001},
        regime=REGIME,
    )
