"""What a run writes beside its journal is a cache: deleted and refolded, the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.errors import ConfigError, StartRefused
from regimeflow.live.lock import EngineLock
from regimeflow.live.refold import refold
from tests.simulation.everything import FEEDS, everything
from tests.simulation.playback import Crash, configuration, play_backtest, play_live, play_until

FILES = ("live_drift.csv", "live_performance.json", "status.json")


def contents(directory: Path, audit: str = "audit.jsonl") -> dict[str, bytes]:
    return {name: (directory / name).read_bytes() for name in (audit, *FILES)}


@pytest.mark.parametrize("feed", FEEDS)
def test_files_of_a_run_are_refolded_to_the_byte(feed: str, tmp_path: Path) -> None:
    raw = everything(feed, tmp_path / "data")
    log_dir = tmp_path / "logs"
    with pytest.raises(Crash):
        play_until(raw, log_dir, 150, orderly=False)
    play_until(raw, log_dir, 150, orderly=True)
    play_live(raw, log_dir)
    before = contents(log_dir)
    for name in before:
        (log_dir / name).unlink()
    assert {path.name for path in refold(log_dir)} == set(before)
    assert contents(log_dir) == before


def test_files_that_were_tampered_with_are_replaced(tmp_path: Path) -> None:
    raw = everything("minutes", tmp_path / "data")
    raw["live"]["audit"] = {"format": "csv"}
    log_dir = tmp_path / "logs"
    play_live(raw, log_dir)
    before = contents(log_dir, "audit.log")
    for name, content in before.items():
        (log_dir / name).write_bytes(content.replace(b"1", b"2"))
    refold(log_dir)
    assert contents(log_dir, "audit.log") == before


def test_archived_session_is_refolded_where_it_lies(tmp_path: Path) -> None:
    raw = everything("minutes", tmp_path / "data")
    log_dir = tmp_path / "logs"
    play_live(raw, log_dir)
    play_live(raw, log_dir)
    archived = log_dir / "archive" / "0001"
    before, current = contents(archived), contents(log_dir)
    for name in before:
        (archived / name).unlink()
    refold(archived)
    assert contents(archived) == before
    assert contents(log_dir) == current


def test_files_of_a_running_engine_are_left_alone(tmp_path: Path) -> None:
    play_live(
        configuration("buy_and_hold", symbols=["AAPL"], days=("2005-01-03", "2005-02-01")), tmp_path
    )
    with EngineLock(tmp_path), pytest.raises(StartRefused, match="another engine"):
        refold(tmp_path)


def test_directory_without_a_journal_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no journal here"):
        refold(tmp_path)


def test_baseline_is_part_of_what_is_refolded(tmp_path: Path) -> None:
    raw = configuration(
        "moving_average_cross",
        symbols=["AAPL"],
        days=("2004-01-05", "2005-02-01"),
        params={"quantity": 10},
    )
    play_backtest(raw, tmp_path / "first").write(tmp_path / "out")
    raw["metrics"] = {"live": {"baseline_report": str(tmp_path / "out" / "report.json")}}
    play_live(raw, tmp_path / "logs")
    before = contents(tmp_path / "logs")
    assert b"shortfall" in before["live_drift.csv"]
    refold(tmp_path / "logs")
    assert contents(tmp_path / "logs") == before
