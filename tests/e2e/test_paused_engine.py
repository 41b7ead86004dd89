"""SIGSTOP while trading over real sockets: the pause is journaled first, and the books are proved
before anything enters.
"""

from __future__ import annotations

import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from regimeflow.journal.reader import read_facts
from regimeflow.journal.records import Record
from regimeflow.model.commands import HealthChanged, HealthStatus, SubmitOrder
from regimeflow.model.events import ClockMeasured, LoopStalled
from regimeflow.model.order import Side
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.replay import verify_journal
from tests.e2e.killed_engine import Drive
from tests.e2e.programs import regimeflow

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs SIGSTOP")
SPEED = 1_500
HEARTBEAT_MS = 1_500
PAUSE_S = 4.0
WAIT_S = 60


def wait_for(drive: Drive, is_there: Callable[[list[Record]], bool]) -> list[Record]:
    """The facts so far, once they hold what is waited for."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        journal = drive.log_dir / "journal"
        facts = list(read_facts(journal)) if journal.is_dir() else []
        if is_there(facts):
            return facts
        time.sleep(0.1)
    raise AssertionError("what was waited for never came")


def count(facts: list[Record], kind: type) -> int:
    return sum(isinstance(record.body, kind) for record in facts)


def test_stopped_engine_proves_its_books_before_it_enters_again(tmp_path: Path) -> None:
    drive = Drive(tmp_path, minutes=40_000, speed=SPEED)
    try:
        configured = yaml.safe_load(drive.config.read_text(encoding="utf-8"))
        configured["live"]["heartbeat"] = {"interval_ms": HEARTBEAT_MS}
        configured["live"]["max_clock_offset_ms"] = 1_000
        drive.config.write_text(yaml.safe_dump(configured), encoding="utf-8")
        engine = drive.start()
        try:
            before = wait_for(drive, lambda facts: count(facts, SubmitOrder) >= 3)
            engine.send_signal(signal.SIGSTOP)
            time.sleep(PAUSE_S)
            engine.send_signal(signal.SIGCONT)
            orders = count(before, SubmitOrder)
            wait_for(drive, lambda facts: count(facts, SubmitOrder) >= orders + 4)
            engine.send_signal(signal.SIGTERM)
            assert engine.wait(WAIT_S) == 0
        finally:
            engine.kill()
            engine.wait()
        facts = list(read_facts(drive.log_dir / "journal"))
        (pause,) = [record for record in facts if isinstance(record.body, LoopStalled)]
        assert isinstance(pause.body, LoopStalled)
        assert pause.body.length_ns == pytest.approx(PAUSE_S * NS_PER_S, rel=0.25)
        last_ns = max(record.ts_ns for record in facts if record.seq < pause.seq)
        assert pause.ts_ns - last_ns > (PAUSE_S - 1) * SPEED * NS_PER_S
        books = [
            (record.seq, record.body.status)
            for record in facts
            if isinstance(record.body, HealthChanged) and record.body.component == "books"
        ]
        (stale,) = [seq for seq, status in books if status is HealthStatus.STALE]
        proved = min(seq for seq, status in books if seq > stale and status is HealthStatus.OK)
        # Coins are not sold short here: what is sold reduces a position, and may leave.
        waiting = [record.body for record in facts if pause.seq < record.seq < proved]
        assert not [o for o in waiting if isinstance(o, SubmitOrder) and o.side is Side.BUY]
        assert count(facts, ClockMeasured) >= 2
        times = [record.ts_ns for record in facts]
        assert times == sorted(times)
    finally:
        drive.close()
    assert verify_journal(drive.log_dir).divergence is None
    status = regimeflow("status", "--log-dir", drive.log_dir, cwd=tmp_path)
    assert re.search(
        r"clock     sim is \d+ ms (ahead of|behind) ours, give or take \d+ ms", status.out
    )
    assert "health    books ok" in status.out
