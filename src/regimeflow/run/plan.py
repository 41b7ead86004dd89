"""A run's plan: everything a configuration resolves to, for a backtest and for live alike.

One plan makes any number of fresh engines and schedules; that is how a backtest, a live run, a
recovery and a replay come to run the same thing. Building a plan opens and checks the data and
asks the strategies how much warm-up they need; it changes nothing on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from regimeflow.config import Config, DataWindow
from regimeflow.core.bars import bar_size_ns
from regimeflow.core.engine import Engine
from regimeflow.core.setup import EngineSetup, StrategySetup
from regimeflow.data.feed import Feed, open_feed
from regimeflow.data.session_table import load_calendar
from regimeflow.errors import ConfigError
from regimeflow.journal.records import Fingerprint
from regimeflow.model.instrument import Instrument
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import (
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_MS,
    date_from_ns,
    ns_from_date,
)
from regimeflow.regime.volatility import VolatilityDetector
from regimeflow.regime.volatility_model import VolatilityModel, model_from_volatilities
from regimeflow.run import policy
from regimeflow.run.fingerprint import fingerprint, strategies_hash, venue_hash
from regimeflow.run.strategies import load_strategies
from regimeflow.strategy.state import check_storable
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.schedule import SimSchedule
from regimeflow.venue.sim import SimVenue

CALENDAR_FIRST = date(1990, 1, 2)
CALENDAR_LAST = date(2035, 12, 30)
MARK_INTERVAL_NS = 30 * NS_PER_MINUTE
"""How often the account is valued inside a session of an intraday feed."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """See the module's docstring. Times are nanoseconds UTC; `end_ns` is exclusive."""

    config: Config
    window: str
    calendar: SessionCalendar
    feed: Feed
    instruments: dict[str, Instrument]
    model: ExecutionModel
    cash: Decimal
    start_ns: int
    end_ns: int
    regime_model: VolatilityModel | None
    strategies_hash: str
    venue_hash: str
    strategy_names: tuple[str, ...]
    warmup_bars: int

    @property
    def session_ns(self) -> int:
        """Open time of one ordinary session."""
        session = self.calendar.sessions[0]
        return session.close_ns - session.open_ns

    @property
    def periods_per_year(self) -> float:
        """Sessions a year, for annualising."""
        return 365.0 if self.calendar.name == "24/7" else 252.0

    def setup(self) -> EngineSetup:
        """A fresh engine setup with fresh strategy objects."""
        config, feed = self.config, self.feed
        open_time_ns = self.session_ns if feed.is_daily else feed.bar_size_ns
        detector = None if self.regime_model is None else VolatilityDetector(self.regime_model)
        heartbeat = config.live.heartbeat if config.live is not None else None
        return EngineSetup(
            instruments=self.instruments,
            cash=self.cash,
            strategies=load_strategies(config),
            policy=policy.risk_policy(config, bar_open_time_ns=open_time_ns),
            id_prefix=date_from_ns(self.start_ns).strftime("%Y%m%d"),
            seed=config.backtest.execution.seed,
            start_ns=self.start_ns,
            is_daily=feed.is_daily,
            bar_size_ns=feed.bar_size_ns,
            end_of_day_lead_ns=config.sessions.end_of_day_minutes * NS_PER_MINUTE,
            mark_interval_ns=0 if feed.is_daily else MARK_INTERVAL_NS,
            stale_after_ns=heartbeat.interval_ms * NS_PER_MS if heartbeat else 10_000 * NS_PER_MS,
            watches_feed=heartbeat.enabled if heartbeat else True,
            halt_on_stale=heartbeat.disable_trading_on_timeout if heartbeat else True,
            cancel_on_stale=heartbeat.cancel_orders_on_timeout if heartbeat else True,
            halt_on_mismatch=config.live.reconciliation.disable_trading_on_error
            if config.live is not None
            else True,
            warmup_bars=_warmup_override(config),
            regime_detector=detector,
            regime_symbol=_regime_symbol(config) if detector is not None else None,
        )

    def fingerprint(self, baseline: str = "") -> Fingerprint:
        """What the decisions of this run depend on beside its events."""
        return fingerprint(self.config, self.strategies_hash, self.venue_hash, baseline)

    def new_engine(self) -> Engine:
        """A fresh engine, its strategies initialised and their state checked as storable."""
        engine = Engine(self.setup())
        for seat in engine.callbacks.seats.values():
            check_storable(seat.strategy)
        return engine

    def new_schedule(self) -> SimSchedule:
        """A fresh simulated venue with the data from its first event on."""
        venue = SimVenue(
            instruments=self.instruments,
            model=self.model,
            calendar=self.calendar,
            cash=self.cash,
            currency=self.config.account.currency,
        )
        return SimSchedule(
            chunks=self.feed.chunks(),
            actions=self.feed.actions,
            venue=venue,
            calendar=self.calendar,
            start_ns=self.start_ns,
            end_ns=self.end_ns,
        )


