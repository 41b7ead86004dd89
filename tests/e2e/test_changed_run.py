"""Over real sockets: a run whose strategy was changed, and one whose market data was lost."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from regimeflow.errors import EXIT_REFUSED
from tests.e2e.killed_engine import Drive, check_nothing_lost_or_doubled
from tests.e2e.programs import regimeflow
from tests.e2e.test_operate import give

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
MINUTES, SPEED = 2_400, 6_000.0


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[Drive]:
    drive = Drive(tmp_path, minutes=MINUTES, speed=SPEED)
    yield drive
    drive.close()


def trade_and_die(drive: Drive, *options: str, orders: int = 3) -> None:
    """Start an engine, let it send so many more orders, and kill it."""
    before, engine = len(drive.taken()), drive.start(*options)
    while len(drive.taken()) < before + orders:
        assert engine.poll() is None, drive.said()[-2_000:]
        time.sleep(0.01)
    engine.send_signal(signal.SIGKILL)
    assert engine.wait() == -signal.SIGKILL


def change_strategy(drive: Drive) -> None:
    text = drive.config.read_text(encoding="utf-8")
    drive.config.write_text(text.replace("slow_period: 4", "slow_period: 5"), encoding="utf-8")


def test_changed_strategy_is_refused_until_its_change_is_accepted(drive: Drive) -> None:
    trade_and_die(drive)
    change_strategy(drive)
    assert drive.start().wait(60) == EXIT_REFUSED
    assert "--accept-change" in drive.said()
    trade_and_die(drive, "--accept-change", "carry")
    assert drive.run_to_the_end() == 0, drive.said()[-2_000:]
    assert check_nothing_lost_or_doubled(drive)
    assert (drive.log_dir / "journal" / "manifest-1.json").exists()
    verified = regimeflow("replay", drive.log_dir, "--verify", cwd=drive.log_dir.parent)
    assert verified.code == 0, verified.err


def test_accepted_with_exits_only_nothing_enters_until_an_operator_resumes(drive: Drive) -> None:
    trade_and_die(drive)
    change_strategy(drive)
    engine = drive.start("--accept-change", "exits_only")
    status = give(drive.log_dir, "resume", "--reason", "looked at it")
    assert status.out.startswith("trading ACTIVE"), status.out + status.err
    assert "exits only, as accepted" in drive.said()
    assert engine.wait(300) == 0, drive.said()[-2_000:]
    assert check_nothing_lost_or_doubled(drive)


def test_lost_market_data_leaves_the_books_whole_and_exits_only(drive: Drive) -> None:
    trade_and_die(drive)
    (market,) = sorted((drive.log_dir / "journal").glob("market-*.rfj"))
    os.truncate(market, market.stat().st_size // 2)
    engine = drive.start()
    resumed = give(drive.log_dir, "resume", "--reason", "looked at it")
    assert resumed.out.startswith("trading ACTIVE"), resumed.out + resumed.err
    assert re.search(r"REDUCING.*decisions differ from the journal after record", drive.said())
    assert engine.wait(300) == 0, drive.said()[-2_000:]
    assert check_nothing_lost_or_doubled(drive)
