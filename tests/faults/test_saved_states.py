"""Lives of the real live runner that begin at a state kept at a session's end."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from regimeflow.journal.reader import read_facts
from regimeflow.journal.state_files import list_states, state_path
from regimeflow.journal.upkeep import Upkeep, tend
from regimeflow.live import state_keeper
from regimeflow.live.boot import Booted
from regimeflow.live.boot_linked import boot_linked
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.account import OrderRecord
from regimeflow.model.ids import BrokerOrderId, StrategyId, TimerId
from regimeflow.model.order import OrderStatus
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_DAY, NS_PER_HOUR, NS_PER_S
from regimeflow.run.linked_fold import PRUNED
from regimeflow.run.manifest import plan_of, read_manifest
from tests.faults.scripted_broker import (
    START_NS,
    ScriptedBroker,
    linked_configuration,
    run_life,
)

Script = Callable[[ScriptedBroker], None]


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each session's data is a segment of its own."""
    monkeypatch.setattr(state_keeper, "MARKET_SEGMENT_BYTES_MIN", 1)


def session(day: int) -> Session:
    open_ns = START_NS - NS_PER_HOUR + day * NS_PER_DAY
    return Session("XNYS", f"day {day}", open_ns, open_ns + 6 * NS_PER_HOUR)


class Venue:
    """Takes every order, lets it rest, and lists what rests, across all lives of the engine."""

    def __init__(self) -> None:
        self.resting: dict[str, OrderRecord] = {}

    def serve(self, broker: ScriptedBroker) -> None:
        """Acknowledge what has arrived."""
        for command in broker.orders_sent():
            if command.client_order_id not in self.resting:
                record = resting(command)
                self.resting[command.client_order_id] = record
                broker.say(
                    e.OrderAccepted(record.client_order_id, record.broker_order_id, broker.now_ns)
                )

    def come_up(self, broker: ScriptedBroker) -> None:
        """The link, and a list that agrees."""
        broker.say(e.LinkUp("sim"), broker.listing(orders=tuple(self.resting.values())))

    def days(self, first: int, count: int) -> Script:
        """A life of so many sessions, each with three quotes and an end."""

        def script(broker: ScriptedBroker) -> None:
            self.come_up(broker)
            for day in range(first, first + count):
                broker.now_ns = max(broker.now_ns, session(day).open_ns)
                broker.say(e.SessionOpened(session(day)))
                for number in range(3):
                    broker.say(broker.quote(100.0 + number), after_s=1)
                    self.serve(broker)
                end_session(broker, day)

        return script


def resting(command: c.SubmitOrder) -> OrderRecord:
    return OrderRecord(
        client_order_id=command.client_order_id,
        broker_order_id=BrokerOrderId(f"b-{command.client_order_id}"),
        symbol=command.symbol,
        side=command.side,
        order_type=command.order_type,
        quantity=command.quantity,
        filled_quantity=Decimal(0),
        status=OrderStatus.NEW,
        limit_price=command.limit_price,
    )


def end_session(broker: ScriptedBroker, day: int) -> None:
    """The close, and the engine's own end of the session."""
    broker.now_ns = session(day).close_ns
    broker.say(e.SessionClosed(session(day)), after_s=0)
    due_ns = session(day).close_ns + 1
    broker.say(e.TimerFired(TimerId("session_end"), "engine", due_ns))


def lives(log_dir: Path, *scripts: Script) -> list[ScriptedBroker]:
    """One life of the engine for each script, on one journal."""
    raw = linked_configuration(duplicate_order_window_ms=0)
    raw["strategy"]["name"] = "tests.faults.strategies_at_fault:WantsToBuy"
    now_ns, brokers = START_NS - NS_PER_HOUR, []
    for script in scripts:
        broker = ScriptedBroker(script, now_ns)
        brokers.append(broker)
        assert run_life(log_dir, broker, configured=raw) is not None
        now_ns = broker.now_ns + NS_PER_S
    return brokers


def booted_from(log_dir: Path) -> Booted:
    """What the next start would find."""
    journal = log_dir / "journal"
    return boot_linked(plan_of(read_manifest(journal)), journal, ())


