"""The risk gate: the one place where a wish becomes an order that may leave.

Only this module makes `Approved`, and the router takes nothing else that makes an order.
A refusal is a value (`Denial`), never an exception. The gate reads the books and changes
nothing: what leaves is booked by the ledger when its command is emitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from regimeflow.core.approved import Approved
from regimeflow.core.ledger import Ledger
from regimeflow.core.market_state import MarketState
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.core.reconcile import Reconciler
from regimeflow.core.risk import controls
from regimeflow.core.risk.clock import ClockGuard
from regimeflow.core.risk.limits import RiskLimits, RiskPolicy
from regimeflow.core.risk.proposal import Denial, Proposal, exit_room, worst_plausible_price
from regimeflow.model.commands import ReplaceOrder, SubmitOrder, TradingState
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import ZERO, Order, TimeInForce

if TYPE_CHECKING:
    from regimeflow.core.holds import Holds

IMMEDIATE = frozenset({TimeInForce.IOC, TimeInForce.FOK})


class RiskGate:
    """Judges every order and replacement against the books as they are at this instant.

    `clock` is what is known of the broker's clock; without a link it knows, and judges, nothing.
    """

    __slots__ = (
        "_holds",
        "_instruments",
        "_ledger",
        "_market",
        "_policy",
        "_reconciler",
        "clock",
        "limits",
    )

    def __init__(
        self,
        policy: RiskPolicy,
        instruments: Mapping[str, Instrument],
        ledger: Ledger,
        market: MarketState,
        holds: Holds,
        reconciler: Reconciler,
        clock: ClockGuard,
    ) -> None:
        self._policy = policy
        self._instruments = instruments
        self._ledger = ledger
        self._market = market
        self._holds = holds
        self._reconciler = reconciler
        self.clock = clock
        self.limits: RiskLimits = policy.limits_in("")

    def set_regime(self, regime: str) -> None:
        """Bind the limits of this regime from now on."""
        self.limits = self._policy.limits_in(regime)

    def approve(self, ts_ns: int, order: Order) -> Approved | Denial:
        """Approve a new order, or say which control denies it."""
        proposal = self._propose(ts_ns, order, replaces=None)
        if order.reduce_only:
            proposal = self._cap_to_exit(ts_ns, proposal)
        denial = self._judge(ts_ns, proposal) or self._check_duplicate(ts_ns, order)
        if denial is not None:
            return denial
        return Approved(
            SubmitOrder(
                client_order_id=order.client_order_id,
                strategy_id=order.strategy_id,
                symbol=order.symbol,
                side=order.side,
                order_type=order.order_type,
                quantity=order.quantity,
                limit_price=order.limit_price,
                stop_price=order.stop_price,
                trail_amount=order.trail_amount,
                trail_fraction=order.trail_fraction,
                time_in_force=order.time_in_force,
                expire_ns=order.expire_ns,
                reduce_only=order.reduce_only,
                for_next_open=self._market.session is None,
                parent_id=order.parent_id,
                oco_group=order.oco_group,
                take_profit_price=order.take_profit_price,
                stop_loss_price=order.stop_loss_price,
                tag=order.tag,
                intent_id=order.intent_id,
                worst_price=proposal.worst_price,
            )
        )

    def approve_replacement(
        self, ts_ns: int, current: Order, changed: Order, client_order_id: ClientOrderId
    ) -> Approved | Denial:
        """Approve new terms (`changed`) for a working order, or say which control denies them."""
        proposal = self._propose(ts_ns, changed, replaces=current)
        # Other terms are no reason to cut what works, and still has as much to close.
        own = self._ledger.portfolio.strategy_position(current.strategy_id, current.symbol)
        kept = min(current.leaves_quantity, max(-own.quantity * current.side.sign, ZERO))
        room = changed.filled_quantity + max(proposal.exit_room, kept)
        if changed.reduce_only and changed.quantity > room:
            changed.quantity = room
            proposal = self._propose(ts_ns, changed, replaces=current)
        denial = controls.check_replacement(changed) or self._judge(ts_ns, proposal)
        if denial is not None:
            return denial
        return Approved(
            ReplaceOrder(
                client_order_id=client_order_id,
                orig_client_order_id=current.standing_id,
                broker_order_id=current.broker_order_id,
                symbol=current.symbol,
                quantity=changed.quantity,
                limit_price=changed.limit_price,
                stop_price=changed.stop_price,
                worst_price=proposal.worst_price,
            )
        )

    # --- inside -------------------------------------------------------------------------

    def _propose(self, ts_ns: int, order: Order, *, replaces: Order | None) -> Proposal:
        ledger, policy = self._ledger, self._policy
        instrument = self._instruments[order.symbol]
        exposure = ledger.orders.exposure
        working = exposure.of(order.symbol)
        reference = self._market.reference(order.symbol, ts_ns, policy.reference_age_ns_max)
        last_mark = ZERO if reference else ledger.portfolio.exact_mark(order.symbol)
        worst_price = worst_plausible_price(order, reference, last_mark, policy)
        leaves = order.quantity - order.filled_quantity
        value = leaves * worst_price * instrument.multiplier
        if replaces is None:
            counted_quantity, counted_value = exposure.counted_in_group(order.oco_group)
        else:
            counted_quantity, counted_value = exposure.counted_for(replaces)
        position = ledger.portfolio.position(order.symbol).quantity
        room = exit_room(order.side, position, working, counted_quantity)
        gap = self._reconciler.position_gap(order.symbol)
        if gap:
            # Nobody knows yet who is right: an exit has to be one in both books.
            room = min(room, exit_room(order.side, position + gap, working, counted_quantity))
        return Proposal(
            order=order,
            instrument=instrument,
            reference=reference,
            worst_price=worst_price,
            value=value,
            added_quantity=max(leaves - counted_quantity, ZERO),
            added_value=max(value - counted_value, ZERO),
            position_quantity=position,
            working=working,
            exit_room=room,
            is_exit=ZERO < leaves <= room,
            is_new=replaces is None,
        )

    def _cap_to_exit(self, ts_ns: int, proposal: Proposal) -> Proposal:
        """A reduce-only order is cut to what may still be closed."""
        order = proposal.order
        capped = min(order.quantity, proposal.exit_room)
        if capped == order.quantity:
            return proposal
        order.quantity = capped
        return self._propose(ts_ns, order, replaces=None)

    def _judge(self, ts_ns: int, proposal: Proposal) -> Denial | None:
        order, limits, portfolio = proposal.order, self.limits, self._ledger.portfolio
        denial = (
            controls.check_sanity(proposal)
            or self._check_state(proposal)
            or controls.check_tradable(proposal, self._policy)
            or self._check_session(order)
            or controls.check_reference(proposal)
            or controls.check_collar(proposal, limits)
        )
        if denial is None and not proposal.is_exit:
            exposure = self._ledger.orders.exposure
            denial = (
                self._check_holds(order)
                or self.clock.check(ts_ns)
                or self._check_losses(proposal)
                or controls.check_order_size(proposal, limits)
                or controls.check_position(proposal, limits, portfolio)
                or controls.check_exposure(proposal, limits, self._policy, portfolio, exposure)
                or controls.check_open_orders(proposal, limits, exposure)
            )
        return denial or self._check_rate(ts_ns, proposal)

    def _check_state(self, proposal: Proposal) -> Denial | None:
        """C25: while REDUCING only exits may leave, while HALTED nothing but cancels."""
        order = proposal.order
        state = self._ledger.trading.of(order.strategy_id)
        if state is TradingState.ACTIVE or (state is TradingState.REDUCING and proposal.is_exit):
            return None
        if order.strategy_id == EXTERNAL and proposal.is_exit:
            return None  # an operator's flatten may leave in every state
        if state is TradingState.REDUCING:
            observed = f"{order.side} {order.quantity:f}, at most {proposal.exit_room:f} reduces"
            advice = "only orders that reduce the position may leave until an operator resumes"
        else:
            observed = f"{order.side} {order.quantity:f}"
            advice = "only cancels may leave until an operator resumes"
        reason = self._ledger.trading.account_reason
        return Denial("C25", f"trading is {state}", observed, f"{advice} ({reason})")

    def _check_session(self, order: Order) -> Denial | None:
        """C18: outside a session the venue queues an order; what must fill at once cannot."""
        if self._market.session is not None or order.time_in_force not in IMMEDIATE:
            return None
        return Denial(
            "C18",
            "an open session",
            "closed",
            f"{order.symbol} does not trade now and an {order.time_in_force.upper()} order cannot "
            "wait; use DAY or GTC to be queued for the next open",
        )

    def _check_holds(self, order: Order) -> Denial | None:
        """C22 and C24: the books are proved, and few enough orders are of unknown fate."""
        reason = self._holds.reason_for(order.symbol)
        if reason:
            return Denial(
                "C22",
                "proved books and links",
                reason,
                f"entries in {order.symbol} wait ({reason}); they go on by themselves once a "
                "complete snapshot agrees, or after `resume` for a held symbol",
            )
        in_doubt_max = self._policy.max_in_doubt
        if in_doubt_max is None:
            return None
        in_doubt = sum(o.in_doubt for o in self._ledger.orders.open.values())
        if in_doubt <= in_doubt_max:
            return None
        return Denial(
            "C24",
            f"max_in_doubt {in_doubt_max}",
            str(in_doubt),
            f"{in_doubt} orders are of unknown fate; entries wait until evidence settles them",
        )

    def _check_losses(self, proposal: Proposal) -> Denial | None:
        limits = self.limits
        if not limits.watches_losses:
            return None
        breach = self._ledger.losses.breach(self._ledger.net_equity, limits)
        if breach is None:
            return None
        return Denial(breach.control, breach.limit, breach.observed, breach.message)

    def _check_rate(self, ts_ns: int, proposal: Proposal) -> Denial | None:
        """C09: the order rate; a fifth of it is kept for cancels and exits."""
        window = self._ledger.throttle.full_window(ts_ns, is_reducing=proposal.is_exit)
        if window is None:
            return None
        room = window.count_max if proposal.is_exit else window.entry_count_max
        return Denial(
            "C09",
            f"{room} messages in {window.window_ns // 1_000_000_000} s",
            str(window.count_in_window(ts_ns)),
            "the order rate is used up; orders are refused, never queued (raise "
            "max_orders_per_second or max_orders_per_minute, or trade less often)",
        )

    def _check_duplicate(self, ts_ns: int, order: Order) -> Denial | None:
        """C12: the same order again within the window is taken for a mistake.

        Exits that the engine places for each fill (once an execution) and an operator's flatten
        may well repeat an earlier order, and must not be lost.
        """
        window_ns = self._policy.duplicate_order_window_ns
        if not window_ns or order.parent_id is not None or order.strategy_id == EXTERNAL:
            return None
        sent_ns = self._ledger.recent.last_sent_ns(order, ts_ns - window_ns)
        if sent_ns is None:
            return None
        return Denial(
            "C12",
            f"duplicate_order_window_ms {window_ns // 1_000_000}",
            f"{(ts_ns - sent_ns) // 1_000_000} ms ago",
            f"the same {order.side} of {order.quantity:f} {order.symbol} was just sent; vary it, "
            "wait, or lower duplicate_order_window_ms",
        )
