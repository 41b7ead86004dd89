"""No sequence of wishes and venue reports gets past the limits, whatever comes in which order.

At every moment at which an order leaves, the position and all that could still fill are within
`max_position`, and the worst gross value is within `max_gross_exposure`; worked out here from
the orders themselves. Fills never exceed what was asked (a venue that overfills is another
matter), so that what holds when an order leaves holds for ever.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.order import Order, OrderStatus, Side
from tests.unit.core_samples import World, limited, puppet

POSITION_MAX, GROSS_MAX = Decimal(50), Decimal(8_000)
S = OrderStatus

WISHES = st.sampled_from(["buy", "sell", "limit_buy", "limit_sell", "target", "close", "pair"])
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("wish"),
            WISHES,
            st.integers(0, 1),
            st.sampled_from(["ABC", "XYZ"]),
            st.integers(1, 60),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 20)),
        st.tuples(st.just("replace"), st.integers(0, 20), st.integers(1, 80)),
        st.tuples(
            st.just("report"),
            st.sampled_from(["accept", "reject", "canceled", "cancel_rejected", "lost"]),
            st.integers(0, 20),
        ),
        st.tuples(st.just("answer"), st.booleans(), st.integers(0, 20)),
        st.tuples(st.just("fill"), st.integers(0, 20), st.integers(1, 60)),
    ),
    max_size=40,
)


class Walk:
    """Two strategies at one account, a venue that says anything in any order."""

    def __init__(self) -> None:
        policy = limited(max_position=POSITION_MAX, max_gross_exposure=GROSS_MAX)
        self.world = World(puppet(), puppet(), policy=policy)
        self.world.quote(100.0, symbol="XYZ")

    def take(self, step: Any) -> None:
        getattr(self, step[0])(*step[1:])
        _, _, outputs = self.world.log[-1]
        for output in outputs:
            if isinstance(output, c.SubmitOrder | c.ReplaceOrder):
                self.check_limits()

    def wish(self, kind: str, who: int, symbol: str, quantity: int) -> None:
        def run(ctx: Any) -> None:
            if kind in ("buy", "sell"):
                getattr(ctx, kind)(symbol, quantity)
            elif kind in ("limit_buy", "limit_sell"):
                getattr(ctx, kind[6:])(symbol, quantity, limit_price=100)
            elif kind == "target":
                ctx.target_position(symbol, quantity - 30)
            elif kind == "close":
                ctx.close_position(symbol)
            else:
                terms = {"symbol": symbol, "side": Side.BUY, "quantity": quantity}
                ctx.submit_oco({**terms, "limit_price": 95}, {**terms, "stop_price": 105})

        self.world.do(run, who)

    def cancel(self, pick: int) -> None:
        if order := self.pick(pick):
            who = int(order.strategy_id[1:])
            self.world.do(lambda ctx: ctx.cancel_order(order.client_order_id), who)

    def replace(self, pick: int, quantity: int) -> None:
        if order := self.pick(pick):
            who = int(order.strategy_id[1:])
            self.world.do(
                lambda ctx: ctx.modify_order(order.client_order_id, quantity=quantity), who
            )

    def report(self, kind: str, pick: int) -> None:
        if order := self.pick(pick):
            if kind == "lost":
                request = e.RequestKind.SUBMIT
                self.world.feed(e.OutcomeUnknown(order.client_order_id, request, "timeout"))
            else:
                getattr(self.world, kind)(order.client_order_id)

    def answer(self, is_accepted: bool, pick: int) -> None:
        asked = list(self.world.engine.ledger.orders.replacements.values())
        if asked and is_accepted:
            self.world.replaced(asked[pick % len(asked)])
        elif asked:
            self.world.replace_rejected(asked[pick % len(asked)].client_order_id)

    def fill(self, pick: int, quantity: int) -> None:
        """At most what is left: of a group, what its sibling has not filled."""
        order = self.pick(pick)
        if order is None:
            return
        part = min(Decimal(quantity), order.quantity - self.filled_with(order))
        if part > 0:
            self.world.fill(order.client_order_id, part)

    def pick(self, pick: int) -> Order | None:
        opened = list(self.world.engine.ledger.orders.open.values())
        return opened[pick % len(opened)] if opened else None

    def filled_with(self, order: Order) -> Decimal:
        """What has filled of an order, or of its whole group: the venue lets no more through."""
        if order.oco_group is None:
            return order.filled_quantity
        orders = self.world.engine.ledger.orders.by_root.values()
        group = [other for other in orders if other.oco_group == order.oco_group]
        return sum((other.filled_quantity for other in group), Decimal(0))

    # --- the plain meaning of the limits ------------------------------------------------

    def check_limits(self) -> None:
        gross = Decimal(0)
        for symbol in ("ABC", "XYZ"):
            held = self.world.engine.ledger.portfolio.position(symbol).quantity
            longest, most = self.may_fill(symbol, Side.BUY)
            shortest, least = self.may_fill(symbol, Side.SELL)
            for furthest in (held + longest, held - shortest):
                assert abs(furthest) <= max(POSITION_MAX, abs(held)), (symbol, furthest)
            gross += max(abs(held * 100 + most), abs(held * 100 - least))
        assert gross <= GROSS_MAX or self.only_exits_left(gross)

    def only_exits_left(self, gross: Decimal) -> bool:
        """An exit may leave although the limit is used up: it adds nothing on its side."""
        _, _, outputs = self.world.log[-1]
        held = self.world.engine.ledger.portfolio
        return all(
            held.position(output.symbol).quantity * output.side.sign < 0
            for output in outputs
            if isinstance(output, c.SubmitOrder)
        )

    def may_fill(self, symbol: str, side: Side) -> tuple[Decimal, Decimal]:
        orders = self.world.engine.ledger.orders
        counted: dict[str, tuple[Decimal, Decimal]] = {}
        for order in orders.open.values():
            if (order.symbol, order.side) != (symbol, side):
                continue
            asked = [
                r
                for r in orders.replacements.values()
                if r.client_order_id in order.client_order_ids
            ]
            total = max([order.quantity, *(r.quantity for r in asked)])
            worst = max([order.worst_price, *(r.worst_price for r in asked)])
            leaves = max(total - self.filled_with(order), Decimal(0))
            key = order.oco_group or order.client_order_id
            before = counted.get(key, (Decimal(0), Decimal(0)))
            counted[key] = (max(before[0], leaves), max(before[1], leaves * worst))
        return (
            sum((quantity for quantity, _ in counted.values()), Decimal(0)),
            sum((value for _, value in counted.values()), Decimal(0)),
        )


@given(STEPS)
def test_no_sequence_of_wishes_and_reports_gets_past_the_limits(steps: list[Any]) -> None:
    walk = Walk()
    for step in steps:
        walk.take(step)
        for symbol in ("ABC", "XYZ"):
            held = walk.world.engine.ledger.portfolio.position(symbol).quantity
            assert abs(held) <= POSITION_MAX
    assert not walk.world.engine.poisoned
    assert not walk.world.outputs(c.StrategyFaulted)
