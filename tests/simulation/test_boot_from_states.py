"""A start behind a link: from the newest state that is whole, else as if there was never one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from regimeflow.core.engine_state import engine_digest
from regimeflow.core.ledger_state import ledger_digest, ledger_state
from regimeflow.errors import ConfigError
from regimeflow.journal.records import EpochOpened
from regimeflow.journal.segments import SegmentKind, list_segments
from regimeflow.journal.state_files import list_states, state_path, write_state
from regimeflow.journal.upkeep import Upkeep, tend
from regimeflow.journal.writer import Durability, JournalWriter
from regimeflow.live.boot import Booted
from regimeflow.live.boot_linked import boot_linked
from regimeflow.live.observers import LiveObservers
from regimeflow.live.refold import refold
from regimeflow.model.market import CorporateAction
from regimeflow.run import linked_fold
from regimeflow.run.linked_fold import PRUNED, REBUILD_PREFIX, Restart
from regimeflow.run.replay import verify_journal
from tests.simulation.everything import everything
from tests.simulation.linked_playback import Played, play_linked

FILES = ("audit.jsonl", "live_drift.csv", "live_performance.json", "status.json")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A run on daily bars with splits, trouble at the venue, and some two hundred sessions."""
    directory = tmp_path_factory.mktemp("played")
    raw = everything("daily", directory / "data")
    raw["live"]["reconciliation"] = {"external": "adopt"}
    return play_linked(raw, directory, seed=5)


@pytest.fixture
def journal(played: Played, tmp_path: Path) -> Path:
    """A copy of its journal with the last two states beside it."""
    copy = shutil.copytree(played.journal, tmp_path / "journal")
    for kept in played.states[-2:]:
        write_state(copy, kept.state.mark.seq, kept.payload)
    return copy


def boot(played: Played, journal: Path) -> Booted:
    return boot_linked(played.plan, journal, ())


def prune(played: Played, journal: Path) -> None:
    """As the engine would with a retention of nothing: up to the older of the two states."""
    older = played.states[-2].state
    done = tend(journal, Upkeep(10**19, older.seq + 1, older.mark))
    assert done.pruned > 0


def lose_states(journal: Path) -> None:
    for seq in list_states(journal):
        state_path(journal, seq).unlink()


def test_boot_without_any_state_is_the_same_boot(played: Played, journal: Path) -> None:
    quick = boot(played, journal)
    lose_states(journal)
    slow = boot(played, journal)
    assert (quick.from_seq, slow.from_seq) == (played.states[-1].state.seq, 0)
    assert engine_digest(quick.engine) == engine_digest(slow.engine)
    assert engine_digest(quick.engine) == engine_digest(played.engine)
    assert quick.last_event_seq == slow.last_event_seq
    assert not quick.quarantine + slow.quarantine


def test_boot_after_pruning_is_the_same_boot(played: Played, journal: Path) -> None:
    prune(played, journal)
    assert list_segments(journal, SegmentKind.MARKET)[0].number > 1
    booted = boot(played, journal)
    assert not booted.quarantine
    assert engine_digest(booted.engine) == engine_digest(played.engine)


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "swapped", "gone"])
def test_damaged_state_is_ignored_told_and_the_older_one_used(
    damage: str, played: Played, journal: Path
) -> None:
    older, newer = (state_path(journal, seq) for seq in list_states(journal))
    content = newer.read_bytes()
    if damage == "flipped":
        newer.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    elif damage == "cut":
        newer.write_bytes(content[:-1])
    elif damage == "empty":
        newer.write_bytes(b"")
    elif damage == "swapped":
        newer.write_bytes(older.read_bytes())
    else:
        newer.unlink()
    prune(played, journal)
    booted = boot(played, journal)
    assert booted.from_seq == played.states[-2].state.seq
    assert [newer.name in told for told in booted.told] == [True] * (damage != "gone")
    assert [kept.mark for kept in booted.states] == [played.states[-2].state.mark]
    assert engine_digest(booted.engine) == engine_digest(played.engine)


