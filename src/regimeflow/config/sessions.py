"""`sessions`: when the market is open, and when the end of the day is told to strategies."""

from __future__ import annotations

from typing import Literal

from regimeflow.config.scalars import Whole
from regimeflow.config.section import Section, key


class SessionsSection(Section):
    """The trading calendar."""

    calendar: Literal["auto", "XNYS", "24/7"] = key(
        "auto is XNYS for equity and 24/7 for crypto.", default="auto"
    )
    end_of_day_minutes: Whole = key(
        "How long before the close on_end_of_day is called on intraday data; on daily data it "
        "follows the last bar.",
        default=10,
        unit="minutes",
        gt=0,
        le=240,
    )
