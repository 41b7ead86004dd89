"""What is set up for a rehearsal: the user's configuration, moved to a venue that we can torture.

Strategy, limits, guards and costs stay as the user wrote them. Changed are only the place of
the broker, the directory, and what a simulated broker leaves out: orders are as durable as with
real money (`power`), and the data are intraday bars made from the seed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from regimeflow.config import Config, config_values, load_config
from regimeflow.data.feed import in_memory_feed
from regimeflow.data.session_table import load_calendar
from regimeflow.errors import ConfigError
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S, ns_from_date
from regimeflow.run import policy
from regimeflow.run.plan import CALENDAR_FIRST, CALENDAR_LAST, warmup_bars
from regimeflow.testing.rehearsal.market import BAR_S, intraday_bars
from regimeflow.testing.venues.sim_program import VenueParts
from regimeflow.testing.venues.sim_server import HEARTBEAT_S

PORT = 8_765
URL = f"http://127.0.0.1:{PORT}"
REHEARSED_DAY = date(2023, 11, 15)
START_AFTER_OPEN_NS = 100 * NS_PER_MINUTE
HISTORY_BARS_MAX = START_AFTER_OPEN_NS // NS_PER_S // BAR_S - 1
REQUEST_TIMEOUT_MS = 2_000
POLL_MS = 10_000
"""Longest pauses between polls: minutes of a rehearsal stand for days of trading."""


@dataclass(frozen=True)
class Stand:
    """One rehearsal's configuration (without its directory) and its venue's parts.

    The venue says every `heartbeat_s` seconds that it is there.
    """

    raw: Mapping[str, Any]
    base: Path
    parts: VenueParts
    heartbeat_s: float = HEARTBEAT_S

    def config_in(self, log_dir: Path) -> Config:
        """The configuration of an engine that writes to `log_dir`."""
        live = {**self.raw["live"], "log_dir": str(log_dir)}
        return load_config({**self.raw, "live": live}, environ={}, cwd=self.base)


def set_up(config: Config, *, seed: int, trading_s: int) -> Stand:
    """A stand with data for `trading_s` seconds. Raises ConfigError without a live section."""
    if config.live is None:
        raise ConfigError("live: missing; a rehearsal runs the live engine (see `init`)")
    raw = _moved(config)
    calendar = load_calendar(
        config.calendar, ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST)
    )
    session = calendar.next_after(ns_from_date(REHEARSED_DAY))
    assert session is not None, "the rehearsed day has a session"
    start_ns = session.open_ns + START_AFTER_OPEN_NS
    history = min(max(warmup_bars(config), 1) + 5, HISTORY_BARS_MAX)
    bars = intraday_bars(
        config.symbols,
        seed=seed,
        first_ns=start_ns - history * BAR_S * NS_PER_S,
        count=history + trading_s // BAR_S,
    )
    parts = VenueParts(
        feed=in_memory_feed(bars, symbols=config.symbols),
        calendar=calendar,
        instruments=policy.instruments(config),
        model=policy.execution_model(config),
        cash=config.backtest.initial_capital,
        currency=config.account.currency,
        start_ns=start_ns,
        end_ns=session.close_ns,
    )
    return Stand(raw, config.base_directory, parts)


def _moved(config: Config) -> dict[str, Any]:
    raw = cast("dict[str, Any]", config_values(config))
    live = raw["live"]
    broker = {key: value for key, value in live["broker_config"].items() if key != "speed"}
    broker |= {"url": URL, "request_timeout_ms": REQUEST_TIMEOUT_MS}
    polls = {
        name: min(live[name], POLL_MS)
        for name in (
            "order_reconcile_interval_ms",
            "position_reconcile_interval_ms",
            "account_refresh_interval_ms",
        )
    }
    raw["live"] = {
        **live,
        **polls,
        "broker": "sim",
        "paper": True,
        "account_id": "",
        "broker_config": broker,
        "journal": {**live["journal"], "durability": "power"},
        "control": {**live["control"], "enabled": False},
        "reconnect": {**live["reconnect"], "initial_ms": 200, "max_ms": 5_000, "max_attempts": 0},
    }
    raw.pop("metrics", None)
    return raw
