"""An operator halts, resumes and flattens a running engine from another terminal."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from regimeflow.journal.reader import read_facts
from regimeflow.model import events as e
from tests.e2e.programs import Ended, regimeflow
from tests.e2e.test_live_signals import saved, started, wait_for_facts
from tests.simulation.everything import everything

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
SPEED = 2_000.0
NOT_UP = ("no engine takes commands", "not up yet", "does not answer")


def give(log_dir: Path, verb: str, *options: str) -> Ended:
    """Type a command, until the engine is up."""
    for _ in range(50):
        ended = regimeflow(verb, "--log-dir", log_dir, *options, cwd=log_dir.parent)
        if not any(words in ended.err + ended.out for words in NOT_UP):
            return ended
        time.sleep(0.1)
    raise AssertionError(f"{verb} was never taken")


def test_halt_outlives_a_kill_and_only_resume_ends_it(tmp_path: Path) -> None:
    log_dir = tmp_path / "logs"
    config = saved(everything("minutes", tmp_path / "data"), log_dir, speed=SPEED)
    with started(config) as engine:
        wait_for_facts(log_dir, 2_000)
        halted = give(log_dir, "halt", "--reason", "lunch")
        assert (halted.code, halted.out.strip()) == (
            0,
            "trading HALTED: only cancels leave until you resume",
        )
        engine.kill()
        engine.wait()
    gone = regimeflow("resume", "--log-dir", log_dir, cwd=tmp_path)
    assert gone.code == 1
    assert "does not answer" in gone.err
    with started(config) as engine:
        status = give(log_dir, "cancel-all", "--json")
        assert "HALTED" in status.document["items"][0]["seen"]
        assert give(log_dir, "resume", "--reason", "back").out.startswith("trading ACTIVE")
        assert give(log_dir, "flatten").code == 0
        engine.send_signal(signal.SIGINT)
        assert engine.wait(60) == 0
    bodies = [record.body for record in read_facts(log_dir / "journal")]
    given = [b for b in bodies if isinstance(b, e.Halt | e.Resume | e.Flatten | e.CancelAll)]
    assert [type(body).__name__ for body in given] == ["Halt", "CancelAll", "Resume", "Flatten"]
    assert given[0].reason == "operator: lunch"
    assert not (log_dir / "control.json").exists()
    assert regimeflow("replay", log_dir, "--verify", cwd=tmp_path).code == 0


def test_without_an_engine_a_command_says_what_to_do(tmp_path: Path) -> None:
    ended = regimeflow("halt", "--log-dir", tmp_path, cwd=tmp_path)
    assert ended.code == 1
    assert "no engine takes commands" in ended.err
    assert "Traceback" not in ended.err
