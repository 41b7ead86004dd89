"""What a run behind a link keeps at a session's end, and when it has market data tended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from regimeflow.journal.epochs import EpochMark
from regimeflow.journal.reader import read_market
from regimeflow.journal.segments import SegmentKind, list_segments
from regimeflow.journal.state_files import list_states, read_state, state_digest
from regimeflow.journal.upkeep import Upkeep
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live import state_keeper
from regimeflow.live.idle import IdleSync
from regimeflow.live.market_upkeep import MarketUpkeep, UpkeepProcess
from regimeflow.live.state_keeper import StateKeeper
from regimeflow.model.timestamps import NS_PER_DAY
from regimeflow.run.starting_point import KeptState
from tests.unit.journal_samples import quote, submit, write_days, writer


def state(seq: int) -> tuple[KeptState, bytes]:
    payload = f"engine at {seq}".encode()
    return KeptState(EpochMark(seq, "session", state_digest(payload)), seq - 2), payload


class Child:
    """A child process that ends when a test says so."""

    def __init__(self) -> None:
        self.orders: list[Upkeep] = []
        self.code: int | None = None
        self.stops = 0

    def start(self, directory: Path, order: Upkeep) -> Child:
        self.orders.append(order)
        self.code = None
        return self

    def poll(self) -> int | None:
        return self.code

    def stop(self) -> None:
        self.stops += 1

    def told(self) -> str:
        return "it was said"


class Life:
    """A keeper and an upkeep over one journal; `said` is what the operator sees."""

    def __init__(self, directory: Path, *, days: int = 30) -> None:
        self.said: list[str] = []
        self.child = Child()
        self.journal = writer(directory, durability=Durability.PROCESS)
        self.keeper = StateKeeper(directory, self.journal, (), self.said.append)
        self.upkeep = MarketUpkeep(directory, self.keeper, days, self.said.append, self.child.start)

    def roll(self, day: int) -> None:
        self.keeper.keep(day * NS_PER_DAY, *state(100 * day))
        self.upkeep()


def test_last_two_states_are_kept(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for day in (1, 2, 3):
        life.roll(day)
    assert list_states(tmp_path) == [200, 300]
    assert [kept.mark.seq for kept in life.keeper.kept] == [200, 300]
    assert read_state(tmp_path, state(300)[0].mark) == state(300)[1]
    assert not life.said


def test_state_that_cannot_be_written_is_told_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = Life(tmp_path)
    life.roll(1)

    def full(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(state_keeper, "write_state", full)
    life.roll(2)
    assert list_states(tmp_path) == [100]
    assert [kept.mark.seq for kept in life.keeper.kept] == [100]
    assert ["No space left" in line for line in life.said] == [True]


def test_upkeep_starts_once_for_each_session_and_one_at_a_time(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.upkeep()
    assert not life.child.orders
    life.roll(1)
    life.roll(2)
    life.upkeep()
    assert len(life.child.orders) == 1
    life.child.code = 0
    life.upkeep()
    life.upkeep()
    assert len(life.child.orders) == 2
    life.child.code = 0
    for _ in range(3):
        life.upkeep()
    assert len(life.child.orders) == 2


def test_data_is_pruned_only_behind_the_older_of_two_states_and_by_age(tmp_path: Path) -> None:
    life = Life(tmp_path, days=30)
    for day in (1, 2, 40):
        life.roll(day)
        life.child.code = 0
        life.upkeep()
    first, second, third = life.child.orders
    assert first == Upkeep()
    assert second == Upkeep(-28 * NS_PER_DAY, 99, state(100)[0].mark)
    assert third == Upkeep(10 * NS_PER_DAY, 199, state(200)[0].mark)


def test_retention_of_zero_days_keeps_everything(tmp_path: Path) -> None:
    life = Life(tmp_path, days=0)
    for day in (1, 2, 400):
        life.roll(day)
        life.child.code = 0
        life.upkeep()
    assert life.child.orders == [Upkeep()] * 3


def test_failed_upkeep_is_told_and_tried_again_at_the_next_session(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.roll(1)
    life.child.code = 4
    life.upkeep()
    assert life.said == ["the upkeep of market data failed: it was said"]
    life.roll(2)
    assert len(life.child.orders) == 2
    life.upkeep.close()
    assert life.child.stops == 1


def test_upkeep_without_a_process_to_be_had_is_told(tmp_path: Path) -> None:
    life = Life(tmp_path)

    def none_left(directory: Path, order: Upkeep) -> Child:
        raise OSError("Resource temporarily unavailable")

    upkeep = MarketUpkeep(tmp_path, life.keeper, 30, life.said.append, none_left)
    life.keeper.keep(NS_PER_DAY, *state(100))
    upkeep()
    upkeep()
    assert ["temporarily unavailable" in line for line in life.said] == [True]


def test_session_end_closes_a_market_segment_that_is_large_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_keeper, "MARKET_SEGMENT_BYTES_MIN", 4_000)
    life = Life(tmp_path)
    for day, quotes in enumerate((20, 100, 100, 3), start=1):
        cause = [write_quote(life.journal, day) for _ in range(quotes)][-1]
        life.journal.append_output(day, cause, submit(f"o{day}"))
        life.journal.commit()
        life.roll(day)
    life.journal.close()
    assert len(list_segments(tmp_path, SegmentKind.MARKET)) == 3
    days = [record.ts_ns for record in read_market(tmp_path)]
    assert days == [1] * 20 + [2] * 100 + [3] * 100 + [4] * 3


def write_quote(journal: JournalWriter, day: int) -> int:
    return journal.append_event(day, quote(day))


def test_upkeep_waits_until_every_fact_is_synced(tmp_path: Path) -> None:
    journal = writer(tmp_path, durability=Durability.PROCESS)
    calls: list[int] = []
    now: list[float] = [0.0]
    idle = IdleSync(journal, lambda: now[0], lambda: calls.append(journal.unsynced_bytes))
    journal.append_output(1, 0, submit())
    journal.commit()
    idle()
    assert not calls
    now[0] = 5.0
    idle()
    idle()
    assert calls == [0, 0]


def finished(process: UpkeepProcess) -> int | None:
    process._child.wait(60)
    return process.poll()


@pytest.mark.parametrize("end", [finished, UpkeepProcess.stop])
def test_real_child_process_ends_by_itself_or_when_told(
    end: Callable[[UpkeepProcess], object], tmp_path: Path
) -> None:
    write_days(tmp_path)
    before = [(r.seq, r.body) for r in read_market(tmp_path)]
    process = UpkeepProcess(tmp_path, Upkeep())
    end(process)
    assert process.poll() is not None
    process.stop()
    assert [(r.seq, r.body) for r in read_market(tmp_path)] == before


def test_real_child_process_tells_why_it_failed(tmp_path: Path) -> None:
    process = UpkeepProcess(tmp_path, Upkeep(1, 1, state(100)[0].mark))
    assert finished(process) == 4
    assert "state-000000000100.rfs: cannot be read" in process.told()
