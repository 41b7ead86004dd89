"""What the venue saw, noted as it happens, outside of every process that can be killed.

The venue's books are the truth of a rehearsal. The witness watches the limits at the moment an
order arrives, when nobody can mend anything any more: position plus all that may still fill.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model.commands import CancelOrder, ReplaceOrder, SubmitOrder
from regimeflow.model.instrument import decimal_from
from regimeflow.model.order import ZERO, OrderStatus, OrderType, Side
from regimeflow.testing.arrival_limits import Arrival, Reach, exceeded
from regimeflow.testing.evidence import VenueTruth
from regimeflow.testing.open_orders import working_at
from regimeflow.testing.venues.sim_log import OrderCommand
from regimeflow.testing.venues.sim_machine import VenueMachine
from regimeflow.venue.orders import WorkingOrder


class Witness:
    """Evidence across all incarnations of the venue; `exceeded` names broken limits.

    `entries_ns` has the time of each order and replacement, by its own id, that could increase a
    position; `undurable` the ids whose intent was not on the engine's disk when they arrived, as
    `is_durable` tells.
    """

    def __init__(
        self, policy: RiskPolicy, is_durable: Callable[[str], bool] = lambda name: True
    ) -> None:
        self._policy = policy
        self._is_durable = is_durable
        self.undurable: list[str] = []
        self.machine: WatchedMachine | None = None
        self.taken: Counter[str] = Counter()
        self.entries_ns: dict[str, int] = {}
        self.exceeded: list[str] = []
        self._submitted: dict[str, SubmitOrder] = {}
        self._working: dict[str, SubmitOrder] = {}
        self._asked: dict[str, list[tuple[int, ReplaceOrder]]] = {}

    def on_command(self, machine: VenueMachine, ts_ns: int, command: OrderCommand) -> None:
        """Note an order as it arrives, and what it may lead to."""
        if isinstance(command, CancelOrder):
            return
        self.taken[command.client_order_id] += 1
        if not self._is_durable(command.client_order_id):
            self.undurable.append(command.client_order_id)
        root = command.client_order_id
        if isinstance(command, SubmitOrder):
            self._submitted[root] = self._working[root] = command
        else:
            order = machine.find(command.orig_client_order_id)
            if order is None or order.is_done or order.client_order_ids[0] not in self._submitted:
                return
            root = order.client_order_ids[0]
            self._asked.setdefault(root, []).append((ts_ns, command))
        arrival = self._arrival(machine, ts_ns, self._submitted[root], command)
        if not arrival.is_exit:
            self.entries_ns[arrival.name] = ts_ns
        self.exceeded += exceeded(self._policy, arrival)

    def exposure(self, machine: VenueMachine) -> Decimal:
        """Value of all positions and of all that may still fill, at the worse side."""
        reaches = self._reaches(machine, machine.now_ns).values()
        return sum((reach.gross_value for reach in reaches), ZERO)

    def truth(self) -> VenueTruth:
        """What the venue holds now, and what it saw on the way."""
        assert self.machine is not None
        venue, ledger = self.machine.venue, self.machine.venue.ledger
        return VenueTruth(
            taken=self.taken,
            entries_ns=self.entries_ns,
            exceeded=self.exceeded,
            undurable=self.undurable,
            executions=frozenset(fill.execution_id for fill in ledger.fills),
            open_orders=working_at(venue.orders),
            nameless=[o.client_order_id for o in venue.orders if _is_nameless(o)],
            positions=dict(ledger.positions),
            cash=ledger.cash,
            fees=sum((fill.fee for fill in ledger.fills), ZERO)
            - sum((p.amount for p in ledger.postings if p.kind == "fee"), ZERO),
            fills={fill.execution_id: fill for fill in (*ledger.annulled, *ledger.fills)},
        )

    # --- inside -------------------------------------------------------------------------------

    def _arrival(
        self,
        machine: VenueMachine,
        ts_ns: int,
        submitted: SubmitOrder,
        command: SubmitOrder | ReplaceOrder,
    ) -> Arrival:
        reaches = self._reaches(machine, ts_ns)
        _, value = self._may_fill(machine, ts_ns, submitted.client_order_id, submitted)
        return Arrival(
            name=command.client_order_id,
            symbol=submitted.symbol,
            side=submitted.side,
            quantity=command.quantity,
            value=value,
            limit_price=command.limit_price,
            is_new=command is submitted,
            reaches=reaches,
            open_orders=len(self._working),
            cash=machine.venue.ledger.cash,
            reduce_only=submitted.reduce_only,
        )

    def _reaches(self, machine: VenueMachine, ts_ns: int) -> dict[str, Reach]:
        """Positions and what may fill; of a one-cancels-other group the larger leg, as one can."""
        for order_id in list(self._working):
            order = machine.find(order_id)
            if order is not None and order.is_done:
                del self._working[order_id]
        reaches = {}
        for symbol, instrument in machine.instruments.items():
            held, price = machine.venue.ledger.position(symbol), _price(machine, symbol)
            reaches[symbol] = Reach(price, held, held * price * instrument.multiplier)
        groups: dict[tuple[str, Side, str], tuple[Decimal, Decimal]] = {}
        for order_id, submitted in self._working.items():
            quantity, value = self._may_fill(machine, ts_ns, order_id, submitted)
            key = (submitted.symbol, submitted.side, submitted.oco_group or order_id)
            most = groups.get(key, (ZERO, ZERO))
            groups[key] = (max(quantity, most[0]), max(value, most[1]))
        for (symbol, side, _), (quantity, value) in groups.items():
            reach = reaches[symbol]
            if side is Side.BUY:
                reach.buy, reach.buy_value = reach.buy + quantity, reach.buy_value + value
            else:
                reach.sell, reach.sell_value = reach.sell + quantity, reach.sell_value + value
        return reaches

    def _may_fill(
        self, machine: VenueMachine, ts_ns: int, order_id: str, submitted: SubmitOrder
    ) -> tuple[Decimal, Decimal]:
        """Quantity and value that an order may still fill: the larger of old and asked terms."""
        order = machine.find(order_id)
        filled = ZERO if order is None else order.filled_quantity
        terms: list[SubmitOrder | ReplaceOrder] = [submitted]
        terms += self._under_way(machine, ts_ns, order_id)
        quantities = [term.quantity for term in terms]
        limits = [term.limit_price for term in terms]
        if order is not None:
            quantities[0], limits[0] = order.quantity, order.limit_price
        leaves = max(*quantities, ZERO) - filled
        price = _worth(submitted, limits, _price(machine, submitted.symbol))
        return leaves, leaves * price * machine.instruments[submitted.symbol].multiplier

    def _under_way(self, machine: VenueMachine, ts_ns: int, order_id: str) -> list[ReplaceOrder]:
        """Replacements that the matching engine has not seen yet; others stand or were refused."""
        asked = self._asked.get(order_id)
        if not asked:
            return []
        model = machine.venue.model
        since_ns = ts_ns - model.latency_ns - model.latency_jitter_ns
        asked[:] = [entry for entry in asked if entry[0] >= since_ns]
        return [command for _, command in asked]


def _is_nameless(order: WorkingOrder) -> bool:
    return order.status is OrderStatus.REJECTED and not order.reason


def _price(machine: VenueMachine, symbol: str) -> Decimal:
    return decimal_from(machine.venue.observed.last_price(symbol) or 0.0)


def _worth(order: SubmitOrder, limits: Sequence[Decimal | None], price: Decimal) -> Decimal:
    """A unit's price when it fills: a limit to buy cannot pay more, one to sell not get less."""
    known = [limit for limit in limits if limit is not None]
    if known and order.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT):
        return min(max(known), price) if order.side is Side.BUY else max(*known, price)
    return price


class WatchedMachine(VenueMachine):
    """The venue itself, with a witness looking on."""

    def __init__(self, witness: Witness, *args: Any, **options: Any) -> None:
        self._witness = witness
        super().__init__(*args, **options)
        witness.machine = self

    def take(self, ts_ns: int, command: SubmitOrder | CancelOrder | ReplaceOrder) -> None:
        """Tell the witness once the order is in the books."""
        super().take(ts_ns, command)
        self._witness.on_command(self, ts_ns, command)
