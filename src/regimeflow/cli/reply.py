"""A command's answer: text for people, or one JSON document for programs.

Invariant: with `--json`, standard output holds exactly one document, whatever happens in between,
also when the command fails; everything said to people goes to standard error.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import TracebackType
from typing import Annotated

import typer

from regimeflow.cli.terminal import write_line
from regimeflow.errors import EXIT_REFUSED

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of text.")
]


class Status(StrEnum):
    """What an item says about its subject."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


class Reply:
    """Collects what a command found; printed when the `with` block ends.

    The exit code is 0, or 1 once an item failed, or what `refuse_with` set. An error that leaves
    the block becomes a failed item of the document and passes on.
    """

    def __init__(self, command: str, *, is_json: bool) -> None:
        self._schema = f"regimeflow.{command}/1"
        self._is_json = is_json
        self._items: list[dict[str, Json]] = []
        self._fields: dict[str, Json] = {}
        self._fail_code = EXIT_REFUSED

    def __enter__(self) -> Reply:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            return
        if error is not None:
            self.item("error", Status.FAIL, seen=str(error) or type(error).__name__)
        if self._is_json:
            self._print_document()
        if error is None and not self.is_ok:
            raise typer.Exit(self._fail_code)

    @property
    def is_ok(self) -> bool:
        """True while no item failed."""
        return all(item["status"] != Status.FAIL for item in self._items)

    def refuse_with(self, exit_code: int) -> None:
        """Set the exit code of a failure."""
        self._fail_code = exit_code

    def item(
        self, item_id: str, status: Status, *, seen: str = "", expected: str = "", fix: str = ""
    ) -> None:
        """Add one finding; the last three say what was seen, what was expected, what to do."""
        self._items.append(
            {
                "id": item_id,
                "status": status.value,
                "seen": seen,
                "expected": expected,
                "fix": fix,
            }
        )

    def add(self, **fields: Json) -> None:
        """Put further fields into the document; the three of every document are taken."""
        assert not fields.keys() & {"ok", "items"}
        self._fields.update(fields)

    def say(self, text: str = "") -> None:
        """Say something to people."""
        write_line(text, stream=sys.stderr if self._is_json else sys.stdout)

    def say_failure(self, text: str) -> None:
        """Say something to people that scripts must not take for a result."""
        write_line(text, stream=sys.stderr)

    def _print_document(self) -> None:
        document = {
            "schema": self._schema,
            "ok": self.is_ok,
            "items": self._items,
            **self._fields,
        }
        print(json.dumps(document, indent=2, allow_nan=False))
