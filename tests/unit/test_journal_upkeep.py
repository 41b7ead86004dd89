"""Upkeep of market data: what a start may need is never touched, and records never change."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from regimeflow.errors import EXIT_DISK, JournalError
from regimeflow.journal import journal_digest
from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.file_lock import try_lock
from regimeflow.journal.reader import read_market
from regimeflow.journal.segments import (
    SegmentKind,
    list_segments,
    market_pruned_before,
    open_segment,
)
from regimeflow.journal.state_files import state_digest, state_path, write_state
from regimeflow.journal.upkeep import LOCK_NAME, Done, Upkeep, tend
from tests.unit.journal_samples import names, write_days

STATE = b"state"
DAY = 1_000
"""Engine time of a day in these journals; a day has 102 records, the first 100 are quotes."""


def behind_day(days: int, directory: Path) -> Upkeep:
    """Prune whatever is older than any age, as far as a state at the end of a day allows."""
    write_state(directory, 500, STATE)
    mark = EpochMark(500, "session", state_digest(STATE))
    return Upkeep(10**18, 102 * days + 1, mark)


def market_days(directory: Path) -> list[int]:
    return sorted({record.ts_ns // DAY for record in read_market(directory)})


def test_nothing_at_or_after_the_state_is_pruned(tmp_path: Path) -> None:
    write_days(tmp_path, days=4)
    assert tend(tmp_path, behind_day(2, tmp_path)).pruned == 2
    assert market_days(tmp_path) == [2, 3, 4]
    assert market_pruned_before(tmp_path) == 102 * 2 + 1
    first = next(iter(read_market(tmp_path)))
    assert first.seq == 102 * 2 + 1


def test_segment_that_reaches_past_the_state_stays_whole(tmp_path: Path) -> None:
    write_days(tmp_path, days=3)
    order = msgspec.structs.replace(behind_day(1, tmp_path), keep_from_seq=102 + 50)
    assert tend(tmp_path, order).pruned == 1
    assert market_days(tmp_path) == [1, 2, 3]


def test_young_data_stays_although_a_state_is_newer(tmp_path: Path) -> None:
    write_days(tmp_path, days=4)
    order = msgspec.structs.replace(behind_day(3, tmp_path), keep_from_ns=1 * DAY + 1)
    assert tend(tmp_path, order).pruned == 1
    assert market_days(tmp_path) == [1, 2, 3, 4]


@pytest.mark.parametrize("damage", [b"", b"no state at all"])
def test_nothing_is_pruned_behind_a_damaged_state(damage: bytes, tmp_path: Path) -> None:
    write_days(tmp_path)
    order = behind_day(2, tmp_path)
    state_path(tmp_path, 500).write_bytes(damage)
    with pytest.raises(JournalError, match="damaged"):
        tend(tmp_path, order)
    assert market_days(tmp_path) == [0, 1, 2, 3]


def test_without_a_state_segments_are_only_compressed(tmp_path: Path) -> None:
    write_days(tmp_path)
    digest = journal_digest(tmp_path)
    done = tend(tmp_path, Upkeep())
    assert (done.pruned, done.saved_bytes > 0) == (0, True)
    assert journal_digest(tmp_path) == digest
    assert market_pruned_before(tmp_path) == 0
    assert tend(tmp_path, Upkeep()) == Done()


def test_one_at_a_time_for_each_journal(tmp_path: Path) -> None:
    write_days(tmp_path)
    with (tmp_path / LOCK_NAME).open("ab") as other:
        assert try_lock(other)
        assert tend(tmp_path, behind_day(2, tmp_path)) == Done()
    assert tend(tmp_path, behind_day(2, tmp_path)).pruned == 2


def test_segment_compressed_while_it_is_being_opened_is_read_all_the_same(tmp_path: Path) -> None:
    write_days(tmp_path)
    listed = list_segments(tmp_path, SegmentKind.MARKET)
    with open_segment(listed[0]) as stream:
        content = stream.read()
    tend(tmp_path, Upkeep())
    assert not listed[0].path.exists()
    with open_segment(listed[0]) as stream:
        assert stream.read() == content
    gone = listed[0]._replace(path=tmp_path / "market-000099.rfj")
    with pytest.raises(JournalError, match="cannot be read"), open_segment(gone):
        pass


def test_child_process_does_it_and_says_what_went_wrong(tmp_path: Path) -> None:
    write_days(tmp_path)
    order = behind_day(1, tmp_path)
    command = [sys.executable, "-m", "regimeflow.journal.upkeep", str(tmp_path)]
    text = msgspec.json.encode(order).decode()
    done = subprocess.run([*command, text], capture_output=True, check=True)
    assert done.stderr == b""
    assert names(tmp_path)[3:5] == ["market-000002.rfj.gz", "market-000003.rfj.gz"]
    state_path(tmp_path, 500).unlink()
    failed = subprocess.run([*command, text], capture_output=True, check=False)
    assert failed.returncode == EXIT_DISK
    assert b"state-000000000500.rfs: cannot be read" in failed.stderr
