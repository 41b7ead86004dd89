"""Calling user code: the only place in the core that catches every exception.

A callback that raises, SystemExit too, sends nothing, and its strategy is faulted: it is not
called again, its entries are cancelled, it may only reduce. The engine and the others go on.
Consequences (an order denied, a fill) queue behind the callback in hand, first in first out,
at most `CONSEQUENCES_MAX` for one event; a strategy that answers its own orders for ever is
faulted there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from copy import copy
from functools import wraps
from typing import TYPE_CHECKING, Any

from regimeflow.core.seat import SavedSeat, Seat
from regimeflow.errors import ConfigError, InvariantViolated, RegimeFlowError
from regimeflow.model.commands import (
    StrategyFaulted,
    StrategyStateSaved,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import StrategyId
from regimeflow.model.order import Order
from regimeflow.strategy.context import Context

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

CONSEQUENCES_MAX = 1_000

Call = tuple[Seat, Callable[[Any], None]]


class Callbacks:
    """The seats, who overrides what, and the queue of consequences."""

    __slots__ = ("_engine", "_is_draining", "_queue", "by_name", "seats")

    def __init__(self, engine: Engine, seats: Iterable[Seat]) -> None:
        self._engine = engine
        self._is_draining = False
        self.seats: dict[StrategyId, Seat] = {seat.strategy_id: seat for seat in seats}
        self._queue: deque[tuple[Seat, Callable[[Any], None], Any]] = deque()
        self.by_name: dict[str, list[Call]] = {}
        self.index()

    def index(self) -> None:
        """List who listens to what, in configuration order, faulted seats left out."""
        self.by_name.clear()
        for seat in self.seats.values():
            if not seat.is_faulted:
                for name, call in seat.calls.items():
                    self.by_name.setdefault(name, []).append((seat, call))

    def initialize(self, seat: Seat, context: Context) -> None:
        """Make a strategy ready. Raises ConfigError, with its line, where it fails: nothing of the
        run has begun, so the user mends it first."""
        try:
            seat.strategy.initialize(context)
        except RegimeFlowError:
            raise
        except (Exception, SystemExit) as error:
            raise ConfigError(
                f"strategy {seat.strategy_id}: initialize raised {type(error).__name__}: {error}, "
                f"at {_place_of(error, type(seat.strategy).__module__)}; mend it there, or the "
                "parameters that lead to it"
            ) from error
        seat.staged = []  # nothing may be wished in `initialize`

    def deliver(self, calls: Iterable[Call], argument: object) -> None:
        """Call each listener in turn; let its wishes take effect before the next is called."""
        for seat, call in calls:
            try:
                call(argument)
            except InvariantViolated:
                raise  # our bug, met inside a callback: it must not pass for the strategy's
            except (Exception, SystemExit) as error:  # noqa: BLE001 - user code may raise anything
                self.fault(seat, call.__name__, f"{type(error).__name__}: {error}")
                continue
            if seat.staged:
                self._engine.desk.release(self._engine.now_ns, seat)
        if self._queue and not self._is_draining:
            self.drain()

    def broadcast(self, name: str, argument: object) -> None:
        """Deliver to every strategy that overrides `name`."""
        calls = self.by_name.get(name)
        if calls:
            self.deliver(calls, argument)

    def order_changed(self, order: Order, fill: OrderFilled | None = None) -> None:
        """Queue `on_order_update`, and `on_fill` after it, for the order's strategy."""
        seat = self.seats.get(order.strategy_id)
        if seat is None:
            return
        update = seat.calls.get("on_order_update")
        if update is not None:
            self._queue.append((seat, update, copy(order)))
        filled = seat.calls.get("on_fill")
        if fill is not None and filled is not None:
            self._queue.append((seat, filled, fill))

    def drain(self) -> None:
        """Deliver the queued consequences of this event, and theirs."""
        self._is_draining = True
        taken: dict[StrategyId, int] = {}
        while self._queue:
            seat, call, argument = self._queue.popleft()
            if seat.is_faulted:
                continue
            count = taken[seat.strategy_id] = taken.get(seat.strategy_id, 0) + 1
            if count > CONSEQUENCES_MAX:
                self.fault(
                    seat, call.__name__, f"more than {CONSEQUENCES_MAX} consequences of one event"
                )
                continue
            self.deliver(((seat, call),), argument)
        self._is_draining = False

    def call_lifecycle(self, seat: Seat, name: str) -> None:
        """Call `on_start` or `on_stop`."""
        if not seat.is_faulted:
            call = _without_argument(getattr(seat.strategy, name))
            self.deliver(((seat, call),), None)

    def capture(self) -> list[SavedSeat] | None:
        """Every seat; None while the state of a strategy cannot be kept (its roll faults it)."""
        try:
            return [seat.capture() for seat in self.seats.values()]
        except InvariantViolated:
            raise
        except (Exception, SystemExit):  # noqa: BLE001 - encoding runs user code
            return None

    def restore(self, saved: list[SavedSeat]) -> None:
        """Put every seat back. Raises ConfigError when they are not this run's strategies."""
        if [one.strategy_id for one in saved] != list(self.seats):
            raise ConfigError(
                f"the saved state is of the strategies {[one.strategy_id for one in saved]}, this "
                f"run has {list(self.seats)}"
            )
        for one in saved:
            self.seats[one.strategy_id].restore(one)
        self.index()

    def roll(self, seat: Seat, session: str) -> None:
        """Save a strategy's state and make it anew from what was saved.

        A strategy whose state cannot be kept, or that fails to initialise, is faulted here and
        not on the night of a crash.
        """

        def session_roll(_: object) -> None:
            saved = seat.save()
            self._engine.emit(StrategyStateSaved(seat.strategy_id, session, saved))
            seat.load(saved)

        self.deliver(((seat, session_roll),), None)
        self.call_lifecycle(seat, "on_start")

    def fault(self, seat: Seat, callback: str, error: str) -> None:
        """Isolate a strategy: nothing it staged leaves, its entries are cancelled."""
        engine = self._engine
        seat.staged = []
        seat.is_faulted = True
        self.index()
        engine.market_handler.index()
        engine.emit(StrategyFaulted(seat.strategy_id, callback, error[:500]))
        if engine.ledger.trading.would_tighten(TradingState.REDUCING, seat.strategy_id):
            reason = f"{callback} raised {error[:200]}"
            engine.emit(TradingStateChanged(TradingState.REDUCING, reason, "C25", seat.strategy_id))
        engine.desk.cancel_entries(seat.strategy_id, "strategy faulted")


def _place_of(error: BaseException, module: str) -> str:
    """File and line of the innermost call in the user's module, or of `initialize` itself."""
    trace = error.__traceback__
    step = found = trace.tb_next if trace is not None else None
    while step is not None:
        if step.tb_frame.f_globals.get("__name__") == module:
            found = step
        step = step.tb_next
    if found is None:
        return "an unknown line"
    return f"{found.tb_frame.f_code.co_filename}:{found.tb_lineno}"


def _without_argument(method: Callable[[], None]) -> Callable[[Any], None]:
    """A callback that takes nothing, in the form of those that take an event."""

    @wraps(method)
    def call(_: object) -> None:
        method()

    return call
