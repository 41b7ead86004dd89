"""The account that reports are made from holds what the books hold, whoever closed or opened it."""

from __future__ import annotations

from decimal import Decimal

from regimeflow.backtest.account_fold import AccountFold
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import PositionRecord
from regimeflow.observe.audit_fold import AuditFold
from tests.faults.desk_script import LinkedDesk, records_of
from tests.unit.core_samples import CASH


def account_of(desk: LinkedDesk) -> AccountFold:
    """The account folded from what the desk would have journaled."""
    account = AccountFold(CASH, 0)
    for record in records_of(desk):
        account.on_record(record.ts_ns, record.body)
    return account


def test_flatten_of_an_operator_closes_the_round_trip_of_the_strategy() -> None:
    desk = LinkedDesk()
    desk.hold(100)
    desk.feed(e.Flatten("operator"))
    closing = desk.outputs(c.SubmitOrder)[-1]
    desk.fill(closing.client_order_id, 100, 110)
    trades = account_of(desk).trades
    assert desk.held() == 0
    assert trades.open == []
    assert trades.totals.count == trades.totals.winning == 1


def test_adopted_position_is_a_position_of_nobody_until_it_is_closed() -> None:
    desk = LinkedDesk(external="flatten")
    desk.sweeps(3, positions=(PositionRecord("ABC", Decimal(10)),))
    (held,) = account_of(desk).trades.open
    assert held.strategy_id == EXTERNAL
    assert held.quantity == 10
    assert account_of(desk).trades.traded_value == 0
    desk.fill(desk.outputs(c.SubmitOrder)[-1].client_order_id, 10, 100)
    assert account_of(desk).trades.open == []
    audit = AuditFold()
    kinds = [entry.kind for record in records_of(desk) for entry in audit.entries(record)]
    assert [kind for kind in kinds if kind.startswith("Position")] == [
        "PositionOpened",
        "PositionClosed",
    ]
