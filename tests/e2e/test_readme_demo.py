"""The first run of a newcomer is what the README says, also when it is killed in the middle."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import CHECKOUT, LIVE, regimeflow, regimeflow_live

pytestmark = pytest.mark.e2e

SHOWN = re.compile(r"^ *```text\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
CHANGES_WITH_THE_CODE = ("...", "journal head", "error:")


@pytest.fixture
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of the test's own with nothing in it but the examples."""
    place = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(CHECKOUT / "examples", place / "examples")
    return place


def lines_shown(page: str) -> list[str]:
    """The lines of output a page shows, without those that name a run's own hashes."""
    blocks = SHOWN.findall((CHECKOUT / page).read_text(encoding="utf-8"))
    lines = [line.strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if not line.startswith(CHANGES_WITH_THE_CODE)]


def test_the_demo_says_what_readme_and_quickstart_show(directory: Path) -> None:
    arguments = ("--config", "examples/demo.yaml")
    backtest = regimeflow("backtest", *arguments, "--output-dir", "out", cwd=directory)
    live = regimeflow_live(*arguments, cwd=directory)
    rehearsal = regimeflow("rehearse", *arguments, "--scenario", "lost-order", cwd=directory)
    runs = (backtest, live, rehearsal)
    assert [run.code for run in runs] == [0, 0, 0], "".join(run.err for run in runs)
    said = {line.strip() for run in runs for line in run.out.splitlines()}
    shown = lines_shown("README.md") + lines_shown("docs/quickstart.md")
    assert len(shown) > 10
    assert [line for line in shown if line not in said] == []


def test_a_killed_run_continues_to_the_same_fills_and_equity(directory: Path) -> None:
    """Killed when its second year has been told; the end is that of the run nobody killed."""
    baseline = regimeflow(
        "backtest", "--config", "examples/demo.yaml", "--output-dir", "out", cwd=directory
    )
    assert baseline.code == 0, baseline.err
    command = [sys.executable, "-c", LIVE, "--config", "examples/demo.yaml"]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert any(line.startswith("2009 ") for line in run.stdout)
        run.kill()
    status = regimeflow("status", "--log-dir", "logs", cwd=directory)
    assert "it never said that it stopped" in status.out
    resumed = regimeflow_live("--config", "examples/demo.yaml", cwd=directory)
    assert "activity      141 orders, 141 fills" in resumed.out, resumed.err
    assert "equity        138,409.23" in resumed.out
    verified = regimeflow("replay", "logs", "--verify", cwd=directory)
    assert verified.code == 0, verified.err
