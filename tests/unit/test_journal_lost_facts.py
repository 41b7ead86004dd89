"""Market data that lies behind facts which never reached the disk is cut at boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.journal import Durability, JournalWriter, read_records, recover
from regimeflow.journal.records import MarketBatch, decode_span, encode_market
from regimeflow.model.events import EngineStarted, Heartbeat
from tests.unit.journal_samples import MARK_BYTES, quote, writer

FACTS, MARKET = "facts-000001.rfj", "market-000001.rfj"


def write(directory: Path, steps: str) -> None:
    """`m` a market event, `f` a fact, `|` a commit; the time of an event is its number."""
    journal = writer(directory, durability=Durability.PROCESS)
    for ts_ns, step in enumerate(steps, 1):
        if step == "m":
            journal.append_event(ts_ns, quote(ts_ns))
        elif step == "f":
            journal.append_event(ts_ns, Heartbeat("x") if ts_ns > 1 else EngineStarted(1))
        else:
            journal.flush()
    journal.close()


def lose_last_facts(directory: Path) -> None:
    """Forget the facts of the last commit: the process died before it wrote them."""
    path = directory / FACTS
    size_bytes = len(path.read_bytes())
    with path.open("r+b") as stream:
        stream.truncate(size_bytes - MARK_BYTES - 1)


@pytest.mark.parametrize(
    ("steps", "kept_seqs", "next_seq"),
    [
        ("fmm|mfm|", [1, 2, 3], 4),
        ("fmm|fmm|", [1, 2, 3], 4),
        ("fmm|mmf|", [1, 2, 3, 4, 5], 6),
        ("fm|mm|mfm|", [1, 2, 3, 4], 5),
    ],
)
def test_market_is_cut_at_the_first_hole_behind_the_last_fact(
    steps: str, kept_seqs: list[int], next_seq: int, tmp_path: Path
) -> None:
    write(tmp_path, steps)
    lose_last_facts(tmp_path)
    seqs = [record.seq for record in read_records(tmp_path)]
    assert seqs == list(range(1, len(seqs) + 1))
    recovered = recover(tmp_path)
    assert [record.seq for record in read_records(tmp_path)] == kept_seqs
    assert recovered.next_seq == next_seq
    kept_ns = [record.ts_ns for record in read_records(tmp_path)]
    assert recovered.last_ts_ns == max(kept_ns)
    assert recover(tmp_path).next_seq == next_seq


def test_journal_goes_on_without_a_hole(tmp_path: Path) -> None:
    write(tmp_path, "fmm|mfm|")
    lose_last_facts(tmp_path)
    recovered = recover(tmp_path)
    journal = JournalWriter(
        tmp_path,
        durability=Durability.PROCESS,
        next_seq=recovered.next_seq,
        head_hash=recovered.head_hash,
    )
    journal.append_event(10, quote(10))
    journal.append_event(11, Heartbeat("x"))
    journal.close()
    assert [record.seq for record in read_records(tmp_path)] == [1, 2, 3, 4, 5]


def test_whole_journal_is_not_cut(tmp_path: Path) -> None:
    write(tmp_path, "fmm|mfm|mmm|")
    before = (tmp_path / MARKET).read_bytes()
    assert recover(tmp_path).next_seq == 10
    assert (tmp_path / MARKET).read_bytes() == before


def test_span_of_a_batch_has_the_numbers_of_its_records() -> None:
    batch = MarketBatch(7, 100, [1, 0, 5], [1, 1, 3], [quote(n) for n in range(4)])
    span = decode_span(encode_market(batch))
    assert span.seqs() == [record.seq for record in batch.records()] == [7, 10, 11, 13]
    assert span.last_ts_ns == batch.records()[-1].ts_ns == 106
