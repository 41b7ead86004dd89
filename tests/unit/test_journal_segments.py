"""Rotation, compression, pruning, digests and the proof that nothing was changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.errors import JournalCorrupt
from regimeflow.journal import (
    Durability,
    compress_market,
    journal_digest,
    prune_market,
    read_records,
    recover,
    verify_chain,
)
from regimeflow.journal.frames import FrameKind, FrameReader, encode_frame
from regimeflow.journal.records import encode_block
from tests.unit.journal_samples import MARK_BYTES, accepted, filled, quote, submit, writer

FACTS = "facts-000001.rfj"


def write_days(directory: Path, days: int = 3) -> str:
    """One segment of each kind a day: 100 quotes, an order, its report. Returns the head."""
    journal = writer(directory, durability=Durability.PROCESS)
    for day in range(days):
        cause = 0
        for tick in range(100):
            cause = journal.append_event(day * 1000 + tick, quote(tick))
        journal.append_output(day * 1000 + 99, cause, submit(f"o{day}"))
        journal.commit()
        journal.append_event(day * 1000 + 100, accepted(f"o{day}"))
        journal.rotate()
    journal.append_event(days * 1000, quote())
    journal.close()
    return journal.head


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_segments_rotate_at_their_size_and_read_as_one(tmp_path: Path) -> None:
    journal = writer(tmp_path, durability=Durability.PROCESS, segment_bytes_max=2000)
    for number in range(40):
        cause = journal.append_event(number, quote(number))
        journal.append_output(number, cause, submit(f"o{number}"))
        journal.commit()
    journal.close()
    sizes = [path.stat().st_size for path in tmp_path.glob("facts-*.rfj")]
    assert len(sizes) > 4
    assert max(sizes) < 3000
    assert [record.seq for record in read_records(tmp_path)] == list(range(1, 81))
    assert [record.seq for record in read_records(tmp_path, from_seq=55)] == list(range(55, 81))
    assert recover(tmp_path).next_seq == 81


def test_compression_changes_files_and_not_the_records(tmp_path: Path) -> None:
    write_days(tmp_path)
    digest = journal_digest(tmp_path)
    assert compress_market(tmp_path) > 0
    assert names(tmp_path)[3:] == [
        "market-000001.rfj.gz",
        "market-000002.rfj.gz",
        "market-000003.rfj.gz",
        "market-000004.rfj",
    ]
    assert journal_digest(tmp_path) == digest
    assert compress_market(tmp_path) == 0
    assert recover(tmp_path).market_lost_from_seq is None


def test_compression_that_was_interrupted_is_finished(tmp_path: Path) -> None:
    write_days(tmp_path)
    digest = journal_digest(tmp_path)
    original = (tmp_path / "market-000001.rfj").read_bytes()
    compress_market(tmp_path)
    (tmp_path / "market-000001.rfj").write_bytes(original)
    (tmp_path / "market-000002.rfj.gz.part").write_bytes(b"half")
    assert journal_digest(tmp_path) == digest
    compress_market(tmp_path)
    assert "market-000001.rfj" not in names(tmp_path)
    assert journal_digest(tmp_path) == digest


def test_a_damaged_compressed_segment_is_named(tmp_path: Path) -> None:
    write_days(tmp_path)
    compress_market(tmp_path)
    packed = tmp_path / "market-000002.rfj.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(JournalCorrupt, match="market-000002"):
        list(read_records(tmp_path))


def test_pruning_keeps_the_facts_and_what_is_young_enough(tmp_path: Path) -> None:
    write_days(tmp_path)
    assert prune_market(tmp_path, 1000) == 0
    assert prune_market(tmp_path, 1001) == 1
    assert names(tmp_path)[3:5] == ["market-000002.rfj", "market-000003.rfj"]
    seqs = [record.seq for record in read_records(tmp_path)]
    assert seqs[:3] == [101, 102, 103]
    assert prune_market(tmp_path, 10**18) == 2
    assert names(tmp_path)[3:] == ["market-000004.rfj"]
    assert recover(tmp_path).next_seq == 308


def test_the_digest_ignores_how_commits_were_cut(tmp_path: Path) -> None:
    digests = set()
    for commit_every in (1, 2, 7):
        directory = tmp_path / str(commit_every)
        directory.mkdir()
        journal = writer(directory, durability=Durability.PROCESS)
        for number in range(20):
            cause = journal.append_event(number, quote(number))
            journal.append_output(number, cause, submit(f"o{number}"))
            if number % commit_every == 0:
                journal.commit()
        journal.close()
        digests.add(journal_digest(directory))
    assert len(digests) == 1


def test_an_intact_chain_holds_every_earlier_head(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    heads = [journal.head]
    for number in range(3):
        journal.append_output(number, 0, submit(f"o{number}"))
        journal.commit()
        heads.append(journal.head)
    journal.close()
    assert len(set(heads)) == 4
    for anchor in heads:
        anchored = verify_chain(tmp_path, anchor)
        assert (anchored.is_intact, anchored.anchor_found) == (True, True)
    report = verify_chain(tmp_path)
    assert report.anchor_found is None
    assert (report.blocks, report.records, report.head_hash) == (3, 3, heads[-1])


def test_an_anchor_shows_that_the_newest_blocks_are_gone(tmp_path: Path) -> None:
    head = write_days(tmp_path)
    (tmp_path / "facts-000003.rfj").unlink()
    assert verify_chain(tmp_path).is_intact
    report = verify_chain(tmp_path, head)
    assert not report.is_intact
    assert head in report.problem


def test_blocks_moved_removed_repeated_or_forged_break_the_chain(tmp_path: Path) -> None:
    """Every forgery here has right checksums: only the hash chain can tell."""
    journal = writer(tmp_path)
    for number in range(4):
        journal.append_output(number, 0, submit(f"o{number}"))
        journal.commit()
    journal.close()
    facts = tmp_path / FACTS
    with facts.open("rb") as stream:
        header, *blocks = [
            encode_frame(FrameKind(frame.kind), frame.payload)
            for frame in FrameReader(stream)
            if frame.kind != FrameKind.MARK
        ]
    _, forged = encode_block(b"\0" * 32, [])
    first, second, third, fourth = blocks
    for frames in (
        [first, third, second, fourth],
        [first, third, fourth],
        [second, third, fourth],
        [first, second, second, third, fourth],
        [first, encode_frame(FrameKind.FACTS, forged), second, third, fourth],
    ):
        facts.write_bytes(b"".join([header, *frames]))
        report = verify_chain(tmp_path)
        assert not report.is_intact
        assert FACTS in report.problem
        with pytest.raises(JournalCorrupt):
            recover(tmp_path)


def test_a_torn_tail_is_reported_apart_from_damage(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.append_output(1, 0, submit())
    journal.commit()
    journal.append_event(2, filled())
    journal.close()
    facts = tmp_path / FACTS
    facts.write_bytes(facts.read_bytes()[: -MARK_BYTES - 1])
    report = verify_chain(tmp_path)
    assert report.is_intact
    assert report.torn_bytes > 0
    assert report.records == 1
