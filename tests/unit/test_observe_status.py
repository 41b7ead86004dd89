"""status.json: what the engine is doing, current after a change and written not too often."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from regimeflow.backtest import order_tally
from regimeflow.backtest.order_tally import OrderTally
from regimeflow.core.portfolio import EXTERNAL
from regimeflow.model.commands import (
    HealthChanged,
    HealthStatus,
    ReplaceOrder,
    StrategyFaulted,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.events import (
    ClockMeasured,
    Heartbeat,
    LinkDown,
    LinkUp,
    OrderAccepted,
    OrderCanceled,
    OrderReplaced,
    OutcomeUnknown,
    RequestKind,
    SessionOpened,
)
from regimeflow.model.evidence import OrderResolved
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, StrategyId
from regimeflow.model.market import Quote
from regimeflow.model.order import OrderStatus
from regimeflow.model.session import Session
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S
from regimeflow.observe.health import HealthFold, StatusFile
from tests.unit.account_records import day, fill, mark, split, submit

A = ClientOrderId("a")


def folded(*bodies: object) -> dict[str, Any]:
    fold = HealthFold()
    for seq, body in enumerate(bodies, start=1):
        fold.on_record(seq, day(0) + seq * NS_PER_S, body)
    return fold.document()


def resolved(status: OrderStatus) -> OrderResolved:
    return OrderResolved(client_order_id=A, status=status, evidence="listed")


def replacement(order: str, by: str) -> ReplaceOrder:
    return ReplaceOrder(
        client_order_id=ClientOrderId(by),
        orig_client_order_id=ClientOrderId(order),
        broker_order_id=None,
        symbol="X",
        quantity=Decimal(10),
        limit_price=None,
        stop_price=None,
        worst_price=Decimal(1),
    )


def test_open_orders_are_those_that_could_still_fill() -> None:
    orders = folded(
        submit("a", 10), submit("b", 10), submit("c", 10), fill("a", 4, 1), fill("b", 10, 1),
        OrderCanceled(ClientOrderId("c"), "", 0),
    )["orders"]  # fmt: skip
    assert orders["open"] == 1
    assert orders["submitted"] == 3
    assert orders["fills"] == 2


def test_an_order_of_unknown_fate_is_in_doubt_until_evidence() -> None:
    doubt = OutcomeUnknown(A, RequestKind.SUBMIT, "timeout")
    assert folded(submit("a", 10), doubt)["orders"]["in_doubt"] == 1
    assert folded(submit("a", 10), doubt, fill("a", 1, 1))["orders"]["in_doubt"] == 0


def test_an_order_settled_by_evidence_alone_is_open_no_more() -> None:
    doubt = OutcomeUnknown(A, RequestKind.SUBMIT, "timeout")
    for status in (OrderStatus.NOT_FOUND, OrderStatus.CANCELED, OrderStatus.FILLED):
        orders = folded(submit("a", 10), doubt, resolved(status))["orders"]
        assert (orders["open"], orders["in_doubt"]) == (0, 0)
    in_doubt = folded(submit("a", 10), resolved(OrderStatus.IN_DOUBT))["orders"]
    assert (in_doubt["open"], in_doubt["in_doubt"]) == (1, 1)
    found = folded(submit("a", 10), doubt, resolved(OrderStatus.NEW))["orders"]
    assert (found["open"], found["in_doubt"]) == (1, 0)


def test_an_order_that_lives_after_its_absence_was_proved_is_open_again() -> None:
    absent = (submit("a", 10), resolved(OrderStatus.NOT_FOUND))
    for late in (OrderAccepted(A, BrokerOrderId("1"), 0), fill("a", 4, 1)):
        assert folded(*absent, late)["orders"]["open"] == 1
        assert folded(*absent, late, OrderCanceled(A, "", 0))["orders"]["open"] == 0
    assert folded(*absent, fill("a", 10, 1))["orders"]["open"] == 0


def test_of_ended_orders_the_newest_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_tally, "ENDED_ORDERS_MAX", 3)
    tally = OrderTally()
    tally.on_record(0, submit("works", 10))
    for number in range(10):
        tally.on_record(0, submit(f"o{number}", 10))
        tally.on_record(0, replacement(f"o{number}", f"r{number}"))
        tally.on_record(0, fill(f"r{number}", 10, number + 1))
    assert tally.strategy_of("works") == tally.strategy_of("r9") == tally.strategy_of("o7") == "s"
    assert tally.strategy_of("o6") == tally.strategy_of("r6") == EXTERNAL
    assert (tally.orders, tally.fills, tally.open_orders) == (11, 10, 1)


def test_a_split_order_is_complete_when_the_restated_total_has_filled() -> None:
    """What had filled stays as it was reported, what is left doubles, as in the books."""
    restated = OrderReplaced(A, A, BrokerOrderId("1"), Decimal(15), None, None, 0)
    bodies = [submit("a", 10), fill("a", 5, 1), split(2), restated]
    assert folded(*bodies, fill("a", 9, 1))["orders"]["open"] == 1
    assert folded(*bodies, fill("a", 10, 1))["orders"]["open"] == 0


def test_trading_state_of_all_and_of_one_strategy_are_apart() -> None:
    document = folded(
        TradingStateChanged(TradingState.HALTED, "loss", "C14"),
        TradingStateChanged(TradingState.REDUCING, "repeat", "C11", StrategyId("s")),
        StrategyFaulted(StrategyId("s"), "on_bar", "ZeroDivisionError"),
    )
    assert document["trading"]["state"] == "halted"
    assert document["strategies"]["s"]["state"] == "reducing"
    assert document["strategies"]["s"]["fault"] == "on_bar: ZeroDivisionError"


def test_links_health_session_and_account_are_the_latest() -> None:
    document = folded(
        LinkUp("orders"), LinkDown("orders", "reset"), LinkUp("data"),
        HealthChanged("feed", HealthStatus.STALE, "12 s"),
        SessionOpened(Session("XNYS", "2024-01-02", 0, 1)), mark(1, 1234),
    )  # fmt: skip
    assert {name: link["status"] for name, link in document["links"].items()} == {
        "orders": "down",
        "data": "up",
    }
    assert document["health"]["feed"]["status"] == "stale"
    assert document["session"] == {"date": "2024-01-02", "is_open": True}
    assert document["account"]["equity"] == 1234.0


def test_clocks_show_how_far_each_brokers_is_from_ours() -> None:
    told = ClockMeasured("sim", day(0) + NS_PER_S + 7 * NS_PER_MS, 2 * NS_PER_MS)
    clock = folded(told)["clocks"]["sim"]
    assert (clock["ahead_ms"], clock["uncertainty_ms"]) == (7.0, 2.0)


def test_data_age_is_event_time() -> None:
    quote = Quote("X", day(0), 1.0, 2.0, 1.0, 1.0)
    assert folded(quote, Heartbeat("data"))["data"]["X"]["age_s"] == 2.0
    assert folded(quote, Heartbeat("data", "X"))["data"]["X"]["age_s"] == 0.0


class Writes:
    """Counts how often the file changed, by its last sequence number."""

    def __init__(self, directory: Path, records_between_writes: int = 1) -> None:
        self.path = directory / "status.json"
        self.file = StatusFile(self.path, records_between_writes=records_between_writes)
        self.seqs: list[int] = []

    def put(self, seq: int, ts_ns: int, body: object) -> None:
        self.file.on_record(seq, ts_ns, body)
        last = json.loads(self.path.read_text("utf-8"))["last_seq"] if self.path.exists() else 0
        if last not in self.seqs:
            self.seqs.append(last)


def test_the_file_is_written_once_a_second_of_event_time(tmp_path: Path) -> None:
    writes = Writes(tmp_path)
    for seq in range(1, 31):
        writes.put(seq, day(0) + seq * 100 * NS_PER_MS, Heartbeat("data"))
    assert writes.seqs == [1, 11, 21]


def test_a_change_is_written_at_once(tmp_path: Path) -> None:
    writes = Writes(tmp_path, records_between_writes=1_000_000)
    writes.put(1, day(0), Heartbeat("data"))
    writes.put(2, day(0) + 1, TradingStateChanged(TradingState.HALTED, "", ""))
    assert writes.seqs[-1] == 2


def test_a_playback_of_years_writes_by_records_not_by_days(tmp_path: Path) -> None:
    writes = Writes(tmp_path, records_between_writes=100)
    for seq in range(1, 1001):
        writes.put(seq, day(seq), Heartbeat("data"))
    assert len(writes.seqs) <= 11
