"""What every broker promises about orders; each adapter is run against all of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

from regimeflow.model.order import OrderStatus, Side, TimeInForce
from regimeflow.model.reports import (
    BrokerSnapshot,
    CancelRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
    RequestKind,
)
from tests.conformance.orders import ASK, CASH, cancel, query, replace, snapshot, submit
from tests.conformance.venues import Venue, of, rest, until

Behaviour = Callable[[Venue], Awaitable[None]]


async def order_is_accepted_then_filled(venue: Venue) -> None:
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    (fill,) = of(venue, OrderFilled)
    (accepted,) = of(venue, OrderAccepted, "o1")
    assert (fill.quantity, fill.price, fill.side) == (Decimal(100), ASK, Side.BUY)
    assert fill.broker_order_id == accepted.broker_order_id
    assert venue.events.index(accepted) < venue.events.index(fill)


async def refused_order_says_why(venue: Venue) -> None:
    venue.execute(submit("o1", quantity="1.5"))
    await until(venue, lambda: bool(of(venue, OrderRejected, "o1")), "rejection")
    (rejected,) = of(venue, OrderRejected)
    assert "lot" in rejected.reason
    assert not of(venue, OrderAccepted)


async def resting_order_is_cancelled(venue: Venue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(cancel("o1"))
    await until(venue, lambda: bool(of(venue, OrderCanceled, "o1")), "cancellation")
    await rest(venue)
    assert not of(venue, OrderFilled)
    assert len(of(venue, OrderCanceled)) == 1


async def cancel_after_the_fill_is_refused(venue: Venue) -> None:
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    venue.execute(cancel("o1"))
    await until(venue, lambda: bool(of(venue, CancelRejected, "o1")), "refusal")
    (refused,) = of(venue, CancelRejected)
    assert refused.response_to is RequestKind.CANCEL
    assert "filled" in refused.reason


async def cancel_of_an_unknown_order_is_refused(venue: Venue) -> None:
    venue.execute(cancel("never"))
    await until(venue, lambda: bool(of(venue, CancelRejected, "never")), "refusal")
    assert of(venue, CancelRejected)[0].response_to is RequestKind.CANCEL


async def replaced_order_fills_under_its_new_id(venue: Venue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(replace("o1", "o1r", 60, "101.00"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    (replaced,) = of(venue, OrderReplaced)
    (fill,) = of(venue, OrderFilled)
    assert (replaced.client_order_id, replaced.orig_client_order_id) == ("o1r", "o1")
    assert (replaced.quantity, replaced.limit_price) == (Decimal(60), Decimal("101.00"))
    assert (fill.client_order_id, fill.quantity) == ("o1r", Decimal(60))


async def replace_of_a_finished_order_is_refused(venue: Venue) -> None:
    venue.execute(submit("o1"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    venue.execute(replace("o1", "o1r", 60, "101.00"))
    await until(venue, lambda: bool(of(venue, CancelRejected, "o1r")), "refusal")
    assert of(venue, CancelRejected)[0].response_to is RequestKind.REPLACE


async def query_finds_an_order(venue: Venue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(query("o1"))
    await until(venue, lambda: bool(of(venue, OrderStatusReported, "o1")), "answer")
    order = of(venue, OrderStatusReported)[0].order
    assert order is not None
    assert (order.status, order.quantity, order.limit_price) == (
        OrderStatus.NEW,
        Decimal(100),
        Decimal("50.00"),
    )


async def query_does_not_find_what_never_was(venue: Venue) -> None:
    venue.execute(query("never"))
    await until(venue, lambda: bool(of(venue, OrderStatusReported, "never")), "answer")
    assert of(venue, OrderStatusReported)[0].order is None


async def snapshot_lists_everything(venue: Venue) -> None:
    venue.execute(submit("held"))
    venue.execute(submit("open", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderFilled)), "fill")
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
    (listed,) = of(venue, BrokerSnapshot)
    assert listed.request_id == "s1"
    assert listed.orders is not None
    assert [order.client_order_id for order in listed.orders] == ["open"]
    assert listed.fills is not None
    assert [fill.client_order_id for fill in listed.fills] == ["held"]
    assert listed.positions is not None
    assert [(p.symbol, p.quantity) for p in listed.positions] == [("ABC", Decimal(100))]
    assert listed.account is not None
    assert listed.account.cash == CASH - 100 * ASK


async def large_order_fills_in_parts(venue: Venue) -> None:
    venue.execute(submit("o1", quantity=250))
    await until(
        venue, lambda: sum(f.quantity for f in of(venue, OrderFilled)) == 250, "the last part"
    )
    await rest(venue)
    fills = of(venue, OrderFilled)
    assert [int(fill.quantity) for fill in fills] == [100, 100, 50]
    assert len({fill.execution_id for fill in fills}) == 3


async def immediate_order_ends_with_what_it_got(venue: Venue) -> None:
    venue.execute(submit("o1", quantity=250, limit="101.00", tif=TimeInForce.IOC))
    await until(venue, lambda: bool(of(venue, OrderCanceled, "o1")), "end")
    assert sum(fill.quantity for fill in of(venue, OrderFilled)) == 100


async def client_order_id_makes_at_most_one_order(venue: Venue) -> None:
    venue.execute(submit("o1", limit="50.00"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(submit("o1"))
    await rest(venue)
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
    (listed,) = of(venue, BrokerSnapshot)
    assert listed.orders is not None
    assert [order.limit_price for order in listed.orders] == [Decimal("50.00")]
    assert not of(venue, OrderFilled)
    assert len(of(venue, OrderAccepted)) == 1


async def decimals_arrive_exactly(venue: Venue) -> None:
    venue.execute(submit("o1", quantity="123456.12345678", limit="0.00000003", symbol="COIN"))
    await until(venue, lambda: bool(of(venue, OrderAccepted, "o1")), "acceptance")
    venue.execute(snapshot("s1"))
    await until(venue, lambda: bool(of(venue, BrokerSnapshot)), "snapshot")
    orders = of(venue, BrokerSnapshot)[0].orders
    assert orders is not None
    assert str(orders[0].quantity) == "123456.12345678"
    assert orders[0].limit_price == Decimal("0.00000003")


ORDER_BEHAVIOURS: tuple[Behaviour, ...] = (
    order_is_accepted_then_filled,
    refused_order_says_why,
    resting_order_is_cancelled,
    cancel_after_the_fill_is_refused,
    cancel_of_an_unknown_order_is_refused,
    replaced_order_fills_under_its_new_id,
    replace_of_a_finished_order_is_refused,
    query_finds_an_order,
    query_does_not_find_what_never_was,
    snapshot_lists_everything,
    large_order_fills_in_parts,
    immediate_order_ends_with_what_it_got,
    client_order_id_makes_at_most_one_order,
    decimals_arrive_exactly,
)
