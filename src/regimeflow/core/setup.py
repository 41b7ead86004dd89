"""What an engine is built from: values only, resolved from the configuration by the shell."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from regimeflow.core.ledger import Books
from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.timestamps import NS_PER_MINUTE, NS_PER_S
from regimeflow.regime.detector import RegimeDetector
from regimeflow.strategy.base import Parameter, Strategy

ExternalPolicy = Literal["adopt", "ignore", "flatten", "refuse"]


class StrategySetup(msgspec.Struct, frozen=True):
    """One strategy's place: its id, the object, its parameters and its symbols."""

    strategy_id: StrategyId
    strategy: Strategy
    params: Mapping[str, Parameter]
    symbols: tuple[str, ...]


class EngineSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a run depends on beside its events. Times are nanoseconds.

    `start_ns`: earlier data is warm-up. `id_prefix` begins all client order ids.
    `bar_size_ns`: the feed's bar size (None for ticks). `end_of_day_lead_ns`: how long before
    an intraday close `on_end_of_day` fires. `session_end_delay_ns`: how long after the close
    the session is valued and rolled. `mark_interval_ns`: how often the account is valued
    inside a session (0: only at its end). `stale_after_ns`: silence of a tick feed that counts
    as stale. `warmup_bars` overrides what strategies ask for. `oco_at_broker`: the broker links
    one-cancels-other orders itself. `proves_books`: the broker is behind a link, so nothing
    enters before a complete snapshot agreed. `external`: what becomes of what nobody here ordered
    (see `core/external.py`). `settle_window_ns`: how long the venue may need
    before "not found" means anything. `query_interval_ns`: first pause between two questions
    about an order in doubt. `pace`: seconds of the engine's time in a real one. `pause_ns`: a
    clock that is set by this much or more hides as long a pause. `truth_limit_ns`: how long the
    books stand without a report and without a complete list of orders (0: for ever).
    """

    instruments: dict[str, Instrument]
    cash: Decimal
    strategies: tuple[StrategySetup, ...]
    policy: RiskPolicy = RiskPolicy()
    id_prefix: str = "rf"
    seed: int = 1
    start_ns: int = 0
    is_daily: bool = True
    bar_size_ns: int | None = None
    end_of_day_lead_ns: int = 10 * NS_PER_MINUTE
    session_end_delay_ns: int = 1
    mark_interval_ns: int = 0
    stale_after_ns: int = 10 * NS_PER_S
    watches_feed: bool = True
    halt_on_stale: bool = True
    cancel_on_stale: bool = True
    halt_on_mismatch: bool = True
    warmup_bars: int | None = None
    oco_at_broker: bool = True
    proves_books: bool = False
    external: ExternalPolicy = "refuse"
    settle_window_ns: int = 60 * NS_PER_S
    query_interval_ns: int = 2 * NS_PER_S
    pace: float = 1.0
    pause_ns: int = 10 * NS_PER_S
    truth_limit_ns: int = 0
    regime_detector: RegimeDetector | None = None
    regime_symbol: str | None = None

    @property
    def grace_ns(self) -> int:
        """How long a broker may differ from itself before a difference counts."""
        return self.settle_window_ns if self.proves_books else 0

    def books(self) -> Books:
        """What the ledger of this run starts from."""
        return Books(
            self.instruments,
            self.cash,
            self.policy.max_orders_per_second,
            self.policy.max_orders_per_minute,
        )
