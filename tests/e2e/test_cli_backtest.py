"""`regimeflow backtest`: a report on disk, a summary on the screen, a journal when asked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.programs import regimeflow, write_config

pytestmark = pytest.mark.e2e
START_TIMEOUT_S = 60


def test_a_backtest_writes_its_report_and_lists_the_files(tmp_path: Path) -> None:
    answer = regimeflow("backtest", "--config", write_config(tmp_path), cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert answer.err == ""
    listed = [tmp_path / line.strip() for line in answer.out.split("written:\n")[1].splitlines()]
    assert sorted(path.name for path in listed) == [
        "equity.csv", "report.html", "report.json", "trades.csv",
    ]  # fmt: skip
    assert all(path.is_file() for path in listed)
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert f"{report['performance']['total_return']:.2%}" in answer.out
    assert "2006-01-03 to 2007-12-31" in answer.out


def test_a_backtest_as_json_carries_the_numbers_of_its_report(tmp_path: Path) -> None:
    answer = regimeflow(
        "backtest", "--config", write_config(tmp_path), "--output-dir", "there",
        "--window", "live", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert answer.code == 0, answer.err
    report = json.loads((tmp_path / "there" / "report.json").read_text(encoding="utf-8"))
    assert answer.document["performance"] == report["performance"]
    assert answer.document["counts"] == report["counts"]
    assert report["provenance"]["period"]["start"] == "2008-01-02"
    assert "total return" in answer.err


def test_a_journaled_backtest_is_verified_and_never_overwritten(tmp_path: Path) -> None:
    command = ("backtest", "--config", write_config(tmp_path), "--journal")
    first = regimeflow(*command, cwd=tmp_path)
    assert first.code == 0, first.err
    assert regimeflow("replay", "out", "--verify", cwd=tmp_path).code == 0
    assert regimeflow("audit", "verify", "out", cwd=tmp_path).code == 0
    again = regimeflow(*command, cwd=tmp_path)
    assert again.code == 2
    assert "a journal is never overwritten" in again.err


def test_an_output_directory_that_is_a_file_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    answer = regimeflow("backtest", "--config", write_config(tmp_path), cwd=tmp_path)
    assert answer.code == 2
    assert answer.err.startswith("error: --output-dir: out cannot be created")


def test_missing_data_names_the_file_and_gives_two(tmp_path: Path) -> None:
    text = write_config(tmp_path).read_text().replace("[MSFT]", "[NONE]")
    (tmp_path / "run.yaml").write_text(text)
    answer = regimeflow("backtest", "--config", "run.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert "NONE.csv" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize(("command", "code"), [("backtest", 130), ("live", 0)])
def test_an_interrupt_ends_a_backtest_at_once_and_a_live_run_in_order(
    tmp_path: Path, command: str, code: int
) -> None:
    """The playback runs at about its own pace, and the backtest waits to be interrupted."""
    (tmp_path / "marker.py").write_text(
        "import pathlib\nfrom regimeflow.strategy.base import Strategy\n\n\n"
        "class Marker(Strategy):\n"
        "    def initialize(self, ctx):\n"
        "        pass\n\n"
        "    def on_bar(self, bar):\n"
        "        pathlib.Path('running').touch()\n"
        f"        if {command == 'backtest'}:\n"
        "            import time\n"
        "            time.sleep(60)\n"
    )
    config = write_config(tmp_path, strategy="marker:Marker")
    config.write_text(config.read_text().replace("speed: 0", "speed: 80000"))
    program = [sys.executable, "-m", "regimeflow.cli", command, "--config", str(config)]
    with subprocess.Popen(
        program, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not (tmp_path / "running").exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline_s, "the program never began"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=START_TIMEOUT_S)
    assert process.returncode == code, err
    assert "Traceback" not in err
