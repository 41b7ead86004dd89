"""F64 to F67, F62 and F77: the engine's own record, torn, damaged, refused by its disk, or old."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from regimeflow.errors import EXIT_DISK, JournalCorrupt, JournalError
from regimeflow.journal import Durability, read_facts, read_records, recover, verify_chain
from regimeflow.model import commands as c
from regimeflow.model import events as e
from regimeflow.model.market import Quote
from regimeflow.run.pump import Pump
from regimeflow.testing import DiskFaults, SimDisk
from tests.faults.desk_script import LinkedDesk
from tests.simulation.faulty_disk import FaultyDisk as DyingDisk
from tests.simulation.faulty_disk import full, use_disk
from tests.simulation.playback import Quiet, configuration, play_live
from tests.unit.journal_samples import (
    EIO,
    ENOSPC,
    MARK_BYTES,
    FaultyDisk,
    accepted,
    quote,
    submit,
    writer,
)

OLD_JOURNAL = Path(__file__).resolve().parent.parent / "data" / "journal_format_1"
FACTS = "facts-000001.rfj"


def write_three(directory: Path) -> None:
    """Three commits: a quote, an order, its acknowledgement, each time."""
    journal = writer(directory)
    for number in range(3):
        cause = journal.append_event(10 + number, quote(number))
        journal.append_output(10 + number, cause, submit(f"o{number}"))
        journal.commit()
        journal.append_event(10 + number, accepted(f"o{number}"))
        journal.commit()
    journal.close()


def orders_in(directory: Path) -> list[str]:
    return [
        record.body.client_order_id
        for record in read_facts(directory)
        if isinstance(record.body, c.SubmitOrder)
    ]


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_f64_torn_tail_is_cut_at_the_last_whole_record_and_the_chain_goes_on(
    cut: int, tmp_path: Path
) -> None:
    write_three(tmp_path)
    facts = tmp_path / FACTS
    facts.write_bytes(facts.read_bytes()[:-cut])
    recovered = recover(tmp_path)
    assert recovered.facts_cut_bytes > 0
    assert orders_in(tmp_path) == ["o0", "o1", "o2"]
    again = recover(tmp_path)
    assert (again.next_seq, again.facts_cut_bytes) == (recovered.next_seq, 0)
    journal = writer(tmp_path)
    journal.close()
    assert verify_chain(tmp_path).head_hash == recovered.head_hash


def test_f65_damage_in_the_middle_refuses_to_trade(tmp_path: Path) -> None:
    write_three(tmp_path)
    facts = tmp_path / FACTS
    damaged = bytearray(facts.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    facts.write_bytes(bytes(damaged))
    with pytest.raises(JournalCorrupt, match="facts-000001"):
        recover(tmp_path)
    assert facts.read_bytes() == bytes(damaged)


def test_f64_hole_in_facts_that_were_never_synced_is_a_torn_tail(tmp_path: Path) -> None:
    """A power cut may have written a later page of them and lost an earlier one."""
    journal = writer(tmp_path, durability=Durability.PROCESS)
    for number in range(3):
        journal.append_output(10 + number, 1, submit(f"o{number}"))
        journal.commit()
    facts = tmp_path / FACTS
    torn = facts.read_bytes().replace(b"\xa2o1", b"\x00\x00\x00")
    facts.write_bytes(torn)
    assert orders_in(tmp_path) == ["o0"]
    recovered = recover(tmp_path)
    assert orders_in(tmp_path) == ["o0"]
    assert recovered.facts_cut_bytes == len(torn) - facts.stat().st_size > 0


def test_f65_damage_to_the_newest_facts_is_refused_once_they_were_synced(tmp_path: Path) -> None:
    journal = writer(tmp_path)
    journal.append_output(10, 1, submit("o0"))
    journal.commit()
    facts = tmp_path / FACTS
    damaged = facts.read_bytes().replace(b"\xa2o0", b"\x00\x00\x00")
    facts.write_bytes(damaged)
    with pytest.raises(JournalCorrupt, match="stored safely"):
        recover(tmp_path)
    assert facts.read_bytes() == damaged


def test_f67_facts_that_a_failed_sync_dropped_are_on_the_disk_after_recovery(
    tmp_path: Path,
) -> None:
    """They can still be read after the failure, and would be lost with the power."""
    disk = SimDisk(tmp_path, random.Random(1))
    journal = writer(tmp_path, disk=disk)
    journal.append_output(10, 1, submit("o0"))
    journal.commit()
    disk.faults = DiskFaults(sync_error_chance=1.0)
    journal.append_output(11, 1, submit("o1"))
    with pytest.raises(JournalError, match="cannot be synced"):
        journal.commit()
    disk.faults = DiskFaults()
    recovered = recover(tmp_path, disk=disk)
    assert orders_in(tmp_path) == ["o0", "o1"]
    disk.power_cut()
    assert recover(tmp_path, disk=disk).head_hash == recovered.head_hash
    assert orders_in(tmp_path) == ["o0", "o1"]


def test_f66_full_disk_ends_the_run_and_its_cancels_leave_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = configuration(
        "tests.faults.strategies_at_fault:RestFarAway",
        symbols=["AAPL"],
        days=("2008-01-02", "2008-03-31"),
    )
    console = Quiet()
    with monkeypatch.context() as patch:
        use_disk(patch, DyingDisk("facts", 12, full))
        with pytest.raises(JournalError, match="No space left") as failed:
            play_live(raw, tmp_path, console)
    assert failed.value.exit_code == EXIT_DISK
    assert any(line.startswith("cancel sent without journal: buy") for line in console.said)
    assert recover(tmp_path / "journal").next_seq > 1


def test_f67_failed_sync_is_final_and_nothing_is_sent(tmp_path: Path) -> None:
    desk, disk = LinkedDesk(), FaultyDisk()
    sent: list[c.Command] = []
    pump = _pump_on(desk, tmp_path, disk, sent)
    disk.sync_errno = errno.EIO
    with pytest.raises(JournalError):
        _want_to_buy(desk, pump)
    assert not [command for command in sent if isinstance(command, c.SubmitOrder)]
    disk.sync_errno = 0
    with pytest.raises(JournalError):
        pump.recorder.append_event(desk.now_ns, e.Heartbeat("later"))
    with pytest.raises(JournalError):
        pump.commit()


@pytest.mark.parametrize("fault", [ENOSPC, EIO, 0])
def test_f67_failed_write_is_final(fault: int, tmp_path: Path) -> None:
    disk = FaultyDisk()
    journal = writer(tmp_path, disk=disk)
    disk.faults = [fault, fault]
    journal.append_event(1, accepted())
    with pytest.raises(JournalError):
        journal.commit()
    with pytest.raises(JournalError):
        journal.append_event(2, accepted())


def test_f62_order_is_on_stable_storage_before_it_is_sent(tmp_path: Path) -> None:
    desk, disk = LinkedDesk(), FaultyDisk()
    sent: list[c.Command] = []
    synced: list[int] = []

    def on_send(command: c.Command) -> None:
        if isinstance(command, c.SubmitOrder):
            facts = tmp_path / FACTS
            synced.append(disk.synced_sizes[facts] - facts.stat().st_size)

    pump = _pump_on(desk, tmp_path, disk, sent, on_send)
    _want_to_buy(desk, pump)
    (order,) = [command for command in sent if isinstance(command, c.SubmitOrder)]
    assert synced == [-MARK_BYTES]
    disk.cut_power()
    recover(tmp_path)
    assert orders_in(tmp_path) == [order.client_order_id]


def test_f64_power_cut_keeps_what_an_order_was_decided_from(tmp_path: Path) -> None:
    """Without its quote the decision cannot be repeated, and a restart ends with exits only."""
    desk, disk = LinkedDesk(), FaultyDisk()
    pump = _pump_on(desk, tmp_path, disk, [])
    _want_to_buy(desk, pump)
    disk.cut_power()
    assert recover(tmp_path).market_lost_from_seq is None
    assert [type(r.body) for r in read_records(tmp_path) if not r.cause_seq] == [Quote]


def test_f77_journal_of_the_first_format_is_read_and_an_unknown_one_refused(
    tmp_path: Path,
) -> None:
    """The fixture was written when format 1 was new; it is never written again."""
    for segment in OLD_JOURNAL.iterdir():
        (tmp_path / segment.name).write_bytes(segment.read_bytes())
    recovered = recover(tmp_path)
    records = list(read_facts(tmp_path))
    assert [type(record.body).__name__ for record in records] == [
        "EngineStarted",
        "EpochOpened",
        "SubmitOrder",
        "OrderAccepted",
        "OrderFilled",
        "DiscrepancyFound",
        "TradingStateChanged",
    ]
    assert recovered.next_seq == 9
    assert verify_chain(tmp_path).head_hash == recovered.head_hash
    newer = tmp_path / FACTS
    newer.write_bytes(newer.read_bytes().replace(b"OrderAccepted", b"OrderApproved"))
    with pytest.raises(JournalError):
        list(read_facts(tmp_path))


def _pump_on(
    desk: LinkedDesk,
    directory: Path,
    disk: FaultyDisk,
    sent: list[c.Command],
    on_send: object = None,
) -> Pump:
    """The desk's engine on a journal that syncs every command."""
    journal = writer(directory, durability=Durability.POWER, disk=disk)
    return Pump(desk.engine, journal, _Link(sent, on_send), ts_ns=desk.now_ns)


def _want_to_buy(desk: LinkedDesk, pump: Pump) -> None:
    """A quote on which the strategy buys."""
    desk.seat().strategy.todo.append(lambda ctx: ctx.buy("ABC", 10, limit_price=100.0))
    pump.take(desk.now_ns + 1_000, Quote("ABC", desk.now_ns, 100.0, 100.0, 1.0, 1.0))


class _Link:
    def __init__(self, sent: list[c.Command], on_send: object) -> None:
        self._sent = sent
        self._on_send = on_send

    def execute(self, ts_ns: int, command: c.Command) -> None:
        self._sent.append(command)
        if callable(self._on_send):
            self._on_send(command)
