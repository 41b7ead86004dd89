"""The process dies inside a write of the journal, or the disk fills up: nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.simulation.everything import everything
from tests.simulation.faulty_disk import FaultyDisk, die_after, use_disk
from tests.simulation.playback import Crash, assert_same, last_mark, play_live, trail

TORN_AT = (0, 1, 2, 7, 11, 12, 40, -1)
"""Bytes of the write that reached the disk; 0 after the market's is the gap between the files."""


@pytest.mark.parametrize("kind", ["facts", "market"])
@pytest.mark.parametrize("feed", ["minutes", "quotes"])
def test_death_inside_a_write_of_the_journal_changes_nothing(
    feed: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = everything(feed, tmp_path / "data")
    play_live(raw, tmp_path / "whole")
    rng = random.Random(3)
    for torn_at in TORN_AT:
        disk = FaultyDisk(kind, rng.randint(1, 40), die_after(torn_at))
        with monkeypatch.context() as patch:
            use_disk(patch, disk)
            with pytest.raises(Crash):
                play_live(raw, tmp_path / "broken")
    assert play_live(raw, tmp_path / "broken").reason == "end of data"
    assert_same(trail(tmp_path / "broken"), trail(tmp_path / "whole"))
    assert last_mark(tmp_path / "broken") == last_mark(tmp_path / "whole")
