"""Engines of which no attribute is what it was at first, for the tests of their states."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.core.setup import EngineSetup
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, StrategyId, TimerId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, Bar, BookSnapshot, CorporateAction
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from regimeflow.regime import VolatilityDetector, model_from_volatilities
from tests.faults.desk_script import LinkedDesk, fill_record, foreign_order
from tests.unit.core_samples import CASH, World, puppet, session

POLICY = RiskPolicy(
    limits=RiskLimits(max_position=Decimal(500), max_drawdown=Decimal("0.9")),
    limits_by_regime={
        "calm": RiskLimits(max_order_quantity=Decimal(300)),
        "crisis": RiskLimits(max_position=Decimal(400)),
    },
    max_orders_per_minute=600,
    max_orders_per_second=90,
    duplicate_order_window_ns=3_600 * NS_PER_S,
    max_clock_offset_ms=500,
    reference_age_ns_max=NS_PER_DAY,
)
INSTRUMENTS = (
    Instrument("ABC", lot_size=Decimal("0.001"), multiplier=Decimal(2)),
    Instrument("XYZ"),
)


def detector() -> VolatilityDetector:
    return VolatilityDetector(
        model_from_volatilities(("calm", "crisis"), (0.05,), warmup_bars=3, bars_per_year=1.0)
    )


def remember(self: Any, bar: Bar) -> None:
    self.closes = [*getattr(self, "closes", ()), bar.close]


def desk_with_everything() -> LinkedDesk:
    """An engine behind a link of which no attribute is what it was at first."""
    builder = puppet(bar_size="5m", on_bar=remember)
    fragile = puppet(on_tick=lambda self, trade: 1 / 0)
    waiting = puppet(initialize=lambda self, ctx: setattr(self, "warmup_bars", 4))
    desk = LinkedDesk(
        puppet(on_bar=remember),
        builder,
        fragile,
        waiting,
        policy=POLICY,
        instruments=INSTRUMENTS,
        external="ignore",
        regime_detector=detector(),
        regime_symbol="XYZ",
        mark_interval_ns=30 * NS_PER_MINUTE,
        stale_after_ns=600 * NS_PER_S,
        start_ns=1,
    )
    market_turns(desk)
    desk.sweeps(2, positions=(PositionRecord("XYZ", Decimal(3)),))
    orders_of_every_fate(desk)
    differences_of_every_kind(desk)
    return desk


def market_turns(desk: LinkedDesk) -> None:
    for close in (50.0, 51.0, 49.0, 60.0):
        desk.bar(close, "XYZ")
    desk.quote(60.0, 60.5, "XYZ")
    desk.trade(60.1, symbol="XYZ")  # and the fragile strategy is no more
    desk.feed(BookSnapshot("ABC", desk.now_ns, ((99.0, 5.0),), ((101.0, 5.0),)))
    desk.feed(CorporateAction("XYZ", desk.now_ns, ActionKind.SPLIT, Decimal(2)))
    desk.feed(e.SessionClosed(session()))
    desk.feed(e.SessionOpened(session(1)))
    desk.now_ns = session(1).open_ns
    for _ in range(3):
        desk.quote(100.0)
        desk.wait(61)


def orders_of_every_fate(desk: LinkedDesk) -> None:
    desk.feed(e.ClockMeasured("sim", desk.now_ns, 0))
    desk.do(lambda ctx: ctx.rng.random())
    desk.do(lambda ctx: ctx.cancel_order(ctx.buy("ABC", 1, limit_price=50)))
    held = desk.buy(10)
    desk.accept(held)
    desk.fill(held, "9.500", "100.25", fee="0.31")
    desk.quote(140.0)
    desk.fill(desk.do(lambda ctx: ctx.sell("ABC", 2, limit_price=139)), 1, 139)
    working = desk.buy(5, 99.0)
    desk.accept(working)
    desk.modify(working, quantity=6)
    both = desk.do(
        lambda ctx: ctx.submit_oco(
            {"symbol": "ABC", "side": Side.SELL, "quantity": 3, "limit_price": 120},
            {"symbol": "ABC", "side": Side.SELL, "quantity": 2, "stop_price": 80},
        )
    )
    desk.accept(both[0])
    desk.canceled(both[1])
    desk.do(lambda ctx: ctx.schedule_timer("later", after_ns=10**12))
    desk.do(lambda ctx: ctx.close_position("ABC"), 1)
    closing = desk.buy(4, 98.0, who=1)
    desk.fill(closing, 1, 98)
    desk.do(lambda ctx: ctx.close_position("ABC"), 1)
    desk.lose(desk.buy(7, 97.0))
    desk.reject(desk.buy(3, 96.0))
    desk.feed(e.CashPosted("a1", "deposit", "", Decimal("12.50"), desk.now_ns))
    desk.feed(e.FillBusted(ExecutionId("never"), "ABC", "gone", desk.now_ns))
    desk.wait(2)
    desk.do(lambda ctx: (ctx.buy("ABC", 1, limit_price=10), ctx.buy("ABC", 1, limit_price=11)))


def differences_of_every_kind(desk: LinkedDesk) -> None:
    desk.fill("20240102-9-s0-99", 1, execution_id="x-odd", side=Side.BUY, symbol="XYZ")
    desk.fill("manual", -1, execution_id="x-impossible", side=Side.BUY, symbol="XYZ")
    desk.feed(e.OrderAccepted(ClientOrderId("rf-1-7-s0-99"), BrokerOrderId("b-99"), desk.now_ns))
    odd = {
        "orders": (foreign_order("manual-1"),),
        "account": AccountRecord("A", "USD", CASH),
        "fills": (fill_record("x-listed", "manual-2", 1),),
    }
    desk.sweeps(2, **odd)
    desk.sweep(orders=(foreign_order("manual-3"),))
    desk.drop_link()
    desk.raise_link()
    desk.feed(e.Halt("one", StrategyId("s0")))
    desk.wait(700)
    desk.trade(60.0, symbol="XYZ")
    desk.bar(60.1, "XYZ")
    desk.feed(e.SessionOpened(session(2)))
    desk.bar(60.2, "XYZ")
    desk.feed(e.ClockMeasured("sim", desk.now_ns + 5 * NS_PER_S, NS_PER_S))
    desk.feed(e.LoopStalled(60 * NS_PER_S))
    # As where policy waits for its proof.
    desk.engine.reconciler.deferred["position", "XYZ"] = None
    # As in a ban.
    desk.engine.desk.cancels.withheld[ClientOrderId("o1")] = "strategy"
    # As after a burst of fills.
    desk.engine.desk.protection.waiting.append(desk.engine.desk.closings.waiting[0])
    desk.engine.desk._duty_wait.due_since_ns[ClientOrderId("rf-1-s0-7")] = 7
    # As after a hundred thousand executions.
    desk.engine.ledger.orders.executions.horizon_ns = 7


def daily_world() -> World:
    """What only feeds of daily bars have."""
    world = World(puppet(on_bar=remember), policy=POLICY, is_daily=True, bar_size_ns=NS_PER_DAY)
    world.bar(100.0)
    world.feed(e.SessionClosed(session()))
    for day in (1, 2, 3):
        world.feed(e.SessionOpened(session(day)))
        world.bar(50.0, "XYZ")
        due_ns = session(day).close_ns + 1
        world.feed(e.TimerFired(TimerId("session_end"), "engine", due_ns))
    world.feed(e.EngineStopped("enough"))
    return world


def fresh_setup(setup: EngineSetup) -> EngineSetup:
    """The same setup with strategies and a detector that have seen nothing."""
    strategies = tuple(
        msgspec.structs.replace(entry, strategy=type(entry.strategy)())
        for entry in setup.strategies
    )
    fresh = detector() if setup.regime_detector is not None else None
    return msgspec.structs.replace(setup, strategies=strategies, regime_detector=fresh)
