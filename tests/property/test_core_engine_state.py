"""An engine that is put back at any session's end goes on as the one that was never interrupted.

Random days behind a link: prices and bars, wishes of strategies that keep state, a generator and
transient windows, a venue that answers, does not, lists and errs, splits, halts, links, nights.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from regimeflow.core.approved import plain
from regimeflow.core.engine import Engine
from regimeflow.core.engine_state import (
    decode_engine_state,
    engine_digest,
    engine_state,
    restore_engine,
)
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import AccountRecord
from regimeflow.model.instrument import Instrument
from regimeflow.model.market import Bar, Quote, Trade
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_MINUTE, NS_PER_S
from regimeflow.run.folds import ledger_fold
from regimeflow.strategy.base import Strategy
from tests.faults.desk_script import LinkedDesk, records_of
from tests.property.test_core_folds import SYMBOLS, Day
from tests.unit.core_samples import CASH, session
from tests.unit.eventful_engines import detector, fresh_setup

POLICY = RiskPolicy(
    limits=RiskLimits(max_position=Decimal(200), daily_loss_limit=Decimal(5_000)),
    limits_by_regime={"crisis": RiskLimits(max_order_quantity=Decimal(30))},
    max_orders_per_minute=12,
    max_orders_per_second=5,
    duplicate_order_window_ns=30 * 3_600 * NS_PER_S,
    reference_age_ns_max=NS_PER_DAY,
    max_in_doubt=1,
)
INSTRUMENTS = (Instrument("ABC", lot_size=Decimal("0.25")), Instrument("XYZ"))
WHO = st.integers(0, 1)
SYMBOL = st.sampled_from(SYMBOLS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("price"), SYMBOL, st.integers(50, 150)),
        st.tuples(st.just("bar"), SYMBOL, st.integers(50, 150)),
        st.tuples(st.just("wish"), WHO, SYMBOL, st.integers(-40, 40)),
        st.tuples(st.just("bracket"), WHO, st.integers(1, 20)),
        st.tuples(st.just("venue"), st.integers(0, 5), st.integers(0, 9), st.integers(1, 20)),
        st.tuples(st.just("operator"), st.integers(0, 3)),
        st.tuples(st.just("split"), st.sampled_from(["2", "0.5", "0.3"])),
        st.tuples(st.just("pause"), st.integers(1, 90)),
        st.tuples(st.just("sweep"), st.integers(0, 3)),
        st.tuples(st.just("link"), st.booleans()),
        st.tuples(st.just("odd"), st.integers(0, 3)),
        st.tuples(st.just("night"), st.integers(1, 9)),
    ),
    max_size=30,
)
BRACKET = 100


class Follower(Strategy):
    """Does what the size of a print says, if the print is meant for it."""

    transient: ClassVar[tuple[str, ...]] = ("window",)
    turn: ClassVar[int]

    def initialize(self, ctx: Any) -> None:
        self.warmup_bars = self.turn
        self.fills = 0
        self.seen: dict[str, float] = {}

    def on_start(self) -> None:
        bars = self.ctx.get_bars("ABC", 5, "2m")
        self.window = deque((bar.close for bar in bars), maxlen=5)
        if self.fills % 3 == 2:
            self.ctx.buy("XYZ", 1 + len(self.window), limit_price=60 + self.turn)

    def on_bar(self, bar: Bar) -> None:
        self.window.append(bar.close)
        if sum(self.window) > 450:
            self.ctx.log(f"{len(self.window)} {sum(self.window)} {self.ctx.current_regime}")

    def on_quote(self, quote: Quote) -> None:
        self.seen[quote.symbol] = quote.bid

    def on_fill(self, fill: e.OrderFilled) -> None:
        self.fills += 1

    def on_tick(self, trade: Trade) -> None:
        who, code = divmod(int(trade.size), 1_000)
        if who != self.turn:
            return
        target = code - 500
        if target >= BRACKET:
            self.ctx.submit_order(
                "ABC",
                Side.BUY,
                (target - BRACKET) / 4,
                take_profit=160,
                stop_loss=self.ctx.rng.randint(30, 45),
            )
            return
        self.ctx.schedule_timer(f"t{target}", after_ns=abs(target) * 1_000_000)
        for order in self.ctx.open_orders(trade.symbol)[:1]:
            if not self.ctx.modify_order(order.client_order_id, quantity=abs(target) + 1):
                self.ctx.cancel_order(order.client_order_id)
        if target % 7:
            self.ctx.target_position(trade.symbol, target)
        else:
            self.ctx.close_position(trade.symbol)


class First(Follower):
    """On the feed's own bars."""

    turn = 0


