"""What is kept of an order whose fate is unknown, and when evidence about it was made.

Evidence is judged by when it was made, not by when it came: an answer that waited in a socket may
be older than the order it does not know. When that was is told by the venue's own clock, less by
how much it was last measured to be ahead of ours. Where nothing was measured the clocks are taken
to agree: a venue that is behind is then believed as much later, which ends. Where the venue
states no time, what counts is an answer to a question that was asked late enough.
"""

from __future__ import annotations

import msgspec

from regimeflow.model.events import ClockMeasured
from regimeflow.model.ids import ClientOrderId


class Doubt(msgspec.Struct, array_like=True):
    """Since when an order is unaccounted for, and which negatives came after the window.

    `is_told`: that the venue gives it a status that is not known here has been reported.
    `asked_ns`: when it was last asked after. `are_fills_listed`: a list of fills came after the
    window, so that what it lacks is proved not to come, or cannot be booked.
    """

    since_ns: int
    queries: int = 0
    is_unknown_by_query: bool = False
    is_missing_in_list: bool = False
    is_told: bool = False
    asked_ns: int = 0
    are_fills_listed: bool = False

    def is_past(self, ts_ns: int, window_ns: int) -> bool:
        """Whether evidence that was made at this time may prove an absence."""
        return ts_ns - self.since_ns >= window_ns


class VenueClock(msgspec.Struct, frozen=True, array_like=True):
    """By how much the venue's clock was last measured to be ahead of ours, give or take."""

    ahead_ns: int = 0
    blur_ns: int = 0

    def measured(self, ts_ns: int, measured: ClockMeasured) -> VenueClock:
        """The newest measurement is what counts."""
        return VenueClock(measured.ts_venue_ns - ts_ns, measured.uncertainty_ns)

    def adjusted(self, delta_ns: int) -> VenueClock:
        """Our own clock was set."""
        return VenueClock(self.ahead_ns - delta_ns, self.blur_ns)

    def made_ns(self, ts_venue_ns: int, ts_ns: int, *, asked_ns: int) -> int:
        """When, at the earliest and by our clock, something was made that has come by `ts_ns`."""
        if not ts_venue_ns:
            return asked_ns
        return min(ts_venue_ns - self.ahead_ns - self.blur_ns, ts_ns)


class SavedTruth(msgspec.Struct, frozen=True, array_like=True):
    """Orders in doubt by their first id, what paces the questions, and the venue's clock."""

    doubts: dict[ClientOrderId, Doubt]
    next_refresh_ns: int
    request_number: int
    clock: VenueClock = VenueClock()


def request_id_of(prefix: str, ts_ns: int, number: int) -> str:
    """The id of a request for a list: it says when it was asked for."""
    return f"{prefix}{ts_ns}-{number}"


def asked_ns_of(request_id: str) -> int:
    """When a request of ours was made; 0 for one that is not."""
    _, _, rest = request_id.partition("-")
    asked, _, number = rest.partition("-")
    return int(asked) if asked.isdecimal() and number.isdecimal() else 0
