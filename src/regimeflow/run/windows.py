"""The days and files of a run, opened and checked; and the regime model trained on its own days."""

from __future__ import annotations

from datetime import date, timedelta

from regimeflow.config import Config, DataWindow
from regimeflow.data.feed import Feed, open_feed
from regimeflow.errors import ConfigError
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import ns_from_date
from regimeflow.regime.volatility_model import VolatilityModel, model_from_volatilities


def data_window_of(config: Config, window: str) -> DataWindow:
    """Where the data of a window is. Raises ConfigError when none is named."""
    found = config.data_window("live" if window == "live" else "backtest")
    if found is None:
        key = "live.broker_config.data_directory" if window == "live" else "backtest.data"
        raise ConfigError(f"{key}: no data to run over; name the directory of the data files")
    return found


def open_window(
    config: Config, window: DataWindow, calendar: SessionCalendar, warmup_bars: int
) -> Feed:
    """The feed of all symbols over a window, with history before it. Raises DataError."""
    return open_feed(
        symbols=config.symbols,
        data_directory=window.data_directory,
        file_pattern=window.file_pattern,
        actions_file_pattern=window.actions_file_pattern,
        start_ns=ns_from_date(window.start) if window.start else None,
        end_ns=end_of_day_ns(window.end) if window.end else None,
        calendar=calendar,
        warmup_bars=warmup_bars,
        allow_price_jumps=[f"{s}:{day}" if day else s for s, day in window.price_jumps],
    )


def end_of_day_ns(last_day: date) -> int:
    """Nanoseconds of the end of `last_day` (exclusive)."""
    return ns_from_date(last_day + timedelta(days=1))


def regime_symbol(config: Config) -> str:
    """The symbol whose bars are labelled."""
    return config.regime.symbol or config.symbols[0]


def regime_model_for(
    config: Config, window: DataWindow, calendar: SessionCalendar
) -> VolatilityModel | None:
    """The volatility model of a run: from thresholds, or trained; None without a detector."""
    regime = config.regime
    if regime.detector == "none":
        return None
    if regime.thresholds:
        return model_from_volatilities(
            regime.labels,
            [float(threshold) for threshold in regime.thresholds],
            bars_per_year=365.0 if calendar.name == "24/7" else 252.0,
        )
    if regime.train is None:
        raise ConfigError(
            "regime: the volatility detector needs either thresholds or the days to train on, "
            "such as train: {start: 2000-03-01, end: 2007-12-31}, before the days it is used on"
        )
    from regimeflow.research.train_volatility import train_volatility

    symbol = regime_symbol(config)
    feed = open_feed(
        symbols=[symbol],
        data_directory=window.data_directory,
        file_pattern=window.file_pattern,
        actions_file_pattern=window.actions_file_pattern,
        start_ns=ns_from_date(regime.train.start),
        end_ns=end_of_day_ns(regime.train.end),
        calendar=calendar,
        allow_price_jumps=[f"{s}:{day}" if day else s for s, day in window.price_jumps],
    )
    bars = (event for chunk in feed.chunks() for event in chunk)
    return train_volatility(bars, regime.labels, actions=feed.actions)  # type: ignore[arg-type]
