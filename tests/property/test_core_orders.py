"""Orders against a plain model: any sequence of commands and reports, however absurd.

The model is a few dictionaries and the meaning of the words; it shares no code with `Orders`.
"""

from __future__ import annotations

from decimal import Decimal

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from regimeflow.core.exposure import Exposure
from regimeflow.core.ledger import Books, Ledger
from regimeflow.core.ledger_state import ledger_state, restore_ledger
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, IntentId, StrategyId
from regimeflow.model.instrument import Instrument
from regimeflow.model.order import TERMINAL_STATUSES, OrderStatus, OrderType, Side

INSTRUMENTS = {"ABC": Instrument("ABC"), "XYZ": Instrument("XYZ", multiplier=Decimal(10))}
BOOKS = Books(INSTRUMENTS, Decimal(1_000_000), 5, 20)
FINAL = TERMINAL_STATUSES - {OrderStatus.NOT_FOUND}
PRICES = st.integers(1, 2**20).map(lambda ticks: Decimal(ticks) / 100)
QUANTITIES = st.integers(1, 50).map(Decimal)
PICKS = st.integers(0, 30)


class OrdersAgainstModel(RuleBasedStateMachine):
    """Sends, cancels, replaces, and every report in any order, under known and unknown ids."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(BOOKS)
        self.now_ns = 0
        self.number = 0
        self.ids: list[tuple[ClientOrderId, ClientOrderId]] = []
        self.filled: dict[str, Decimal] = {}
        self.positions: dict[str, Decimal] = {"ABC": Decimal(0), "XYZ": Decimal(0)}
        self.executions: list[e.OrderFilled] = []
        self.finals: dict[ClientOrderId, tuple[OrderStatus, frozenset[ClientOrderId]]] = {}
        self.asked: list[c.ReplaceOrder] = []

    @initialize()
    def begin(self) -> None:
        self.send(Side.BUY, Decimal(10), Decimal(100), symbol="ABC", group=False)

    # --- commands -----------------------------------------------------------------------

    @rule(
        side=st.sampled_from(Side),
        quantity=QUANTITIES,
        price=PRICES,
        symbol=st.sampled_from(["ABC", "XYZ"]),
        group=st.booleans(),
    )
    def send(self, side: Side, quantity: Decimal, price: Decimal, symbol: str, group: bool) -> None:
        for leg in range(2 if group else 1):
            order_id = self._next_id()
            first = order_id if leg == 0 else self.ids[-1][0]
            self.ids.append((order_id, order_id))
            self._output(
                c.SubmitOrder(
                    client_order_id=order_id,
                    strategy_id=StrategyId("s"),
                    symbol=symbol,
                    side=side,
                    order_type=OrderType.LIMIT,
                    quantity=quantity + 3 * leg,
                    limit_price=price,
                    oco_group=first if group else None,
                    intent_id=IntentId(StrategyId("s"), symbol, 0, 0, self.number),
                    worst_price=price,
                )
            )

    @rule(pick=PICKS)
    def cancel(self, pick: int) -> None:
        order = self.ledger.orders.get(self._pick(pick)[0])
        assert order is not None
        if order.is_open:
            self._output(c.CancelOrder(order.standing_id, None, order.symbol, "test"))

    @rule(pick=PICKS, quantity=QUANTITIES, price=PRICES)
    def replace(self, pick: int, quantity: Decimal, price: Decimal) -> None:
        order = self.ledger.orders.get(self._pick(pick)[0])
        assert order is not None
        working = (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED)
        if order.status not in working or quantity <= order.filled_quantity:
            return
        new_id = self._next_id()
        command = c.ReplaceOrder(
            client_order_id=new_id,
            orig_client_order_id=order.standing_id,
            broker_order_id=None,
            symbol=order.symbol,
            quantity=quantity,
            limit_price=price,
            stop_price=None,
            worst_price=price,
        )
        self.ids.append((order.root_id, new_id))
        self.asked.append(command)
        self._output(command)

    # --- reports ------------------------------------------------------------------------

    @rule(
        pick=PICKS,
        kind=st.sampled_from([e.OrderRejected, e.OrderCanceled, e.OrderExpired, e.OrderAccepted]),
    )
    def plain_report(self, pick: int, kind: type) -> None:
        root, leg = self._pick(pick)
        order = self.ledger.orders.get(root)
        assert order is not None
        newer = order.client_order_ids[order.client_order_ids.index(leg) + 1 :]
        asked = self.ledger.orders.replacements.keys()
        is_old = order.standing_id in newer and order.ended_leg is None
        may_live_on = order.is_open and (is_old or not asked.isdisjoint(newer))
        self._event(kind(leg, BrokerOrderId("reason or id"), self.now_ns))
        assert order.is_open or not may_live_on

    @rule(
        pick=PICKS,
        kind=st.sampled_from(e.RequestKind),
        is_refused=st.booleans(),
    )
    def refusal_or_silence(self, pick: int, kind: e.RequestKind, is_refused: bool) -> None:
        order_id = self._pick(pick)[1]
        if not is_refused:
            self._event(e.OutcomeUnknown(order_id, kind, "timeout"))
        elif kind is not e.RequestKind.SUBMIT:
            self._event(e.CancelRejected(order_id, kind, "no", self.now_ns))

    @rule(pick=PICKS)
    def replaced_as_asked(self, pick: int) -> None:
        if not self.asked:
            return
        command = self.asked[pick % len(self.asked)]
        self._event(
            e.OrderReplaced(
                command.client_order_id,
                command.orig_client_order_id,
                BrokerOrderId("b"),
                command.quantity,
                command.limit_price,
                None,
                self.now_ns,
            )
        )

    @rule(pick=PICKS, quantity=QUANTITIES, price=PRICES)
    def replaced_unasked(self, pick: int, quantity: Decimal, price: Decimal) -> None:
        order_id = self._pick(pick)[1]
        broker_id = BrokerOrderId("b")
        self._event(
            e.OrderReplaced(order_id, order_id, broker_id, quantity, price, None, self.now_ns)
        )

    @rule(pick=PICKS, quantity=QUANTITIES, price=PRICES, is_known=st.booleans())
    def fill(self, pick: int, quantity: Decimal, price: Decimal, is_known: bool) -> None:
        root, order_id = self._pick(pick)
        order = self.ledger.orders.get(root)
        assert order is not None
        fill = e.OrderFilled(
            client_order_id=order_id if is_known else ClientOrderId("nobody-0"),
            broker_order_id=BrokerOrderId("b"),
            execution_id=ExecutionId(f"x{len(self.executions)}"),
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            fee=Decimal("0.01"),
            ts_venue_ns=self.now_ns,
        )
        self.executions.append(fill)
        if is_known:
            self.filled[root] = self.filled.get(root, Decimal(0)) + quantity
        self.positions[order.symbol] += order.side.sign * quantity
        self._event(fill)

    @rule(pick=PICKS)
    def fill_again(self, pick: int) -> None:
        if self.executions:
            self._event(self.executions[pick % len(self.executions)])

    # --- what always holds --------------------------------------------------------------

    @invariant()
    def exposure_is_what_a_recount_gives(self) -> None:
        orders = self.ledger.orders
        fresh = Exposure(INSTRUMENTS)
        for order in orders.open.values():
            fresh.open(order)
            fresh.recount(order, orders.replacements)
        assert fresh.order_count == orders.exposure.order_count
        for symbol in INSTRUMENTS:
            kept, counted = orders.exposure.of(symbol), fresh.of(symbol)
            assert kept.order_count == counted.order_count
            assert (kept.buy_quantity, kept.buy_value) == (counted.buy_quantity, counted.buy_value)
            assert (kept.sell_quantity, kept.sell_value) == (
                counted.sell_quantity,
                counted.sell_value,
            )

    @invariant()
    def exposure_covers_every_open_order(self) -> None:
        """By the plain meaning: the larger of its own and asked totals, less what filled."""
        for symbol in INSTRUMENTS:
            for side in Side:
                alone = Decimal(0)
                groups: dict[str, Decimal] = {}
                for order in self.ledger.orders.open.values():
                    if (order.symbol, order.side) != (symbol, side):
                        continue
                    totals = [order.quantity] + [
                        asked.quantity
                        for asked in self.ledger.orders.replacements.values()
                        if asked.client_order_id in order.client_order_ids
                    ]
                    leaves = max(max(totals) - order.filled_quantity, Decimal(0))
                    if order.oco_group is None:
                        alone += leaves
                    else:
                        before = groups.get(order.oco_group, Decimal(0))
                        groups[order.oco_group] = max(before, leaves)
                kept = self.ledger.orders.exposure.of(symbol)
                counted = kept.buy_quantity if side is Side.BUY else kept.sell_quantity
                assert counted == alone + sum(groups.values())

    @invariant()
    def every_fill_is_booked_once(self) -> None:
        for root, quantity in self.filled.items():
            order = self.ledger.orders.get(ClientOrderId(root))
            assert order is not None
            assert order.filled_quantity == quantity
        for symbol, quantity in self.positions.items():
            assert self.ledger.portfolio.position(symbol).quantity == quantity

    @invariant()
    def an_end_is_final_but_for_late_fills_and_newer_legs(self) -> None:
        """A newer leg: one that had never stood when the order ended."""
        for root, _ in self.ids:
            order = self.ledger.orders.get(root)
            assert order is not None
            before = self.finals.get(root)
            if before is not None and order.status is not before[0]:
                is_newer = order.standing_id not in before[1]
                assert is_newer or order.filled_quantity > 0
                assert is_newer or order.status in (OrderStatus.FILLED, OrderStatus.CANCELED)
                del self.finals[root]
            if order.status in FINAL:
                ids = order.client_order_ids
                stood = frozenset(ids[: ids.index(order.standing_id) + 1])
                self.finals[root] = (order.status, stood)
            assert (root in self.ledger.orders.open) == order.is_open

    @invariant()
    def no_order_ends_while_a_newer_leg_is_unanswered(self) -> None:
        unanswered = self.ledger.orders.replacements
        for root, _ in self.ids:
            order = self.ledger.orders.get(root)
            assert order is not None
            if order.ended_leg is not None:
                assert order.in_doubt
                assert any(other in unanswered for other in order.client_order_ids)
            if order.status in (OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED):
                assert not any(other in unanswered for other in order.client_order_ids)
            if not order.is_open:
                assert not any(other in unanswered for other in order.client_order_ids)

    @invariant()
    def saved_and_restored_books_are_the_same_bytes(self) -> None:
        saved = ledger_state(self.ledger)
        assert ledger_state(restore_ledger(BOOKS, saved)) == saved

    # --- inside -------------------------------------------------------------------------

    def _next_id(self) -> ClientOrderId:
        self.number += 1
        return ClientOrderId(f"t-1-s-{self.number}")

    def _pick(self, pick: int) -> tuple[ClientOrderId, ClientOrderId]:
        return self.ids[pick % len(self.ids)]

    def _event(self, event: e.Event) -> None:
        self.now_ns += 1
        self.ledger.apply_event(self.now_ns, event)

    def _output(self, output: c.Output) -> None:
        self.now_ns += 1
        self.ledger.apply_output(self.now_ns, output)


TestOrdersAgainstModel = OrdersAgainstModel.TestCase
