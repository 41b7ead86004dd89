"""The session table: known days of New York's history, in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from importlib.metadata import version

import pytest

from regimeflow.data.session_table import load_calendar, session_table
from regimeflow.errors import DataError
from regimeflow.model.session import SessionCalendar
from regimeflow.model.timestamps import NS_PER_DAY, format_ns, ns_from_date, ns_from_datetime


def calendar(first: str, last: str, name: str = "XNYS") -> SessionCalendar:
    start_ns = ns_from_date(date.fromisoformat(first))
    return load_calendar(name, start_ns, ns_from_date(date.fromisoformat(last)) + NS_PER_DAY)


def hours(day: str) -> tuple[str, str]:
    (session,) = calendar(day, day).sessions
    assert session.date == day
    return format_ns(session.open_ns)[11:16], format_ns(session.close_ns)[11:16]


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2007-03-09", "14:30", "21:00"),  # the last day before daylight saving
        ("2007-03-12", "13:30", "20:00"),
        ("2007-11-02", "13:30", "20:00"),
        ("2007-11-05", "14:30", "21:00"),
        ("2006-04-03", "13:30", "20:00"),  # the older rule: first Sunday of April
        ("2006-03-31", "14:30", "21:00"),
        ("2007-07-03", "13:30", "17:00"),  # early closes
        ("2012-11-23", "14:30", "18:00"),
    ],
)
def test_hours_follow_daylight_saving_and_early_closes(day: str, opens: str, closes: str) -> None:
    assert hours(day) == (opens, closes)


@pytest.mark.parametrize(
    ("first", "last", "sessions"),
    [
        ("2001-09-11", "2001-09-14", []),  # attacks of 11 September
        ("2012-10-26", "2012-10-31", ["2012-10-26", "2012-10-31"]),  # hurricane Sandy
        ("2004-06-10", "2004-06-12", ["2004-06-10"]),  # mourning for President Reagan
        ("2006-12-29", "2007-01-03", ["2006-12-29", "2007-01-03"]),  # and President Ford
    ],
)
def test_closures_have_no_session(first: str, last: str, sessions: list[str]) -> None:
    assert [session.date for session in calendar(first, last).sessions] == sessions


@pytest.mark.parametrize(
    ("year", "sessions"), [(1990, 253), (2001, 248), (2012, 250), (2020, 253), (2024, 252)]
)
def test_years_have_their_number_of_sessions(year: int, sessions: int) -> None:
    assert len(calendar(f"{year}-01-01", f"{year}-12-31").sessions) == sessions


def test_only_overlapping_sessions_are_loaded() -> None:
    """A range that ends at the open leaves the session out; one nanosecond later takes it in."""
    open_ns = ns_from_datetime(datetime(2008, 1, 3, 14, 30, tzinfo=UTC))
    start_ns = ns_from_date(date(2008, 1, 3))
    assert load_calendar("XNYS", start_ns, open_ns).sessions == ()
    assert len(load_calendar("XNYS", start_ns, open_ns + 1).sessions) == 1


def test_a_continuous_calendar_has_a_session_for_every_utc_day() -> None:
    always = calendar("2008-02-28", "2008-03-01", "24/7")
    assert [s.date for s in always.sessions] == [
        "2008-02-28",
        "2008-02-29",
        "2008-03-01",
    ]
    assert all(s.close_ns - s.open_ns == NS_PER_DAY for s in always.sessions)
    assert always.at(ns_from_date(date(2008, 2, 29))) == always.sessions[1]


@pytest.mark.parametrize(
    ("first", "last"), [("1989-12-31", "1990-01-05"), ("2035-12-30", "2036-01-01")]
)
def test_a_range_beyond_the_table_is_refused(first: str, last: str) -> None:
    with pytest.raises(DataError, match="covers 1990-01-01 to 2035-12-31"):
        calendar(first, last)


def test_the_whole_table_can_be_loaded() -> None:
    assert len(calendar("1990-01-01", "2035-12-31").sessions) == 11_577


def test_an_unknown_calendar_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DataError, match="XNYS, 24/7"):
        calendar("2008-01-02", "2008-01-03", "XLON")


def test_a_range_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(DataError, match="start before the end"):
        load_calendar("XNYS", 10, 10)


@pytest.mark.filterwarnings("ignore:Series.values")  # from inside the calendar library
def test_the_shipped_table_is_what_the_tool_writes() -> None:
    """Where the calendar library is installed in the version the table names."""
    pytest.importorskip("exchange_calendars")
    from tools.make_calendars import table_text

    table = session_table("XNYS")
    if table.source != f"exchange_calendars-{version('exchange_calendars')}":
        pytest.skip(f"another version than {table.source} is installed")
    assert tuple(table_text("XNYS").splitlines()[2:]) == table.rows


def test_the_table_names_its_source_and_version() -> None:
    table = session_table("XNYS")
    assert (table.calendar, table.version) == ("XNYS", "1")
    assert table.source.startswith("exchange_calendars-")
