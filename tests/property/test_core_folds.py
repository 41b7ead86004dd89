"""The books of an engine are what a fold of its journal gives, and nothing inert changes it.

Random days: quotes, prints, bars, wishes of two strategies, a venue that answers or does not,
splits, sessions, halts. Every event and output is kept as a journal would keep it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.core.ledger import Books
from regimeflow.core.ledger_state import ledger_digest, ledger_state, restore_ledger
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.journal.records import Record
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord, OrderRecord, PositionRecord
from regimeflow.model.ids import BrokerOrderId
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import Order, OrderStatus, Side
from regimeflow.run.folds import ledger_fold
from tests.unit.core_samples import CASH, World, puppet, session

POLICY = RiskPolicy(
    limits=RiskLimits(max_position=Decimal(200), daily_loss_limit=Decimal(5_000)),
    max_orders_per_minute=12,
    max_orders_per_second=5,
    duplicate_order_window_ns=10**6,
    reference_age_ns_max=10**12,
)
SYMBOLS = ("ABC", "XYZ")
UNPROVED = (OrderStatus.PENDING_NEW, OrderStatus.IN_DOUBT)
"""A list that holds such an order is evidence, not mere agreement."""
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), st.sampled_from(SYMBOLS), st.integers(50, 150)),
        st.tuples(st.just("bar"), st.sampled_from(SYMBOLS), st.integers(50, 150)),
        st.tuples(
            st.just("wish"), st.integers(0, 1), st.sampled_from(SYMBOLS), st.integers(-40, 40)
        ),
        st.tuples(st.just("bracket"), st.integers(0, 1), st.integers(1, 20)),
        st.tuples(st.just("venue"), st.integers(0, 5), st.integers(0, 9), st.integers(1, 20)),
        st.tuples(st.just("operator"), st.integers(0, 3)),
        st.tuples(st.just("split"), st.sampled_from(["2", "0.5", "0.3"])),
        st.tuples(st.just("pause"), st.integers(1, 90)),
        st.tuples(st.just("timer"), st.integers(0, 9)),
    ),
    max_size=30,
)


def record_of(order: Order) -> OrderRecord:
    """A working order as the broker lists it."""
    return OrderRecord(
        client_order_id=order.standing_id,
        broker_order_id=order.broker_order_id or BrokerOrderId("b"),
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        quantity=order.quantity,
        filled_quantity=order.filled_quantity,
        status=OrderStatus.PARTIALLY_FILLED if order.filled_quantity else OrderStatus.NEW,
        limit_price=order.limit_price,
        stop_price=order.stop_price,
    )


class Day:
    """Plays steps into one world; `inert` events may be put in before any of them."""

    def __init__(self) -> None:
        self.world = World(puppet(), puppet(), policy=POLICY)
        self.world.quote(100.0, symbol="XYZ")

    def play(self, step: Any) -> None:
        getattr(self, step[0])(*step[1:])

    def price(self, symbol: str, price: int) -> None:
        self.world.quote(float(price), float(price) + 0.01, symbol)

    def bar(self, symbol: str, price: int) -> None:
        self.world.bar(float(price), symbol)

    def wish(self, who: int, symbol: str, target: int) -> None:
        def run(ctx: Any) -> None:
            ctx.get_position("XYZ"), ctx.portfolio.positions
            ctx.schedule_timer(f"t{target}", after_ns=abs(target) * 1_000_000)
            for order in ctx.open_orders(symbol)[:1]:
                if not ctx.modify_order(order.client_order_id, quantity=abs(target) + 1):
                    ctx.cancel_order(order.client_order_id)
            if target % 7:
                ctx.target_position(symbol, target)
            else:
                ctx.close_position(symbol)

        self.world.do(run, who)

    def bracket(self, who: int, quantity: int) -> None:
        self.world.do(
            lambda ctx: ctx.submit_order(
                "ABC", Side.BUY, quantity, take_profit=160, stop_loss=ctx.rng.randint(30, 45)
            ),
            who,
        )

    def venue(self, kind: int, pick: int, quantity: int) -> None:
        orders = self.world.engine.ledger.orders
        asked = list(orders.replacements.values())
        opened: list[Order] = list(orders.open.values())
        if asked and kind == 0:
            self.world.replaced(asked[pick % len(asked)])
        elif asked and kind == 1:
            self.world.replace_rejected(asked[pick % len(asked)].client_order_id)
        elif opened:
            order_id = opened[pick % len(opened)].client_order_id
            if kind == 2:
                self.world.canceled(order_id)
            elif kind == 3:
                self.world.feed(e.OutcomeUnknown(order_id, e.RequestKind.SUBMIT, "timeout"))
            elif kind == 4:
                self.world.accept(order_id)
            else:
                self.world.fill(order_id, quantity, 100 + pick, fee="0.37")

    def operator(self, kind: int) -> None:
        events = (e.Halt("h"), e.Resume("r"), e.CancelAll("c"), e.Flatten("f"))
        self.world.feed(events[kind])

    def split(self, ratio: str) -> None:
        action = CorporateAction("ABC", self.world.now_ns, ActionKind.SPLIT, Decimal(ratio))
        self.world.feed(action)

    def pause(self, seconds: int) -> None:
        self.world.wait(seconds)

    def timer(self, pick: int) -> None:
        pending = list(self.world.engine.ledger.timers.pending.items())
        if pending:
            (owner, timer_id), due_ns = pending[pick % len(pending)]
            self.world.feed(e.TimerFired(timer_id, owner, due_ns))  # type: ignore[arg-type]

    # --- events that must change nothing ------------------------------------------------

    def agreeing_snapshot(self) -> e.BrokerSnapshot:
        ledger = self.world.engine.ledger
        held = ledger.portfolio.held.values()
        opened = ledger.orders.open.values()
        is_news = any(o.in_doubt or o.status in UNPROVED for o in opened)
        return e.BrokerSnapshot(
            request_id="r",
            orders=None if is_news else tuple(record_of(order) for order in opened),
            fills=(),
            positions=tuple(PositionRecord(p.symbol, p.quantity) for p in held),
            account=AccountRecord("A", "USD", ledger.portfolio.cash),
            ts_venue_ns=self.world.now_ns,
        )

    def insert(self, kind: int) -> None:
        inert: list[e.Event] = [
            e.Heartbeat("data", "ABC"),
            e.LinkUp("data"),
            e.SnapshotFailed("r", "timeout"),
            e.DataConflated("ABC", 3),
            self.agreeing_snapshot(),
        ]
        self.world.feed(inert[kind], after_ns=0)

    def decisions(self) -> list[c.Output]:
        """All that was decided: commands, denials, states; not what merely informs."""
        return [
            output
            for _, _, outputs in self.world.log
            for output in outputs
            if not isinstance(output, c.HealthChanged)
        ]


@given(STEPS)
def test_folding_the_journal_gives_the_engines_own_books(steps: list[Any]) -> None:
    day = Day()
    for step in steps:
        day.play(step)
    records, seq = [], 0
    for ts_ns, event, outputs in day.world.log:
        seq += 1
        cause = seq
        records.append(Record(seq, ts_ns, 0, event))
        for output in outputs:
            seq += 1
            records.append(Record(seq, ts_ns, cause, output))
    books = Books(day.world.engine.instruments, CASH, 5, 12)
    ledger = day.world.engine.ledger
    assert ledger_digest(ledger_fold(books, records)) == ledger_digest(ledger)
    saved = ledger_state(ledger)
    restored = restore_ledger(books, saved)
    assert ledger_state(restored) == saved
    assert restored.portfolio.equity == ledger.portfolio.equity
    assert list(restored.portfolio.held) == list(ledger.portfolio.held)


@given(STEPS, st.data())
def test_inert_events_change_no_decision(steps: list[Any], data: st.DataObject) -> None:
    plain, disturbed = Day(), Day()
    for step in steps:
        plain.play(step)
        for kind in data.draw(st.lists(st.integers(0, 4), max_size=2)):
            disturbed.insert(kind)
        disturbed.play(step)
    assert disturbed.decisions() == plain.decisions()
    assert ledger_state(disturbed.world.engine.ledger) == ledger_state(plain.world.engine.ledger)


@given(STEPS)
def test_equal_events_give_equal_outputs(steps: list[Any]) -> None:
    first, second = Day(), Day()
    for step in steps:
        first.play(step)
        second.play(step)
    assert first.world.log == second.world.log
    assert not first.world.engine.poisoned
    assert first.world.engine.now_ns >= session().open_ns
