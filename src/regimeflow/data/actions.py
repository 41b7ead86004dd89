"""Splits and dividends from `{symbol}_actions.csv`: `date,kind,value`, one action a row.

Prices in the data are raw; these actions are what makes them continuous. An action is in force
from the open of its ex-date's session, before any trade of that day.
"""

from __future__ import annotations

import csv
from decimal import Decimal, InvalidOperation
from pathlib import Path

from regimeflow.errors import DataError
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.model.session import Session, SessionCalendar

HEADER = ("date", "kind", "value")
ACTIONS_MAX = 100_000
_KINDS = ", ".join(kind.value for kind in ActionKind)


def read_actions(path: Path, *, symbol: str, calendar: SessionCalendar) -> list[CorporateAction]:
    """The actions of one symbol in the order of their ex-dates; an empty table is none.

    Rows outside the calendar's first to last session are checked but not returned. Raises
    DataError, naming file and line, for an unknown kind, a value that is not positive, an
    ex-date without a session, and rows out of order or repeated.
    """
    sessions = {session.date: session for session in calendar.sessions}
    actions: list[CorporateAction] = []
    previous = ("", "")
    for line, row in _rows(path):
        where = f"{path}:{line}"
        if len(row) != len(HEADER):
            raise DataError(f"{where}: {len(row)} columns, expected {','.join(HEADER)}")
        day, kind, text = (cell.strip() for cell in row)
        if (day, kind) <= previous:
            raise DataError(
                f"{where}: {day} {kind} does not follow {' '.join(previous)}; order the rows by "
                "date and kind, each once"
            )
        previous = (day, kind)
        action_kind, value = _kind(kind, where), _value(text, where)
        session = _session(day, sessions, calendar, where)
        if session is not None:
            actions.append(CorporateAction(symbol, session.open_ns, action_kind, value))
    return actions


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(enumerate(csv.reader(stream), start=1))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    header = tuple(cell.strip().lower() for cell in rows[0][1]) if rows else ()
    if header != HEADER:
        raise DataError(f"{path}:1: the header must be {','.join(HEADER)}, saw {','.join(header)}")
    if len(rows) > ACTIONS_MAX:
        raise DataError(f"{path}: {len(rows)} rows, at most {ACTIONS_MAX} are read")
    return rows[1:]


def _kind(text: str, where: str) -> ActionKind:
    try:
        return ActionKind(text)
    except ValueError:
        raise DataError(f"{where}: kind {text!r} is unknown; the kinds are {_KINDS}") from None


def _value(text: str, where: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value <= 0:
        raise DataError(f"{where}: value {text!r} is not a positive number")
    return value


def _session(
    day: str, sessions: dict[str, Session], calendar: SessionCalendar, where: str
) -> Session | None:
    session = sessions.get(day)
    if session is not None or not sessions:
        return session
    if calendar.sessions[0].date <= day <= calendar.sessions[-1].date:
        raise DataError(f"{where}: {day} is not a session of {calendar.name}")
    if len(day) != len("2008-01-02") or not day.replace("-", "").isdigit():
        raise DataError(f"{where}: date {day!r} is not of the form 2008-01-02")
    return None
