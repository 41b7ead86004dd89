"""What is kept of an order whose fate is unknown, while it is asked after."""

from __future__ import annotations

import msgspec

from regimeflow.model.ids import ClientOrderId


class Doubt(msgspec.Struct, array_like=True):
    """Since when an order is unaccounted for, and which negatives came after the window.

    `is_told`: that the venue gives it a status that is not known here has been reported.
    """

    since_ns: int
    queries: int = 0
    is_unknown_by_query: bool = False
    is_missing_in_list: bool = False
    is_told: bool = False


class SavedTruth(msgspec.Struct, frozen=True, array_like=True):
    """Orders in doubt by their first id, and what paces the questions."""

    doubts: dict[ClientOrderId, Doubt]
    next_refresh_ns: int
    request_number: int
