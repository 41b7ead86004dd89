"""Every attribute of every component of an engine, and which of them no state has to hold.

`DERIVED` names, for each class that an engine is made of, the attributes that are not captured,
with the reason. All others are: a test compares them one by one after a restore.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.core.answers import AnswerWatch
from regimeflow.core.bar_shop import BarShop
from regimeflow.core.bars import BarBuilder
from regimeflow.core.callbacks import Callbacks
from regimeflow.core.cancels import Cancels
from regimeflow.core.closings import Closings
from regimeflow.core.desk import Desk
from regimeflow.core.discrepancies import Discrepancies
from regimeflow.core.duty_wait import DutyWait
from regimeflow.core.engine import Engine
from regimeflow.core.executions import Executions
from regimeflow.core.exposure import Exposure, SymbolExposure
from regimeflow.core.external import Externals
from regimeflow.core.holds import Holds
from regimeflow.core.ledger import Ledger
from regimeflow.core.market_state import MarketState
from regimeflow.core.on_market import MarketHandler
from regimeflow.core.on_operator import OperatorHandler
from regimeflow.core.on_report import ReportHandler
from regimeflow.core.on_session import SessionHandler
from regimeflow.core.on_time import TimeHandler
from regimeflow.core.order_truth import OrderTruth
from regimeflow.core.orders import Orders
from regimeflow.core.portfolio import Portfolio
from regimeflow.core.position import Position
from regimeflow.core.protection import Protection
from regimeflow.core.recent_orders import RecentOrders
from regimeflow.core.reconcile import Reconciler
from regimeflow.core.risk.clock import ClockGuard
from regimeflow.core.risk.gate import RiskGate
from regimeflow.core.risk.losses import LossWatch
from regimeflow.core.seat import Seat
from regimeflow.core.sweep import Sweep
from regimeflow.core.throttle import RateWindow, Throttle
from regimeflow.core.timers import Timers
from regimeflow.core.trading_state import TradingStates
from regimeflow.core.watchdog import Watchdog
from regimeflow.regime.ewma import EwmaVariance
from regimeflow.regime.volatility import VolatilityDetector
from regimeflow.strategy.base import Strategy
from regimeflow.strategy.state import encode_state

PART = "a component itself"
UNORDERED = {(Orders, "by_root")}
"""Mappings that are only looked into by key."""
SETUP = "comes from the setup, which is the same"
LISTENERS = "who listens to what: from the seats"
EMPTY = "empty between two callbacks"

DERIVED: Mapping[type, Mapping[str, str]] = {
    Engine: {
        "_handlers": "made of the components",
        "_outputs": "emptied by every event",
        "instruments": SETUP,
        "poisoned": "a poisoned engine decides nothing more",
        "setup": SETUP,
    },
    AnswerWatch: {"_engine": PART},
    BarBuilder: {"size_ns": "from its size"},
    BarShop: {"_feed_size_ns": SETUP, "_market": PART},
    Callbacks: {"_engine": PART, "_is_draining": EMPTY, "_queue": EMPTY, "by_name": LISTENERS},
    Cancels: {"_emit": PART, "_holds": PART, "_ledger": PART, "_pause_ns": SETUP},
    Closings: {
        "_cancel": PART,
        "_emit": PART,
        "_instruments": SETUP,
        "_ledger": PART,
        "_duty_wait": PART,
        "_submit": PART,
    },
    Desk: {
        "_emit": PART,
        "_gate": PART,
        "_instruments": SETUP,
        "_ledger": PART,
        "_run": SETUP,
        "oco_at_broker": SETUP,
        "on_denied": PART,
    },
    ClockGuard: {"_age_ns_max": SETUP, "_limit_ms": SETUP, "_limit_ns": SETUP, "_pace": SETUP},
    Discrepancies: {"_engine": PART},
    EwmaVariance: {"decay": SETUP},
    Executions: {},
    Exposure: {"_groups": "from the open orders", "_instruments": SETUP},
    Externals: {"_engine": PART},
    Holds: {"_engine": PART},
    Ledger: {},
    LossWatch: {
        "_bounds": "remembered of the limits that bind, which the regime says",
        "_limits": "remembered of the limits that bind, which the regime says",
    },
    MarketHandler: {
        "_bar_calls": LISTENERS,
        "_book_calls": LISTENERS,
        "_built_calls": LISTENERS,
        "_engine": PART,
        "_is_watching_losses": SETUP,
        "_market": PART,
        "_moment": PART,
        "_period_ns": SETUP,
        "_quote_calls": LISTENERS,
        "_tick_calls": LISTENERS,
    },
    MarketState: {},
    OperatorHandler: {
        "_engine": PART,
        "is_rebuilt": "emptied by the start",
        "unclosed": "emptied by the start",
        "unfinished": "emptied by the start",
    },
    OrderTruth: {"_engine": PART},
    Orders: {},
    Portfolio: {
        "_instruments": SETUP,
        "_unbooked": "flat positions that were only looked at",
    },
    Position: {},
    Protection: {
        "_cancel": PART,
        "_emit": PART,
        "_instruments": SETUP,
        "_is_closing": PART,
        "_ledger": PART,
        "_next_order_id": PART,
        "_duty_wait": PART,
        "_submit": PART,
    },
    DutyWait: {
        "_emit": PART,
        "_holds": PART,
        "_ledger": PART,
        "_pause_ns": SETUP,
    },
    RateWindow: {"count_max": SETUP, "entry_count_max": SETUP, "window_ns": SETUP},
    RecentOrders: {},
    Reconciler: {},
    ReportHandler: {"_engine": PART},
    RiskGate: {
        "_holds": PART,
        "_instruments": SETUP,
        "_ledger": PART,
        "_market": PART,
        "_policy": SETUP,
        "_reconciler": PART,
    },
    Seat: {
        "bar_size": "of the strategy's class",
        "calls": "of the strategy's class",
        "seed": SETUP,
        "staged": EMPTY,
        "strategy_id": SETUP,
        "symbols": SETUP,
    },
    SessionHandler: {"_engine": PART, "before_roll": "set by the shell"},
    Sweep: {"_engine": PART},
    SymbolExposure: {},
    Throttle: {},
    TimeHandler: {"_engine": PART},
    Timers: {},
    TradingStates: {},
    VolatilityDetector: {
        "_hysteresis": SETUP,
        "_labels": SETUP,
        "_log_thresholds": SETUP,
        "_model_id": SETUP,
        "_scale": SETUP,
        "_warmup_bars": SETUP,
    },
    Watchdog: {
        "_blocks_orders": SETUP,
        "_symbols": SETUP,
        "_limit_ns": SETUP,
        "_market": PART,
        "is_daily": SETUP,
    },
}


def slots_of(kind: type) -> tuple[str, ...]:
    """The attributes of a component, those of its bases included."""
    return tuple(name for base in kind.__mro__ for name in vars(base).get("__slots__", ()))


def components_of(engine: Engine) -> list[object]:
    """Every object of the core and of the regime that an engine is made of."""
    found: dict[int, object] = {}

    def visit(value: object) -> None:
        if isinstance(value, Mapping):
            for entry in value.values():
                visit(entry)
        elif isinstance(value, list | tuple | deque):
            for entry in value:
                visit(entry)
        elif _is_component(value) and id(value) not in found:
            found[id(value)] = value
            for name in slots_of(type(value)):
                visit(getattr(value, name))

    visit(engine)
    return list(found.values())


def captured_in(component: object) -> Iterator[tuple[str, object]]:
    """Names and values of the attributes of one component that a state has to hold."""
    derived = DERIVED[type(component)]
    for name in slots_of(type(component)):
        if name not in derived:
            yield name, getattr(component, name)


def plain(value: object) -> Any:
    """A value as something that compares by content, to the last digit and in its order."""
    if isinstance(value, Strategy):
        return encode_state(value)
    if isinstance(value, random.Random):
        return value.getstate()
    if isinstance(value, Decimal | float | str | bytes | int | None):
        return repr(value)
    if isinstance(value, msgspec.Struct):
        fields = type(value).__struct_fields__
        return type(value).__name__, [plain(getattr(value, name)) for name in fields]
    if isinstance(value, Mapping):
        return [(plain(key), plain(entry)) for key, entry in value.items()]
    if isinstance(value, set):
        return sorted(map(plain, value))
    if isinstance(value, deque):
        return value.maxlen, [plain(entry) for entry in value]
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    assert _is_component(value), f"{value!r} is no value"
    return {
        name: sorted(plain(entry)) if (type(value), name) in UNORDERED else plain(entry)
        for name, entry in captured_in(value)
    }


def _is_component(value: object) -> bool:
    module = type(value).__module__
    return (
        module.startswith(("regimeflow.core", "regimeflow.regime"))
        and not isinstance(value, msgspec.Struct | tuple | Strategy)
        and hasattr(type(value), "__slots__")
    )
