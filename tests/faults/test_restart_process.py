"""F62, F63, F69 to F71 and F74: lives of the real live runner that end badly, and the next ones."""

from __future__ import annotations

import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from regimeflow.core.ledger import Ledger
from regimeflow.errors import StartRefused
from regimeflow.journal.reader import read_facts
from regimeflow.live.lock import EngineLock
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, StrategyId
from regimeflow.model.order import OrderStatus, OrderType, Side
from regimeflow.model.timestamps import NS_PER_S
from tests.faults.desk_script import fill_record
from tests.faults.scripted_broker import (
    SYMBOL,
    ScriptedBroker,
    linked_configuration,
    queries,
    run_life,
)

WINDOW_S = 11.0
OPEN_QUANTITY = Decimal(10)
STRATEGY = StrategyId("s")


def come_up(broker: ScriptedBroker) -> None:
    broker.come_up()


def first_life(log_dir: Path, *, dies_on: type | None = c.SubmitOrder) -> ScriptedBroker:
    """A life that sends one order; by default it dies as that leaves."""
    broker = ScriptedBroker(come_up)
    broker.dies_on = dies_on
    run_life(log_dir, broker)
    assert len(broker.orders_sent()) == 1
    return broker


def sent_record(broker: ScriptedBroker, status: OrderStatus = OrderStatus.NEW) -> OrderRecord:
    (command,) = broker.orders_sent()
    return OrderRecord(
        client_order_id=command.client_order_id,
        broker_order_id=BrokerOrderId("b-1"),
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        quantity=command.quantity,
        filled_quantity=command.quantity * 0,
        status=status,
        limit_price=command.limit_price,
    )


def in_journal(log_dir: Path, kind: type) -> list[Any]:
    return [r.body for r in read_facts(log_dir / "journal") if isinstance(r.body, kind)]


def test_f62_order_that_died_before_it_was_sent_ends_not_found_and_is_not_resent(
    tmp_path: Path,
) -> None:
    first = first_life(tmp_path)
    (command,) = first.orders_sent()
    unknown = e.OrderStatusReported(command.client_order_id, None, first.now_ns)
    ends: list[OrderStatus] = []

    def script(broker: ScriptedBroker) -> None:
        broker.come_up()
        broker.say(unknown)
        later_ns = broker.now_ns + int(WINDOW_S * NS_PER_S)
        broker.say(
            msgspec.structs.replace(unknown, ts_venue_ns=later_ns),
            after_s=WINDOW_S,
        )
        broker.say(broker.listing(), broker.quote())

    def look(ledger: Ledger) -> None:
        order = ledger.orders.get(command.client_order_id)
        assert order is not None
        ends.append(order.status)

    second = ScriptedBroker(script, first.now_ns + NS_PER_S)
    run_life(tmp_path, second, look=look)
    assert queries(second.sent)[0] == command.client_order_id
    assert ends == [OrderStatus.NOT_FOUND]
    assert not second.orders_sent()
    assert len(in_journal(tmp_path, c.SubmitOrder)) == 1


def test_f63_order_that_was_sent_before_the_crash_is_found_and_adopted(tmp_path: Path) -> None:
    first = first_life(tmp_path)
    record, seen = sent_record(first), []

    def script(broker: ScriptedBroker) -> None:
        broker.come_up(orders=(record,))
        broker.say(e.OrderStatusReported(record.client_order_id, record, broker.now_ns))

    def look(ledger: Ledger) -> None:
        order = ledger.orders.get(record.client_order_id)
        assert order is not None
        seen.append((order.status, order.broker_order_id, order.in_doubt))

    second = ScriptedBroker(script, first.now_ns + NS_PER_S)
    run_life(tmp_path, second, look=look)
    assert seen == [(OrderStatus.NEW, "b-1", False)]
    assert not second.orders_sent()


def test_f63_fill_that_came_while_the_engine_was_dead_is_booked_once(tmp_path: Path) -> None:
    first = first_life(tmp_path)
    (command,) = first.orders_sent()
    held: list[int] = []
    fill = msgspec.structs.replace(
        fill_record("x1", command.client_order_id, 10, ts_venue_ns=first.now_ns), symbol=SYMBOL
    )

    def script(broker: ScriptedBroker) -> None:
        for _ in range(2):
            broker.come_up(fills=(fill,))

    def look(ledger: Ledger) -> None:
        held.append(int(ledger.portfolio.position(SYMBOL).quantity))

    for life in range(3):
        now_ns = first.now_ns + (life + 1) * 60 * NS_PER_S
        later = ScriptedBroker(script, now_ns)
        run_life(tmp_path, later, look=look)
        assert not later.orders_sent()
    assert held == [10, 10, 10]
    assert len(in_journal(tmp_path, c.FillRecovered)) == 1


def test_f63_wish_cut_off_before_the_journal_is_denied_and_never_sent_late(
    tmp_path: Path,
) -> None:
    """The event is in the journal, its order is not: what a torn last block leaves."""
    first = first_life(tmp_path)
    facts = sorted((tmp_path / "journal").glob("facts-*"))[-1]
    facts.write_bytes(facts.read_bytes()[:-3])
    second = ScriptedBroker(come_up, first.now_ns + NS_PER_S)
    run_life(tmp_path, second)
    (lost,) = first.orders_sent()
    assert list((tmp_path / "journal").glob("facts-*.cut-*")), "nothing was cut off"
    (denied,) = in_journal(tmp_path, e.OrderRejected)
    assert denied.client_order_id == lost.client_order_id
    assert denied.reason.startswith("cut off by a crash before it was sent")
    assert not second.orders_sent(), "it was sent late"


