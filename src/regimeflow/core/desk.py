"""The desk: turns a strategy's staged wishes into commands, through the gate, in order.

It is also where the engine's own orders start: the exits of a bracket, the cancels that follow
a one-cancels-other fill, an operator's flatten. Everything it lets out goes through `emit`,
which books it before anyone else can act on it.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import msgspec

from regimeflow.core.approved import Approved, EngineOutput
from regimeflow.core.cancels import Cancels
from regimeflow.core.closing_orders import FLATTEN, closes
from regimeflow.core.closings import STOPPED, Closings
from regimeflow.core.duty_wait import DutyWait
from regimeflow.core.exits import OCO, entries_of
from regimeflow.core.holds import Holds
from regimeflow.core.ledger import Ledger
from regimeflow.core.market_moment import MarketMoment
from regimeflow.core.order_records import denial_of
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.protection import Protection
from regimeflow.core.risk.gate import RiskGate
from regimeflow.core.risk.proposal import Denial
from regimeflow.core.seat import CancelWish, CloseWish, ModifyWish, Seat
from regimeflow.model.events import OrderFilled
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId, id_prefix_of, order_id_of
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import Order, OrderStatus

WARMUP = Denial("WARMUP", "after warm-up", "warming up", "orders may leave once warm-up is over")
_UNCHANGEABLE = frozenset(
    {
        OrderStatus.PENDING_NEW,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PENDING_REPLACE,
        OrderStatus.IN_DOUBT,
    }
)


class SavedDesk(msgspec.Struct, frozen=True, array_like=True):
    """What a desk goes on from; `numbers` are the last ones given out, sent or not.

    `unplaced` are exits that wait for the order rate, or for the cancels of those they replace;
    `cancels` are those that wait for a broker that takes requests; `due_since_ns` says since when
    orders are due that have left after a wait.
    """

    boot: int
    numbers: dict[StrategyId, int]
    closing: list[Order]
    is_stopping: bool
    moment: MarketMoment
    unplaced: list[Order] = []
    cancels: dict[ClientOrderId, str] = {}
    due_since_ns: dict[ClientOrderId, int] = {}


class Desk:
    """Judges wishes one by one, each against books that already hold the one before."""

    __slots__ = (
        "_boot",
        "_duty_wait",
        "_emit",
        "_gate",
        "_instruments",
        "_ledger",
        "_numbers",
        "_run",
        "cancels",
        "closings",
        "is_stopping",
        "moment",
        "oco_at_broker",
        "on_denied",
        "protection",
    )

    def __init__(
        self,
        *,
        gate: RiskGate,
        ledger: Ledger,
        instruments: dict[str, Instrument],
        id_prefix: str,
        oco_at_broker: bool,
        pause_ns: int,
        holds: Holds,
        emit: Callable[[EngineOutput], object],
        on_denied: Callable[[Order], None],
    ) -> None:
        self._gate = gate
        self._ledger = ledger
        self._instruments = instruments
        self._run = id_prefix
        self._boot = 0
        self._emit = emit
        self._numbers: dict[StrategyId, int] = {}
        self.on_denied = on_denied
        self.oco_at_broker = oco_at_broker
        self.moment = MarketMoment()
        self._duty_wait = DutyWait(ledger, emit, pause_ns, holds)
        self.cancels = Cancels(ledger, emit, pause_ns, holds)
        self.closings = Closings(
            ledger=ledger,
            instruments=instruments,
            submit=self.submit,
            cancel=self.cancels.join,
            emit=emit,
            duty_wait=self._duty_wait,
        )
        self.protection = Protection(
            ledger=ledger,
            instruments=instruments,
            submit=self.submit,
            cancel=self.cancel,
            next_order_id=self.next_order_id,
            is_closing=self.closings.is_under_way,
            emit=emit,
            duty_wait=self._duty_wait,
        )
        self.is_stopping = False

    def boot(self, ts_ns: int, number: int) -> None:
        """A run starts or resumes: ids name this boot, so that none can ever be repeated."""
        self._boot = number
        self.is_stopping = False
        # Wishes before the first observation (of an engine rebuilt on old books, too).
        self.moment.ts_venue_ns = self.moment.ts_venue_ns or ts_ns

    def capture(self) -> SavedDesk:
        """What a restored desk goes on from; to be encoded at once."""
        return SavedDesk(
            self._boot,
            self._numbers,
            self.closings.waiting,
            self.is_stopping,
            self.moment,
            self.protection.waiting,
            self.cancels.withheld,
            self._duty_wait.due_since_ns,
        )

    def restore(self, saved: SavedDesk) -> None:
        """Go on from what was captured."""
        self._boot, self._numbers = saved.boot, dict(saved.numbers)
        self.closings.waiting, self.is_stopping = list(saved.closing), saved.is_stopping
        self.moment.restore(saved.moment)
        self.protection.waiting = list(saved.unplaced)
        self.cancels.withheld = dict(saved.cancels)
        self._duty_wait.due_since_ns = dict(saved.due_since_ns)

    def next_order_id(self, owner: Seat | StrategyId) -> tuple[ClientOrderId, IntentId]:
        """The next client order id of a strategy, and the intent id that goes with it."""
        strategy_id = owner.strategy_id if isinstance(owner, Seat) else owner
        sent = self._ledger.order_numbers.get(strategy_id, 0)
        number = max(sent, self._numbers.get(strategy_id, 0)) + 1
        self._numbers[strategy_id] = number
        intent = self.moment.next_intent(strategy_id)
        prefix = id_prefix_of(self._run, self._boot)
        return order_id_of(prefix, strategy_id, number), intent

    def release(self, ts_ns: int, seat: Seat) -> None:
        """Let the wishes of a callback that has returned take effect, in their order."""
        wishes, seat.staged = seat.staged, []
        for wish in wishes:
            kind = type(wish)
            refusal = _refusal_of(seat, is_stopping=self.is_stopping)
            if kind is Order:
                self.submit(ts_ns, wish, refusal)
            elif kind is CancelWish:
                self.cancels.on_wish(ts_ns, wish.client_order_id)
            elif kind is ModifyWish:
                self._modify(ts_ns, wish, refusal)
            elif kind is CloseWish and refusal is not None:
                for other in self.closings.others(wish.order):  # cancels are never refused
                    self.cancels.on_wish(ts_ns, other.client_order_id)
                self._deny(wish.order, refusal)
            elif kind is CloseWish:
                self.closings.waiting.append(wish.order)
                self.close_what_can(ts_ns)
            else:
                self._emit(wish)  # timers and log lines

    def submit(self, ts_ns: int, order: Order, refusal: Denial | None = None) -> Denial | None:
        """Send an order that passes the gate; deny and report one that does not, and say why."""
        refusal = refusal or self._duty_wait.denial() or self.closings.denial(order)
        verdict: Approved | Denial = refusal or self._gate.approve(ts_ns, order)
        if isinstance(verdict, Approved):
            self._emit(verdict)
            return None
        self._deny(order, verdict)
        return verdict

    def cancel(self, order: Order, reason: str) -> None:
        """Ask the venue to cancel; once while a cancel is pending."""
        self.cancels.cancel(order, reason)

    def cancel_entries(self, strategy_id: StrategyId, reason: str) -> None:
        """Cancel a strategy's working orders but those that can only close what it holds."""
        for order in entries_of(self._ledger, strategy_id):
            self.cancel(order, reason)

    def cancel_all(self, reason: str, symbol: str | None = None) -> None:
        """Cancel every working order, and drop the exits that wait; or cancel those of one symbol.

        A symbol's are cancelled because nobody sees its price. A flatten is meant all the same, and
        exits work at the venue, which does: silence must leave no position without them.
        """
        if symbol is None:
            self.protection.waiting = []
        for order in list(self._ledger.orders.open.values()):
            if symbol is None or (order.symbol == symbol and not closes(order)):
                self.cancel(order, reason)

    def after_fill(self, ts_ns: int, order: Order, fill: OrderFilled) -> None:
        """Place the exits a filled entry asked for; drop the siblings of a filled leg."""
        self.protection.cover(ts_ns, order, fill.quantity, fill.price)
        if not self.oco_at_broker:
            for sibling in self.siblings(order):
                self.cancel(sibling, OCO)

    def siblings(self, order: Order) -> list[Order]:
        """The working orders that one which fills ends, or that end it."""
        return self._ledger.orders.exposure.siblings(order)

    def end_pauses(self, ts_ns: int) -> None:
        """A link is back: what must leave need not wait any longer, and has not waited in vain."""
        for order in (*self.closings.waiting, *self.protection.waiting):
            order.updated_ns = 0
            order.created_ns = ts_ns if order.created_ns else 0

    def close_what_can(self, ts_ns: int) -> None:
        """Send the closing orders and the exits that nothing holds back any more."""
        self.closings.send_what_can(ts_ns, is_stopping=self.is_stopping)
        self.protection.send_what_can(ts_ns)  # a close that was denied holds them back no more

    def flatten(self, symbol: str, tag: str = FLATTEN) -> None:
        """Queue a closing order for `symbol`; it leaves when nothing works there."""
        if self.closings.of(EXTERNAL, symbol, tag) is None:
            self.closings.flatten(symbol, *self.next_order_id(EXTERNAL), tag)

    # --- inside -------------------------------------------------------------------------

    def _modify(self, ts_ns: int, wish: ModifyWish, refusal: Denial | None) -> None:
        current = self._ledger.orders.get(wish.client_order_id)
        if current is None or not current.is_open:
            return
        changed = copy(current)
        if wish.quantity is not None:
            changed.quantity = wish.quantity
        if wish.limit_price is not None:
            changed.limit_price = wish.limit_price
        if wish.stop_price is not None:
            changed.stop_price = wish.stop_price
        number, changed.intent_id = self.next_order_id(current.strategy_id)
        refusal = refusal or self._duty_wait.denial()
        verdict: Approved | Denial
        if refusal is not None:
            verdict = refusal
        elif current.is_unwanted:
            verdict = Denial("STATE", "a wanted order", "being cancelled", "let it end")
        elif current.status in _UNCHANGEABLE:
            state = f"the order is {current.status}"
            verdict = Denial("STATE", "a working order", state, "change it when it works again")
        else:
            verdict = self._gate.approve_replacement(ts_ns, current, changed, number)
        if isinstance(verdict, Denial):
            changed.client_order_id = number
            self._deny(changed, verdict)
        else:
            self._emit(verdict)

    def _deny(self, order: Order, denial: Denial) -> None:
        self._emit(denial_of(order, denial))
        denied = self._ledger.orders.get(order.client_order_id)
        if denied is not None:
            self.on_denied(denied)


def _refusal_of(seat: Seat, *, is_stopping: bool) -> Denial | None:
    if is_stopping:
        return STOPPED
    return WARMUP if seat.is_warming else None
