"""A disk that keeps what was synced, maybe the rest, and fails as disks do."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regimeflow.errors import JournalError
from regimeflow.journal import Durability, JournalWriter, read_facts, recover
from regimeflow.journal.disk import Disk, OsDisk
from regimeflow.model.events import EngineStarted
from regimeflow.testing import DiskFaults, SimDisk, World
from regimeflow.testing.crash_image import PAGE_BYTES, CachedFile, Tear
from tests.unit.journal_samples import quote, submit


def sim_disk(directory: Path, seed: int = 1, **faults: float) -> SimDisk:
    disk = SimDisk(directory, random.Random(seed))
    disk.faults = DiskFaults(**faults)  # type: ignore[arg-type]  # a test names real fields
    return disk


def test_synced_content_under_a_synced_name_survives_every_power_cut(tmp_path: Path) -> None:
    for seed in range(50):
        directory = tmp_path / str(seed)
        disk = sim_disk(directory, seed)
        log = disk.open_append(directory / "log")
        disk.sync_directory(directory)
        log.write(b"a" * 10_000)
        log.sync()
        log.write(b"b" * 10_000)
        log.close()
        disk.power_cut()
        content = (directory / "log").read_bytes()
        assert content[:10_000] == b"a" * 10_000
        assert len(content) <= 20_000


def test_unsynced_tail_is_torn_in_every_way_a_disk_can_tear_it(tmp_path: Path) -> None:
    """Nothing, everything, a prefix, a hole where a page was not written, garbage."""
    seen = set()
    for seed in range(200):
        directory = tmp_path / str(seed)
        disk = sim_disk(directory, seed)
        log = disk.open_append(directory / "log")
        disk.sync_directory(directory)
        log.write(b"x" * (6 * PAGE_BYTES))
        log.close()
        disk.power_cut()
        content = (directory / "log").read_bytes()
        if content == b"x" * len(content):
            whole = {0: "nothing", 6 * PAGE_BYTES: "everything"}
            seen.add(whole.get(len(content), "prefix"))
        else:
            seen.add("hole" if set(content) <= {0, ord("x")} else "garbage")
    assert seen == {"nothing", "everything", "prefix", "hole", "garbage"}


def test_name_that_was_not_synced_may_be_missing_with_all_its_content(tmp_path: Path) -> None:
    seen = set()
    for seed in range(20):
        directory = tmp_path / str(seed)
        disk = sim_disk(directory, seed)
        log = disk.open_append(directory / "log")
        log.write(b"order 1")
        log.sync()
        log.close()
        disk.power_cut()
        exists = (directory / "log").exists()
        seen.add(exists)
        assert not exists or (directory / "log").read_bytes() == b"order 1"
    assert seen == {True, False}


def test_replaced_file_is_the_old_or_the_new_one_and_never_neither(tmp_path: Path) -> None:
    seen = set()
    for seed in range(40):
        directory = tmp_path / str(seed)
        directory.mkdir()
        (directory / "status").write_bytes(b"old")
        disk = sim_disk(directory, seed)
        new = disk.open_append(directory / "status.part")
        new.write(b"new")
        new.sync()
        new.close()
        disk.rename(directory / "status.part", directory / "status")
        disk.power_cut()
        seen.add((directory / "status").read_bytes())
    assert seen == {b"old", b"new"}


def test_removed_file_may_come_back(tmp_path: Path) -> None:
    seen = set()
    for seed in range(20):
        directory = tmp_path / str(seed)
        directory.mkdir()
        (directory / "latch").write_bytes(b"HALT")
        disk = sim_disk(directory, seed)
        disk.remove(directory / "latch")
        disk.power_cut()
        seen.add((directory / "latch").exists())
    assert seen == {True, False}


def test_failed_sync_drops_the_pages_and_the_next_one_lies(tmp_path: Path) -> None:
    disk = sim_disk(tmp_path, sync_error_chance=1.0)
    log = disk.open_append(tmp_path / "log")
    disk.sync_directory(tmp_path)
    log.write(b"a" * PAGE_BYTES)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        log.sync()
    disk.faults = DiskFaults()
    log.write(b"b" * PAGE_BYTES)
    log.sync()
    log.close()
    assert (tmp_path / "log").read_bytes() == b"a" * PAGE_BYTES + b"b" * PAGE_BYTES
    disk.power_cut()
    assert (tmp_path / "log").read_bytes() == bytes(PAGE_BYTES) + b"b" * PAGE_BYTES


def test_full_disk_takes_what_fits_and_then_refuses(tmp_path: Path) -> None:
    disk = sim_disk(tmp_path, free_bytes=5)
    log = disk.open_append(tmp_path / "log")
    assert log.write(b"12345678") == 5
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        log.write(b"678")
    log.close()
    assert (tmp_path / "log").read_bytes() == b"12345"


def test_read_only_disk_refuses_every_change(tmp_path: Path) -> None:
    disk = sim_disk(tmp_path)
    log = disk.open_append(tmp_path / "log")
    disk.faults = DiskFaults(is_read_only=True)
    for change in (
        lambda: log.write(b"x"),
        lambda: disk.open_append(tmp_path / "new"),
        lambda: disk.truncate(tmp_path / "log", 0),
        lambda: disk.rename(tmp_path / "log", tmp_path / "other"),
        lambda: disk.remove(tmp_path / "log"),
    ):
        with pytest.raises(OSError, match=os.strerror(errno.EROFS)):
            change()
    log.close()


def test_flipped_bit_shows_in_what_is_read_and_not_in_the_file() -> None:
    async def scenario(world: World) -> list[int]:
        host = world.host("engine")
        path = host.directory / "facts"
        path.write_bytes(bytes(1_000))
        host.disk.faults = DiskFaults(read_flip_chance=0.5)
        read = [path.read_bytes() for _ in range(20)]
        host.disk.faults = DiskFaults()
        assert path.read_bytes() == bytes(1_000)
        return [sum(byte.bit_count() for byte in content) for content in read]

    with World(1) as world:
        assert set(world.run(scenario)) == {0, 1}


@pytest.mark.parametrize("is_watched", [False, True])
def test_journal_keeps_every_committed_command_through_a_power_cut(is_watched: bool) -> None:
    """On the disk's own protocol, and unmodified on what looks like the system's files."""

    async def scenario(world: World) -> int:
        host = world.host("engine")
        disk: Disk = OsDisk() if is_watched else host.disk
        journal = JournalWriter(host.directory, durability=Durability.POWER, disk=disk)
        journal.append_event(1, EngineStarted(1))
        for number in range(20):
            cause = journal.append_event(10 + number, quote(number))
            journal.append_output(10 + number, cause, submit(f"o{number}"))
            journal.commit()
        committed = journal.next_seq - 1
        journal.append_event(99, EngineStarted(2))
        journal.commit()
        host.disk.power_cut()
        recover(host.directory, disk=disk)
        assert [r.seq for r in read_facts(host.directory)][-1] >= committed
        return sum(1 for r in read_facts(host.directory) if r.cause_seq)

    for seed in range(15):
        with World(seed) as world:
            assert world.run(scenario) == 20


def test_journal_on_a_failing_disk_stops_at_the_first_error() -> None:
    async def scenario(world: World) -> None:
        host = world.host("engine")
        journal = JournalWriter(host.directory, durability=Durability.POWER)
        journal.append_event(1, EngineStarted(1))
        journal.commit()
        host.disk.faults = DiskFaults(sync_error_chance=1.0)
        journal.append_output(2, 1, submit("o1"))
        with pytest.raises(JournalError, match="cannot be synced"):
            journal.commit()
        host.disk.faults = DiskFaults()
        with pytest.raises(JournalError):
            journal.commit()

    with World(1) as world:
        world.run(scenario)


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=9_000), min_size=1, max_size=8),
    synced=st.integers(0, 8),
    seed=st.integers(0, 1_000),
)
def test_crash_image_never_loses_synced_bytes_nor_grows(
    chunks: list[bytes], synced: int, seed: int
) -> None:
    before = b"".join(chunks[:synced])
    content = b"".join(chunks)
    file = CachedFile("log")
    file.sync(before, 0)
    survived = file.survive(content, random.Random(seed))
    assert survived[: len(before)] == before
    assert len(survived) <= len(content)
    assert len(Tear) == 5
