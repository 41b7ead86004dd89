"""RegimeFlow: one strategy, one pipeline, backtest and live.

    import regimeflow as rf

    class Hold(rf.Strategy):
        def initialize(self, ctx): ...
        def on_bar(self, bar): ...

    report = rf.backtest("config.yaml")     # the same configuration, strategy and engine
    summary = rf.run_live("config.yaml")    # as `regimeflow_live --config config.yaml`

The names in `__all__` are the public interface; everything else may change. Heavy parts
(configuration, data, reports) are loaded on first use.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

# First, so that importing it later does not put the package in the place of our `backtest`.
import regimeflow.backtest  # noqa: F401 - see above
from regimeflow.errors import (
    ConfigError,
    DataError,
    InvariantViolated,
    JournalCorrupt,
    JournalError,
    RegimeFlowError,
    StartRefused,
    UsageError,
    VenueProtocolError,
)
from regimeflow.model.commands import HealthChanged, RegimeChanged
from regimeflow.model.events import OrderFilled
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import (
    ActionKind,
    Bar,
    BookSnapshot,
    CorporateAction,
    Quote,
    Trade,
)
from regimeflow.model.order import Order, OrderStatus, OrderType, Side, TimeInForce
from regimeflow.model.session import Session
from regimeflow.strategy import Context, PortfolioView, PositionView, Strategy

if TYPE_CHECKING:
    from regimeflow.backtest.report import Report
    from regimeflow.config import Config
    from regimeflow.live.runner import LiveSummary

ConfigSource = str | os.PathLike[str] | Mapping[str, object]

__all__ = [
    "ActionKind",
    "Bar",
    "BookSnapshot",
    "ConfigError",
    "ConfigSource",
    "Context",
    "CorporateAction",
    "DataError",
    "HealthChanged",
    "Instrument",
    "InvariantViolated",
    "JournalCorrupt",
    "JournalError",
    "Order",
    "OrderFilled",
    "OrderStatus",
    "OrderType",
    "PortfolioView",
    "PositionView",
    "Quote",
    "RegimeChanged",
    "RegimeFlowError",
    "Session",
    "Side",
    "StartRefused",
    "Strategy",
    "TimeInForce",
    "Trade",
    "UsageError",
    "VenueProtocolError",
    "backtest",
    "load_config",
    "run_live",
]


def load_config(source: ConfigSource) -> Config:
    """Read and validate a configuration file, or a mapping of the same shape.

    Raises ConfigError naming every problem with its line and the next step.
    """
    from regimeflow.config import load_config as load

    return load(source)


def backtest(source: ConfigSource | Config, *, window: str = "backtest") -> Report:
    """Run a configuration over history; `Report.write(directory)` saves it.

    `window` is "backtest" or "live" (the days of the simulated broker). Raises ConfigError or
    DataError for what the user has to mend.
    """
    from regimeflow.backtest.runner import run_backtest

    if window not in ("backtest", "live"):
        raise UsageError(f'window: seen {window!r}; expected "backtest" or "live"')
    return run_backtest(_config(source), window=window)


def run_live(source: ConfigSource | Config) -> LiveSummary:
    """Run the live engine in this process until a signal or the end of a playback.

    Raises ConfigError, StartRefused or JournalError; see `regimeflow.errors` for whose fault.
    """
    from rich.console import Console as RichConsole

    from regimeflow.live.console import Console
    from regimeflow.live.runner import run_live as run

    config = _config(source)
    is_fast = config.live is not None and config.live.is_fast_playback
    return run(config, console=Console(RichConsole(), is_fast=is_fast))


def _config(source: ConfigSource | Config) -> Config:
    from regimeflow.config import Config

    if isinstance(source, (str, os.PathLike, Mapping)):
        return load_config(source)
    if not isinstance(source, Config):
        raise UsageError(f"seen a {type(source).__name__}; expected a path, a mapping or a Config")
    return source
