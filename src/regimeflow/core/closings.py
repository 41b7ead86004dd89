"""Closing orders: they leave once nothing else works in their symbol, for what is held then.

A strategy's close is a wish like any other, and can be denied. While it waits, what works of its
strategy in its symbol is cancelled, and its strategy can place nothing else there, which would hold
it up or close twice. One that waited `WAIT_NS_MAX` for cancels or for the order rate is denied: its
strategy may mean something else by now. What is still held then is told: its exits are cancelled.

A flatten must not get lost, an operator's or that of what nobody here ordered: it waits for the
order rate, is sent again when the venue rejects it, and where it is refused for good, that is a
discrepancy for a person. While an operator's waits or works nothing new leaves in its symbol, not
even an exit: a strategy that always wants an order there would keep it waiting for ever, and two
exits would turn the position around. What works there all the same is cancelled.
It waits for cancels as long as they take, which is told every `WAIT_NS_MAX`. All wait for a broker
that takes no requests.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from regimeflow.core.approved import EngineOutput
from regimeflow.core.closing_orders import CLOSE, FLATTEN, closes, is_flatten, is_operators
from regimeflow.core.duty_wait import WAIT_NS_MAX, DutyWait, keep_timer
from regimeflow.core.ledger import Ledger
from regimeflow.core.order_factory import build_order
from regimeflow.core.order_records import renewed
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.risk.proposal import Denial
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId, TimerId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, OrderStatus, Side
from regimeflow.model.timestamps import NS_PER_MINUTE

FLATTEN_WAIT = TimerId("flatten_wait")
WAITS = "waits"
"""What a flatten does that is told and not over."""
REFUSED = "refused"
"""It was denied here: its `OrderDenied` came before."""
STOPPED = Denial("STOPPED", "while running", "stopping", "the run is ending; no order may leave")
FLAT = Denial("FLAT", "a position to close", "flat", "nothing is left to close")


class Closings:
    """Holds closing orders until they can leave; `waiting` in the order they were asked for."""

    __slots__ = ("_cancel", "_duty_wait", "_emit", "_instruments", "_ledger", "_submit", "waiting")

    def __init__(
        self,
        *,
        ledger: Ledger,
        instruments: dict[str, Instrument],
        submit: Callable[[int, Order, Denial | None], Denial | None],
        cancel: Callable[[Order, str], None],
        emit: Callable[[EngineOutput], object],
        duty_wait: DutyWait,
    ) -> None:
        self._ledger = ledger
        self._instruments = instruments
        self._submit = submit
        self._cancel = cancel
        self._emit = emit
        self._duty_wait = duty_wait
        self.waiting: list[Order] = []

    def of(self, strategy_id: StrategyId, symbol: str, tag: str) -> Order | None:
        """The closing order of this owner, symbol and tag that waits, if there is one."""
        for order in self.waiting:
            if (order.strategy_id, order.symbol, order.tag) == (strategy_id, symbol, tag):
                return order
        return None

    def flatten(
        self, symbol: str, client_order_id: ClientOrderId, intent_id: IntentId, tag: str
    ) -> None:
        """Queue the closing order of an operator, or (tag EXTERNAL) of what nobody here ordered."""
        self.waiting.append(
            build_order(
                self._instruments[symbol],
                Side.SELL,  # side and quantity are those of what is held when it leaves
                ZERO,
                self._ledger.portfolio.exact_mark(symbol),
                client_order_id,
                intent_id,
                reduce_only=tag == FLATTEN,
                tag=tag,
            )
        )

    def take_back(
        self, ts_ns: int, order: Order, client_order_id: ClientOrderId, intent_id: IntentId
    ) -> None:
        """The venue rejected a flatten: it is sent again, and told when that went on too long."""
        if self.of(EXTERNAL, order.symbol, order.tag) is not None or not self._held(order):
            return
        again = renewed(order, client_order_id, intent_id)
        what = f"the flatten of {order.symbol} was rejected; it"
        if self._duty_wait.take_back(ts_ns, order, again, what):
            self.waiting.append(again)
        else:
            self._tell(order, "rejected", f"rejected again and again: {order.reason}; close it")

    def denial(self, order: Order) -> Denial | None:
        """C25: why nothing new leaves in a symbol that an operator flattens, or (STATE) that its
        strategy closes: two closing orders would turn the position around."""
        if order.strategy_id == EXTERNAL:
            return None
        if not self._is_due(EXTERNAL, order.symbol, FLATTEN):
            return self._denial_of_close(order)
        return Denial(
            "C25",
            "no flatten under way",
            f"{order.symbol} is being flattened",
            f"an operator flattens {order.symbol}; nothing else may leave there until that is "
            "done, and it waits for the orders that work there",
        )

    def send_what_can(self, ts_ns: int, *, is_stopping: bool) -> None:
        """Send those whose owner has nothing else working in the symbol, and cancel what does.

        An operator's waits for the orders of every strategy: any of them could still fill.
        """
        if not self.waiting:
            return
        left = []
        for order in self.waiting:
            others = self.others(order)
            if is_operators(order):
                for other in others:
                    if not other.is_unwanted:
                        self._cancel(other, FLATTEN)
            elif order.tag == CLOSE:
                self._clear_way(ts_ns, others)
            must_wait = bool(others) or not self._has_left(ts_ns, order, is_stopping=is_stopping)
            if must_wait and not self._is_given_up(ts_ns, order, others):
                left.append(order)
        self.waiting = left
        self._watch(ts_ns)

    def tell_what_waits(self, ts_ns: int) -> None:
        """Flattens have waited for long: say for what."""
        for order in self.waiting:
            others = self.others(order) if is_operators(order) else []
            if others:
                why = f"it waits for {_named(others)}, which it asks to be cancelled; look"
                self._tell(order, WAITS, why)
        self._watch(ts_ns)

    def tell_ended(self, order: Order) -> None:
        """A closing order ended before it had closed all, and neither of us wanted that: tell."""
        is_due = self.of(order.strategy_id, order.symbol, order.tag) is not None
        if not self._held(order) or is_due or order.cancel_reason:
            return
        if is_flatten(order):
            self._tell(order, "ended", f"{order.client_order_id} is {order.status}; close it")
        elif order.tag == CLOSE:
            self._tell_open(order, "ended", f"{order.client_order_id} is {order.status}")

    def is_under_way(self, strategy_id: StrategyId, symbol: str) -> bool:
        """Whether what a strategy holds is being closed: by itself, or by an operator."""
        return self._is_due(EXTERNAL, symbol, FLATTEN) or self._is_due(strategy_id, symbol, CLOSE)

    def others(self, order: Order) -> list[Order]:
        """What works and could fill before, or beside, a closing order that waits."""
        owner, is_of_all = order.strategy_id, is_operators(order)
        return [
            other
            for other in self._ledger.orders.open.values()
            if other.symbol == order.symbol and (is_of_all or other.strategy_id == owner)
        ]

    def shrink(self, symbol: str) -> list[Order]:
        """Executions were annulled: cancel exits for more than is held now, newest first to go.

        Those of brackets count, and are `Protection`'s to cancel. Returns what was cancelled.
        """
        rooms: dict[tuple[str, Side], Decimal] = {}
        groups: dict[str, bool] = {}
        cancelled = []
        for order in list(self._ledger.orders.open.values()):
            if order.symbol != symbol or not closes(order):
                continue
            owner = order.strategy_id, order.side
            room = rooms.setdefault(owner, max(-self._held(order) * order.side.sign, ZERO))
            group = order.group_id
            if group not in groups:  # of a one-cancels-other group only one can fill
                groups[group] = order.leaves_quantity <= room
                rooms[owner] = room - order.leaves_quantity if groups[group] else room
            if not groups[group] and order.parent_id is None:
                self._cancel(order, "what it closes was annulled")
                cancelled.append(order)
        return cancelled

    # --- inside -------------------------------------------------------------------------

    def _is_due(self, strategy_id: StrategyId, symbol: str, tag: str) -> bool:
        """Whether such a closing order waits or works."""
        return self.of(strategy_id, symbol, tag) is not None or any(
            (order.strategy_id, order.symbol, order.tag) == (strategy_id, symbol, tag)
            for order in self._ledger.orders.open.values()
        )

    def _denial_of_close(self, order: Order) -> Denial | None:
        """STATE: a strategy's close waits, and this is not that."""
        if order.tag == CLOSE or self.of(order.strategy_id, order.symbol, CLOSE) is None:
            return None
        return Denial(
            "STATE",
            "no close that waits",
            f"{order.symbol} is being closed",
            f"close_position in {order.symbol} waits until what works there is cancelled; place "
            "nothing else there before the closing order has left or was denied",
        )

    def _clear_way(self, ts_ns: int, others: list[Order]) -> None:
        """Cancel what a strategy's close waits for, as far as the order rate has room.

        The strategy asked for the close, not for each cancel: one that is refused is repeated.
        """
        for other in others:
            if other.is_unwanted or other.status is OrderStatus.PENDING_CANCEL:
                continue
            if not self._duty_wait.has_room(ts_ns):
                return
            self._cancel(other, CLOSE)

    def _is_given_up(self, ts_ns: int, order: Order, others: list[Order]) -> bool:
        """Deny a strategy's close that has waited for too long, and tell what is still held."""
        if order.tag != CLOSE or not self._duty_wait.is_stale(ts_ns, order):
            return False
        held, minutes = self._held(order), WAIT_NS_MAX // NS_PER_MINUTE
        order.side, order.quantity = Side.SELL if held > 0 else Side.BUY, abs(held)
        why = f"it waited for {_named(others) or 'the order rate'}, in vain"
        limit = f"cancels that are answered within {minutes} min"
        self._submit(ts_ns, order, Denial("STALE", limit, "none", f"{why}; close again"))
        if held:
            self._tell_open(order, "denied", why)
        return True

    def _held(self, order: Order) -> Decimal:
        """What a closing order is to close."""
        portfolio, owner = self._ledger.portfolio, order.strategy_id
        if is_operators(order):
            return portfolio.position(order.symbol).quantity
        return portfolio.strategy_position(owner, order.symbol).quantity

    def _has_left(self, ts_ns: int, order: Order, *, is_stopping: bool) -> bool:
        """Send it for what is held now; False where it has to wait."""
        held = self._held(order)
        order.side = Side.SELL if held > 0 else Side.BUY
        order.quantity = abs(held)
        if order.strategy_id != EXTERNAL:
            is_barred = self._duty_wait.denial() is not None
            if held and not is_stopping and (is_barred or not self._duty_wait.has_room(ts_ns)):
                return False
            refusal = STOPPED if is_stopping else None
            denial = self._submit(ts_ns, order, refusal if held else FLAT)
            if held and denial is not None:
                self._tell_open(order, "denied", f"{denial.control}: {denial.message}")
        elif held:
            must_wait = self._duty_wait.hold_back(ts_ns, order, f"the flatten of {order.symbol}")
            overdue = self._duty_wait.refusal(ts_ns, order) if must_wait else None
            if must_wait and overdue is None:
                return False
            denial = self._submit(ts_ns, order, overdue)
            if denial is not None:
                self._tell(order, REFUSED, f"{denial.control}: {denial.message}; close it")
        return True

    def _watch(self, ts_ns: int) -> None:
        """A timer looks after flattens that wait, and only then."""
        is_waiting = any(is_operators(order) for order in self.waiting)
        due_ns = ts_ns + WAIT_NS_MAX
        keep_timer(self._ledger, self._emit, FLATTEN_WAIT, due_ns, is_needed=is_waiting)

    def _tell_open(self, order: Order, state: str, why: str) -> None:
        """What a strategy wanted to close stays open, and its exits were cancelled for that."""
        why = f"{order.strategy_id} wanted to close it; {why}; its exits are cancelled; look there"
        held = str(self._held(order))
        self._emit(DiscrepancyFound("not_closed", order.symbol, state, held, why))

    def _tell(self, order: Order, state: str, why: str) -> None:
        """A position that is not closed is for a person to look at."""
        held = str(self._held(order))
        why = f"{why} at the broker"
        self._emit(DiscrepancyFound("not_flattened", order.symbol, state, held, why))


def _named(orders: list[Order]) -> str:
    return ", ".join(f"{order.standing_id} ({order.status})" for order in orders)
