"""A run's plan: everything a configuration resolves to, for a backtest and for live alike.

One plan makes any number of fresh engines and schedules; that is how a backtest, a live run, a
recovery and a replay come to run the same thing. Building a plan opens and checks the data and
asks the strategies how much warm-up they need; it changes nothing on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import msgspec

from regimeflow.config import Config
from regimeflow.core.bars import bar_size_ns
from regimeflow.core.engine import Engine
from regimeflow.core.setup import EngineSetup
from regimeflow.data.feed import Feed
from regimeflow.data.session_table import load_calendar
from regimeflow.journal.records import Fingerprint
from regimeflow.model.instrument import Instrument
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import (
    NS_PER_DAY,
    NS_PER_MINUTE,
    NS_PER_MS,
    NS_PER_S,
    date_from_ns,
    ns_from_date,
)
from regimeflow.regime.volatility import VolatilityDetector
from regimeflow.regime.volatility_model import VolatilityModel
from regimeflow.run import policy
from regimeflow.run.fingerprint import fingerprint, strategies_hash, venue_hash
from regimeflow.run.strategies import load_strategies
from regimeflow.run.windows import (
    data_window_of,
    end_of_day_ns,
    open_window,
    regime_model_for,
    regime_symbol,
)
from regimeflow.strategy.state import check_storable
from regimeflow.venue.model import ExecutionModel
from regimeflow.venue.schedule import SimSchedule
from regimeflow.venue.sim import SimVenue

CALENDAR_FIRST = date(1990, 1, 2)
CALENDAR_LAST = date(2035, 12, 30)
MARK_INTERVAL_NS = 30 * NS_PER_MINUTE
"""How often the account is valued inside a session of an intraday feed."""


class LinkTraits(msgspec.Struct, frozen=True):
    """What a broker behind a link declares that the engine decides by (see `Capabilities`).

    Times are in the engine's time: with a venue whose clock runs fast (`pace` seconds in a real
    one) they are that much longer, because networks do not speed up with it. `run` begins all
    client order ids; empty in journals from before starts were numbered by the broker's clock,
    which go on with the day they began and a count.
    """

    settle_window_ns: int
    query_interval_ns: int
    has_native_oco: bool
    pace: float = 1.0
    run: str = ""
    truth_limit_ns: int = 0


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
    link: LinkTraits | None = None

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
        pace = self.link.pace if self.link else 1.0
        return EngineSetup(
            instruments=self.instruments,
            cash=self.cash,
            strategies=load_strategies(config),
            policy=policy.risk_policy(config, bar_open_time_ns=open_time_ns),
            id_prefix=(self.link.run if self.link else "")
            or date_from_ns(self.start_ns).strftime("%Y%m%d"),
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
            oco_at_broker=self.link is None or self.link.has_native_oco,
            proves_books=self.link is not None,
            external=config.live.reconciliation.external if config.live is not None else "refuse",
            settle_window_ns=self.link.settle_window_ns if self.link else 60 * NS_PER_S,
            query_interval_ns=self.link.query_interval_ns if self.link else 2 * NS_PER_S,
            pace=pace,
            truth_limit_ns=self.link.truth_limit_ns if self.link else 0,
            pause_ns=int(policy.pause_s(config.live) * pace * NS_PER_S) if config.live else 0,
            regime_detector=detector,
            regime_symbol=regime_symbol(config) if detector is not None else None,
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
    calendar = _calendar(config)
    data_window = data_window_of(config, window)
    regime_model = regime_model_for(config, data_window, calendar)
    if feed is None:
        history = max(warmup_bars(config), regime_model.warmup_bars + 1 if regime_model else 0)
        feed = open_window(config, data_window, calendar, history)
    start, end = data_window.start, data_window.end
    return _plan(
        config,
        window=window,
        calendar=calendar,
        feed=feed,
        start_ns=ns_from_date(start) if start else feed.first_ns // NS_PER_DAY * NS_PER_DAY,
        end_ns=end_of_day_ns(end) if end else feed.last_ns + 1,
        regime_model=regime_model,
    )


def make_linked_plan(config: Config, *, feed: Feed, start_ns: int, link: LinkTraits) -> RunPlan:
    """Resolve a configuration for a broker behind a link.

    `feed` describes what the broker delivers (made from its history); `start_ns` is the moment
    of the first start. Raises ConfigError for what the user has to mend.
    """
    calendar = _calendar(config)
    regime_model = None
    if config.regime.detector != "none":
        regime_model = regime_model_for(config, data_window_of(config, "live"), calendar)
    return _plan(
        config,
        window="live",
        calendar=calendar,
        feed=feed,
        start_ns=start_ns,
        end_ns=ns_from_date(CALENDAR_LAST),
        regime_model=regime_model,
        link=link,
    )


def warmup_bars(config: Config) -> int:
    """How many feed bars the most demanding strategy needs before the start."""
    probe = Engine(
        EngineSetup(
            instruments=policy.instruments(config),
            cash=config.backtest.initial_capital,
            strategies=load_strategies(config),
        )
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


def _plan(
    config: Config,
    *,
    window: str,
    calendar: SessionCalendar,
    feed: Feed,
    start_ns: int,
    end_ns: int,
    regime_model: VolatilityModel | None,
    link: LinkTraits | None = None,
) -> RunPlan:
    model, terms = policy.execution_model(config), policy.instruments(config)
    capital = config.backtest.initial_capital
    return RunPlan(
        config=config,
        window=window,
        calendar=calendar,
        feed=feed,
        instruments=terms,
        model=model,
        cash=capital,
        start_ns=start_ns,
        end_ns=end_ns,
        regime_model=regime_model,
        strategies_hash=strategies_hash(load_strategies(config)),
        venue_hash=venue_hash(model, terms, calendar.name, capital),
        strategy_names=tuple(entry.name for entry in config.strategies),
        warmup_bars=warmup_bars(config),
        link=link,
    )


def _calendar(config: Config) -> SessionCalendar:
    return load_calendar(config.calendar, ns_from_date(CALENDAR_FIRST), ns_from_date(CALENDAR_LAST))


def _warmup_override(config: Config) -> int | None:
    if config.live is None or config.live.warmup.bars == "auto":
        return None
    return config.live.warmup.bars
