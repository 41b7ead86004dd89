"""The journal under any sequence of records, any tear and any flipped byte."""

from __future__ import annotations

import errno
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regimeflow.errors import JournalCorrupt, JournalError
from regimeflow.journal import (
    Durability,
    JournalWriter,
    Record,
    journal_digest,
    read_facts,
    read_records,
    recover,
    verify_chain,
)
from regimeflow.journal.frames import HEADER, FrameKind, FrameReader, encode_frame
from regimeflow.model.commands import Output, StrategyLogged
from regimeflow.model.events import Event, Heartbeat, LinkDown
from regimeflow.model.ids import StrategyId
from regimeflow.model.market import ActionKind, Bar, BookSnapshot, CorporateAction, Quote, Trade
from tests.unit.journal_samples import (
    MARK_BYTES,
    FaultyDisk,
    accepted,
    epoch,
    filled,
    quote,
    submit,
)

TEXT = st.text(max_size=12)
REAL = st.floats(allow_nan=False)
TIME = st.integers(0, 2**62)
LEVELS = st.lists(st.tuples(REAL, REAL), max_size=3).map(tuple)
MARKET = st.one_of(
    st.builds(Quote, TEXT, TIME, REAL, REAL, REAL, REAL),
    st.builds(Trade, TEXT, TIME, REAL, REAL),
    st.builds(Bar, TEXT, TIME, TIME, REAL, REAL, REAL, REAL, REAL),
    st.builds(BookSnapshot, TEXT, TIME, LEVELS, LEVELS),
)
FACTS = st.one_of(
    st.builds(LinkDown, TEXT, TEXT),
    st.builds(Heartbeat, TEXT, TEXT),
    st.builds(
        CorporateAction,
        TEXT,
        TIME,
        st.sampled_from(ActionKind),
        st.decimals(allow_nan=False, allow_infinity=False),
    ),
    st.builds(accepted, TEXT, TEXT),
    st.builds(filled, TEXT, TEXT, st.integers(1, 10**9)),
)
OUTPUTS = st.one_of(
    st.builds(submit, TEXT, quantity=st.integers(1, 10**9)),
    st.builds(StrategyLogged, TEXT.map(StrategyId), TEXT),
)
COMMIT, FLUSH, ROTATE, REOPEN, EPOCH = "commit", "flush", "rotate", "reopen", "epoch"
STEPS = st.lists(
    st.one_of(
        MARKET,
        MARKET,
        FACTS,
        OUTPUTS.map(lambda output: (output,)),
        st.sampled_from([COMMIT, COMMIT, FLUSH, ROTATE, REOPEN, EPOCH]),
    ),
    max_size=60,
)
Step = Event | tuple[Output] | str


@contextmanager
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def open_writer(path: Path) -> JournalWriter:
    recovered = recover(path)
    return JournalWriter(
        path,
        durability=Durability.PROCESS,
        next_seq=recovered.next_seq,
        head_hash=recovered.head_hash,
        segment_bytes_max=4096,
    )


def play(path: Path, steps: list[Step]) -> list[Record]:
    """Carry the steps out on a journal; returns the records it has to hold."""
    journal = open_writer(path)
    expected: list[Record] = []
    for ts_ns, step in enumerate(steps):
        if step == REOPEN:
            journal.close()
            journal = open_writer(path)
        elif step == EPOCH:
            expected.append(Record(journal.append_epoch(ts_ns, epoch()), ts_ns, 0, epoch()))
        elif isinstance(step, str):
            {COMMIT: journal.commit, FLUSH: journal.flush, ROTATE: journal.rotate}[step]()
        elif isinstance(step, tuple):
            seq = journal.append_output(ts_ns, 1, step[0])
            expected.append(Record(seq, ts_ns, 1, step[0]))
        else:
            expected.append(Record(journal.append_event(ts_ns, step), ts_ns, 0, step))
    journal.close()
    return expected


@given(STEPS)
def test_any_sequence_of_records_comes_back_as_it_was(steps: list[Step]) -> None:
    with directory() as path:
        expected = play(path, steps)
        assert list(read_records(path)) == expected
        assert [record.seq for record in expected] == list(range(1, len(expected) + 1))
        middle = len(expected) // 2
        assert list(read_records(path, from_seq=middle)) == expected[max(middle - 1, 0) :]
        assert verify_chain(path).is_intact
        digest = journal_digest(path)
        recovered = recover(path)
        assert recovered.next_seq == len(expected) + 1
        assert recovered.facts_cut_bytes == recovered.market_cut_bytes == 0
        assert journal_digest(path) == digest


@pytest.fixture(scope="module")
def commits() -> tuple[bytes, bytes, list[tuple[int, int, list[Record]]]]:
    """Both files after five commits; sizes and facts after each."""
    with directory() as path:
        journal = open_writer(path)
        states = []
        known: list[Record] = []
        for number in range(5):
            cause = journal.append_event(number, quote(number))
            journal.append_output(number, cause, submit(f"o{number}"))
            known = [*known, *journal.commit()]
            sizes = [(path / f"{kind}-000001.rfj").stat().st_size for kind in ("facts", "market")]
            states.append((sizes[0], sizes[1], known))
        journal.close()
        facts = (path / "facts-000001.rfj").read_bytes()
        return facts, (path / "market-000001.rfj").read_bytes(), states