def test_states_that_make_no_engine_are_told_and_no_reason_to_prune(
    played: Played, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ConfigError("the class of the strategy cannot read its state")

    monkeypatch.setattr(linked_fold, "restore_engine", refuse)
    booted = boot(played, journal)
    assert (booted.from_seq, booted.quarantine) == (0, "")
    assert ["cannot read" in told for told in booted.told] == [True, True]
    assert booted.states == ()
    assert engine_digest(booted.engine) == engine_digest(played.engine)


def test_state_of_another_life_is_ignored_and_told(played: Played, journal: Path) -> None:
    """What a power cut leaves when the facts behind the state were not synced."""
    write_state(journal, 10**9, played.states[-1].payload)
    booted = boot(played, journal)
    assert booted.from_seq == played.states[-1].state.seq
    assert [("no epoch of this journal" in told) for told in booted.told] == [True]


@pytest.mark.planted
def test_pruned_run_without_a_state_keeps_its_books_and_is_quarantined(
    played: Played, journal: Path
) -> None:
    """Nothing of it was only in a state: orders, positions, cash, prices, loss anchors."""
    prune(played, journal)
    lose_states(journal)
    booted = boot(played, journal)
    assert (booted.quarantine, booted.rebuilt_as) == (PRUNED, f"{REBUILD_PREFIX}quarantine")
    assert ledger_digest(booted.engine.ledger) == ledger_digest(played.engine.ledger)
    report = verify_journal(journal)
    assert not report.ok
    assert PRUNED in report.problems
    assert report.digest == ledger_digest(played.engine.ledger)


def test_engine_rebuilt_without_market_data_is_not_quarantined_again(
    played: Played, journal: Path
) -> None:
    """From its epoch on decisions are repeatable."""
    prune(played, journal)
    lose_states(journal)
    open_epoch(played, journal, boot(played, journal))
    booted = boot(played, journal)
    assert (booted.quarantine, booted.rebuilt_as) == ("", "")
    assert ledger_digest(booted.engine.ledger) == ledger_digest(played.engine.ledger)


@pytest.mark.parametrize("how", [Restart.CARRY, Restart.WARMUP])
def test_accepted_change_gives_the_same_engine_from_a_state_as_from_the_beginning(
    how: Restart, played: Played, journal: Path
) -> None:
    """So does every later start before the next session's end."""
    accepted = boot_linked(played.plan, journal, (), change=how)
    assert accepted.from_seq == played.states[-1].state.seq
    open_epoch(played, journal, accepted)
    again = boot(played, journal)
    lose_states(journal)
    slow = boot(played, journal)
    assert engine_digest(again.engine) == engine_digest(slow.engine)
    assert engine_digest(again.engine) == engine_digest(accepted.engine)
    assert (again.from_seq > 0, slow.from_seq, again.quarantine) == (True, 0, "")


def open_epoch(played: Played, journal: Path, booted: Booted) -> None:
    """Write the epoch that a rebuilt engine begins with, as its pump would."""
    recovered = booted.recovered
    writer = JournalWriter(
        journal,
        durability=Durability.PROCESS,
        next_seq=recovered.next_seq,
        head_hash=recovered.head_hash,
    )
    epoch = EpochOpened(
        epoch=recovered.epochs + 1,
        reason=booted.rebuilt_as,
        session="",
        boot=2,
        fingerprint=played.plan.fingerprint(),
        carry_over=ledger_state(booted.engine.ledger),
    )
    writer.append_epoch(recovered.last_ts_ns, epoch)
    writer.commit()
    writer.close()


def test_replay_says_from_where_on_it_has_verified(played: Played, journal: Path) -> None:
    whole = verify_journal(journal)
    assert (whole.ok, whole.verified_from_seq, whole.problems) == (True, 1, ())
    prune(played, journal)
    part = verify_journal(journal)
    since = played.states[-2].state.seq + 1
    assert (part.ok, part.verified_from_seq, part.digest) == (True, since, whole.digest)
    assert f"from record {since} on" in part.problems[0]
    assert 0 < part.events < whole.events


@pytest.mark.parametrize("is_pruned", [False, True])
def test_files_for_people_are_the_same_bytes_wherever_decisions_begin(
    is_pruned: bool, played: Played, journal: Path, tmp_path: Path
) -> None:
    written = []
    for number, has_states in enumerate((False, True)):
        source = journal if has_states else played.journal
        if has_states and is_pruned:
            prune(played, journal)
        directory = tmp_path / f"logs{number}"
        directory.mkdir()
        observers = LiveObservers(played.plan, directory, None, metrics_directory=directory)
        booted = boot_linked(played.plan, source, (observers.on_record,))
        assert bool(booted.from_seq) == has_states
        observers.begin(booted.engine.market, source)
        observers.flush()
        written.append([(directory / name).read_bytes() for name in FILES])
    assert written[0] == written[1]


def test_run_of_the_sample_has_what_makes_states_hard(played: Played) -> None:
    bodies = [type(action) for action in played.plan.feed.actions]
    assert CorporateAction in bodies
    assert len(played.states) > 100
    assert max(len(kept.payload) for kept in played.states) < 300_000


def test_files_are_refolded_to_the_byte_after_pruning(
    played: Played, journal: Path, tmp_path: Path
) -> None:
    """Also the age of data, of which the records are gone."""
    refold(tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    assert b'"last_ns"' in before["status.json"]
    prune(played, journal)
    refold(tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before
