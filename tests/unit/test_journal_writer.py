"""What the writer promises: order, numbers, syncs, and stopping at the first failure."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from regimeflow.errors import JournalError
from regimeflow.journal import Durability, Record, read_facts, read_records, recover
from regimeflow.journal.writer import UNSYNCED_BYTES_MAX
from regimeflow.model.commands import StrategyLogged, StrategyStateSaved
from regimeflow.model.events import EngineStarted
from tests.unit.journal_samples import (
    EIO,
    ENOSPC,
    STRATEGY,
    FaultyDisk,
    accepted,
    epoch,
    filled,
    quote,
    submit,
    writer,
)


def test_records_of_both_files_come_back_in_one_sequence(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    first = journal.append_event(10, EngineStarted(1))
    journal.append_event(20, quote(19))
    cause = journal.append_event(30, quote(29))
    journal.append_output(30, cause, submit())
    journal.append_event(40, accepted())
    journal.close()
    expected = [
        Record(1, 10, 0, EngineStarted(1)),
        Record(2, 20, 0, quote(19)),
        Record(3, 30, 0, quote(29)),
        Record(4, 30, 3, submit()),
        Record(5, 40, 0, accepted()),
    ]
    assert first == 1
    assert list(read_records(tmp_path)) == expected
    assert list(read_records(tmp_path, from_seq=4)) == expected[3:]
    assert list(read_facts(tmp_path)) == [expected[0], expected[3], expected[4]]


def test_market_is_written_and_synced_before_the_facts_it_caused(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    cause = journal.append_event(1, quote())
    journal.append_output(1, cause, submit())
    journal.commit()
    birth = ["write facts", "sync facts"]
    mark = ["write facts"]
    syncs = ["sync market", "sync facts"]
    assert disk.calls == ["write market", *birth, "write facts", *syncs, *mark]
    journal.append_output(2, cause, submit("o2"))
    journal.commit()
    assert disk.calls.count("sync market") == 1, "nothing new was observed"
    journal.close()


def test_commit_returns_the_facts_it_wrote_for_the_observers(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    cause = journal.append_event(1, quote())
    journal.append_output(1, cause, submit())
    assert list(journal.commit()) == [Record(2, 1, 1, submit())]
    assert list(journal.commit()) == []
    journal.close()


def test_only_a_batch_with_a_command_is_synced_and_only_for_power(tmp_path: Path) -> None:
    for durability, syncs in ((Durability.POWER, 2), (Durability.PROCESS, 0)):
        birth = 1  # of the segment, whatever the durability
        directory = tmp_path / durability
        directory.mkdir()
        disk = FaultyDisk()
        journal = writer(directory, durability=durability, disk=disk)
        journal.append_event(1, EngineStarted(1))
        journal.commit()
        journal.append_output(1, 1, StrategyLogged(STRATEGY, "hello"))
        journal.commit()
        assert disk.calls.count("sync facts") == birth
        journal.append_output(1, 1, submit())
        journal.commit()
        journal.append_epoch(2, epoch(boot=0))
        journal.commit()
        assert disk.calls.count("sync facts") == birth + syncs
        journal.append_epoch(3, epoch(boot=2))
        journal.commit()
        assert disk.calls.count("sync facts") == birth + syncs + 1
        assert "sync market" not in disk.calls, "no market data was written"
        journal.close()


def test_market_events_alone_wait_for_a_full_batch_or_a_flush(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    for ts_ns in range(63):
        journal.append_event(ts_ns, quote(ts_ns))
        journal.commit()
    assert disk.calls == []
    journal.append_event(63, quote(63))
    journal.commit()
    assert disk.calls == ["write market"]
    journal.append_event(64, quote(64))
    journal.flush()
    assert disk.calls == ["write market"] * 2
    assert len(list(read_records(tmp_path))) == 65
    journal.close()


def test_process_durability_syncs_by_itself_beyond_its_bound(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, durability=Durability.PROCESS, disk=disk)
    journal.append_output(1, 1, StrategyStateSaved(STRATEGY, "d", b"x" * 1000))
    journal.commit()
    assert 0 < journal.unsynced_bytes < 2000
    journal.append_output(1, 1, StrategyStateSaved(STRATEGY, "d", b"x" * UNSYNCED_BYTES_MAX))
    journal.commit()
    assert disk.calls[-2:] == ["sync facts", "write facts"]
    assert journal.unsynced_bytes == 0
    journal.close()


def test_a_power_cut_takes_nothing_that_was_sent(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    journal.append_event(1, EngineStarted(1))
    cause = journal.append_event(2, quote())
    journal.append_output(2, cause, submit())
    journal.commit()
    journal.append_event(3, filled())
    journal.commit()
    disk.cut_power()
    recovered = recover(tmp_path)
    assert [record.body for record in read_facts(tmp_path)] == [EngineStarted(1), submit()]
    assert recovered.market_lost_from_seq is None
    assert recovered.next_seq == 4


@pytest.mark.parametrize("fault", [ENOSPC, EIO, 0])
def test_a_failed_write_stops_the_writer_for_good(tmp_path: Path, fault: int) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    journal.append_event(1, EngineStarted(1))
    journal.commit()
    disk.faults = [5, fault]
    journal.append_output(1, 1, submit())
    with pytest.raises(JournalError, match="cannot be written"):
        journal.commit()
    calls = len(disk.calls)
    for attempt in (
        journal.commit,
        journal.flush,
        journal.sync,
        journal.rotate,
        lambda: journal.append_event(2, quote()),
        lambda: journal.append_output(2, 1, submit("o2")),
        lambda: journal.append_epoch(2, epoch()),
    ):
        with pytest.raises(JournalError, match="cannot be written"):
            attempt()
    journal.close()
    assert len(disk.calls) == calls
    assert recover(tmp_path).facts_cut_bytes == 5
    assert [record.body for record in read_facts(tmp_path)] == [EngineStarted(1)]


def test_a_failed_sync_is_never_tried_again(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    journal.append_event(1, EngineStarted(1))
    journal.commit()
    synced = disk.calls.count("sync facts")
    disk.sync_errno = errno.EIO
    journal.append_output(1, 1, submit())
    with pytest.raises(JournalError, match="cannot be synced"):
        journal.commit()
    disk.sync_errno = 0
    with pytest.raises(JournalError, match="cannot be synced"):
        journal.commit()
    journal.close()
    assert disk.calls.count("sync facts") == synced + 1


def test_a_short_write_is_completed_in_order(tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    disk.faults = [3, 1, 40]
    journal.append_output(1, 0, submit())
    journal.commit()
    journal.close()
    assert [record.body for record in read_facts(tmp_path)] == [submit()]


def test_a_closed_writer_takes_nothing_more(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.append_event(1, quote())
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append_event(2, quote())
    assert len(list(read_records(tmp_path))) == 1
