"""Boot: torn tails are cut, damage is refused, numbers and the chain go on."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from regimeflow.errors import JournalCorrupt, JournalError
from regimeflow.journal import (
    Durability,
    JournalWriter,
    Recovered,
    journal_digest,
    read_facts,
    read_records,
    recover,
    verify_chain,
)
from regimeflow.journal.frames import FrameKind, encode_frame
from regimeflow.model.events import EngineStarted
from tests.unit.journal_samples import (
    MARK_BYTES,
    accepted,
    epoch,
    filled,
    quote,
    submit,
    writer,
)

FACTS = "facts-000001.rfj"
MARKET = "market-000001.rfj"


def write_session(directory: Path, orders: int = 3) -> JournalWriter:
    """A start, then for each order: a quote, a command, a report, each order committed."""
    journal = writer(directory, durability=Durability.PROCESS)
    journal.append_event(1, EngineStarted(1))
    journal.commit()
    for number in range(orders):
        cause = journal.append_event(10 + number, quote(number))
        journal.append_output(10 + number, cause, submit(f"o{number}"))
        journal.commit()
        journal.append_event(10 + number, accepted(f"o{number}"))
        journal.commit()
    return journal


def resume(directory: Path) -> tuple[JournalWriter, Recovered]:
    recovered = recover(directory)
    journal = JournalWriter(
        directory,
        durability=Durability.PROCESS,
        next_seq=recovered.next_seq,
        head_hash=recovered.head_hash,
    )
    return journal, recovered


def test_a_missing_directory_is_a_new_journal(tmp_path: Path) -> None:
    assert recover(tmp_path / "journal") == Recovered()


def test_recovery_of_a_closed_journal_cuts_nothing(tmp_path: Path) -> None:
    journal = write_session(tmp_path)
    journal.append_epoch(99, epoch(number=2, boot=4))
    journal.close()
    before = journal_digest(tmp_path)
    recovered = recover(tmp_path)
    assert recovered.next_seq == journal.next_seq == 12
    assert recovered.head_hash == journal.head
    assert recovered.last_ts_ns == 99
    assert (recovered.boot, recovered.epochs) == (4, 1)
    assert recovered.last_epoch is not None
    assert recovered.last_epoch.body == epoch(number=2, boot=4)
    assert (recovered.facts_cut_bytes, recovered.market_cut_bytes) == (0, 0)
    assert recovered.market_lost_from_seq is None
    assert journal_digest(tmp_path) == before


def test_a_torn_facts_tail_is_cut_kept_and_the_chain_goes_on(tmp_path: Path) -> None:
    write_session(tmp_path).close()
    facts = tmp_path / FACTS
    whole = facts.read_bytes()
    facts.write_bytes(whole[: -MARK_BYTES - 7])
    journal, recovered = resume(tmp_path)
    assert recovered.facts_cut_bytes > 0
    kept = next(tmp_path.glob(f"{FACTS}.cut-*"))
    assert whole.startswith(facts.read_bytes() + kept.read_bytes())
    journal.append_event(50, filled("o2"))
    journal.close()
    bodies = [record.body for record in read_facts(tmp_path)]
    assert bodies[-2:] == [submit("o2"), filled("o2")]
    assert verify_chain(tmp_path).is_intact


def test_recovery_may_be_repeated(tmp_path: Path) -> None:
    write_session(tmp_path).close()
    facts = tmp_path / FACTS
    facts.write_bytes(facts.read_bytes()[: -MARK_BYTES - 7])
    first = recover(tmp_path)
    second = recover(tmp_path)
    assert (second.next_seq, second.head_hash) == (first.next_seq, first.head_hash)
    assert second.facts_cut_bytes == 0


def test_a_bad_frame_in_the_middle_of_facts_is_refused_with_its_place(tmp_path: Path) -> None:
    write_session(tmp_path).close()
    facts = tmp_path / FACTS
    content = bytearray(facts.read_bytes())
    content[len(content) // 2] ^= 1
    facts.write_bytes(content)
    with pytest.raises(JournalCorrupt, match=rf"{FACTS} is damaged at byte \d+"):
        recover(tmp_path)
    assert facts.read_bytes() == content
    with pytest.raises(JournalCorrupt):
        list(read_records(tmp_path))


def test_a_lost_market_tail_is_reported_and_blocks_nothing(tmp_path: Path) -> None:
    write_session(tmp_path).close()
    (tmp_path / MARKET).write_bytes((tmp_path / MARKET).read_bytes()[:-1])
    journal, recovered = resume(tmp_path)
    assert recovered.market_lost_from_seq == 8
    assert recovered.market_cut_bytes > 0
    assert recovered.next_seq == 11
    assert journal.append_event(60, quote()) == 11
    journal.close()
    assert [record.seq for record in read_records(tmp_path)] == [1, 2, 3, 4, 5, 6, 7, 9, 10, 11]


def test_a_hole_in_unsynced_market_data_cuts_it_there(tmp_path: Path) -> None:
    """Behind the last sync pages may be missing anywhere after a power cut."""
    write_session(tmp_path).close()
    market = tmp_path / MARKET
    content = bytearray(market.read_bytes())
    middle = content.index(b"Quote", content.index(b"Quote") + 1)
    content[middle] = 0
    market.write_bytes(content)
    recovered = recover(tmp_path)
    assert recovered.market_lost_from_seq == 5
    assert [record.seq for record in read_facts(tmp_path)] == [1, 3, 4, 6, 7, 9, 10]


def test_a_segment_torn_at_its_birth_is_started_again(tmp_path: Path) -> None:
    journal = write_session(tmp_path, orders=1)
    journal.rotate()
    journal.append_event(70, filled("o0"))
    journal.close()
    second = tmp_path / "facts-000002.rfj"
    second.write_bytes(second.read_bytes()[:20])
    resumed, recovered = resume(tmp_path)
    assert recovered.facts_cut_bytes == 20
    resumed.append_event(71, filled("o0", "x2"))
    resumed.close()
    assert [record.seq for record in read_facts(tmp_path)] == [1, 3, 4, 5]
    assert verify_chain(tmp_path).is_intact


def test_an_unknown_format_is_refused_by_name(tmp_path: Path) -> None:
    header = {"format": "regimeflow.journal/9", "kind": "facts", "later": True}
    frame = encode_frame(FrameKind.SEGMENT, msgspec.msgpack.encode(header))
    (tmp_path / FACTS).write_bytes(frame)
    with pytest.raises(JournalError, match=r"regimeflow\.journal/9"):
        recover(tmp_path)


def test_a_missing_facts_segment_is_refused(tmp_path: Path) -> None:
    journal = write_session(tmp_path, orders=1)
    for number in range(2):
        journal.rotate()
        journal.append_event(80, filled("o0", f"x{number}"))
    journal.close()
    (tmp_path / "facts-000002.rfj").unlink()
    with pytest.raises(JournalCorrupt, match="segment 000002 is missing"):
        recover(tmp_path)


def test_a_closed_facts_segment_has_no_torn_tail(tmp_path: Path) -> None:
    journal = write_session(tmp_path, orders=1)
    journal.rotate()
    journal.append_event(80, filled("o0"))
    journal.close()
    first = tmp_path / FACTS
    first.write_bytes(first.read_bytes()[:-3])
    with pytest.raises(JournalCorrupt, match=FACTS):
        recover(tmp_path)


def test_a_disk_that_cannot_be_cut_is_a_journal_error(tmp_path: Path) -> None:
    write_session(tmp_path).close()
    facts = tmp_path / FACTS
    facts.write_bytes(facts.read_bytes()[: -MARK_BYTES - 7])
    (tmp_path / f"{FACTS}.cut-{_last_frame_offset(tmp_path)}").mkdir()
    with pytest.raises(JournalError, match="cannot be recovered"):
        recover(tmp_path)


def _last_frame_offset(directory: Path) -> int:
    """Where recovery will cut: found by recovering a copy."""
    copy = directory / "copy"
    copy.mkdir()
    (copy / FACTS).write_bytes((directory / FACTS).read_bytes())
    recover(copy)
    return (copy / FACTS).stat().st_size
