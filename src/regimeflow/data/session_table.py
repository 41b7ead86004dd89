"""The trading sessions of a calendar by name, from a versioned table inside the package.

The table is written once by `make calendars`, so that a run never depends on the version, the
clock or the weight of a calendar library. A broker's own calendar overrides it live.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files

import msgspec

from regimeflow.errors import DataError
from regimeflow.model.session import Session, SessionCalendar
from regimeflow.model.timestamps import (
    NS_PER_DAY,
    NS_PER_HOUR,
    NS_PER_MINUTE,
    date_from_ns,
    ns_from_date,
)

CONTINUOUS = "24/7"
TABLES = {"XNYS": "xnys.csv"}
CALENDAR_NAMES = (*TABLES, CONTINUOUS)
CONTINUOUS_DAYS_MAX = 200 * 366


class SessionTable(msgspec.Struct, frozen=True):
    """A calendar's table: where it came from, the days it speaks for, and its rows.

    `first` and `last` are ISO dates, both included. Rows read `date,open,close`, in UTC.
    """

    calendar: str
    version: str
    source: str
    first: str
    last: str
    rows: tuple[str, ...]


@lru_cache(maxsize=8)
def load_calendar(name: str, start_ns: int, end_ns: int) -> SessionCalendar:
    """The sessions of `name` that overlap `[start_ns, end_ns)`, in time order.

    `name` is "XNYS" (New York stocks) or "24/7" (one session a day, 00:00 to 00:00 UTC).
    The newest eight are kept, since a start asks for the same several times; nobody may change one.
    Raises DataError for another name, an empty range, or a range the table does not cover.
    """
    if start_ns >= end_ns:
        raise DataError(
            f"calendar {name}: the range starts on {date_from_ns(start_ns)} and ends on "
            f"{date_from_ns(end_ns)}; give a start before the end"
        )
    if name == CONTINUOUS:
        return SessionCalendar(name, _continuous_sessions(start_ns, end_ns))
    table = session_table(name)
    first_day, last_day = date_from_ns(start_ns), date_from_ns(end_ns - 1)
    if str(first_day) < table.first or str(last_day) > table.last:
        raise DataError(
            f"calendar {name} covers {table.first} to {table.last}; asked for {first_day} to "
            f"{last_day}. Choose dates inside it, or extend the table with: make calendars"
        )
    # A session can close on the UTC day after its date; one day earlier is looked at as well.
    begin = bisect_left(table.rows, str(first_day - timedelta(days=1)))
    end = bisect_right(table.rows, f"{last_day}~")
    sessions = [_session(name, row) for row in table.rows[begin:end]]
    return SessionCalendar(
        name, [s for s in sessions if s.close_ns > start_ns and s.open_ns < end_ns]
    )


@cache
def session_table(name: str) -> SessionTable:
    """The table of `name` as shipped; DataError when there is none of that name."""
    if name not in TABLES:
        known = ", ".join(CALENDAR_NAMES)
        raise DataError(f"no calendar is named {name!r}; the calendars are {known}")
    text = files("regimeflow.data").joinpath("calendars", TABLES[name]).read_text("ascii")
    header, _, *rows = text.splitlines()
    facts = dict(pair.split("=", 1) for pair in header.removeprefix("# ").split(" "))
    return SessionTable(
        calendar=facts["calendar"],
        version=facts["version"],
        source=facts["source"],
        first=facts["first"],
        last=facts["last"],
        rows=tuple(rows),
    )


def _session(name: str, row: str) -> Session:
    day, open_text, close_text = row.split(",")
    midnight_ns = ns_from_date(date.fromisoformat(day))
    open_ns = midnight_ns + _time_of_day_ns(open_text)
    close_ns = midnight_ns + _time_of_day_ns(close_text)
    if close_ns <= open_ns:
        close_ns += NS_PER_DAY
    return Session(calendar=name, date=day, open_ns=open_ns, close_ns=close_ns)


def _time_of_day_ns(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * NS_PER_HOUR + int(minutes) * NS_PER_MINUTE


def _continuous_sessions(start_ns: int, end_ns: int) -> list[Session]:
    first, last = start_ns // NS_PER_DAY, (end_ns - 1) // NS_PER_DAY
    if last - first >= CONTINUOUS_DAYS_MAX:
        raise DataError(
            f"calendar {CONTINUOUS}: {last - first + 1} days asked for, at most "
            f"{CONTINUOUS_DAYS_MAX} are generated; check the unit of the times"
        )
    return [
        Session(
            calendar=CONTINUOUS,
            date=str(date_from_ns(day * NS_PER_DAY)),
            open_ns=day * NS_PER_DAY,
            close_ns=(day + 1) * NS_PER_DAY,
        )
        for day in range(first, last + 1)
    ]
