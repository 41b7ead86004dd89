"""United States regulatory fees by date: facts that change, apart from the code that uses them.

Invariant: each table is in date order. A date before the first row uses the first row: old prices
are charged the oldest rate we have evidence for, which is said here rather than hidden.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from decimal import Decimal

import msgspec

from regimeflow.model.timestamps import ns_from_date


class DatedRate(msgspec.Struct, frozen=True):
    """A rate in force from 00:00 UTC of `since_ns`; `cap` is the most per execution."""

    since_ns: int
    rate: Decimal
    cap: Decimal | None = None


def _since(year: int, month: int, day: int, rate: str, cap: str | None = None) -> DatedRate:
    limit = None if cap is None else Decimal(cap)
    return DatedRate(ns_from_date(date(year, month, day)), Decimal(rate), limit)


# Per unit of sale proceeds. Source: SEC fee rate advisories, sec.gov (read 2026-11).
SEC = (
    _since(2024, 5, 22, "0.00002780"),
    _since(2025, 5, 14, "0"),
    _since(2026, 4, 4, "0.00002060"),
)
# Per share sold, capped per execution. Source: FINRA By-Laws Schedule A, section 1, finra.org
# (read 2026-11). The holiday proposed for the last quarter of 2026 (SR-FINRA-2026-021) is left
# out until it is in force: leaving it out can only overstate the cost.
TAF = (
    _since(2024, 1, 1, "0.000166", "8.30"),
    _since(2026, 1, 1, "0.000195", "9.79"),
    _since(2027, 1, 1, "0.000232", "11.61"),
)
# Per share, both sides. Source: https://alpaca.markets/support/regulatory-fees, which showed
# 0.000053 together with the SEC rate of early 2025, then 0.0000265 with CAT fee 2025-2.
CAT = (
    _since(2025, 1, 1, "0.000053"),
    _since(2025, 7, 1, "0.0000265"),
)


def rate_at(table: tuple[DatedRate, ...], ts_ns: int) -> DatedRate:
    """The row in force at `ts_ns`; the first row before its date."""
    index = bisect_right(table, ts_ns, key=lambda row: row.since_ns) - 1
    return table[max(index, 0)]
