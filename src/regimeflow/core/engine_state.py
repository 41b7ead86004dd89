"""The whole engine as bytes: everything that a later decision can read.

Each component captures and restores its own part; what it can derive (who listens to whom, limits
of the regime, sums over open orders) it derives. A test walks every attribute of every component
and wants each captured, or derived with a reason.

There is one moment at which a restored engine is the same as the one that went on: when a session
ends, just before the strategies are saved, cleared, initialised, restored and started. From there
both go the same way, `Engine.resume_roll`. At any other moment a strategy may hold what it lists
as `transient`, which no state has.

Fields may only be appended, with a default that means what older engines did; a change that
cannot be written so has to raise `VERSION`, and older states are then ignored.
"""

from __future__ import annotations

import hashlib

import msgspec

from regimeflow.core.bars import SavedBuilder
from regimeflow.core.desk import SavedDesk
from regimeflow.core.doubts import SavedTruth
from regimeflow.core.engine import Engine
from regimeflow.core.exposure import SavedExposure
from regimeflow.core.holds import SavedHolds
from regimeflow.core.ledger_state import LedgerState, capture_ledger, ledger_from
from regimeflow.core.market_state import SavedMarket
from regimeflow.core.on_session import SavedRhythm
from regimeflow.core.orders import Orders
from regimeflow.core.recent_orders import SentOrder
from regimeflow.core.reconcile import SavedReconciler
from regimeflow.core.risk.clock import SavedClock
from regimeflow.core.seat import SavedSeat
from regimeflow.core.setup import EngineSetup
from regimeflow.core.watchdog import SavedWatchdog
from regimeflow.errors import ConfigError
from regimeflow.model.ids import ClientOrderId, ExecutionId

VERSION = 1


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """See the module's docstring; `regime_detector` is its own snapshot, empty where none runs."""

    version: int = VERSION
    now_ns: int
    regime: str
    regime_detector: bytes
    ledger: LedgerState
    exposure: SavedExposure
    recent: list[SentOrder]
    market: SavedMarket
    next_due_ns: int
    builders: list[SavedBuilder]
    watchdog: SavedWatchdog
    rhythm: SavedRhythm
    desk: SavedDesk
    truth: SavedTruth
    reports: tuple[int, SavedReconciler]
    holds: SavedHolds
    clock: SavedClock
    quarantined: list[ExecutionId]
    unknown_ids: dict[ClientOrderId, str]
    halted_ns: int
    seats: list[SavedSeat]


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(EngineState).decode


def engine_state(engine: Engine) -> bytes | None:
    """The engine as canonical bytes; None while a strategy's state cannot be kept.

    Equal engines give equal bytes. Costs about what copying its bar history costs.
    """
    seats = engine.callbacks.capture()
    if seats is None:
        return None
    ledger, market = engine.ledger, engine.market_handler
    detector = engine.regime_detector
    window_ns = engine.setup.policy.duplicate_order_window_ns
    return _ENCODE(
        EngineState(
            now_ns=engine.now_ns,
            regime=engine.regime,
            regime_detector=b"" if detector is None else detector.snapshot(),
            ledger=capture_ledger(ledger),
            exposure=ledger.orders.exposure.capture(),
            recent=ledger.recent.capture(engine.now_ns - window_ns),
            market=engine.market.capture(),
            next_due_ns=market.next_due_ns,
            builders=market.shop.capture(),
            watchdog=market.watchdog.capture(),
            rhythm=engine.session_handler.capture(),
            desk=engine.desk.capture(),
            truth=engine.order_truth.capture(),
            reports=engine.report_handler.capture(),
            holds=engine.holds.capture(),
            clock=engine.gate.clock.capture(),
            quarantined=engine.discrepancies.capture(),
            unknown_ids=engine.externals.capture(),
            halted_ns=engine.operator_handler.capture(),
            seats=seats,
        )
    )


def engine_digest(engine: Engine) -> str:
    """SHA-256 of the engine's state: equal digests mean that it will decide the same."""
    return hashlib.sha256(engine_state(engine) or b"").hexdigest()


def decode_engine_state(encoded: bytes) -> EngineState:
    """The values in `encoded`.

    Raises ConfigError for bytes that are no state, or one of a version this code does not read.
    """
    try:
        state = _DECODE(encoded)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"the saved engine state cannot be read: {error}") from error
    if state.version != VERSION:
        raise ConfigError(
            f"the saved engine state has version {state.version}, this code reads {VERSION}"
        )
    return state


def restore_engine(
    setup: EngineSetup, state: EngineState, complete: Orders | None = None
) -> Engine:
    """An engine as it was when `state` was captured; go on with `Engine.resume_roll`.

    `complete` are the orders of a fold of all facts (see `Orders.recall`). Raises ConfigError
    where `setup` is of other strategies, another regime model, or a strategy's class that cannot
    read its state.
    """
    ledger = ledger_from(setup.books(), state.ledger)
    ledger.orders.exposure.restore(state.exposure)
    ledger.recent.restore(state.recent)
    if complete is not None:
        ledger.orders.recall(complete)
    engine = Engine(setup, ledger=ledger)
    engine.now_ns = state.now_ns
    # In place: its components hold the market state, and `initialize` may have asked for bars.
    engine.market.restore(state.market)
    engine.market_handler.next_due_ns = state.next_due_ns
    engine.market_handler.shop.restore(state.builders)
    engine.market_handler.watchdog.restore(state.watchdog)
    engine.regime = state.regime
    engine.gate.set_regime(state.regime)
    if engine.regime_detector is not None:
        engine.regime_detector.restore(state.regime_detector)
    engine.session_handler.restore(state.rhythm)
    engine.desk.restore(state.desk)
    engine.order_truth.restore(state.truth)
    engine.report_handler.restore(state.reports)
    engine.holds.restore(state.holds)
    engine.gate.clock.restore(state.clock)
    engine.discrepancies.restore(state.quarantined)
    engine.externals.restore(state.unknown_ids)
    engine.operator_handler.restore(state.halted_ns)
    engine.callbacks.restore(state.seats)
    engine.market_handler.index()
    engine.warming_count = sum(seat.is_warming for seat in engine.callbacks.seats.values())
    return engine
