"""States beside the journal: there whole or not at all, and never taken for another."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.errors import JournalError
from regimeflow.journal.disk import OsDisk
from regimeflow.journal.epochs import EpochMark, epoch_marks
from regimeflow.journal.state_files import (
    keep_states,
    list_states,
    read_state,
    state_digest,
    state_path,
    write_state,
)
from tests.unit.journal_samples import EIO, ENOSPC, FaultyDisk, epoch, quote, writer

PAYLOAD = b"everything the engine knows" * 100


def mark(seq: int = 7, payload: bytes = PAYLOAD) -> EpochMark:
    return EpochMark(seq, "session", state_digest(payload))


def test_state_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_state(tmp_path, 7, PAYLOAD)
    write_state(tmp_path, 123, b"")
    assert read_state(tmp_path, mark()) == PAYLOAD
    assert read_state(tmp_path, mark(123, b"")) == b""
    assert list_states(tmp_path) == [7, 123]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state-000000000007.rfs",
        "state-000000000123.rfs",
    ]


@pytest.mark.parametrize("at", [0, 2, 5, 11, 40, -1])
def test_flipped_bit_anywhere_is_found(at: int, tmp_path: Path) -> None:
    write_state(tmp_path, 7, PAYLOAD)
    path = state_path(tmp_path, 7)
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)
    with pytest.raises(JournalError, match=r"state-0*7\.rfs: is damaged"):
        read_state(tmp_path, mark())


def test_whole_file_of_another_state_is_refused(tmp_path: Path) -> None:
    write_state(tmp_path, 7, PAYLOAD + b"!")
    with pytest.raises(JournalError, match="not the state that the journal names"):
        read_state(tmp_path, mark())
    with pytest.raises(JournalError, match="cannot be read"):
        read_state(tmp_path, mark(8))


@pytest.mark.parametrize("fault", [ENOSPC, EIO, 0])
def test_state_that_cannot_be_written_leaves_the_others(fault: int, tmp_path: Path) -> None:
    write_state(tmp_path, 7, PAYLOAD)
    disk = FaultyDisk()
    disk.faults = [100, fault]
    with pytest.raises(OSError, match=r".+"):
        write_state(tmp_path, 8, PAYLOAD, disk=disk)
    assert list_states(tmp_path) == [7]
    write_state(tmp_path, 8, PAYLOAD)
    assert read_state(tmp_path, mark(8)) == PAYLOAD


def test_state_has_its_name_only_once_it_is_synced(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.sync_errno = 5
    with pytest.raises(OSError, match=r".+"):
        write_state(tmp_path, 8, PAYLOAD, disk=disk)
    assert list_states(tmp_path) == []


def test_only_the_states_that_are_named_are_kept(tmp_path: Path) -> None:
    for seq in (3, 5, 9):
        write_state(tmp_path, seq, PAYLOAD)
    state_path(tmp_path, 11).with_name("state-000000000011.rfs.part").write_bytes(b"cut off")
    (tmp_path / "facts-000001.rfj").write_bytes(b"facts")
    keep_states(tmp_path, [5, 9], disk=OsDisk())
    assert list_states(tmp_path) == [5, 9]
    assert (tmp_path / "facts-000001.rfj").exists()
    assert not list(tmp_path.glob("*.part"))


def test_marks_name_every_epoch_and_its_state(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.append_event(1, quote())
    journal.append_epoch(2, epoch(1))
    journal.append_event(3, quote())
    journal.append_epoch(4, epoch(2))
    journal.close()
    assert epoch_marks(tmp_path) == [
        EpochMark(2, "session roll", ""),
        EpochMark(4, "session roll", ""),
    ]