def test_hold_on_a_symbol_outlives_a_restart_from_a_state(tmp_path: Path) -> None:
    """A venue that alters an order has its symbol held until an operator resumes, nights included;
    everything else may trade, so only the hold stands between the strategy and the venue."""

    def altered(broker: ScriptedBroker) -> None:
        broker.come_up()
        (command,) = broker.orders_sent()
        record = msgspec.structs.replace(resting(command), quantity=Decimal(2))
        broker.say(e.OrderStatusReported(command.client_order_id, record, broker.now_ns))
        broker.say(e.OrderCanceled(command.client_order_id, "asked for", broker.now_ns))
        broker.say(e.SessionOpened(session(0)), broker.quote())
        end_session(broker, 0)

    def next_morning(broker: ScriptedBroker) -> None:
        broker.come_up()
        broker.say(broker.quote(101.0), broker.quote(102.0), after_s=1)

    first, second = lives(tmp_path, altered, next_morning)
    assert len(first.orders_sent()) == 1
    booted = booted_from(tmp_path)
    assert (booted.from_seq > 0, booted.quarantine) == (True, "")
    assert booted.engine.ledger.trading.account is c.TradingState.ACTIVE
    assert not booted.engine.holds.account
    assert not second.orders_sent()


def test_data_that_the_older_state_needs_outlives_every_pruning(tmp_path: Path) -> None:
    lives(tmp_path, Venue().days(0, 6))
    journal = tmp_path / "journal"
    older, newer = booted_from(tmp_path).states
    assert tend(journal, Upkeep(10**19, older.seq + 1, older.mark)).pruned == 4
    state_path(journal, newer.mark.seq).write_bytes(b"rotten")
    booted = booted_from(tmp_path)
    assert (booted.from_seq, booted.quarantine) == (older.seq, "")
    assert len(booted.told) == 1


def test_state_in_the_place_of_another_is_never_believed(tmp_path: Path) -> None:
    lives(tmp_path, Venue().days(0, 3))
    journal = tmp_path / "journal"
    older, newer = (state_path(journal, seq) for seq in list_states(journal))
    newer.write_bytes(older.read_bytes())
    booted = booted_from(tmp_path)
    assert booted.from_seq == booted.states[-1].seq
    assert [kept.mark.seq for kept in booted.states] == [int(older.stem.removeprefix("state-"))]
    assert ["not the state" in line for line in booted.told] == [True]


def test_lost_states_after_pruning_stop_new_orders_and_nothing_else(tmp_path: Path) -> None:
    venue = Venue()
    lives(tmp_path, venue.days(0, 4))
    journal = tmp_path / "journal"
    older, _ = booted_from(tmp_path).states
    tend(journal, Upkeep(10**19, older.seq + 1, older.mark))
    for seq in list_states(journal):
        state_path(journal, seq).unlink()

    def cancel_everything(broker: ScriptedBroker) -> None:
        venue.come_up(broker)
        broker.say(broker.quote(101.0), e.CancelAll("operator"))

    booted = booted_from(tmp_path)
    (last,) = lives(tmp_path, cancel_everything)
    assert booted.quarantine == PRUNED
    assert booted.engine.ledger.orders.open.keys() == venue.resting.keys()
    assert not last.orders_sent()
    assert {order.client_order_id for order in last.orders_sent(c.CancelOrder)} == (
        venue.resting.keys()
    )
    halts = [r.body for r in read_facts(journal) if isinstance(r.body, e.Halt)]
    assert [halt.reason for halt in halts] == [PRUNED]


def test_engine_goes_on_from_a_state_over_many_restarts(tmp_path: Path) -> None:
    """Numbers of orders and boots go on; nothing is sent twice or forgotten."""
    venue = Venue()
    brokers = lives(tmp_path, *(venue.days(2 * life, 2) for life in range(4)))
    ids = [order.client_order_id for broker in brokers for order in broker.orders_sent()]
    assert len(ids) == len(set(ids)) == 24
    booted = booted_from(tmp_path)
    starts = [
        r.body for r in read_facts(tmp_path / "journal") if isinstance(r.body, e.EngineStarted)
    ]
    assert (booted.quarantine, booted.recovered.boot) == ("", starts[-1].boot)
    assert len({start.boot for start in starts}) == 4
    assert booted.from_seq == booted.states[-1].seq
    assert list(booted.engine.ledger.orders.open) == ids
    assert booted.engine.ledger.order_numbers == {StrategyId("s"): 24}
