"""Invariant I11: which returns of an order that was over are legal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from regimeflow.core.ledger import Ledger
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.ids import BrokerOrderId, ClientOrderId
from regimeflow.model.order import OrderStatus
from regimeflow.testing.order_steps import OrderSteps
from tests.unit.core_samples import World

CANCELLED = "cancelled"
TOLD = "told"


class Watched:
    """One order in a ledger, and the steps that are judged."""

    def __init__(self) -> None:
        world = World()
        order_id = world.do(lambda ctx: ctx.buy("ABC", 10, limit_price=100.0))
        self.id = ClientOrderId(str(order_id))
        self.ledger: Ledger = world.engine.ledger
        self.steps = OrderSteps()
        self.ts_ns = world.now_ns

    def event(self, event: e.Event) -> None:
        self.ledger.apply_event(self.ts_ns, event)
        self.steps.watch(self.ledger.orders, event)

    def output(self, output: c.Output) -> None:
        self.ledger.apply_output(self.ts_ns, output)
        self.steps.watch(self.ledger.orders, output)

    def accept(self) -> None:
        self.event(e.OrderAccepted(self.id, BrokerOrderId("b"), self.ts_ns))

    def prove_absent(self) -> None:
        for status in (OrderStatus.IN_DOUBT, OrderStatus.NOT_FOUND):
            self.output(c.OrderResolved(client_order_id=self.id, status=status, evidence="-"))

    def tell(self) -> None:
        self.output(c.DiscrepancyFound("late_order", self.id, "not_found", "new", "-"))

    def cancel(self) -> None:
        self.output(c.CancelOrder(self.id, None, "ABC", "late_order"))


def told_and_cancelled(watched: Watched) -> None:
    watched.tell()
    watched.cancel()


@pytest.mark.parametrize(
    ("follow", "missing"),
    [
        (told_and_cancelled, ""),
        (Watched.tell, CANCELLED),
        (Watched.cancel, TOLD),
        (lambda _: None, f"{TOLD} or {CANCELLED}"),
    ],
)
def test_an_order_that_was_proved_absent_returns_told_and_cancelled(
    follow: Callable[[Watched], None], missing: str
) -> None:
    watched = Watched()
    watched.prove_absent()
    watched.accept()
    follow(watched)
    problems = watched.steps.problems()
    assert len(problems) == (1 if missing else 0)
    assert all(problem.endswith(f"by OrderAccepted, and was not {missing}") for problem in problems)


def test_each_return_has_to_be_told_and_cancelled_by_itself() -> None:
    watched = Watched()
    for _ in range(2):
        watched.prove_absent()
        watched.accept()
    told_and_cancelled(watched)
    assert len(watched.steps.problems()) == 1


def test_what_was_told_before_the_return_does_not_count() -> None:
    watched = Watched()
    watched.prove_absent()
    told_and_cancelled(watched)
    watched.accept()
    assert watched.steps.problems()


def test_another_end_is_left_by_a_replacement_alone() -> None:
    watched = Watched()
    watched.event(e.OrderCanceled(watched.id, "-", watched.ts_ns))
    order = watched.ledger.orders.get(watched.id)
    assert order is not None
    new_id = ClientOrderId("rf-1-s0-9")
    report = e.OrderReplaced(
        new_id, watched.id, BrokerOrderId("b"), order.quantity, order.limit_price, None, 1
    )
    watched.event(report)
    assert watched.steps.problems()
    told_and_cancelled(watched)
    assert not watched.steps.problems()
    order.status = OrderStatus.CANCELED
    watched.steps.watch(watched.ledger.orders, None)
    order.status = OrderStatus.NEW
    watched.steps.watch(watched.ledger.orders, None)
    told_and_cancelled(watched)
    assert len(watched.steps.problems()) == 1
