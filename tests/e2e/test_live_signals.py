"""A live run as a process: signals end it in order, kills and full disks lose nothing."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from regimeflow.journal.reader import read_facts
from regimeflow.model.events import EngineStopped, OrderFilled
from tests.simulation.conftest import assert_journal_holds
from tests.simulation.everything import everything
from tests.simulation.playback import CHECKOUT, RunConfiguration, assert_same, play_live, trail

LIVE = [sys.executable, "-m", "regimeflow.cli", "live", "--config"]
WAIT_S = 60
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


@pytest.fixture
def raw(tmp_path: Path) -> RunConfiguration:
    return everything("minutes", tmp_path / "data")


def saved(raw: RunConfiguration, log_dir: Path, *, speed: float = 0) -> Path:
    """The configuration as a file; `speed` makes the run last."""
    live = {**raw["live"], "log_dir": str(log_dir)}
    live["broker_config"] = {**live["broker_config"], "speed": speed}
    path = log_dir.parent / f"{log_dir.name}-{speed}.yaml"
    path.write_text(yaml.safe_dump({**raw, "live": live}), encoding="utf-8")
    return path


@contextmanager
def started(config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A live run in the checkout; killed when the block ends, if it has not ended."""
    process = subprocess.Popen(
        [*LIVE, str(config)], cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_facts(log_dir: Path, size_bytes: int) -> None:
    """Until the journal has grown to this size: the run is under way."""
    facts = log_dir / "journal" / "facts-000001.rfj"
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if facts.exists() and facts.stat().st_size >= size_bytes:
            return
        time.sleep(0.01)
    raise AssertionError(f"{facts} did not grow to {size_bytes} bytes")


def test_sigterm_ends_in_order_and_the_run_goes_on_later(
    raw: RunConfiguration, tmp_path: Path
) -> None:
    """At this speed three days last two minutes; the same configuration resumes them."""
    log_dir = tmp_path / "logs"
    config = saved(raw, log_dir, speed=3_600)
    for count in (1, 2):
        with started(config) as process:
            wait_for_facts(log_dir, count * 6_000)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
    stops = [r.body for r in read_facts(log_dir / "journal") if isinstance(r.body, EngineStopped)]
    assert [stop.reason for stop in stops] == ["stopped by SIGTERM"] * 2
    assert_journal_holds(log_dir / "journal")
    assert "reason" not in trail(log_dir)[0][1]


def test_second_signal_ends_at_once(raw: RunConfiguration, tmp_path: Path) -> None:
    """Both are waiting when the process wakes up; what it had written is whole."""
    log_dir = tmp_path / "logs"
    with started(saved(raw, log_dir, speed=3_600)) as process:
        wait_for_facts(log_dir, 6_000)
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        assert process.wait(WAIT_S) == 130
    assert_journal_holds(log_dir / "journal")


@pytest.mark.slow
def test_killed_processes_end_as_if_they_had_not_been(
    raw: RunConfiguration, tmp_path: Path
) -> None:
    play_live(raw, tmp_path / "whole")
    log_dir, rng = tmp_path / "logs", random.Random(5)
    config = saved(raw, log_dir)
    size_bytes, kills = 1, 0
    for _ in range(4):
        with started(config) as process:
            wait_for_facts(log_dir, size_bytes)
            process.kill()
            kills += process.wait(WAIT_S) == -signal.SIGKILL
        size_bytes = (log_dir / "journal" / "facts-000001.rfj").stat().st_size
        size_bytes += rng.randint(1, 40_000)
    with started(config) as process:
        assert process.wait(WAIT_S) == 0
    assert kills >= 2
    assert_same(trail(log_dir), trail(tmp_path / "whole"))
    assert_journal_holds(log_dir / "journal")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB; needs the right to mount one."""
    directory = tmp_path / "small"
    directory.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", str(directory)]
    if (
        mount is None
        or os.name != "posix"
        or subprocess.run([mount, *options], capture_output=True, check=False).returncode
    ):
        pytest.skip("a small file system cannot be mounted here")
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


def test_full_disk_halts_with_four_and_loses_nothing(
    raw: RunConfiguration, tmp_path: Path, small_disk: Path
) -> None:
    play_live(raw, tmp_path / "whole")
    log_dir = small_disk / "logs"
    config = saved(raw, tmp_path / "unused")
    text = config.read_text(encoding="utf-8").replace(str(tmp_path / "unused"), str(log_dir))
    config.write_text(text, encoding="utf-8")
    ended = subprocess.run([*LIVE, str(config)], cwd=CHECKOUT, capture_output=True, text=True)
    assert ended.returncode == 4, ended.stderr
    assert "No space left" in ended.stderr
    assert "Traceback" not in ended.stderr
    before = [r for r in read_facts(log_dir / "journal") if isinstance(r.body, OrderFilled)]
    assert before
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    ended = subprocess.run([*LIVE, str(config)], cwd=CHECKOUT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert_same(trail(log_dir), trail(tmp_path / "whole"))
    assert_journal_holds(log_dir / "journal")
