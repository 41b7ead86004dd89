"""F74: signals to the process of a real engine behind a link."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from regimeflow.journal.reader import read_facts
from regimeflow.model.events import EngineStopped
from tests.e2e.killed_engine import Drive, check_nothing_lost_or_doubled

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")
WAIT_S = 60.0
STOPPED_AT_ONCE = 130


def until(is_there: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_there():
        assert time.monotonic() < deadline_s, "what was waited for never came"
        time.sleep(0.002)


def stops(drive: Drive) -> list[str]:
    facts = read_facts(drive.log_dir / "journal")
    return [record.body.reason for record in facts if isinstance(record.body, EngineStopped)]


def test_f74_first_sigterm_stops_in_order_and_a_second_one_at_once(tmp_path: Path) -> None:
    """The venue is frozen for the second: its farewell then takes long enough to be cut short."""
    drive = Drive(tmp_path, minutes=1_200, speed=6_000)
    try:
        engine = drive.start()
        until(lambda: len(drive.taken()) >= 3)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(WAIT_S) == 0, drive.said()[-2_000:]
        assert stops(drive) == ["stopped by SIGTERM"]

        taken = len(drive.taken())
        engine = drive.start()
        until(lambda: len(drive.taken()) >= taken + 3)
        drive.freeze_venue(is_on=True)
        told = drive.said().count("SIGTERM: stopping in order")
        engine.send_signal(signal.SIGTERM)
        until(lambda: drive.said().count("SIGTERM: stopping in order") > told)
        engine.send_signal(signal.SIGTERM)
        assert engine.wait(WAIT_S) == STOPPED_AT_ONCE, drive.said()[-2_000:]
        assert "Traceback" not in drive.said()
        drive.freeze_venue(is_on=False)

        assert drive.run_to_the_end() == 0, drive.said()[-2_000:]
        assert check_nothing_lost_or_doubled(drive) > 3
    finally:
        drive.close()
