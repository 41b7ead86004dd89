"""A venue that loses, delays, reorders and doubles what is said, and a desk that trades with it.

It shares no code with the simulated venue and knows the truth: which leg works, what has filled.
One side trades one symbol. `settle` makes it honest and quick, after which the books have to say
what it knows; `check` holds what is true at every moment in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import FillRecord, OrderRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import LinkedDesk
from tests.simulation.scripted_time import ScriptedTime

PRICE = Decimal(100)
LOST, DOUBLED, UNANSWERED = 0.1, 0.1, 0.15
DELAY_S_MAX, TIMEOUT_S = 8.0, 5.0
QUICK_S = 0.01
SETTLING_ROUNDS = 14
IMPOSSIBLE = frozenset({"overfill", "unknown_fill", "execution_reused", "order_unknown_here"})
"""Differences that no loss of messages explains: the engine made them up."""
_KINDS: dict[type, e.RequestKind] = {
    c.SubmitOrder: e.RequestKind.SUBMIT,
    c.CancelOrder: e.RequestKind.CANCEL,
    c.ReplaceOrder: e.RequestKind.REPLACE,
}
_READS = (c.QueryOrder, c.RequestSnapshot)


class ReplaceStyle(StrEnum):
    """What a venue does with a replacement."""

    NEW_LEG = "the old leg ends and a new one begins"
    IN_PLACE = "the order goes on under its new id"


@dataclass(slots=True)
class Leg:
    """An order as the venue has it."""

    client_order_id: ClientOrderId
    quantity: int
    filled: int = 0
    status: OrderStatus = OrderStatus.NEW

    @property
    def is_working(self) -> bool:
        return self.status is OrderStatus.NEW

    def record(self) -> OrderRecord:
        """The order as the venue tells it."""
        part_filled = self.is_working and self.filled
        return OrderRecord(
            client_order_id=self.client_order_id,
            broker_order_id=_broker_id(self.client_order_id),
            symbol="ABC",
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            quantity=Decimal(self.quantity),
            filled_quantity=Decimal(self.filled),
            status=OrderStatus.PARTIALLY_FILLED if part_filled else self.status,
            limit_price=PRICE,
        )


class LossyVenue(ScriptedTime):
    """See the module's docstring. `told` is what happened, in order."""

    def __init__(self, seed: int, style: ReplaceStyle) -> None:
        self.chance = Random(seed)
        self.style = style
        super().__init__(LinkedDesk())
        self.legs: dict[ClientOrderId, Leg] = {}
        self.fills: list[FillRecord] = []
        self.told: list[str] = []
        self.is_honest = False
        self._read = len(self.desk.log)

    # --- what a test does ---------------------------------------------------------------

    def wish(self, wish: Callable[[Any], Any]) -> None:
        """The strategy wants something."""
        self.desk.do(wish)
        self._obey()

    def trade(self) -> None:
        """A part or all of something that works is filled."""
        working = self._working()
        if not working:
            return
        leg = self.chance.choice(working)
        leaves = leg.quantity - leg.filled
        quantity = self.chance.randint(1, leaves) if self.chance.random() < 0.8 else leaves
        leg.filled += quantity
        if leg.filled == leg.quantity:
            leg.status = OrderStatus.FILLED
        fill = FillRecord(
            execution_id=ExecutionId(f"x{len(self.fills)}"),
            client_order_id=leg.client_order_id,
            broker_order_id=_broker_id(leg.client_order_id),
            symbol="ABC",
            side=Side.BUY,
            quantity=Decimal(quantity),
            price=PRICE,
            fee=Decimal(0),
            ts_venue_ns=self.desk.now_ns,
        )
        self.fills.append(fill)
        self._say(e.OrderFilled(*(getattr(fill, name) for name in e.OrderFilled.__struct_fields__)))
        self.check()

    def list_all(self, request_id: str = "poll") -> None:
        """The venue lists what works and all executions."""
        self._say(
            e.BrokerSnapshot(
                request_id,
                orders=tuple(leg.record() for leg in self._working()),
                fills=tuple(self.fills),
                positions=None,
                account=None,
                ts_venue_ns=self.desk.now_ns,
            )
        )

    def settle(self) -> None:
        """From now on every message comes at once: nothing may stay open, lost or doubled."""
        self.is_honest = True
        for _ in range(SETTLING_ROUNDS):
            self.lapse(10)
            self.list_all()
        self.lapse(10)
        desk = self.desk
        assert desk.held() == self.filled(), f"held {desk.held()}, filled {self.filled()}"
        assert desk.may_fill() == self.leaves(), f"{desk.may_fill()} counted, {self.leaves()} work"
        assert not desk.engine.order_truth.doubts
        assert not [o for o in desk.engine.ledger.orders.open.values() if o.in_doubt]
        assert not IMPOSSIBLE & set(desk.kinds()), desk.kinds()
        desk.assert_lawful()

    # --- the truth ----------------------------------------------------------------------

    def check(self) -> None:
        """What has filled or could is known of at every moment, and nothing is booked twice."""
        held, filled = self.desk.held(), self.filled()
        known, true = held + self.desk.may_fill(), filled + self.leaves()
        assert known >= true, f"{known} held or counted, {true} filled or may fill"
        assert held <= filled, f"{held} held, {filled} filled"

    def filled(self) -> int:
        return sum(int(fill.quantity) for fill in self.fills)

    def leaves(self) -> int:
        return sum(leg.quantity - leg.filled for leg in self._working())

    def _working(self) -> list[Leg]:
        """Each once: in place, one leg goes by several ids."""
        return [
            leg for leg in {id(leg): leg for leg in self.legs.values()}.values() if leg.is_working
        ]

    # --- what travels -------------------------------------------------------------------

    def deliver(self, event: e.Event) -> None:
        """An event reaches the engine; what it sends in return is on its way."""
        self.told.append(f"{self.desk.now_ns / NS_PER_S:.3f} {event}"[:250])
        self.desk.feed(event, after_ns=0)
        self._obey()

    def _obey(self) -> None:
        """Take what the engine has sent since; it may be lost, and its answer, too."""
        unread, self._read = self.desk.log[self._read :], len(self.desk.log)
        for command in (output for _, _, outputs in unread for output in outputs):
            kind = _KINDS.get(type(command))
            if kind is None and not isinstance(command, _READS):
                continue
            is_lost = self._happens(UNANSWERED)
            self.told.append(f"{self.desk.now_ns / NS_PER_S:.3f} {is_lost=} {command}"[:250])
            if kind is not None and (is_lost or self._happens(UNANSWERED)):
                order_id = command.client_order_id  # type: ignore[union-attr]
                unknown = e.OutcomeUnknown(order_id, kind, "timeout")
                self._after(TIMEOUT_S, partial(self.deliver, unknown))
            if not is_lost:
                self._after(self._delay_s(), partial(self._take, command))

    def _say(self, event: e.Event) -> None:
        """An event leaves for the engine."""
        if self._happens(LOST):
            self.told.append(f"{self.desk.now_ns / NS_PER_S:.3f} lost: {event}"[:250])
            return
        delay_s = self._delay_s()
        self._after(delay_s, partial(self.deliver, event))
        if self._happens(DOUBLED):
            self._after(delay_s + self.chance.uniform(0, 5), partial(self.deliver, event))

    def _happens(self, likelihood: float) -> bool:
        return not self.is_honest and self.chance.random() < likelihood

    def _delay_s(self) -> float:
        if self.is_honest:
            return QUICK_S
        return self.chance.choice([QUICK_S, 0.5, self.chance.uniform(0, DELAY_S_MAX)])

    # --- what the venue does ------------------------------------------------------------

    def _take(self, command: c.Output) -> None:
        ts_ns = self.desk.now_ns
        if isinstance(command, c.SubmitOrder):
            order_id = command.client_order_id
            self.legs[order_id] = Leg(order_id, int(command.quantity))
            self._say(e.OrderAccepted(order_id, _broker_id(order_id), ts_ns))
        elif isinstance(command, c.ReplaceOrder):
            self._replace(command)
        elif isinstance(command, c.CancelOrder):
            self._cancel(command)
        elif isinstance(command, c.QueryOrder):
            leg = self.legs.get(command.client_order_id)
            record = None if leg is None else leg.record()
            self._say(e.OrderStatusReported(command.client_order_id, record, ts_ns))
        elif isinstance(command, c.RequestSnapshot):
            self.list_all(command.request_id)

    def _cancel(self, command: c.CancelOrder) -> None:
        ts_ns, leg = self.desk.now_ns, self.legs.get(command.client_order_id)
        if leg is None or not leg.is_working:
            order_id, why = command.client_order_id, "unknown order" if leg is None else "ended"
            self._say(e.CancelRejected(order_id, e.RequestKind.CANCEL, why, ts_ns))
            return
        leg.status = OrderStatus.CANCELED
        self._say(e.OrderCanceled(leg.client_order_id, "cancel", ts_ns, Decimal(leg.filled)))

    def _replace(self, command: c.ReplaceOrder) -> None:
        ts_ns, new_id = self.desk.now_ns, command.client_order_id
        leg = self.legs.get(command.orig_client_order_id)
        if leg is None or not leg.is_working or command.quantity <= leg.filled:
            self._say(e.CancelRejected(new_id, e.RequestKind.REPLACE, "too late", ts_ns))
            return
        if self.style is ReplaceStyle.IN_PLACE:
            leg.client_order_id, leg.quantity = new_id, int(command.quantity)
            self.legs[new_id] = leg
        else:
            leg.status = OrderStatus.CANCELED
            self.legs[new_id] = Leg(new_id, int(command.quantity), leg.filled)
            self._say(e.OrderCanceled(leg.client_order_id, "replaced", ts_ns, Decimal(leg.filled)))
        self._say(
            e.OrderReplaced(
                client_order_id=new_id,
                orig_client_order_id=command.orig_client_order_id,
                broker_order_id=_broker_id(new_id),
                quantity=command.quantity,
                limit_price=command.limit_price,
                stop_price=command.stop_price,
                ts_venue_ns=ts_ns,
            )
        )


def _broker_id(order_id: ClientOrderId) -> BrokerOrderId:
    return BrokerOrderId(f"b-{order_id}")
