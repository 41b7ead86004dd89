"""F38: an order that was adopted stays its owner's, who may change it at the broker."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from regimeflow.model import commands as c
from regimeflow.model.account import OrderRecord
from tests.faults.desk_script import LinkedDesk, MakeDesk, foreign_order

TERMS = [{"limit_price": Decimal(98)}, {"quantity": Decimal(8)}]


def changed(**terms: Any) -> OrderRecord:
    return msgspec.structs.replace(foreign_order(), **terms)


def adopting(make_desk: MakeDesk) -> LinkedDesk:
    desk = make_desk(external="adopt")
    desk.sweeps(2, orders=(foreign_order(),))
    assert desk.may_fill() == 5
    return desk


@pytest.mark.parametrize("terms", TERMS)
def test_f38_adopted_order_changed_by_hand_is_followed(
    make_desk: MakeDesk, terms: dict[str, Any]
) -> None:
    desk = adopting(make_desk)
    record = changed(**terms)
    desk.sweeps(2, orders=(record,))
    order = desk.order("manual-1")
    assert (order.quantity, order.limit_price) == (record.quantity, record.limit_price)
    assert desk.may_fill() == record.quantity
    assert not desk.outputs(c.CancelOrder)
    assert not desk.engine.holds.symbols
    assert not desk.engine.reconciler.breaks
    assert desk.engine.ledger.orders.exposure.of("ABC").order_count == 1


def test_f38_adopted_order_that_comes_back_changed_from_doubt_is_followed(
    make_desk: MakeDesk,
) -> None:
    desk = adopting(make_desk)
    desk.lapse(30)
    desk.sweep(orders=())
    assert desk.order("manual-1").in_doubt
    desk.answer("manual-1", changed(limit_price=Decimal(98)))
    assert desk.order("manual-1").limit_price == 98
    assert not desk.outputs(c.CancelOrder)


def test_f38_adopted_order_of_another_side_is_cancelled(make_desk: MakeDesk) -> None:
    """No broker changes that: it is not the order that was adopted."""
    desk = adopting(make_desk)
    desk.sweeps(2, orders=(changed(side=foreign_order().side.opposite),))
    assert [command.client_order_id for command in desk.outputs(c.CancelOrder)] == ["manual-1"]
