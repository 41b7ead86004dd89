"""Integer nanoseconds since 1970-01-01 UTC: constants, parsing and printing, without a clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_S
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns_from_datetime(moment: datetime) -> int:
    """Nanoseconds of an aware `datetime`; exact to the microsecond.

    Raises ValueError for a naive datetime: the caller has to say which zone is meant.
    """
    if moment.tzinfo is None:
        raise ValueError(f"a naive datetime has no instant: {moment!r}")
    delta = moment - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * NS_PER_S + delta.microseconds * NS_PER_US


def ns_from_date(day: date) -> int:
    """Nanoseconds of 00:00 UTC of `day`."""
    return (day - _EPOCH.date()).days * NS_PER_DAY


def date_from_ns(ts_ns: int) -> date:
    """The UTC calendar date that holds `ts_ns`."""
    return (_EPOCH + timedelta(days=ts_ns // NS_PER_DAY)).date()


def format_ns(ts_ns: int) -> str:
    """ISO 8601 with nine fractional digits, as `2008-01-02T14:30:00.000000000Z`."""
    seconds, fraction = divmod(ts_ns, NS_PER_S)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
