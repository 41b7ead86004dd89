"""The whole configuration, and the answers its readers ask of it more than once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, PrivateAttr

from regimeflow.config.account import AccountSection
from regimeflow.config.backtest import BacktestSection
from regimeflow.config.instruments import (
    ALLOW_SHORT_DEFAULT,
    LOT_SIZE_DEFAULT,
    TICK_SIZE_DEFAULT,
    AssetClass,
    Instruments,
    InstrumentSection,
    InstrumentTerms,
)
from regimeflow.config.limits import RiskSection
from regimeflow.config.live import LiveSection
from regimeflow.config.metrics import MetricsSection
from regimeflow.config.regime import RegimeSection
from regimeflow.config.scalars import not_empty
from regimeflow.config.section import Section, key
from regimeflow.config.sessions import SessionsSection
from regimeflow.config.strategies import Strategies

Window = Literal["backtest", "live"]


@dataclass(frozen=True, slots=True)
class DataWindow:
    """Which files, and which days of them (inclusive; None is open), a run reads."""

    type: Literal["csv", "parquet"]
    data_directory: Path
    file_pattern: str
    actions_file_pattern: str
    start: date | None
    end: date | None
    price_jumps: tuple[tuple[str, date | None], ...]


class Config(Section):
    """A validated configuration: immutable, complete with defaults, paths absolute."""

    strategies: Annotated[Strategies, AfterValidator(not_empty)] = key("Strategies that run.")
    live: LiveSection | None = key("The live engine; required to run live.", default=None)
    backtest: BacktestSection = key(
        "Backtests, and the venue of the simulated broker.", default=BacktestSection()
    )
    metrics: MetricsSection = key("Measurements.", default=MetricsSection())
    regime: RegimeSection = key("The regime detector.", default=RegimeSection())
    account: AccountSection = key("Currency and margin.", default=AccountSection())
    instruments: Instruments = key("Trading terms by symbol.", default={})
    sessions: SessionsSection = key("The trading calendar.", default=SessionsSection())

    _source: Path | None = PrivateAttr(default=None)
    _base: Path = PrivateAttr(default=Path())

    @property
    def source(self) -> Path | None:
        """The file it was read from; None when it was given as a mapping."""
        return self._source

    @property
    def base_directory(self) -> Path:
        """The working directory of the load, against which relative paths were resolved."""
        return self._base

    @property
    def symbols(self) -> tuple[str, ...]:
        """Every symbol traded, in the order of the file, each once."""
        named = self.live.symbols if self.live is not None else ()
        of_strategies = (symbol for entry in self.strategies for symbol in entry.symbols)
        return tuple(dict.fromkeys((*named, *of_strategies)))

    @property
    def risk(self) -> RiskSection:
        """Limits of live runs and of backtests alike; all defaults without a `live` section."""
        return self.live.risk if self.live is not None else RiskSection()

    @property
    def asset_class(self) -> AssetClass:
        """What is traded; equity without a `live` section."""
        return self.live.broker_asset_class if self.live is not None else "equity"

    @property
    def calendar(self) -> Literal["XNYS", "24/7"]:
        """The trading calendar, `auto` resolved by asset class."""
        if self.sessions.calendar != "auto":
            return self.sessions.calendar
        return "24/7" if self.asset_class == "crypto" else "XNYS"

    @property
    def metrics_directory(self) -> Path | None:
        """Where live performance files go; None without a `live` section."""
        return self.metrics.live.output_dir or (self.live.log_dir if self.live else None)

    def strategy_symbols(self, strategy_id: str) -> tuple[str, ...]:
        """The symbols of one strategy; all symbols when it names none. Unknown id: KeyError."""
        for entry in self.strategies:
            if entry.id == strategy_id:
                return entry.symbols or self.symbols
        raise KeyError(strategy_id)

    def instrument_terms(self, symbol: str) -> InstrumentTerms:
        """The trading terms of a symbol, defaults of its asset class filled in."""
        terms = self.instruments.get(symbol, InstrumentSection())
        allow_short = terms.allow_short
        if allow_short is None:
            allow_short = self.risk.limits.allow_short
        if allow_short is None:
            allow_short = ALLOW_SHORT_DEFAULT[self.asset_class]
        return InstrumentTerms(
            symbol=symbol,
            asset_class=self.asset_class,
            tick_size=terms.tick_size or TICK_SIZE_DEFAULT,
            lot_size=terms.lot_size or LOT_SIZE_DEFAULT[self.asset_class],
            min_notional=terms.min_notional,
            multiplier=terms.multiplier,
            currency=terms.currency or self.account.currency,
            allow_short=allow_short,
        )

    def data_window(self, window: Window) -> DataWindow | None:
        """Files and days of a backtest or of the simulated broker; None when none are named."""
        data, live = self.backtest.data, self.live
        pattern = data.bar_file_pattern if data is not None else "{symbol}.csv"
        actions = data.actions_file_pattern if data is not None else "{symbol}_actions.csv"
        directory = data.data_directory if data is not None else None
        start, end = self.backtest.start_date, self.backtest.end_date
        if window == "live":
            if live is None:
                return None
            sim = live.broker_config
            pattern = sim.file_pattern or pattern
            actions = sim.actions_file_pattern or actions
            directory = sim.data_directory or directory
            start, end = sim.start, sim.end
        if directory is None:
            return None
        is_parquet = pattern.endswith(".parquet") or (data is not None and data.type == "parquet")
        return DataWindow(
            type="parquet" if is_parquet else "csv",
            data_directory=directory,
            file_pattern=pattern,
            actions_file_pattern=actions,
            start=start,
            end=end,
            price_jumps=data.price_jumps if data is not None else (),
        )
