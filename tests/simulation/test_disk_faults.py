"""The process dies inside a write of the journal, or the disk fills up: nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from regimeflow.core.ledger import Books
from regimeflow.errors import ConfigError, JournalError
from regimeflow.journal.reader import read_records
from regimeflow.observe.row_file import RowFile
from regimeflow.run.folds import ledger_fold
from regimeflow.run.manifest import plan_of, read_manifest
from tests.simulation.everything import everything
from tests.simulation.faulty_disk import FaultyDisk, die_after, full, use_disk
from tests.simulation.playback import Crash, Quiet, assert_same, last_mark, play_live, trail

TORN_AT = (0, 1, 2, 7, 11, 12, 40, -1)
"""Bytes of the write that reached the disk; 0 after the market's is the gap between the files."""


@pytest.mark.parametrize("kind", ["facts", "market"])
@pytest.mark.parametrize("feed", ["minutes", pytest.param("quotes", marks=pytest.mark.slow)])
def test_death_inside_a_write_of_the_journal_changes_nothing(
    feed: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = everything(feed, tmp_path / "data")
    play_live(raw, tmp_path / "whole")
    rng = random.Random(3)
    for torn_at in TORN_AT:
        disk = FaultyDisk(kind, rng.randint(1, 15), die_after(torn_at))
        with monkeypatch.context() as patch:
            use_disk(patch, disk)
            with pytest.raises(Crash):
                play_live(raw, tmp_path / "broken")
    assert play_live(raw, tmp_path / "broken").reason == "end of data"
    assert_same(trail(tmp_path / "broken"), trail(tmp_path / "whole"))
    assert last_mark(tmp_path / "broken") == last_mark(tmp_path / "whole")


@pytest.mark.parametrize("at_write", [30, 200, 333])
def test_full_disk_stops_the_run_asks_for_cancels_and_is_recovered_from(
    at_write: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged before is kept; when there is space again the run goes on."""
    raw = everything("minutes", tmp_path / "data")
    play_live(raw, tmp_path / "whole")
    console = Quiet()
    with monkeypatch.context() as patch:
        use_disk(patch, FaultyDisk("facts", at_write, full))
        with pytest.raises(JournalError, match="No space left"):
            play_live(raw, tmp_path / "broken", console)
    working = open_orders(tmp_path / "broken")
    told = [line for line in console.said if line.startswith("cancel sent without journal")]
    asked = {line.rpartition("(")[2].rstrip(")") for line in told}
    # What ended in the commit that failed is not asked for; what was never sent may be.
    assert asked & working or not working
    assert play_live(raw, tmp_path / "broken").reason == "end of data"
    assert_same(trail(tmp_path / "broken"), trail(tmp_path / "whole"))


def test_full_disk_under_the_drift_file_stops_the_run_like_the_journals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = everything("minutes", tmp_path / "data")

    def fail(self: RowFile, row: str, *, is_optional: bool = False) -> None:
        raise ConfigError("cannot write live_drift.csv: No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(RowFile, "append", fail)
        with pytest.raises(JournalError, match="live_drift"):
            play_live(raw, tmp_path / "logs")
    assert play_live(raw, tmp_path / "logs").reason == "end of data"


def open_orders(log_dir: Path) -> set[str]:
    """Ids of the orders that work at the end of a journal."""
    plan = plan_of(read_manifest(log_dir / "journal"))
    ledger = ledger_fold(Books(plan.instruments, plan.cash), read_records(log_dir / "journal"))
    return {order.client_order_ids[-1] for order in ledger.orders.open.values()}
