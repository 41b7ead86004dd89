"""The audit file: what it says, that it repeats itself, and that changes show."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import accumulate
from pathlib import Path

import pytest

from regimeflow.journal import Record
from regimeflow.journal.records import Body
from regimeflow.model.commands import (
    DiscrepancyFound,
    HealthChanged,
    HealthStatus,
    OrderDenied,
    RegimeChanged,
    RiskBreached,
    StrategyFaulted,
    TradingState,
    TradingStateChanged,
)
from regimeflow.model.events import (
    EngineStarted,
    EngineStopped,
    FillBusted,
    OrderCanceled,
    OrderExpired,
    OrderRejected,
    OrderReplaced,
    OutcomeUnknown,
    RequestKind,
)
from regimeflow.model.evidence import FillRecovered
from regimeflow.model.ids import BrokerOrderId, ClientOrderId, ExecutionId, IntentId
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.order import OrderType, Side
from regimeflow.observe.audit import AuditFormat, AuditLog, verify_audit
from regimeflow.observe.audit_lines import AuditLine, read_lines
from tests.unit.journal_samples import (
    STRATEGY,
    accepted,
    epoch,
    filled,
    quote,
    renamed,
    submit,
)

ORDER = ClientOrderId("o1")


def denied(control: str = "C02") -> OrderDenied:
    return OrderDenied(
        client_order_id=ORDER,
        strategy_id=STRATEGY,
        symbol="AAPL",
        side=Side.BUY,
        order_type=OrderType.MARKET,
        quantity=Decimal(10),
        intent_id=IntentId(STRATEGY, "AAPL", 1, 0, 0),
        control=control,
        limit="5000",
        observed="6200",
        message="lower quantity or raise live.max_order_value",
    )


def records_of(*bodies: Body) -> list[Record]:
    """Each body a second after the one before; outputs name the record before as their cause."""
    times_ns = accumulate([10**18, *[10**9] * (len(bodies) - 1)])
    return [
        Record(seq, ts_ns, 0 if type(body).__module__.endswith("events") else max(seq - 1, 0), body)
        for seq, (ts_ns, body) in enumerate(zip(times_ns, bodies, strict=True), start=1)
    ]


def fold(path: Path, records: list[Record], form: AuditFormat = AuditFormat.JSONL) -> AuditLog:
    log = AuditLog(path, form)
    for record in records:
        log.on_record(record)
    log.flush()
    return log


def audit(tmp_path: Path, *bodies: Body) -> list[AuditLine]:
    path = tmp_path / "audit.jsonl"
    fold(path, records_of(*bodies))
    return list(read_lines(path))


DAY = (
    epoch(),
    EngineStarted(1),
    quote(),
    submit(),
    accepted(),
    filled(quantity=4),
    filled(execution_id="x2", quantity=6),
    EngineStopped("asked to"),
)


def test_a_trading_day_reads_as_its_story(tmp_path: Path) -> None:
    lines = audit(tmp_path, *DAY)
    assert [line.type for line in lines] == [
        "SystemStart",
        "OrderSubmitted",
        "OrderAcknowledged",
        "OrderPartiallyFilled",
        "PositionOpened",
        "OrderFilled",
        "SystemStop",
    ]
    assert [line.seq for line in lines] == list(range(1, 8))
    assert lines[0].timestamp == "2001-09-09T01:46:41.000000000Z"
    assert lines[0].metadata["code"] == "c0de"


def test_every_order_line_carries_the_order_and_its_cause(tmp_path: Path) -> None:
    lines = audit(tmp_path, *DAY)
    orders = [line for line in lines if line.type.startswith("Order")]
    for line in orders:
        assert line.metadata["strategy"] == "ma"
        assert line.metadata["symbol"] == "AAPL"
        assert line.metadata["side"] == "buy"
        assert line.metadata["client_order_id"] == "o1"
        assert isinstance(line.metadata["cause_seq"], int)
    assert [line.metadata["broker_order_id"] for line in orders] == ["", "b1", "b1", "b1"]
    assert [line.metadata["quantity"] for line in orders] == ["10", "10", "4", "6"]
    assert [line.metadata["price"] for line in orders] == ["100.10"] * 2 + ["100.05"] * 2
    assert (orders[0].metadata["journal_seq"], orders[0].metadata["cause_seq"]) == (4, 3)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (OrderCanceled(ORDER, "asked", 1), "OrderCancelled"),
        (OrderRejected(ORDER, "no funds", 1), "OrderRejected"),
        (OrderExpired(ORDER, "", 1), "OrderExpired"),
        (OutcomeUnknown(ORDER, RequestKind.SUBMIT, "timeout"), "OrderInDoubt"),
        (denied(), "OrderDenied"),
        (denied("dry_run"), "DryRunOrder"),
        (RegimeChanged("AAPL", "calm", "wild", 0.75, "hmm", 1), "RegimeChange"),
        (RiskBreached("C14", "100", "120", "daily loss"), "RiskLimitBreached"),
        (TradingStateChanged(TradingState.HALTED, "kill", "C30"), "TradingHalted"),
        (TradingStateChanged(TradingState.REDUCING, "loss", "C14"), "TradingHalted"),
        (TradingStateChanged(TradingState.ACTIVE, "resumed", ""), "TradingResumed"),
        (HealthChanged("feed", HealthStatus.STALE, "5 s"), "HealthChange"),
        (DiscrepancyFound("position", "AAPL", "1", "2", ""), "ReconciliationMismatch"),
        (StrategyFaulted(STRATEGY, "on_bar", "ValueError"), "Error"),
    ],
)
def test_each_fact_has_its_audit_type(tmp_path: Path, body: Body, kind: str) -> None:
    assert [line.type for line in audit(tmp_path, submit(), body)] == ["OrderSubmitted", kind]


def test_positions_open_close_and_turn_once_per_execution(tmp_path: Path) -> None:
    lines = audit(
        tmp_path,
        filled("o1", "x1", 10),
        filled("o1", "x1", 10),
        CorporateAction("AAPL", 1, ActionKind.SPLIT, Decimal(2)),
        filled("o2", "x2", 25, Side.SELL),
        filled("o3", "x3", 5),
    )
    positions = [line for line in lines if line.type.startswith("Position")]
    assert [(line.type, line.metadata["quantity"]) for line in positions] == [
        ("PositionOpened", "10"),
        ("PositionClosed", "20"),
        ("PositionOpened", "-5"),
        ("PositionClosed", "-5"),
    ]


def test_an_execution_known_only_from_a_list_is_audited_once(tmp_path: Path) -> None:
    found = FillRecovered(filled("o1", "x9"), "listed by the broker")
    lines = audit(tmp_path, submit(), found, filled("o1", "x9"))
    assert [line.type for line in lines] == ["OrderSubmitted", "OrderFilled", "PositionOpened"]
    assert lines[1].details.endswith("execution x9, listed by the broker")


def test_an_annulled_execution_closes_the_position_that_it_opened(tmp_path: Path) -> None:
    bust = FillBusted(ExecutionId("x9"), "AAPL", "erroneous", 1)
    lines = audit(tmp_path, submit(), filled("o1", "x9"), bust, bust)
    assert [line.type for line in lines] == [
        "OrderSubmitted",
        "OrderFilled",
        "PositionOpened",
        "PositionClosed",
    ]


def test_a_replacement_keeps_strategy_and_fills_of_the_order(tmp_path: Path) -> None:
    change = renamed(ORDER, "o1r")
    done = OrderReplaced(
        ClientOrderId("o1r"), ORDER, BrokerOrderId("b2"), Decimal(8), Decimal(101), None, 1
    )
    lines = audit(
        tmp_path,
        submit(),
        filled(execution_id="x1", quantity=3),
        change,
        done,
        filled("o1r", "x2", 5, broker_id="b2"),
    )
    assert [line.type for line in lines if line.type.startswith("Order")] == [
        "OrderSubmitted",
        "OrderPartiallyFilled",
        "OrderSubmitted",
        "OrderAcknowledged",
        "OrderFilled",
    ]
    last = lines[-1].metadata
    assert (last["strategy"], last["filled_quantity"]) == ("ma", "8")
    assert (last["orig_client_order_id"], last["broker_order_id"]) == ("o1", "b2")


@pytest.mark.parametrize("form", list(AuditFormat))
def test_a_refold_continues_any_cut_file_to_the_same_bytes(
    tmp_path: Path, form: AuditFormat
) -> None:
    path = tmp_path / ("audit.jsonl" if form is AuditFormat.JSONL else "audit.log")
    records = records_of(*DAY)
    head = fold(path, records, form).head
    whole = path.read_bytes()
    for size in range(0, len(whole) + 1, 7):
        path.write_bytes(whole[:size])
        log = fold(path, records, form)
        assert path.read_bytes() == whole
        assert (log.head, log.last_seq) == (head, 8)
    assert verify_audit(path, head).is_intact


def test_both_formats_hold_the_same_lines_and_hashes(tmp_path: Path) -> None:
    jsonl, table = tmp_path / "audit.jsonl", tmp_path / "audit.log"
    fold(jsonl, records_of(*DAY), AuditFormat.JSONL)
    fold(table, records_of(*DAY), AuditFormat.CSV)
    assert list(read_lines(jsonl)) == list(read_lines(table))
    assert table.read_text().startswith("seq,timestamp,type,details,metadata,prev_hash,hash\n")


def test_changed_removed_moved_and_cut_lines_are_found(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    head = fold(path, records_of(*DAY)).head
    lines = path.read_text().splitlines(keepends=True)
    forgeries = {
        "was changed": [*lines[:3], lines[3].replace('"4"', '"5"'), *lines[4:]],
        "were removed": lines[:2] + lines[3:],
        "added or moved": [lines[1], lines[0], *lines[2:]],
        "at the end are missing": lines[:-1],
        "not an audit line": [*lines[:2], "{}\n", *lines[2:]],
    }
    for problem, forged in forgeries.items():
        path.write_text("".join(forged))
        verification = verify_audit(path, head)
        assert not verification.is_intact
        assert problem in verification.problem


def test_hostile_venue_text_stays_on_its_line(tmp_path: Path) -> None:
    hostile = 'x\r\n{"seq":99}\x1b[2J\u202e,"quoted"'
    for form in AuditFormat:
        path = tmp_path / ("audit.jsonl" if form is AuditFormat.JSONL else "audit.log")
        bodies = (submit(), OrderRejected(ORDER, hostile, 1))
        fold(path, records_of(*bodies), form)
        assert verify_audit(path).lines == 2
        last = list(read_lines(path))[-1]
        assert last.details.isprintable()
        assert b"\x1b" not in path.read_bytes()
        assert path.read_bytes().count(b"\n") == (2 if form is AuditFormat.JSONL else 3)


def test_the_hash_can_be_checked_with_nothing_but_json_and_sha256(tmp_path: Path) -> None:
    from hashlib import sha256

    path = tmp_path / "audit.jsonl"
    fold(path, records_of(*DAY))
    prev_hash = "0" * 64
    for text in path.read_text().splitlines():
        row = json.loads(text)
        claimed = row.pop("hash")
        assert row["prev_hash"] == prev_hash
        canonical = json.dumps(row, sort_keys=True, separators=(",", ":"))
        assert sha256(canonical.encode()).hexdigest() == claimed
        prev_hash = claimed
