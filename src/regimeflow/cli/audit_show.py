"""`regimeflow audit show`: the readable log, from the audit file or, without one, the journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from regimeflow.cli.audit_places import (
    AuditPlaces,
    LogDirOption,
    PathArgument,
    find_places,
    refuse_both,
)
from regimeflow.cli.reply import Json, JsonOption, Reply

if TYPE_CHECKING:
    from regimeflow.observe.audit_lines import AuditLine

ID_NAMES = ("client_order_id", "orig_client_order_id", "broker_order_id")
LINES_SHOWN = 200
LINES_SHOWN_MAX = 1_000_000
MILLISECONDS_END = len("2008-01-02T14:30:00.000")


class AuditFilter:
    """Which lines are wanted, and which types went by (to help where none matched)."""

    def __init__(self, kind: str | None, order_id: str | None, since: str | None) -> None:
        self._kind = kind.lower() if kind is not None else None
        self._order_id = order_id
        self._since = "" if since is None else _timestamp(since)
        self.kinds: dict[str, None] = {}

    def has(self, line: AuditLine) -> bool:
        """Whether the line is wanted."""
        self.kinds[line.type] = None
        if self._kind is not None and line.type.lower() != self._kind:
            return False
        if line.timestamp < self._since:
            return False
        metadata = line.metadata
        return self._order_id is None or any(
            metadata.get(name) == self._order_id for name in ID_NAMES
        )


def show(
    path: PathArgument = None,
    *,
    log_dir: LogDirOption = None,
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Only this type: OrderFilled, …")
    ] = None,
    order: Annotated[
        str | None, typer.Option("--order", metavar="ID", help="Only lines that carry this id.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only from this day or UTC time on."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=LINES_SHOWN_MAX, help="Newest lines shown.")
    ] = LINES_SHOWN,
    as_json: JsonOption = False,
) -> None:
    """Print the readable log, oldest line first."""
    refuse_both(path, log_dir)
    wanted = AuditFilter(kind, order, since)
    with Reply("audit-show", is_json=as_json) as reply:
        newest: deque[AuditLine] = deque(maxlen=limit)
        matching = 0
        for line in _lines(find_places(path, log_dir)):
            if wanted.has(line):
                matching += 1
                newest.append(line)
        for line in newest:
            time = f"{line.timestamp[:MILLISECONDS_END]}Z"
            reply.say(f"{line.seq:>6}  {time}  {line.type:<22}  {line.details}")
        if matching > len(newest):
            reply.say_failure(f"{matching - len(newest)} older lines are not shown; use --limit")
        if not matching:
            reply.say_failure(f"no line matches; types here: {', '.join(wanted.kinds) or 'none'}")
        reply.add(matching=matching, lines=[_document(line) for line in newest])


def _lines(places: AuditPlaces) -> Iterator[AuditLine]:
    from regimeflow.errors import JournalError
    from regimeflow.observe.audit_lines import read_lines
    from regimeflow.observe.audit_refold import refold_lines

    if places.audit is None:
        assert places.journal is not None
        yield from refold_lines(places.journal)
        return
    try:
        yield from read_lines(places.audit)
    except (ValueError, OSError) as error:
        raise JournalError(f"{places.audit} cannot be read: {error}") from error


def _document(line: AuditLine) -> dict[str, Json]:
    return {
        "seq": line.seq,
        "timestamp": line.timestamp,
        "type": line.type,
        "details": line.details,
        "metadata": dict(line.metadata),
        "hash": line.hash,
    }


def _timestamp(text: str) -> str:
    """A day or time as the log writes it; a time without a zone is UTC."""
    from regimeflow.model.timestamps import format_ns, ns_from_datetime

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f"--since: seen {text!r}; expected a day or time such as 2008-01-02 or "
            "2008-01-02T14:30:00"
        ) from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return format_ns(ns_from_datetime(aware))
