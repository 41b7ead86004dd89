"""The engine: a pure, single-threaded fold of timestamped events into commands and notices.

    outputs = engine.process(ts_ns, event)

`ts_ns` never decreases. Everything the engine decides from is in its events, so equal events
give equal outputs, in a backtest, live and in a replay. Outputs are in order of emission; an
event that leads to nothing returns a shared empty tuple.

An internal error (a failed invariant, not a strategy's) poisons the engine: it raises, and
every later call raises too, because books that may be wrong must not trade.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from regimeflow.core.answers import AnswerWatch
from regimeflow.core.applied import Applied
from regimeflow.core.approved import Approved, EngineOutput, plain
from regimeflow.core.callbacks import Callbacks
from regimeflow.core.context import EngineContext
from regimeflow.core.desk import Desk
from regimeflow.core.discrepancies import Discrepancies
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
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.reconcile import Reconciler
from regimeflow.core.risk.clock import ClockGuard
from regimeflow.core.risk.gate import RiskGate
from regimeflow.core.seat import Seat
from regimeflow.core.setup import EngineSetup
from regimeflow.core.sweep import Sweep
from regimeflow.core.timers import ENGINE
from regimeflow.errors import ConfigError, InvariantViolated
from regimeflow.model import events as e
from regimeflow.model.commands import CancelOrder, HealthChanged, HealthStatus
from regimeflow.model.market import (
    Bar,
    BookDelta,
    BookSnapshot,
    CorporateAction,
    Quote,
    Trade,
)

RESERVED_IDS = frozenset({ENGINE, EXTERNAL})
"""Owners that are no strategies: the engine's timers, what nobody here ordered."""
_ANSWERED = frozenset({Approved, CancelOrder})
"""Requests that a venue behind a link has to answer."""
NO_OUTPUTS: tuple[EngineOutput, ...] = ()