def test_a_tear_at_every_byte_keeps_exactly_the_commits_before_it(
    commits: tuple[bytes, bytes, list[tuple[int, int, list[Record]]]],
) -> None:
    facts, market, states = commits
    for size in range(len(facts) + 1):
        with directory() as path:
            (path / "facts-000001.rfj").write_bytes(facts[:size])
            (path / "market-000001.rfj").write_bytes(market)
            journal = open_writer(path)
            whole = [known for end, _, known in states if end <= size]
            expected = whole[-1] if whole else []
            assert list(read_facts(path)) == expected
            seq = journal.append_event(99, filled())
            journal.close()
            assert list(read_facts(path)) == [*expected, Record(seq, 99, 0, filled())]
            assert verify_chain(path).is_intact


def test_a_market_tear_at_every_byte_loses_no_fact(
    commits: tuple[bytes, bytes, list[tuple[int, int, list[Record]]]],
) -> None:
    facts, market, states = commits
    known = states[-1][2]
    for size in range(len(market) + 1):
        with directory() as path:
            (path / "facts-000001.rfj").write_bytes(facts)
            (path / "market-000001.rfj").write_bytes(market[:size])
            recovered = recover(path)
            kept = sum(end <= size for _, end, _ in states)
            assert recovered.market_lost_from_seq == (2 * kept + 1 if kept < 5 else None)
            assert recovered.next_seq == 11
            assert list(read_facts(path)) == known
            assert len(list(read_records(path))) == 5 + kept


def test_a_flip_of_any_byte_that_was_synced_is_refused(
    commits: tuple[bytes, bytes, list[tuple[int, int, list[Record]]]],
) -> None:
    facts, market, _ = commits
    with directory() as path:
        (path / "market-000001.rfj").write_bytes(market)
        target = path / "facts-000001.rfj"
        for offset in range(len(facts) - MARK_BYTES):
            flipped = bytearray(facts)
            flipped[offset] ^= 1 << offset % 8
            target.write_bytes(flipped)
            with pytest.raises(JournalCorrupt, match="facts-000001"):
                recover(path)
            assert not verify_chain(path).is_intact
            assert target.read_bytes() == flipped


def test_a_flip_of_any_byte_that_was_not_synced_begins_a_torn_tail(
    commits: tuple[bytes, bytes, list[tuple[int, int, list[Record]]]],
) -> None:
    """A power cut may write later pages and lose earlier ones: nothing behind the hole counts."""
    facts, market, states = commits
    facts = facts[:-MARK_BYTES]
    birth = len(facts) - sum(len(payload) for payload in _frames_of(facts)[1:])
    for offset in range(birth, len(facts)):
        with directory() as path:
            (path / "market-000001.rfj").write_bytes(market)
            flipped = bytearray(facts)
            flipped[offset] ^= 1 << offset % 8
            (path / "facts-000001.rfj").write_bytes(flipped)
            assert verify_chain(path).is_intact
            whole = [known for end, _, known in states if end <= offset]
            recovered = recover(path)
            assert recovered.facts_cut_bytes > 0
            assert list(read_facts(path)) == (whole[-1] if whole else [])


def test_in_a_file_without_marks_any_hole_is_damage(
    commits: tuple[bytes, bytes, list[tuple[int, int, list[Record]]]],
) -> None:
    """Journals of the first format do not say how far they were synced."""
    facts, market, states = commits
    with directory() as path:
        header, *blocks = _frames_of(facts[:-MARK_BYTES])
        first = header.replace(b"regimeflow.journal/2", b"regimeflow.journal/1")
        kind, payload = FrameKind.SEGMENT, first[HEADER.size :]
        old = encode_frame(kind, payload) + b"".join(blocks)
        target = path / "facts-000001.rfj"
        target.write_bytes(old)
        (path / "market-000001.rfj").write_bytes(market)
        assert list(read_facts(path)) == states[-1][2]
        for offset in range(states[-2][0]):
            flipped = bytearray(old)
            flipped[offset] ^= 1 << offset % 8
            target.write_bytes(flipped)
            with pytest.raises(JournalError, match="facts-000001"):
                recover(path)
        target.write_bytes(old)
        journal = open_writer(path)
        journal.append_event(9, filled())
        journal.close()
        assert (path / "facts-000002.rfj").exists()
        assert target.read_bytes() == old
        assert [r.body for r in read_facts(path)][-1] == filled()
        assert verify_chain(path).is_intact


def _frames_of(content: bytes) -> list[bytes]:
    return [
        encode_frame(FrameKind(frame.kind), frame.payload)
        for frame in FrameReader(io.BytesIO(content))
    ]


@settings(max_examples=50)
@given(st.integers(0, 6), st.booleans(), st.integers(0, 400))
def test_after_any_failure_of_the_disk_nothing_more_passes(
    fails_at: int, is_sync: bool, taken: int
) -> None:
    """What was acknowledged is there after recovery; after the failure nothing is acknowledged."""
    disk = FaultyDisk()
    with directory() as path:
        journal = JournalWriter(path, durability=Durability.POWER, disk=disk)
        acknowledged: list[Record] = []
        has_failed = False
        for number in range(8):
            if number == fails_at:
                disk.sync_errno = errno.EIO if is_sync else 0
                disk.faults = [] if is_sync else [taken, -errno.ENOSPC]
            else:
                disk.sync_errno = 0
            try:
                journal.append_output(number, 0, submit(f"o{number}", quantity=number + 1))
                committed = journal.commit()
                assert not has_failed
                acknowledged += committed
            except JournalError:
                has_failed = True
        journal.close()
        assert has_failed
        recover(path)
        survivors = list(read_facts(path))
        assert survivors[: len(acknowledged)] == acknowledged
        assert len(survivors) <= len(acknowledged) + 1
