"""`kill -9` while starting and trading over real sockets: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from regimeflow.core.ledger_state import ledger_digest
from regimeflow.run.replay import verify_journal
from tests.e2e.killed_engine import Drive, Where, check_nothing_lost_or_doubled, fold_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
KILLS = int(os.environ.get("REGIMEFLOW_KILLS", "200"))
MINUTES_A_KILL = 500
"""Data for 5 s of the wall: a quiet machine uses half of it, a busy one four fifths."""


def check_kills(directory: Path, *, kills: int, minutes: int) -> None:
    """Kill, restart, run to the end, compare."""
    rng = random.Random(7)
    drive = Drive(directory, minutes=minutes, speed=6_000)
    try:
        for _ in range(kills):
            drive.run_and_kill(rng, trading_s_max=1.5)
        assert drive.run_to_the_end() == 0, drive.said()[-2_000:]
        fills = check_nothing_lost_or_doubled(drive)
        assert fills, "nothing was traded, so nothing was shown"
    finally:
        drive.close()
    where = {place.value: drive.deaths[place] for place in Where}
    print(f"{kills} kills {where}, {len(drive.taken())} orders, {fills} fills")
    assert drive.deaths[Where.STARTING], where
    assert drive.deaths[Where.RUNNING], where
    assert list((drive.log_dir / "journal").glob("state-*.rfs")), "no session ended"
    report = verify_journal(drive.log_dir)
    assert report.divergence is None
    assert report.digest == ledger_digest(fold_of(drive)), "decided again, the books are others"


def test_six_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, kills=6, minutes=2_400)


@pytest.mark.slow
def test_any_number_of_kills_loses_and_doubles_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, kills=KILLS, minutes=MINUTES_A_KILL * KILLS)
