"""`kill -9` while trading over real sockets: nothing lost, nothing doubled, every time."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from regimeflow.run.replay import verify_journal
from tests.e2e.killed_engine import Drive, check_nothing_lost_or_doubled

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")


def check_kills(directory: Path, *, kills: int, minutes: int) -> None:
    """Kill, restart, run to the end, compare."""
    rng = random.Random(7)
    drive = Drive(directory, minutes=minutes, speed=6_000)
    try:
        for _ in range(kills):
            drive.run_and_kill(rng, after_s_max=1.5)
        assert drive.run_to_the_end() == 0, (directory / "engine.log").read_text()[-2000:]
        assert check_nothing_lost_or_doubled(drive), "nothing was traded, so nothing was shown"
    finally:
        drive.close()
    assert list((drive.log_dir / "journal").glob("state-*.rfs")), "no session ended"
    report = verify_journal(drive.log_dir)
    assert report.divergence is None


def test_six_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, kills=6, minutes=2_400)


@pytest.mark.slow
def test_two_hundred_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    check_kills(tmp_path, kills=200, minutes=60_000)
