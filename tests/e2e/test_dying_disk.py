"""The disk fails under a trading engine, over real processes, sockets and file systems."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from regimeflow.run.replay import verify_journal
from tests.e2e.dying_disks import DyingDisk, Unavailable, fragile_ext4, small_tmpfs
from tests.e2e.killed_engine import Drive, check_nothing_lost_or_doubled

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs file systems of Linux")
PACE = 3_000
AT_THIS_PACE = {
    "heartbeat": {"interval_ms": PACE * 1_000},
    "order_reconcile_interval_ms": PACE * 1_000,
    "position_reconcile_interval_ms": PACE * 1_000,
    "account_refresh_interval_ms": PACE * 1_000,
}
"""Once a second by the wall."""
STRATEGY = {"name": "tests.e2e.strategies_on_disk:TradesAndRests", "id": "s"}
ORDERS_BEFORE = 20
WAIT_S = 60.0
DISK_DIED = 4


@pytest.fixture(params=[small_tmpfs, fragile_ext4], ids=["full", "read_only"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DyingDisk]:
    """A file system that will fail; skipped where this machine cannot make it."""
    make: Callable[[Path], AbstractContextManager[DyingDisk]] = request.param
    try:
        with make(tmp_path / "disk") as made:
            yield made
    except Unavailable as missing:
        pytest.skip(f"no such file system can be made here: {missing}")


def test_dying_disk_ends_the_run_its_cancels_leave_and_it_is_recovered_from(
    disk: DyingDisk, tmp_path: Path
) -> None:
    drive = Drive(
        tmp_path,
        minutes=600,
        speed=PACE,
        strategy=STRATEGY,
        log_dir=str(disk.directory / "logs"),
        journal={"durability": "power"},
        **AT_THIS_PACE,
    )
    try:
        engine = drive.start()
        _wait_for(lambda: len(drive.taken()) >= ORDERS_BEFORE)
        disk.die()
        assert engine.wait(WAIT_S) == DISK_DIED, drive.said()[-2_000:]
        said = drive.said()
        assert any(words in said for words in disk.says)
        assert "Traceback" not in said
        asked = re.findall(r"cancel sent without journal: .*\((\S+)\)", said)
        assert asked, "no cancel left"
        assert drive.truth().open_orders == frozenset()
        taken = drive.taken()
        disk.die()
        assert drive.start().wait(WAIT_S) not in (0, 70)
        assert drive.taken() == taken, "an order left although nothing could be written"
        disk.mend()
        assert drive.run_to_the_end() == 0, drive.said()[-2_000:]
        assert check_nothing_lost_or_doubled(drive) > ORDERS_BEFORE // 2
    finally:
        drive.close()
    assert verify_journal(drive.log_dir).divergence is None


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline_s, "it does not trade"
        time.sleep(0.05)
