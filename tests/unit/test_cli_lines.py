"""What single commands say about values of the engine: divergences, status, audit lines."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import typer

from regimeflow.cli.audit_places import find_places
from regimeflow.cli.audit_show import AuditFilter
from regimeflow.cli.replay import divergence_lines
from regimeflow.cli.status import status
from regimeflow.errors import ConfigError
from regimeflow.journal.records import GENESIS_HASH
from regimeflow.model.commands import TradingState, TradingStateChanged
from regimeflow.model.events import EngineStarted, EngineStopped
from regimeflow.observe.audit_lines import chained
from regimeflow.observe.health import StatusFile
from regimeflow.run.folds import Divergence
from tests.unit.journal_samples import quote, submit


def line(kind: str = "OrderFilled", day: int = 2, **metadata: str) -> object:
    return chained(1, f"2008-01-{day:02d}T14:30:00.000000000Z", kind, "", {**metadata}, "")


def write_status(directory: Path, *bodies: object) -> None:
    """A status file as a run over these records leaves it."""
    file = StatusFile(directory / "status.json")
    for seq, body in enumerate(bodies, start=1):
        file.on_record(seq, seq, body)
    file.flush()


def test_a_divergence_shows_the_event_and_both_decisions() -> None:
    then, now = (submit(quantity=5),), ()
    lines = divergence_lines(Divergence(7, 0, quote(), then, now))
    assert lines[0] == "record 7 at 1970-01-01T00:00:00.000000000Z is decided differently"
    assert lines[1].endswith("quote AAPL 99.5 x 100.0")
    assert lines[2].startswith("  journaled: SubmitOrder: buy 5 AAPL limit at 100.10")
    assert lines[3] == "  now:       nothing"


def test_a_storm_of_outputs_is_cut_and_counted() -> None:
    lines = divergence_lines(Divergence(7, 0, quote(), (submit(),) * 30, ()))
    assert lines[-2] == "  journaled: and 10 more"


@pytest.mark.parametrize("given", ["2008-01-02", "2008-01-02T00:00:00", "2008-01-01T19:00-05:00"])
def test_since_takes_a_day_or_a_time_and_means_utc(given: str) -> None:
    wanted = AuditFilter(None, None, given)
    assert [wanted.has(line(day=day)) for day in (1, 2)] == [False, True]  # type: ignore[arg-type]


def test_since_refuses_what_is_no_time() -> None:
    with pytest.raises(typer.BadParameter, match="seen 'yesterday'"):
        AuditFilter(None, None, "yesterday")


@pytest.mark.parametrize("name", ["client_order_id", "orig_client_order_id", "broker_order_id"])
def test_an_order_is_found_by_any_of_its_ids(name: str) -> None:
    wanted = AuditFilter(None, "o1", None)
    assert wanted.has(line(**{name: "o1"}))  # type: ignore[arg-type]
    assert not wanted.has(line(**{name: "o2"}))  # type: ignore[arg-type]
    assert not wanted.has(line(strategy="o1"))  # type: ignore[arg-type]


def test_a_directory_without_a_run_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither an audit file \(audit.jsonl or audit.log\)"):
        find_places(None, tmp_path)


def test_a_journal_is_found_in_a_log_dir_and_by_itself(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    journal.mkdir()
    (journal / "facts-000001.rfj").touch()
    assert find_places(tmp_path, None).journal == journal
    assert find_places(journal, None).journal == journal


@pytest.mark.parametrize(
    ("bodies", "code", "seen"),
    [
        ((EngineStarted(1), EngineStopped("end of data")), 0, "stopped: end of data"),
        ((EngineStarted(1),), 1, "never said that it stopped"),
    ],
)
def test_a_run_that_never_said_it_stopped_needs_somebody(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bodies: tuple[object, ...],
    code: int,
    seen: str,
) -> None:
    write_status(tmp_path, *bodies)
    assert exit_code(tmp_path) == code
    assert seen in capsys.readouterr().out


@pytest.mark.parametrize(("state", "code"), [(TradingState.HALTED, 1), (TradingState.REDUCING, 0)])
def test_halted_trading_fails_and_reducing_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], state: TradingState, code: int
) -> None:
    change = TradingStateChanged(state=state, reason="loss", control="C14", strategy_id=None)
    write_status(tmp_path, EngineStarted(1), change, EngineStopped("end of data"))
    assert exit_code(tmp_path) == code
    assert f"trading   {state.value} by C14: loss" in capsys.readouterr().out


def test_a_file_that_is_no_status_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    path.write_bytes(b"{")
    with pytest.raises(ConfigError, match="cannot be read as a status"):
        exit_code(tmp_path)
    path.write_bytes(msgspec.json.encode({"schema": GENESIS_HASH}))
    with pytest.raises(ConfigError, match="seen schema"):
        exit_code(tmp_path)


def exit_code(directory: Path) -> int:
    """What `regimeflow status` of this directory returns."""
    try:
        status(log_dir=directory)
    except typer.Exit as ended:
        return ended.exit_code
    return 0
