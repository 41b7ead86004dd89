"""Engine and simulated venue together: two sets of books, kept apart, that must agree.

A restless strategy tries every kind of order over random bars, with splits and dividends. When
the data ends, both sides hold the same positions, cash and working orders, the engine has seen
nothing strange, and no order is unaccounted for.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from regimeflow.core.approved import plain
from regimeflow.core.engine import Engine
from regimeflow.core.ledger import Books
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.core.setup import EngineSetup, StrategySetup
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import ActionKind, Bar, CorporateAction
from regimeflow.model.order import OrderStatus, OrderType, Side, TimeInForce
from regimeflow.run.folds import ledger_fold
from regimeflow.strategy.base import Strategy
from regimeflow.venue import ExecutionModel
from tests.unit.venue_world import CASH, Run, minute, open_ns

COMMANDS = (
    c.SubmitOrder,
    c.CancelOrder,
    c.ReplaceOrder,
    c.QueryOrder,
    c.RequestSnapshot,
    c.SetTimer,
    c.CancelTimer,
)
POLICY = RiskPolicy(
    limits=RiskLimits(max_position=Decimal(400), max_gross_exposure=Decimal(90_000)),
    reference_age_ns_max=10**12,
)
SHOCKS: list[e.Event] = [
    e.Halt("test"),
    e.Resume("test"),
    e.CancelAll("test"),
    e.Flatten("test"),
]


class Restless(Strategy):
    """Does something else on most bars."""

    def initialize(self, ctx: Any) -> None:
        pass

    def on_bar(self, bar: Bar) -> None:
        rng, ctx, price = self.ctx.rng, self.ctx, bar.close
        quantity, side = rng.randint(1, 60), rng.choice(list(Side))
        near, far = price * rng.uniform(0.99, 1.01), price * (1 + 0.01 * side.sign)
        tif = rng.choice([TimeInForce.DAY, TimeInForce.GTC, TimeInForce.IOC])
        wishes: list[Callable[[], Any]] = [
            lambda: ctx.submit_order("ABC", side, quantity, time_in_force=tif),
            lambda: ctx.submit_order("ABC", side, quantity, limit_price=near, time_in_force=tif),
            lambda: ctx.submit_order("ABC", side, quantity, stop_price=far),
            lambda: ctx.submit_order("ABC", side, quantity, stop_price=far, limit_price=far),
            lambda: ctx.submit_order("ABC", side, quantity, trail_fraction=0.01),
            lambda: ctx.submit_order("ABC", side, quantity, order_type=OrderType.MARKET_ON_CLOSE),
            lambda: ctx.submit_order(
                "ABC",
                Side.BUY,
                quantity,
                take_profit=price * 1.01,
                stop_loss=price * 0.99,
            ),
            lambda: ctx.submit_oco(
                {"symbol": "ABC", "side": side, "quantity": quantity, "limit_price": near},
                {"symbol": "ABC", "side": side, "quantity": quantity, "stop_price": far},
            ),
            lambda: ctx.target_position("ABC", rng.randint(-100, 100)),
            lambda: ctx.close_position("ABC"),
            self.change_one,
            self.cancel_one,
            lambda: None,
        ]
        rng.choice(wishes)()

    def change_one(self) -> None:
        orders = self.ctx.open_orders("ABC")
        if orders:
            order = self.ctx.rng.choice(list(orders))
            limit = order.limit_price
            self.ctx.modify_order(
                order.client_order_id,
                quantity=order.filled_quantity + self.ctx.rng.randint(1, 60),
                limit_price=None if limit is None else limit * Decimal("1.001"),
            )

    def cancel_one(self) -> None:
        orders = self.ctx.open_orders("ABC")
        if orders:
            self.ctx.cancel_order(self.ctx.rng.choice(list(orders)).client_order_id)


class Trading:
    """One run of an engine over a schedule, with its journal kept."""

    def __init__(self, seed: int, model: ExecutionModel, *, has_shocks: bool) -> None:
        self.rng = random.Random(seed)
        self.has_shocks = has_shocks
        instrument = Instrument("ABC")
        self.engine = Engine(
            EngineSetup(
                instruments={"ABC": instrument},
                cash=CASH,
                seed=seed,
                policy=POLICY,
                is_daily=False,
                bar_size_ns=60_000_000_000,
                strategies=tuple(
                    StrategySetup(StrategyId(name), Restless(), {}, ("ABC",))
                    for name in ("first", "second")
                ),
            )
        )
        self.records: list[Record] = []
        self.process(open_ns(0), e.EngineStarted(1))
        split = CorporateAction("ABC", open_ns(1), ActionKind.SPLIT, Decimal("1.5"))
        dividend = CorporateAction("ABC", open_ns(2), ActionKind.DIVIDEND, Decimal("0.37"))
        self.run = Run(
            self.bars(),
            model=model,
            actions=(split, dividend),
            react=self.react,
            instrument=instrument,
        )

    def bars(self) -> list[Bar]:
        price, bars = 100.0, []
        for day in range(3):
            price = price / 1.5 if day == 1 else price
            for number in range(0, 380, 4):
                before, price = price, price * self.rng.uniform(0.99, 1.01)
                high, low = max(before, price) * 1.002, min(before, price) * 0.998
                bars.append(minute(day, number, (before, high, low, price), volume=3_000.0))
        return bars

    def react(self, ts_ns: int, event: e.Event) -> list[c.Command]:
        commands = self.process(ts_ns, event)
        if self.has_shocks and isinstance(event, Bar) and self.rng.random() < 0.05:
            commands += self.process(ts_ns, self.rng.choice(SHOCKS))
        return commands

    def process(self, ts_ns: int, event: e.Event) -> list[c.Command]:
        outputs = [plain(output) for output in self.engine.process(ts_ns, event)]
        cause = len(self.records) + 1
        self.records.append(Record(cause, ts_ns, 0, event))
        for output in outputs:
            self.records.append(Record(len(self.records) + 1, ts_ns, cause, output))
        return [output for output in outputs if isinstance(output, COMMANDS)]

    def outputs(self, kind: type) -> list[Any]:
        return [record.body for record in self.records if isinstance(record.body, kind)]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("is_realistic", [False, True])
def test_engine_and_venue_agree_when_the_data_ends(seed: int, is_realistic: bool) -> None:
    model = ExecutionModel() if is_realistic else ExecutionModel.frictionless()
    trading = Trading(seed, model, has_shocks=seed % 2 == 1)
    engine, venue = trading.engine, trading.run.venue
    # Exits without room beside other orders of their strategy, and denied closes, are told.
    assert {d.kind for d in trading.outputs(c.DiscrepancyFound)} <= {"not_closed", "not_protected"}
    assert not trading.outputs(c.StrategyFaulted)
    assert len(trading.outputs(c.SubmitOrder)) > 50
    ours = {symbol: p.quantity for symbol, p in engine.ledger.portfolio.held.items()}
    theirs = {record.symbol: record.quantity for record in venue.ledger.position_records()}
    assert ours == theirs
    assert engine.ledger.portfolio.cash == venue.ledger.cash
    working = {order.client_order_id for order in venue.orders if not order.is_done}
    standing = {order.standing_id for order in engine.ledger.orders.open.values()}
    assert standing == working
    sent = {order.client_order_id for order in trading.outputs(c.SubmitOrder)}
    assert len(sent) == len(trading.outputs(c.SubmitOrder))
    known = engine.ledger.orders.by_root
    assert all(known[order_id].status is not OrderStatus.PENDING_NEW for order_id in sent)


@pytest.mark.parametrize("seed", range(4))
def test_the_fold_of_a_whole_run_gives_its_books(seed: int) -> None:
    trading = Trading(seed, ExecutionModel(), has_shocks=True)
    books = Books(trading.engine.instruments, CASH)
    assert ledger_digest(ledger_fold(books, trading.records)) == ledger_digest(
        trading.engine.ledger
    )


def test_position_limits_hold_at_the_venue_itself() -> None:
    """The venue's own books, fill by fill, never go past what the gate allows."""
    for seed in range(4):
        trading = Trading(seed, ExecutionModel(), has_shocks=False)
        held, limit = Decimal(0), Decimal(400)
        for record in trading.records:
            if isinstance(record.body, CorporateAction) and record.body.kind is ActionKind.SPLIT:
                held, limit = (held * record.body.value).to_integral_value(), limit * 3 / 2
            if isinstance(record.body, e.OrderFilled):
                held += record.body.side.sign * record.body.quantity
                assert abs(held) <= limit
