"""An audit file that differs from its journal refuses no start: it is set aside, written again."""

from __future__ import annotations

from pathlib import Path

import pytest

from regimeflow.journal import Record
from regimeflow.model.events import EngineStopped
from regimeflow.observe.audit import ASIDE_MAX, AuditFormat, AuditLog
from tests.unit.test_audit_log import DAY, fold, records_of


def damaged(whole: bytes, how: str) -> bytes:
    lines = whole.splitlines(keepends=True)
    if how == "a page of zeros":
        return whole[:200] + bytes(300) + whole[500:]
    if how == "a lost line":
        return b"".join([*lines[:3], *lines[4:]])
    if how == "lines about facts that the journal lost":
        return whole + b"".join(lines[-2:])
    if how == "a last line of zeros":
        return whole + bytes(80) + b"\n"
    return b"".join(lines[4:])


@pytest.mark.parametrize("form", list(AuditFormat))
@pytest.mark.parametrize(
    "how",
    [
        "a page of zeros",
        "a lost line",
        "lines about facts that the journal lost",
        "a last line of zeros",
        "a missing beginning",
    ],
)
def test_a_file_that_differs_from_the_journal_is_set_aside_and_written_again(
    tmp_path: Path, form: AuditFormat, how: str
) -> None:
    path = tmp_path / ("audit.jsonl" if form is AuditFormat.JSONL else "audit.log")
    records, later = records_of(*DAY), Record(100, 100, 0, EngineStopped("done"))
    fold(path, [*records, later], form)
    whole = path.read_bytes()
    path.unlink()
    fold(path, records, form)
    broken = damaged(path.read_bytes(), how)
    path.write_bytes(broken)
    log = AuditLog(path, form)
    for record in records:
        log.on_record(record)
    assert "differed from the journal" in log.begin(records)
    log.on_record(later)
    log.flush()
    assert path.read_bytes() == whole
    assert path.with_name(path.name + ".aside-1").read_bytes() == broken


def test_files_set_aside_are_bounded_and_the_newest_stay(tmp_path: Path) -> None:
    path, records = tmp_path / "audit.jsonl", records_of(*DAY)
    for number in range(ASIDE_MAX + 2):
        path.write_text(f"{number}\n")
        assert AuditLog(path).begin(records)
    kept = sorted(tmp_path.glob("audit.jsonl.*"))
    assert [file.read_text() for file in kept] == ["2\n", "3\n", "4\n"]


def test_a_file_of_this_journal_is_not_set_aside(tmp_path: Path) -> None:
    path, records = tmp_path / "audit.jsonl", records_of(*DAY)
    fold(path, records)
    log = AuditLog(path)
    for record in records:
        log.on_record(record)
    assert log.begin(()) == ""
    assert [file.name for file in tmp_path.iterdir()] == ["audit.jsonl"]