class Engine:
    """One run's books, strategies and rules. Build it, then feed it events in order.

    `ledger` and `market` let a boot start on books that were folded from a journal.

    Raises ConfigError from `initialize` of a strategy whose parameters are wrong, or that fails.
    """

    __slots__ = (
        "_handlers",
        "_outputs",
        "answers",
        "callbacks",
        "desk",
        "discrepancies",
        "externals",
        "gate",
        "holds",
        "instruments",
        "ledger",
        "market",
        "market_handler",
        "now_ns",
        "operator_handler",
        "order_truth",
        "poisoned",
        "reconciler",
        "regime",
        "regime_detector",
        "report_handler",
        "session_handler",
        "setup",
        "sweep",
        "time_handler",
        "warming_count",
    )

    def __init__(
        self,
        setup: EngineSetup,
        *,
        ledger: Ledger | None = None,
        market: MarketState | None = None,
    ) -> None:
        self.setup = setup
        self.instruments = setup.instruments
        self.now_ns = 0
        self.poisoned = ""
        self.regime = ""
        self.regime_detector = setup.regime_detector
        self._outputs: list[EngineOutput] = []
        policy = setup.policy
        self.ledger = ledger or Ledger(setup.books())
        self.market = market or MarketState()
        self.holds = Holds(self)
        self.order_truth = OrderTruth(self)
        self.sweep = Sweep(self)
        self.answers = AnswerWatch(self)
        self.discrepancies = Discrepancies(self)
        self.externals = Externals(self)
        self.reconciler = Reconciler()
        self.gate = RiskGate(
            policy,
            setup.instruments,
            self.ledger,
            self.market,
            self.holds,
            self.reconciler,
            ClockGuard(policy.max_clock_offset_ms if setup.proves_books else None, setup.pace),
        )
        self.desk = Desk(
            gate=self.gate,
            ledger=self.ledger,
            instruments=setup.instruments,
            id_prefix=setup.id_prefix,
            oco_at_broker=setup.oco_at_broker,
            pause_ns=setup.query_interval_ns,
            holds=self.holds,
            emit=self.emit,
            on_denied=self._order_denied,
        )
        self.callbacks = Callbacks(self, [Seat(s, setup.seed) for s in setup.strategies])
        self.market_handler = MarketHandler(self)
        self.report_handler = ReportHandler(self)
        self.session_handler = SessionHandler(self)
        self.operator_handler = OperatorHandler(self)
        self.time_handler = TimeHandler(self)
        self._handlers = self._dispatch_table()
        self.warming_count = len(self.callbacks.seats)
        self._initialize_strategies()

    @property
    def bar_shop(self) -> Any:
        """The builders of larger bars."""
        return self.market_handler.shop

    def process(self, ts_ns: int, event: e.Event) -> Sequence[EngineOutput]:
        """Take one event; returns what it led to, in order."""
        if self.poisoned:
            raise InvariantViolated(f"the engine has stopped: {self.poisoned}")
        self.now_ns = ts_ns
        try:
            self._handlers[type(event)](event)
        except BaseException as error:
            self.poisoned = f"{type(error).__name__}: {error}"
            raise
        outputs = self._outputs
        if outputs:
            self._outputs = []
            return outputs
        return NO_OUTPUTS

    def resume_roll(self) -> Sequence[EngineOutput]:
        """Go on where a state was captured, at a session's roll; returns what it led to."""
        self.session_handler.roll()
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def outputs_so_far(self) -> int:
        """How many outputs the event in hand has led to."""
        return len(self._outputs)

    def emit(self, output: EngineOutput) -> Applied:
        """Book an output and hand it out: the one way anything leaves the engine."""
        applied = self.ledger.apply_output(self.now_ns, plain(output))
        self._outputs.append(output)
        if self.setup.proves_books and type(output) in _ANSWERED:
            self.answers.begin()
        return applied

    def change_health(self, change: HealthChanged) -> None:
        """Announce a change of health to the outside and to strategies."""
        self.emit(change)
        self.callbacks.broadcast("on_health", change)

    def end_warmup_if_over(self, seat: Seat) -> None:
        """A strategy may trade once its warm-up bars are in and the run proper has begun."""
        if not seat.is_warming or seat.warmup_left or self.now_ns < self.setup.start_ns:
            return
        seat.is_warming = False
        self.warming_count -= 1
        if seat.strategy.warmup_bars:
            detail = f"{seat.strategy.warmup_bars} bars"
            self.emit(HealthChanged(f"warmup:{seat.strategy_id}", HealthStatus.OK, detail))

    def end_warmups(self) -> None:
        """For seats that need no bars, or have had theirs, warm-up ends with time alone."""
        for seat in self.callbacks.seats.values():
            self.end_warmup_if_over(seat)

    # --- inside -------------------------------------------------------------------------

    def _initialize_strategies(self) -> None:
        ids = [entry.strategy_id for entry in self.setup.strategies]
        wrong = [i for i in ids if i in RESERVED_IDS or ids.count(i) > 1]
        if wrong:
            reserved = ", ".join(sorted(RESERVED_IDS))
            raise ConfigError(
                f"strategy id {wrong[0]!r} is taken; give each strategy an id of its own, not one "
                f"of {reserved}"
            )
        for seat, strategy_setup in zip(
            self.callbacks.seats.values(), self.setup.strategies, strict=True
        ):
            context = EngineContext(self, seat, strategy_setup.params)
            seat.strategy.ctx = context
            self.callbacks.initialize(seat, context)
            seat.begin_warmup(self.setup.warmup_bars)
        self.market_handler.index()

    def _order_denied(self, order: Any) -> None:
        self.callbacks.order_changed(order)

    def _ignore(self, event: e.Event) -> None:
        """Facts for observers: nothing that a decision can read."""

    def _dispatch_table(self) -> dict[type, Callable[[Any], None]]:
        market, report = self.market_handler, self.report_handler
        session, operator = self.session_handler, self.operator_handler
        time = self.time_handler
        table: dict[type, Callable[[Any], None]] = {
            Quote: market.on_quote,
            Trade: market.on_trade,
            Bar: market.on_bar,
            BookSnapshot: market.on_book,
            BookDelta: market.on_book_delta,
            e.OrderFilled: report.on_fill,
            e.CashPosted: report.on_cash,
            CorporateAction: report.on_corporate_action,
            e.BrokerSnapshot: report.on_snapshot,
            e.OrderStatusReported: report.on_status,
            e.FillBusted: report.on_bust,
            e.FillCorrected: report.on_correction,
            e.ReportNotUnderstood: report.on_not_understood,
            e.LinkUp: report.on_link,
            e.LinkDown: report.on_link,
            e.EngineStarted: session.on_started,
            e.EngineStopped: session.on_stopped,
            e.SessionOpened: session.on_opened,
            e.SessionClosed: session.on_closed,
            e.TimerFired: session.on_timer,
            e.Halt: operator.on_halt,
            e.Resume: operator.on_resume,
            e.CancelAll: operator.on_cancel_all,
            e.Flatten: operator.on_flatten,
            e.Adopt: operator.on_adopt,
            e.Heartbeat: time.on_heartbeat,
            e.ClockMeasured: time.on_measured,
            e.ClockStepped: time.on_stepped,
            e.ClockAdjusted: time.on_adjusted,
            e.LoopStalled: time.on_stalled,
        }
        order_reports: tuple[type, ...] = (
            e.OrderAccepted,
            e.OrderRejected,
            e.OrderCanceled,
            e.OrderReplaced,
            e.OrderExpired,
            e.CancelRejected,
            e.OutcomeUnknown,
        )
        table.update(dict.fromkeys(order_reports, report.on_order_report))
        facts: tuple[type, ...] = (e.SnapshotFailed, e.FeedGap, e.DataConflated)
        table.update(dict.fromkeys(facts, self._ignore))
        return table
