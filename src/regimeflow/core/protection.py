"""Exits that a filled entry asked for: placed with each fill, and never lost to the order rate.

A leg that the rate holds back waits (see `core/duty_wait.py`), and one that the venue rejected
leaves again: what waits for one entry is one stop and one target, however many fills they are for.
When an execution of an entry is annulled or corrected, exits beyond what remains of it are
cancelled, and what they covered is placed anew once their cancels are answered. No exit leaves
beside others that are about to end and could sell what it is for; that goes on for as long as they
take, and is told every `WAIT_NS_MAX`; nor while what it protects is being closed. An exit that is
refused, or ends by itself, is told: the position is unprotected.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from regimeflow.core.approved import EngineOutput
from regimeflow.core.duty_wait import WAIT_NS_MAX, DutyWait, keep_timer
from regimeflow.core.exits import (
    ANNULLED,
    age,
    bracket_legs,
    bracketed,
    ended_by_itself,
    is_missed,
    outlived,
    room_of,
)
from regimeflow.core.ledger import Ledger
from regimeflow.core.order_records import renewed
from regimeflow.core.risk.proposal import Denial
from regimeflow.core.splits import restate_unsent
from regimeflow.model.commands import DiscrepancyFound, TradingState
from regimeflow.model.ids import ClientOrderId, IntentId, StrategyId, TimerId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, OrderStatus, Side

EXITS_WAIT = TimerId("exits_wait")
_NEVER_WORKED = frozenset({OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.NOT_FOUND})


class Protection:
    """Places the exits of entries for one desk; `waiting` holds the legs that could not leave."""

    __slots__ = (
        "_cancel",
        "_duty_wait",
        "_emit",
        "_instruments",
        "_is_closing",
        "_ledger",
        "_next_order_id",
        "_submit",
        "waiting",
    )

    def __init__(
        self,
        *,
        ledger: Ledger,
        instruments: dict[str, Instrument],
        submit: Callable[[int, Order, Denial | None], Denial | None],
        cancel: Callable[[Order, str], None],
        next_order_id: Callable[[StrategyId], tuple[ClientOrderId, IntentId]],
        is_closing: Callable[[StrategyId, str], bool],
        emit: Callable[[EngineOutput], object],
        duty_wait: DutyWait,
    ) -> None:
        self._ledger = ledger
        self._instruments = instruments
        self._submit = submit
        self._cancel = cancel
        self._next_order_id = next_order_id
        self._is_closing = is_closing
        self._emit = emit
        self._duty_wait = duty_wait
        self.waiting: list[Order] = []

    def cover(self, ts_ns: int, entry: Order, quantity: Decimal, price: Decimal) -> None:
        """Place the exits for `quantity` more of an entry that filled at `price`."""
        if entry.take_profit_price is None and entry.stop_loss_price is None:
            return
        legs = self._legs(entry, quantity, price)
        for number, leg in enumerate(legs):
            if self._is_held_up(leg) or self._has_to_wait(ts_ns, leg):
                self._keep(legs[number:])
                self._watch(ts_ns)
                return
            self._send(ts_ns, leg, None)

    def send_what_can(self, ts_ns: int) -> None:
        """Send the legs that waited, for as much as is still held."""
        if not self.waiting:
            return
        legs, self.waiting = self.waiting, []
        for leg in legs:
            if self._is_held_up(leg):
                leg.created_ns = leg.created_ns and ts_ns  # from then on it may wait for the rate
                self.waiting.append(leg)
                continue
            needed = self._still_needed(leg)
            if not needed:
                self._drop(leg)
                continue
            leg.quantity = needed
            is_full = self._has_to_wait(ts_ns, leg)
            overdue = self._duty_wait.refusal(ts_ns, leg) if is_full else None
            if is_full and overdue is None:
                self.waiting.append(leg)
                continue
            self._send(ts_ns, leg, overdue)
        self._watch(ts_ns)

    def tell_what_waits(self, ts_ns: int) -> None:
        """Exits have waited long for cancels: say for which."""
        for leg in self.waiting:
            ids = ", ".join(f"{o.standing_id} ({o.status})" for o in self._blocking(leg))
            if ids:
                self._tell(leg, "waits", f"it waits for {ids}, to be cancelled; look there, and")
        self._watch(ts_ns)

    def place_again(self, ts_ns: int, leg: Order) -> None:
        """The venue rejected a leg: it is sent again, and told when that went on too long."""
        again = renewed(leg, *self._next_order_id(leg.strategy_id))
        if not self._still_needed(again):
            self._drop(leg)
            return
        what = f"the {leg.tag} of {leg.parent_id} was rejected: {leg.symbol} is unprotected; it"
        if self._duty_wait.take_back(ts_ns, leg, again, what):
            self.waiting.append(again)
        else:
            self._tell(leg, "rejected", f"rejected again and again: {leg.reason}")

    def tell_ended(self, leg: Order) -> None:
        """An exit never arrived, or ended though nobody here wanted that: tell."""
        if not self._still_needed(renewed(leg, leg.client_order_id, leg.intent_id)):
            self._drop(leg)
        elif self._siblings(leg) or is_missed(leg, self._ledger.orders.by_root.values()):
            self._tell(leg, "ended", f"{leg.client_order_id} is {leg.status}")

    def restate(self, symbol: str, ratio: Decimal) -> None:
        """A split is in force: what waits leaves in new shares, at prices of new shares."""
        for leg in self.waiting:
            if leg.symbol == symbol:
                restate_unsent(self._instruments[symbol], leg, ratio)
                if not leg.quantity and self._held(leg):
                    self._tell(leg, "ended", "less than one lot of it is left after a split")
        self.waiting = [leg for leg in self.waiting if leg.quantity]

    def shrink(self, strategy_id: StrategyId, symbol: str) -> None:
        """Fills are gone: cancel exits beyond what is held, which is of the newest entries.

        What they covered beside it waits for the answers, and is placed anew.
        """
        left: dict[Side, Decimal] = {}
        for entry, legs in bracketed(self._ledger, strategy_id, symbol):
            room = left.setdefault(entry.side, self._held(entry))
            left[entry.side] = room - self._shrink(entry, legs, room)

    # --- inside -------------------------------------------------------------------------

    def _shrink(self, entry: Order, exits: list[Order], room: Decimal) -> Decimal:
        """Cancel exits of an entry beyond what is left of it, at most `room`: how much that is."""
        root, done = entry.root_id, sum((leg.filled_quantity for leg in exits), ZERO)
        groups: dict[str, list[Order]] = {}
        for leg in exits:
            if leg.is_open:
                groups.setdefault(leg.group_id, []).append(leg)
        kept = max(min(entry.filled_quantity - done, room), ZERO)
        whole = [leg for leg in self.waiting if leg.parent_id == root and self._is_whole(leg)]
        self.waiting = [leg for leg in self.waiting if all(leg is not other for other in whole)]
        covered, left = max((leg.quantity for leg in whole), default=ZERO), ZERO
        # First to stay are groups of equal legs: others leave a rest when the smaller one fills.
        for legs in sorted(
            groups.values(), key=lambda legs: len({o.leaves_quantity for o in legs})
        ):
            leaves = max(leg.leaves_quantity for leg in legs)
            covered += leaves
            if left + leaves <= kept:
                left += leaves
                continue
            for leg in legs:
                self._cancel(leg, ANNULLED)
        again = min(kept, covered) - left
        if again > 0:
            self.waiting += self._legs(entry, again, entry.average_price or ZERO)
        return kept

    def _drop(self, leg: Order) -> None:
        """Nothing needs it any more; but a sibling that has filled in part works on alone: tell."""
        if self._held(leg) and self._siblings(leg):
            self._tell(leg, "ended", "its sibling has filled in part, and works on alone")

    def _siblings(self, leg: Order) -> list[Order]:
        return self._ledger.orders.exposure.siblings(leg)

    def _send(self, ts_ns: int, leg: Order, refusal: Denial | None) -> None:
        """Send a leg; where all or part of it is refused, the position has no such exit: tell."""
        wanted = leg.quantity
        denial = self._submit(ts_ns, leg, refusal)
        if denial is not None:
            self._tell(leg, "refused", f"{denial.control}: {denial.message}")
        elif leg.quantity < wanted:
            why = f"only {leg.quantity:f} of {wanted:f} are: no more reduces the account's position"
            self._tell(leg, "cut", why)

    def _legs(self, entry: Order, quantity: Decimal, price: Decimal) -> list[Order]:
        instrument = self._instruments[entry.symbol]
        return bracket_legs(instrument, entry, quantity, price, self._next_order_id)

    def _has_to_wait(self, ts_ns: int, leg: Order) -> bool:
        known = [other for other in self.waiting if other.parent_id == leg.parent_id]
        if not leg.created_ns and known:
            leg.created_ns = known[0].created_ns  # told already, of the same entry
        what = f"the {leg.tag} of {leg.parent_id} is not placed: {leg.symbol} is unprotected; it"
        is_halted = self._ledger.trading.of(leg.strategy_id) is TradingState.HALTED
        halt = "trading is halted" if is_halted else ""
        return self._duty_wait.hold_back(ts_ns, leg, what, halt)

    def _keep(self, legs: Sequence[Order]) -> None:
        """Let legs wait; those that wait for the same entry take them in."""
        for leg in legs:
            for other in self.waiting:
                is_same = (other.parent_id, other.tag) == (leg.parent_id, leg.tag)
                if is_same and self._is_whole(other) and self._is_whole(leg):
                    other.quantity += leg.quantity
                    break
            else:
                leg.created_ns = legs[0].created_ns
                self.waiting.append(leg)

    def _is_whole(self, leg: Order) -> bool:
        """Whether no leg of its one-cancels-other group has left yet."""
        return leg.oco_group is None or self._head(leg) is None

    def _head(self, leg: Order) -> Order | None:
        """The first leg of its group, by whose id the group is named, once that has left.

        One that never worked speaks for nobody: another of the group may.
        """
        orders = self._ledger.orders
        head = orders.get(ClientOrderId(leg.oco_group or ""))
        if head is None or head.status not in _NEVER_WORKED:
            return head
        group = (o for o in orders.by_root.values() if o.oco_group == leg.oco_group)
        return min((o for o in group if o.status not in _NEVER_WORKED), key=age, default=head)

    def _tell(self, leg: Order, state: str, why: str) -> None:
        """A position without its exit is for a person to look at."""
        why = f"the {leg.tag} of {leg.parent_id} is not placed; {why}; protect it at the broker"
        self._emit(DiscrepancyFound("not_protected", leg.symbol, state, str(self._held(leg)), why))

    def _is_held_up(self, leg: Order) -> bool:
        """Whether it waits for others to end: exits, or the order that closes what it is for."""
        return self._is_closing(leg.strategy_id, leg.symbol) or bool(self._blocking(leg))

    def _blocking(self, leg: Order) -> list[Order]:
        """Exits that are about to end, where this leg may not leave before.

        Those of its own group, and of an annulled entry, that are being cancelled count whatever
        room there is; others of its entry, and any whose sibling has filled, only while they take
        the room to close what is held, or a cancel that is never granted would leave the position
        without this exit for ever.
        """
        ending = [
            order
            for order in self._ledger.orders.open.values()
            if order.parent_id == leg.parent_id
            and (order.is_unwanted or order.status is OrderStatus.PENDING_CANCEL)
        ]
        if room_of(self._ledger, leg) < self._still_needed(leg):
            return [*ending, *outlived(self._ledger, leg)]
        group = leg.oco_group or leg  # else of no other's
        return [o for o in ending if o.cancel_reason == ANNULLED or o.oco_group == group]

    def _watch(self, ts_ns: int) -> None:
        """A timer looks after exits that wait for cancels, and only then."""
        is_waiting = any(self._blocking(leg) for leg in self.waiting)
        due_ns = ts_ns + WAIT_NS_MAX
        keep_timer(self._ledger, self._emit, EXITS_WAIT, due_ns, is_needed=is_waiting)

    def _still_needed(self, leg: Order) -> Decimal:
        """How much of a waiting leg still has something to protect; zero: drop it."""
        needed = min(leg.quantity, self._held(leg))
        head = self._head(leg)
        if head is None or head.status in _NEVER_WORKED:
            return needed
        if head.is_open:
            return ZERO if head.filled_quantity else min(needed, head.leaves_quantity)
        if not ended_by_itself(head):
            return ZERO
        group = (o for o in self._ledger.orders.by_root.values() if o.oco_group == leg.oco_group)
        return max(min(needed, head.quantity - sum(o.filled_quantity for o in group)), ZERO)

    def _held(self, order: Order) -> Decimal:
        """What the strategy holds on the side of an entry, or on the side that a leg closes."""
        portfolio = self._ledger.portfolio
        held = portfolio.strategy_position(order.strategy_id, order.symbol).quantity
        sign = order.side.sign if order.parent_id is None else -order.side.sign
        return max(held * sign, ZERO)
