"""Time columns: which form they have, and their values as integers.

A date means a whole session. A moment is ISO 8601 with a zone, or whole seconds, milliseconds,
microseconds or nanoseconds since 1970, told apart by size. A moment without a zone is refused:
guessing one moves every bar by hours.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from regimeflow.errors import DataError
from regimeflow.model.timestamps import NS_PER_MS, NS_PER_S, NS_PER_US

if TYPE_CHECKING:
    from regimeflow.data.blocks import Ints

EPOCH_UNITS_NS = {"s": NS_PER_S, "ms": NS_PER_MS, "us": NS_PER_US, "ns": 1}
# A count since 1970 tells its unit by its size: 10**11 s is the year 5138, 10**11 ms is 1973.
# Eight digits are refused: 20080102 is a date to its writer, not a second of the year 1970.
EPOCH_RANGES = {
    "s": (10**8, 10**11),
    "ms": (10**11, 10**14),
    "us": (10**14, 10**17),
    "ns": (10**17, 2**63),
}
ACCEPTED = (
    "2008-01-02, 2008-01-02T14:30:00Z, 2008-01-02 09:30:00-05:00, or whole s, ms, us or ns "
    "since 1970"
)

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MIDNIGHT = re.compile(r"\d{4}-\d\d-\d\d[ T]00:00(:00(\.0+)?)?(Z|[+-]\d\d:?\d\d)?")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)")
_NO_ZONE = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?")
_COUNT = re.compile(r"\d{1,19}")


class TimeForm(StrEnum):
    """How the values of a time column are written."""

    DATE = "date"
    DATE_AT_MIDNIGHT = "date at midnight"
    MOMENT = "ISO moment"
    EPOCH_S = "s"
    EPOCH_MS = "ms"
    EPOCH_US = "us"
    EPOCH_NS = "ns"

    @property
    def is_date(self) -> bool:
        """Whether a value names a day rather than a moment."""
        return self in (TimeForm.DATE, TimeForm.DATE_AT_MIDNIGHT)


def form_of_text(text: str, *, is_dated: bool, where: str) -> TimeForm:
    """The form of a column whose first value is `text`; DataError when it has none."""
    text = text.strip()
    if _DATE.fullmatch(text):
        return TimeForm.DATE
    if is_dated and _MIDNIGHT.fullmatch(text):
        return TimeForm.DATE_AT_MIDNIGHT
    if _MOMENT.fullmatch(text):
        return TimeForm.MOMENT
    if _COUNT.fullmatch(text):
        return form_of_count(int(text), where=where)
    if _NO_ZONE.fullmatch(text):
        raise DataError(f"{where}: the time {text!r} has no zone; write it as in {ACCEPTED}")
    raise DataError(f"{where}: the time {text!r} is not understood; accepted: {ACCEPTED}")


def form_of_count(count: int, *, where: str) -> TimeForm:
    """The unit of a count since 1970, by its size; DataError when it is too small for any."""
    for unit, (lowest, bound) in EPOCH_RANGES.items():
        if lowest <= count < bound:
            return TimeForm(unit)
    raise DataError(f"{where}: the time {count} is not understood; accepted: {ACCEPTED}")


def matches_form(text: str, form: TimeForm) -> bool:
    """Whether one value is written in `form`."""
    text = text.strip()
    if form is TimeForm.DATE:
        return bool(_DATE.fullmatch(text))
    if form is TimeForm.DATE_AT_MIDNIGHT:
        return bool(_MIDNIGHT.fullmatch(text))
    if form is TimeForm.MOMENT:
        return bool(_MOMENT.fullmatch(text))
    lowest, bound = EPOCH_RANGES[form.value]
    return bool(_COUNT.fullmatch(text)) and lowest <= int(text) < bound


def arrow_type(form: TimeForm) -> pa.DataType:
    """The Arrow type a text column of `form` is parsed as."""
    if form is TimeForm.DATE:
        return pa.date32()
    if form is TimeForm.DATE_AT_MIDNIGHT:
        return pa.string()
    if form is TimeForm.MOMENT:
        return pa.timestamp("ns", tz="UTC")
    return pa.int64()


def integers(column: pa.Array, form: TimeForm) -> Ints:
    """Days since 1970 for a date form, nanoseconds otherwise.

    Raises ValueError when a value is not of `form`; the caller finds the row and says so.
    """
    if form is TimeForm.DATE_AT_MIDNIGHT:
        if not pc.all(pc.match_substring_regex(column, f"^{_MIDNIGHT.pattern}$")).as_py():
            raise ValueError("a date that is not at midnight")
        column = pc.utf8_slice_codeunits(column, 0, 10).cast(pa.date32())
    if form.is_date:
        days: Ints = column.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64)
        return days
    values: Ints = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    if form is TimeForm.MOMENT:
        return values
    lowest, bound = EPOCH_RANGES[form.value]
    if len(values) and not (lowest <= int(values.min()) and int(values.max()) < bound):
        raise ValueError("a time in another unit")
    return values * EPOCH_UNITS_NS[form.value]
