"""A planted difference is found, at the very event that shows it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from regimeflow.errors import JournalCorrupt, StartRefused
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Record
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.model.commands import OrderDenied, RequestSnapshot, SubmitOrder
from regimeflow.model.market import Bar
from regimeflow.model.order import OrderType
from regimeflow.run.manifest import MANIFEST_NAME
from regimeflow.run.replay import ReplayReport, verify_journal
from tests.simulation import steps as order_steps
from tests.simulation import strategies_under_test
from tests.simulation.everything import everything
from tests.simulation.playback import Crash, RunConfiguration, play_live, play_until

pytestmark = pytest.mark.planted
Change = Callable[[Record], Record]


@pytest.fixture
def raw(tmp_path: Path) -> RunConfiguration:
    return everything("minutes", tmp_path / "data")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of one run, for all tests to copy."""
    directory = tmp_path_factory.mktemp("played")
    play_live(everything("minutes", directory / "data"), directory / "logs")
    return directory / "logs" / "journal"


@pytest.fixture
def journal(played: Path, tmp_path: Path) -> Path:
    return shutil.copytree(played, tmp_path / "journal")


def records_of(journal: Path) -> list[Record]:
    return list(read_records(journal))


def first_wish(records: list[Record], kind: OrderType | None) -> Record:
    """The first order of a kind that was sent or denied (orders in warm-up are)."""
    return next(
        record
        for record in records
        if isinstance(record.body, SubmitOrder | OrderDenied)
        and kind in (None, record.body.order_type)
    )


def order_on_a_bar(records: list[Record], kind: OrderType, *, after: int = 0) -> Record:
    """The first order of a kind, past so many records, that was sent because of a bar."""
    bars = {record.seq for record in records if isinstance(record.body, Bar)}
    return next(
        record
        for record in records[after:]
        if isinstance(record.body, SubmitOrder)
        and record.body.order_type is kind
        and record.cause_seq in bars
    )


def rewritten(journal: Path, target: Path, change: Change) -> ReplayReport:
    """Copy a journal with one record changed and the hash chain whole; then verify the copy."""
    target.mkdir()
    (target / MANIFEST_NAME).write_bytes((journal / MANIFEST_NAME).read_bytes())
    writer = JournalWriter(target, durability=Durability.PROCESS)
    for record in map(change, records_of(journal)):
        body: Any = record.body
        if isinstance(body, EpochOpened):
            writer.append_epoch(record.ts_ns, body)
        elif record.cause_seq or isinstance(body, RequestSnapshot):
            writer.append_output(record.ts_ns, record.cause_seq, body)
        else:
            writer.append_event(record.ts_ns, body)
        writer.commit()
    writer.close()
    return verify_journal(target)


def with_body(seq: int, change: Callable[[Any], Any]) -> Change:
    """Change the body of one record."""

    def apply(record: Record) -> Record:
        if record.seq != seq:
            return record
        return msgspec.structs.replace(record, body=change(record.body))

    return apply


def test_copy_without_a_change_agrees(journal: Path, tmp_path: Path) -> None:
    """The method itself plants nothing."""
    assert rewritten(journal, tmp_path / "copy", lambda record: record).ok


def test_changed_parameter_is_found_at_the_first_order_it_changes(journal: Path) -> None:
    manifest = journal / MANIFEST_NAME
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace('"quantity": 60', '"quantity": 61'), encoding="utf-8")
    report = verify_journal(journal)
    assert not report.ok
    assert report.divergence is not None
    assert report.divergence.seq == first_wish(records_of(journal), None).cause_seq
    assert any("another config" in problem for problem in report.problems)


def test_changed_strategy_is_found_at_the_first_step_it_changes(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = records_of(journal)
    steps = order_steps.STEPS
    monkeypatch.setattr(strategies_under_test, "STEPS", (*steps[:5], steps[0], *steps[6:]))
    report = verify_journal(journal)
    assert report.divergence is not None
    assert report.divergence.seq == first_wish(records, OrderType.STOP_LIMIT).cause_seq


@pytest.mark.parametrize("after", [0, 300, 900])
def test_altered_price_of_the_market_is_found_at_its_event(
    after: int, journal: Path, tmp_path: Path
) -> None:
    """An order whose price follows a bar: that bar's close is altered by one cent."""
    order = order_on_a_bar(records_of(journal), OrderType.STOP, after=after)

    def dearer(bar: Bar) -> Bar:
        return msgspec.structs.replace(bar, close=bar.close + 0.01, high=bar.high + 0.01)

    report = rewritten(journal, tmp_path / "copy", with_body(order.cause_seq, dearer))
    assert report.divergence is not None
    assert report.divergence.seq == order.cause_seq


@pytest.mark.parametrize("kind", list(OrderType))
def test_altered_command_is_found_at_its_cause(
    kind: OrderType, journal: Path, tmp_path: Path
) -> None:
    records = records_of(journal)
    order = next(
        r for r in records if isinstance(r.body, SubmitOrder) and r.body.order_type is kind
    )

    def larger(command: SubmitOrder) -> SubmitOrder:
        return msgspec.structs.replace(command, quantity=command.quantity + Decimal(1))

    report = rewritten(journal, tmp_path / "copy", with_body(order.seq, larger))
    assert report.divergence is not None
    assert report.divergence.seq == order.cause_seq


def test_altered_byte_is_found_by_the_chain(journal: Path) -> None:
    facts = journal / "facts-000001.rfj"
    content = bytearray(facts.read_bytes())
    content[len(content) // 2] ^= 1
    facts.write_bytes(content)
    with pytest.raises(JournalCorrupt, match="damaged"):
        verify_journal(journal)


def test_run_whose_strategy_changed_is_not_resumed(
    raw: RunConfiguration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Crash):
        play_until(raw, tmp_path / "logs", 300, orderly=False)
    steps = order_steps.STEPS
    monkeypatch.setattr(strategies_under_test, "STEPS", (*steps[1:], steps[0]))
    with pytest.raises(StartRefused, match="cannot be resumed"):
        play_live(raw, tmp_path / "logs")


def test_run_whose_data_changed_is_not_resumed(raw: RunConfiguration, tmp_path: Path) -> None:
    with pytest.raises(Crash):
        play_until(raw, tmp_path / "logs", 300, orderly=False)
    bars = tmp_path / "data" / "AAA.csv"
    text = bars.read_text(encoding="utf-8")
    bars.write_text(text.replace(",900\n", ",901\n", 1), encoding="utf-8")
    with pytest.raises(StartRefused, match="another run"):
        play_live(raw, tmp_path / "logs")
