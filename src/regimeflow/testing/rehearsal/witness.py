"""What the venue saw, noted as it happens, outside of every process that can be killed.

The venue's books are the truth of a rehearsal. The witness watches the limits at the moment an
order arrives, when nobody can mend anything any more: position plus all that may still fill.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import msgspec

from regimeflow.core.risk.limits import RiskPolicy
from regimeflow.model.commands import CancelOrder, ReplaceOrder, SubmitOrder
from regimeflow.model.instrument import decimal_from
from regimeflow.model.order import ZERO, Side
from regimeflow.testing.venues.sim_log import OrderCommand
from regimeflow.testing.venues.sim_machine import VenueMachine

VALUE_TOLERANCE = Decimal("1.02")
"""Engine and venue value a position at prices a latency apart."""


class Witness:
    """Evidence across all incarnations of the venue; `exceeded` names broken limits."""

    def __init__(self, policy: RiskPolicy) -> None:
        self._limits = policy.limits
        self.machine: WatchedMachine | None = None
        self.taken: Counter[str] = Counter()
        self.taken_ns: dict[str, int] = {}
        self.submitted: dict[str, SubmitOrder] = {}
        self.asked: dict[str, Decimal] = {}
        self.exceeded: list[str] = []
        self.entries_ns: dict[str, int] = {}

    def on_command(self, machine: VenueMachine, ts_ns: int, command: OrderCommand) -> None:
        """Note an order as it arrives, and what it may lead to."""
        if isinstance(command, CancelOrder):
            return
        self.taken[command.client_order_id] += 1
        self.taken_ns[command.client_order_id] = ts_ns
        if isinstance(command, SubmitOrder):
            self.submitted[command.client_order_id] = command
            self._check_limits(machine, command)
        else:
            self._check_replacement(machine, command)

    def exposure(self, machine: VenueMachine) -> Decimal:
        """Value of all positions and of all that may still fill, at the worse side."""
        total = ZERO
        for symbol in machine.instruments:
            low, high = self._reach(machine, symbol)
            price = machine.venue.observed.last_price(symbol)
            total += max(abs(low), abs(high)) * decimal_from(price or 0.0)
        return total

    def _reach(self, machine: VenueMachine, symbol: str) -> tuple[Decimal, Decimal]:
        """The lowest and the highest position that fills still possible could lead to."""
        low = high = machine.venue.ledger.position(symbol)
        for order_id, submitted in self.submitted.items():
            if submitted.symbol != symbol:
                continue
            order = machine.find(order_id)
            if order is not None and order.is_done:
                continue
            leaves = submitted.quantity if order is None else order.leaves_quantity
            if order is not None and order_id in self.asked:
                leaves = max(leaves, self.asked[order_id] - order.filled_quantity)
            if submitted.side is Side.BUY:
                high += leaves
            else:
                low -= leaves
        return low, high

    def _check_replacement(self, machine: VenueMachine, command: ReplaceOrder) -> None:
        """Larger terms are judged like an order; the larger of old and new may fill until then."""
        order = machine.find(command.orig_client_order_id)
        root = order.client_order_ids[0] if order is not None else command.orig_client_order_id
        submitted = self.submitted.get(root)
        if submitted is None or order is None or order.is_done:
            return
        self.asked[root] = max(self.asked.get(root, ZERO), command.quantity)
        grown = msgspec.structs.replace(submitted, quantity=command.quantity)
        self._check_limits(machine, grown)

    def _check_limits(self, machine: VenueMachine, order: SubmitOrder) -> None:
        held = machine.venue.ledger.position(order.symbol)
        is_exit = held * order.side.sign < 0 and order.quantity <= abs(held)
        if is_exit:
            return
        self.entries_ns[order.client_order_id] = self.taken_ns[order.client_order_id]
        low, high = self._reach(machine, order.symbol)
        reached = high if order.side is Side.BUY else -low
        limit = self._limits.max_position
        name = order.client_order_id
        if limit is not None and reached > limit:
            self.exceeded.append(f"{name}: {order.symbol} could reach {reached}, allowed {limit}")
        limit = self._limits.max_order_quantity
        if limit is not None and order.quantity > limit:
            self.exceeded.append(f"{name}: {order.quantity} units, allowed {limit}")
        limit = self._limits.max_notional
        value = self.exposure(machine)
        if limit is not None and value > limit * VALUE_TOLERANCE:
            self.exceeded.append(f"{name}: exposure {value:.2f}, allowed {limit}")


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
