"""A command's answer: one document for programs whatever happens, and an exit code that fits."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer

from regimeflow.cli.reply import Reply, Status
from regimeflow.errors import ConfigError, InvariantViolated


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was printed on standard output, which has to be one JSON object."""
    read = json.loads(capsys.readouterr().out)
    assert isinstance(read, dict)
    return read


def test_the_document_has_the_three_parts_and_the_fields_added(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Reply("thing", is_json=True) as reply:
        reply.item("disk", Status.PASS, seen="9 GB", expected="1 GB")
        reply.add(extra=[1, 2])
        reply.say("for people")
    assert document(capsys) == {
        "schema": "regimeflow.thing/1",
        "ok": True,
        "items": [
            {"id": "disk", "status": "pass", "seen": "9 GB", "expected": "1 GB", "fix": ""},
        ],
        "extra": [1, 2],
    }


def test_text_goes_to_standard_error_when_programs_read_the_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Reply("thing", is_json=True) as reply:
        reply.say("for people")
    assert capsys.readouterr().err == "for people\n"


def test_text_goes_to_standard_output_and_no_document_is_printed_without_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Reply("thing", is_json=False) as reply:
        reply.say("for people")
    assert capsys.readouterr().out == "for people\n"


def test_a_failed_item_gives_one_or_the_code_that_was_set() -> None:
    for code in (1, 2):
        reply = Reply("thing", is_json=False)
        if code != 1:
            reply.refuse_with(code)
        reply.item("disk", Status.FAIL, seen="full")
        with pytest.raises(typer.Exit) as ended, reply:
            pass
        assert ended.value.exit_code == code


@pytest.mark.parametrize("status", [Status.PASS, Status.WARN, Status.SKIP])
def test_nothing_but_a_failed_item_fails(status: Status) -> None:
    with Reply("thing", is_json=False) as reply:
        reply.item("disk", status)
    assert reply.is_ok


@pytest.mark.parametrize("error", [ConfigError("no such file"), InvariantViolated(), KeyError("x")])
def test_an_error_becomes_a_failed_item_and_passes_on(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(type(error)), Reply("thing", is_json=True):
        raise error
    read = document(capsys)
    assert read["ok"] is False
    assert [(item["id"], item["status"]) for item in read["items"]] == [("error", "fail")]
    assert read["items"][0]["seen"]


def test_an_interrupt_prints_no_document(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), Reply("thing", is_json=True):
        raise KeyboardInterrupt
    assert capsys.readouterr().out == ""
