"""What the programs answer to a wrong command line, a user's mistake and a bug of ours."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tests.e2e.programs import regimeflow, regimeflow_live, write_config

pytestmark = pytest.mark.e2e


def test_help_lists_exactly_the_commands_that_are_built(tmp_path: Path) -> None:
    listing = regimeflow("--help", cwd=tmp_path)
    assert listing.code == 0
    rows = listing.out.split("Commands:")[1].strip().splitlines()
    commands = " ".join(row.split()[0] for row in rows)
    assert commands == (
        "init backtest live status halt resume cancel-all flatten adopt "
        "replay rehearse brokers audit config venue"
    )


def test_version_names_the_interpreter(tmp_path: Path) -> None:
    for program in (regimeflow, regimeflow_live):
        answer = program("--version", cwd=tmp_path)
        assert answer.code == 0
        assert f"Python {sys.version.split()[0]}" in answer.out
        assert answer.out.startswith("regimeflow ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("baktest",),
        ("drift", "logs"),
        ("backtest",),
        ("backtest", "--config"),
        ("backtest", "--config", "a.yaml", "--windo", "live"),
        ("backtest", "--config", "a.yaml", "--window", "tomorrow"),
        ("replay", "logs"),
        ("audit", "show", "logs", "--log-dir", "logs"),
        ("audit", "show", "logs", "--limit", "0"),
        ("status", "--config", "a.yaml", "--log-dir", "logs"),
    ],
)
def test_a_wrong_command_line_gives_two_and_says_why(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    answer = regimeflow(*arguments, cwd=tmp_path)
    assert answer.code == 2
    assert "Error: " in answer.err
    assert "Traceback" not in answer.err
    assert answer.out == ""


def test_a_misspelt_command_is_told_its_likely_name(tmp_path: Path) -> None:
    assert "Did you mean 'backtest'?" in regimeflow("baktest", cwd=tmp_path).err


@pytest.mark.parametrize("command", ["backtest", "live"])
def test_a_missing_configuration_gives_two_without_a_traceback(
    tmp_path: Path, command: str
) -> None:
    answer = regimeflow(command, "--config", "none.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert answer.err.startswith("error: none.yaml")
    assert "Traceback" not in answer.err


def test_every_problem_of_a_configuration_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("strategi: {}\nlive:\n  broker: sim\n  symbols: AAPL\n")
    answer = regimeflow_live("--config", "bad.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert "bad.yaml:1: strategi" in answer.err
    assert "bad.yaml:4: live.symbols" in answer.err
    assert "Traceback" not in answer.err


def test_control_characters_of_a_file_never_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text('strategy: {name: "\\e[31mred\\r\\nok: fine"}\n')
    answer = regimeflow("config", "check", "bad.yaml", cwd=tmp_path)
    assert answer.code == 2
    assert "\x1b" not in answer.err + answer.out
    assert "\r" not in answer.err + answer.out
    assert "\nok: fine" not in answer.err


def test_a_bug_gives_seventy_and_a_file_with_the_traceback(tmp_path: Path) -> None:
    """A strategy module that fails on import stands in for a failure nobody foresaw."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('a failure nobody foresaw')\n")
    config = write_config(tmp_path, strategy="broken:Strategy")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    answer = regimeflow(
        "backtest", "--config", config, cwd=tmp_path, TMPDIR=str(temporary), TEMP=str(temporary)
    )
    assert answer.code == 70
    assert "error: RuntimeError: a failure nobody foresaw" in answer.err
    assert "Traceback" not in answer.err
    assert f"{tmp_path / 'broken.py'}:1" in answer.err
    (report,) = temporary.glob("regimeflow-traceback-*.txt")
    assert str(report) in answer.err
    text = report.read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in text
    assert f"arguments: backtest --config {config}" in text
    if sys.platform != "win32":
        assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_a_bug_still_gives_programs_one_document(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('a failure nobody foresaw')\n")
    config = write_config(tmp_path, strategy="broken:Strategy")
    answer = regimeflow("backtest", "--config", config, "--json", cwd=tmp_path)
    assert answer.code == 70
    assert answer.document["ok"] is False
    assert answer.statuses() == {"error": "fail"}


@pytest.mark.parametrize("command", ["backtest", "live", "rehearse"])
def test_a_strategy_that_cannot_initialize_is_told_with_its_line(
    tmp_path: Path, command: str
) -> None:
    (tmp_path / "mine.py").write_text(
        "import regimeflow\n\nclass Mine(regimeflow.Strategy):\n"
        "    def initialize(self, ctx):\n        raise ValueError('boom')\n"
    )
    config = write_config(tmp_path, strategy="mine:Mine")
    answer = regimeflow(command, "--config", config, cwd=tmp_path)
    assert answer.code == 2
    assert f"initialize raised ValueError: boom, at {tmp_path / 'mine.py'}:5" in answer.err
    assert "Traceback" not in answer.err
