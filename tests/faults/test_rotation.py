"""F68: death in a rotation, or in a compression, at each thing that it does to the disk."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from regimeflow.journal import Durability, JournalWriter, recover, verify_chain
from regimeflow.journal.reader import read_records
from regimeflow.journal.segments import compress_market
from regimeflow.testing import SimDisk
from regimeflow.testing.crash_image import CachedFile
from regimeflow.testing.disk import SimAppendFile
from tests.faults.test_journal import orders_in
from tests.unit.journal_samples import quote, submit, write_days, writer


class Died(BaseException):
    """The process ended inside a disk operation."""


class LastDisk(SimDisk):
    """The process dies at its disk operation number `dies_at` from the moment it is set; of a
    write half is done by then, of anything else nothing. `steps` names what it had done.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root, random.Random(1))
        self.steps: list[str] = []
        self.dies_at = -1

    def open_append(self, path: Path) -> SimAppendFile:
        self._step("open")
        return super().open_append(path)

    def sync_directory(self, directory: Path) -> None:
        self._step("sync directory")
        super().sync_directory(directory)

    def rename(self, source: Path, target: Path) -> None:
        self._step("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._step("remove")
        super().remove(path)

    def sync_file(self, file: CachedFile) -> None:
        self._step("sync")
        super().sync_file(file)

    def write(self, descriptor: int, content: bytes, file: CachedFile) -> int:
        if len(self.steps) == self.dies_at:
            super().write(descriptor, content[: len(content) // 2], file)
        self._step("write")
        return super().write(descriptor, content, file)

    def _step(self, name: str) -> None:
        if len(self.steps) == self.dies_at:
            raise Died(name)
        self.steps.append(name)


def _rotate(directory: Path, disk: LastDisk, dies_at: int = -1) -> list[str]:
    """A quote and an order, synced; then a rotation, and another of each in the new segments.

    Returns the operations from the rotation on.
    """
    journal = writer(directory, disk=disk)
    journal.append_event(1, quote())
    journal.append_output(1, 1, submit("o1"))
    journal.commit()
    disk.steps, disk.dies_at = [], dies_at
    journal.rotate()
    cause = journal.append_event(2, quote())
    journal.append_output(2, cause, submit("o2"))
    journal.commit()
    return disk.steps


@pytest.mark.parametrize("is_power_cut", [False, True], ids=["killed", "power cut"])
def test_f68_death_at_any_disk_operation_of_a_rotation_leaves_the_old_or_the_new_journal(
    is_power_cut: bool, tmp_path: Path
) -> None:
    steps = _rotate(tmp_path / "whole", LastDisk(tmp_path / "whole"))
    assert orders_in(tmp_path / "whole") == ["o1", "o2"]
    assert Counter(steps) >= Counter({"open": 2, "sync directory": 2, "write": 3, "sync": 3})
    found = set()
    for dies_at in range(len(steps)):
        directory = tmp_path / str(dies_at)
        disk = LastDisk(directory)
        with pytest.raises(Died, match=steps[dies_at]):
            _rotate(directory, disk, dies_at)
        assert disk.steps == steps[:dies_at]
        if is_power_cut:
            disk.power_cut()
        recovered = recover(directory)
        orders = orders_in(directory)
        assert orders in (["o1"], ["o1", "o2"]), (dies_at, steps)
        found.add(len(orders))
        assert recover(directory).next_seq == recovered.next_seq
        journal = JournalWriter(
            directory,
            durability=Durability.POWER,
            next_seq=recovered.next_seq,
            head_hash=recovered.head_hash,
        )
        journal.append_output(3, 1, submit("o3"))
        journal.close()
        assert verify_chain(directory).is_intact
        assert orders_in(directory) == [*orders, "o3"]
    assert found == {1, 2}, "the new journal was never reached, or never missing"


@pytest.mark.parametrize("is_power_cut", [False, True], ids=["killed", "power cut"])
def test_f68_death_at_any_disk_operation_of_a_compression_leaves_all_market_data(
    is_power_cut: bool, tmp_path: Path
) -> None:
    """Old segments are compressed to a file of another name, which then takes their place."""
    whole = tmp_path / "whole"
    whole.mkdir()
    write_days(whole)
    expected = list(read_records(whole))
    disk = LastDisk(whole)
    compress_market(whole, disk=disk)
    steps = disk.steps
    assert set(steps) == {"open", "sync", "rename", "sync directory", "remove"}
    for dies_at in range(len(steps)):
        directory = tmp_path / str(dies_at)
        directory.mkdir()
        write_days(directory)
        disk = LastDisk(directory)
        disk.dies_at = dies_at
        with pytest.raises(Died, match=steps[dies_at]):
            compress_market(directory, disk=disk)
        if is_power_cut:
            disk.power_cut()
        recover(directory)
        assert list(read_records(directory)) == expected, (dies_at, steps)
        compress_market(directory)
        assert list(read_records(directory)) == expected