def make_plan(config: Config, window: str, *, feed: Feed | None = None) -> RunPlan:
    """Resolve a configuration over its `backtest` or `live` window.

    `feed` replaces the files (tests and the Python API). Raises ConfigError or DataError for
    what the user has to mend.
    """
    strategies = load_strategies(config)
    terms = policy.instruments(config)
    calendar = load_calendar(
        config.calendar, ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST)
    )
    data_window = _window(config, window)
    regime_model = _regime_model(config, data_window, calendar)
    warmup_bars = _warmup_bars(config, strategies, terms)
    if feed is None:
        history = max(warmup_bars, regime_model.warmup_bars + 1 if regime_model else 0)
        feed = _open(config, data_window, calendar, history)
    start, end = data_window.start, data_window.end
    model = policy.execution_model(config)
    capital = config.backtest.initial_capital
    return RunPlan(
        config=config,
        window=window,
        calendar=calendar,
        feed=feed,
        instruments=terms,
        model=model,
        cash=capital,
        start_ns=ns_from_date(start) if start else feed.first_ns // NS_PER_DAY * NS_PER_DAY,
        end_ns=_end_ns(end) if end else feed.last_ns + 1,
        regime_model=regime_model,
        strategies_hash=strategies_hash(strategies),
        venue_hash=venue_hash(model, terms, calendar.name, capital),
        strategy_names=tuple(entry.name for entry in config.strategies),
        warmup_bars=warmup_bars,
    )


def _window(config: Config, window: str) -> DataWindow:
    found = config.data_window("live" if window == "live" else "backtest")
    if found is None:
        key = "live.broker_config.data_directory" if window == "live" else "backtest.data"
        raise ConfigError(f"{key}: no data to run over; name the directory of the data files")
    return found


def _open(config: Config, window: DataWindow, calendar: SessionCalendar, warmup_bars: int) -> Feed:
    return open_feed(
        symbols=config.symbols,
        data_directory=window.data_directory,
        file_pattern=window.file_pattern,
        actions_file_pattern=window.actions_file_pattern,
        start_ns=ns_from_date(window.start) if window.start else None,
        end_ns=_end_ns(window.end) if window.end else None,
        calendar=calendar,
        warmup_bars=warmup_bars,
        allow_price_jumps=[f"{s}:{day}" if day else s for s, day in window.price_jumps],
    )


def _end_ns(last_day: date) -> int:
    return ns_from_date(last_day + timedelta(days=1))


def _warmup_override(config: Config) -> int | None:
    if config.live is None or config.live.warmup.bars == "auto":
        return None
    return config.live.warmup.bars


def _warmup_bars(
    config: Config, strategies: tuple[StrategySetup, ...], terms: dict[str, Instrument]
) -> int:
    """How many feed bars the most demanding strategy needs before the start."""
    probe = Engine(
        EngineSetup(instruments=terms, cash=config.backtest.initial_capital, strategies=strategies)
    )
    override = _warmup_override(config)
    needed = [0]
    for seat in probe.callbacks.seats.values():
        bars = seat.strategy.warmup_bars if override is None else override
        if bars and seat.bar_size is not None:
            # Larger bars are built from minutes at best: enough for those, never too few.
            bars *= max(bar_size_ns(seat.bar_size) // NS_PER_MINUTE, 1)
            bars = min(bars, 100_000)
        needed.append(bars)
    return max(needed)


def _regime_symbol(config: Config) -> str:
    return config.regime.symbol or config.symbols[0]


def _regime_model(
    config: Config, window: DataWindow, calendar: SessionCalendar
) -> VolatilityModel | None:
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

    symbol = _regime_symbol(config)
    feed = open_feed(
        symbols=[symbol],
        data_directory=window.data_directory,
        file_pattern=window.file_pattern,
        actions_file_pattern=window.actions_file_pattern,
        start_ns=ns_from_date(regime.train.start),
        end_ns=_end_ns(regime.train.end),
        calendar=calendar,
        allow_price_jumps=[f"{s}:{day}" if day else s for s, day in window.price_jumps],
    )
    bars = (event for chunk in feed.chunks() for event in chunk)
    return train_volatility(bars, regime.labels, actions=feed.actions)  # type: ignore[arg-type]
