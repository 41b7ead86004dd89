"""The venue's state as one value, so that a venue in another process survives a restart."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.model.commands import Command
from regimeflow.model.events import BrokerReport
from regimeflow.model.session import Session
from regimeflow.venue.ledger import Ledger
from regimeflow.venue.observed import Observed
from regimeflow.venue.orders import WorkingOrder


class VenueState(msgspec.Struct, kw_only=True):
    """Orders, books, what was seen, and what is under way; queues as `(due_ns, number, item)`."""

    orders: list[WorkingOrder]
    group_filled: dict[str, tuple[Decimal, int]]
    ledger: Ledger
    observed: Observed
    reports: list[tuple[int, int, BrokerReport]]
    arrivals: list[tuple[int, int, tuple[int, Command]]]
    expiries: list[tuple[int, int, int]]
    closing: list[tuple[int, int, Session]]
    latency: dict[str, int]
    session_open_ns: int
    fresh_after_ns: int
    opened: dict[str, int]
    taken: dict[str, tuple[int, Decimal]]
    ambiguous_bars: int
