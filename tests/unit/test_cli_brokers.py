"""The catalogue of brokers claims what the code has, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import pytest

from regimeflow.brokers.catalog import BROKERS, Capabilities, Validation
from regimeflow.config.live import LiveSection
from regimeflow.config.unsupported import UNSUPPORTED
from regimeflow.model.commands import ReplaceOrder
from regimeflow.model.events import OrderAccepted, OrderRejected, OrderReplaced
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import OrderType, TimeInForce
from tests.unit.venue_world import Run, close_ns, daily, minute, submit

TERMS: dict[OrderType, dict[str, Any]] = {
    OrderType.LIMIT: {"limit": 90},
    OrderType.STOP: {"stop": 110},
    OrderType.STOP_LIMIT: {"limit": 111, "stop": 110},
    OrderType.TRAILING_STOP: {"trail_amount": Decimal(5)},
}


def sim() -> Capabilities:
    capabilities = BROKERS[0].capabilities
    assert BROKERS[0].name == "sim"
    assert capabilities is not None
    return capabilities


def outcome(order_type: OrderType, tif: TimeInForce) -> type:
    """How the simulated venue first answers an order of these terms."""
    terms = dict(TERMS.get(order_type, {}))
    if tif is TimeInForce.GTD:
        terms["expire_ns"] = close_ns(2)
    order = submit("a", order_type=order_type, tif=tif, **terms)
    run = Run([minute(0, number, (100, 101, 99, 100)) for number in range(3)], {0: [order]})
    answers = (*run.of(OrderAccepted), *run.of(OrderRejected))
    assert len(answers) == 1
    return type(answers[0])


def test_the_catalogue_lists_the_brokers_of_the_configuration_in_its_order() -> None:
    named = get_args(LiveSection.model_fields["broker"].annotation)
    assert tuple(broker.name for broker in BROKERS) == named


def test_a_broker_is_not_supported_exactly_where_the_configuration_refuses_it() -> None:
    refused = UNSUPPORTED["live.broker"].values
    unsupported = [b.name for b in BROKERS if b.validation is Validation.NOT_SUPPORTED]
    assert tuple(unsupported) == refused
    assert all(broker.capabilities is None for broker in BROKERS if broker.name in refused)


@pytest.mark.parametrize("order_type", list(OrderType))
@pytest.mark.parametrize("tif", list(TimeInForce))
def test_the_simulated_venue_takes_exactly_the_orders_it_is_listed_for(
    order_type: OrderType, tif: TimeInForce
) -> None:
    row = sim()
    is_immediate = tif in (TimeInForce.IOC, TimeInForce.FOK)
    allowed = row.immediate_order_types if is_immediate else row.order_types
    is_listed = order_type in allowed and tif in row.times_in_force
    assert outcome(order_type, tif) is (OrderAccepted if is_listed else OrderRejected)


def test_the_simulated_venue_never_takes_an_id_twice() -> None:
    assert sim().idempotency == "permanent"
    order = submit("a")
    run = Run([daily(0), daily(1), daily(2), daily(3)], {0: [order], 2: [order]})
    assert len(run.of(OrderAccepted)) == 1
    assert len(run.fills) == 1
    (rejected,) = run.of(OrderRejected)
    assert "duplicate" in rejected.reason


def test_the_simulated_venue_replaces_a_working_order() -> None:
    assert sim().has_replace
    order = submit("a", order_type=OrderType.LIMIT, limit=90, tif=TimeInForce.GTC)
    change = ReplaceOrder(
        orig_client_order_id=ClientOrderId("a"),
        client_order_id=ClientOrderId("b"),
        broker_order_id=None,
        symbol="ABC",
        quantity=Decimal(50),
        limit_price=Decimal(91),
        stop_price=None,
        worst_price=Decimal(91),
    )
    run = Run([daily(0), daily(1), daily(2)], {0: [order], 1: [change]})
    (replaced,) = run.of(OrderReplaced)
    assert replaced.quantity == 50