@pytest.mark.parametrize("deaths", [2, 4])
def test_f69_recovery_that_dies_again_and_again_changes_nothing(
    deaths: int, tmp_path: Path
) -> None:
    first = first_life(tmp_path)
    (command,) = first.orders_sent()
    kinds = itertools.cycle((c.QueryOrder, c.RequestSnapshot))
    for life in range(deaths):
        dying = ScriptedBroker(come_up, first.now_ns + (life + 1) * NS_PER_S)
        dying.dies_on = next(kinds)
        assert run_life(tmp_path, dying) is None
        assert not dying.orders_sent()
    states: list[tuple[bool, int]] = []

    def look(ledger: Ledger) -> None:
        order = ledger.orders.get(command.client_order_id)
        assert order is not None
        states.append((order.in_doubt, len(ledger.orders.open)))

    last = ScriptedBroker(come_up, first.now_ns + 60 * NS_PER_S)
    assert run_life(tmp_path, last, look=look) is not None
    assert states == [(True, 1)]
    assert not last.orders_sent()


def test_f69_halt_survives_a_crash_in_the_kill_switch(tmp_path: Path) -> None:
    def halt(broker: ScriptedBroker) -> None:
        broker.come_up()
        broker.say(e.Halt("operator"), e.CancelAll("operator"))

    first = ScriptedBroker(halt)
    first.dies_on = c.CancelOrder
    assert run_life(tmp_path, first) is None
    record, states = sent_record(first), []

    def script(broker: ScriptedBroker) -> None:
        broker.come_up(orders=(record,))

    second = ScriptedBroker(script, first.now_ns + NS_PER_S)
    run_life(tmp_path, second, look=lambda ledger: states.append(ledger.trading.account))
    assert states == [c.TradingState.HALTED]
    assert not second.orders_sent()
    assert second.orders_sent(c.CancelOrder)


def test_f70_second_engine_on_one_directory_is_refused(tmp_path: Path) -> None:
    with EngineLock(tmp_path), pytest.raises(StartRefused, match="another engine runs"):
        run_life(tmp_path, ScriptedBroker(come_up))
    assert run_life(tmp_path, ScriptedBroker(come_up)) is not None


@pytest.mark.parametrize("seen_as", ["order", "fill", "report"])
def test_f71_journal_older_than_its_account_enters_nothing_until_an_operator_adopts(
    seen_as: str, tmp_path: Path
) -> None:
    """The backup is from before the first order, whose id the account knows."""
    lost_id = "rf-1a2b3c-s-7"
    lost = OrderRecord(
        client_order_id=ClientOrderId(lost_id),
        broker_order_id=BrokerOrderId("b-7"),
        symbol=SYMBOL,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        quantity=OPEN_QUANTITY,
        filled_quantity=OPEN_QUANTITY * 0,
        status=OrderStatus.NEW,
        limit_price=OPEN_QUANTITY * 10,
    )
    fill = msgspec.structs.replace(fill_record("x7", lost_id, 5), symbol=SYMBOL)
    parts: dict[str, dict[str, Any]] = {
        "order": {"orders": (lost,)},
        "fill": {"fills": (fill,)},
        "report": {},
    }

    def script(broker: ScriptedBroker) -> None:
        report = e.OrderAccepted(ClientOrderId(lost_id), BrokerOrderId("b-7"), broker.now_ns)
        broker.say(e.LinkUp("sim"), *([report] if seen_as == "report" else []))
        broker.say(broker.listing(**parts[seen_as]), broker.quote())
        broker.say(e.Resume("too early"), broker.quote())
        assert not broker.orders_sent()
        broker.say(e.Adopt("the other engine is gone"), e.Resume("adopted"))

    states: list[tuple[str, int]] = []

    def look(ledger: Ledger) -> None:
        states.append((ledger.trading.account, ledger.order_numbers[STRATEGY]))

    run_life(tmp_path, ScriptedBroker(script), look=look)
    found = [d for d in in_journal(tmp_path, c.DiscrepancyFound) if d.kind == "own_id_unknown"]
    assert [d.subject for d in found] == [lost_id]
    assert states[0][0] == c.TradingState.ACTIVE
    assert states[0][1] >= 7


def test_f72_changed_configuration_is_refused_at_a_restart_and_the_old_one_stands(
    tmp_path: Path,
) -> None:
    first = first_life(tmp_path, dies_on=None)
    looser = linked_configuration(max_orders_per_minute=77)
    with pytest.raises(StartRefused, match="changed since this journal began"):
        run_life(tmp_path, ScriptedBroker(come_up, first.now_ns), configured=looser)
    with_record = sent_record(first)

    def script(broker: ScriptedBroker) -> None:
        broker.come_up(orders=(with_record,))

    assert run_life(tmp_path, ScriptedBroker(script, first.now_ns + NS_PER_S)) is not None


def test_f74_stop_is_orderly_once_and_everything_is_in_the_journal(tmp_path: Path) -> None:
    first_life(tmp_path, dies_on=None)
    (stopped,) = in_journal(tmp_path, e.EngineStopped)
    (mark,) = [m for m in in_journal(tmp_path, c.AccountMarked) if m.kind is c.MarkKind.FINAL]
    assert stopped.reason == "end of the script"
    assert mark.equity == mark.cash
    with EngineLock(tmp_path):
        pass