class Second(Follower):
    """On larger bars."""

    turn = 1
    bar_size = "2m"


class Saved(NamedTuple):
    """A state, and where in the log it was captured."""

    state: bytes
    events: int
    outputs: int


class Nights(Day):
    """Plays steps into an engine behind a link, and keeps its state at every session's end."""

    def __init__(self) -> None:
        self.world: LinkedDesk = LinkedDesk(
            First(),
            Second(),
            policy=POLICY,
            instruments=INSTRUMENTS,
            regime_detector=detector(),
            regime_symbol="XYZ",
            mark_interval_ns=30 * NS_PER_MINUTE,
            stale_after_ns=900 * NS_PER_S,
        )
        self.saved: list[Saved] = []
        self.day = 0
        self.world.quote(100.0, symbol="XYZ")
        self.world.engine.session_handler.before_roll = self._keep

    def _keep(self) -> None:
        engine, state = self.world.engine, engine_state(self.world.engine)
        assert state is not None
        self.saved.append(Saved(state, len(self.world.log), engine.outputs_so_far))

    def wish(self, who: int, symbol: str, target: int) -> None:
        size = float(who * 1_000 + target + 500)
        self.world.trade(100.0 + target / 8, size, symbol)

    def bracket(self, who: int, quantity: int) -> None:
        self.wish(who, "ABC", BRACKET + quantity)

    def pause(self, seconds: int) -> None:
        self.world.lapse(seconds)

    def sweep(self, kind: int) -> None:
        off = {"account": AccountRecord("A", "USD", CASH - kind)} if kind else {}
        self.world.sweep(**off)

    def link(self, is_up: bool) -> None:
        (self.world.raise_link if is_up else self.world.drop_link)()

    def odd(self, kind: int) -> None:
        """What no order explains, again and again; and late word of the first order of all."""
        world = self.world
        if kind == 0:
            world.fill("manual", -1, execution_id="impossible")
        elif kind == 1:
            world.accept("rf-1-7-s0-99")
        elif kind == 2:
            world.feed(e.Adopt("test"))
        elif world.outputs(c.SubmitOrder):
            world.fill(world.outputs(c.SubmitOrder)[0].client_order_id, 1)

    def night(self, days: int) -> None:
        """Close, end, and open so many days later."""
        world = self.world
        world.now_ns = max(world.now_ns, session(self.day).close_ns)
        world.feed(e.SessionClosed(session(self.day)))
        world.lapse(1)
        self.day += days
        world.now_ns = session(self.day).open_ns
        world.feed(e.SessionOpened(session(self.day)), after_ns=0)


def go_on(day: Nights, saved: Saved) -> tuple[Engine, list[bytes]]:
    """Put the engine back, let it go the same way and compare every output; its later states."""
    records = records_of(day.world)
    log = day.world.log
    position = sum(1 + len(outputs) for _, _, outputs in log[: saved.events]) + 1 + saved.outputs
    setup = fresh_setup(day.world.engine.setup)
    complete = ledger_fold(setup.books(), records[:position]).orders
    engine = restore_engine(setup, decode_engine_state(saved.state), complete)
    assert engine_state(engine) == saved.state
    _, _, expected = log[saved.events]
    assert list(map(plain, engine.resume_roll())) == expected[saved.outputs :]
    states: list[bytes] = []
    engine.session_handler.before_roll = lambda: states.append(engine_state(engine) or b"")
    for ts_ns, event, outputs in log[saved.events + 1 :]:
        assert list(map(plain, engine.process(ts_ns, event))) == outputs
    return engine, states


ORDER_TWICE = [("bracket", 0, 8), ("night", 1), ("bracket", 0, 8)]
"""The same order on both sides of a night is a mistake (C12)."""
CANCELED = [("bracket", 0, 8), ("venue", 2, 0, 1)]
LATE_FILL = [*CANCELED, ("night", 9), *CANCELED, ("night", 1), ("odd", 3)]
"""Of an order that ended longer ago than saved books remember."""


@given(STEPS)
@example(ORDER_TWICE)
@example(LATE_FILL)
def test_engine_put_back_at_any_session_end_goes_on_as_if_never_interrupted(
    steps: list[Any],
) -> None:
    day = Nights()
    for step in [*steps, ("night", 1)]:
        day.play(step)
    digests = (engine_digest(day.world.engine), ledger_digest(day.world.engine.ledger))
    for number, saved in enumerate(day.saved):
        engine, states = go_on(day, saved)
        assert states == [later.state for later in day.saved[number + 1 :]]
        assert (engine_digest(engine), ledger_digest(engine.ledger)) == digests
