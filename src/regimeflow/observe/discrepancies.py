"""How long the broker's positions have differed from the books, and holes in the data.

The reconciler reports a mismatch once, when two successive snapshots have shown it, which is
one unresolved cycle. From then on each snapshot that lists positions is one more, until the
broker's quantity equals ours, followed here through fills and splits.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from regimeflow.backtest.execution_fold import Booking
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import BrokerSnapshot, FeedGap
from regimeflow.model.market import ActionKind, CorporateAction
from regimeflow.observe.verdicts import Severity

POSITION_KIND = "position"
"""Kind of the discrepancies that are about positions; `ours` and `theirs` are quantities."""
GAP_WARN_BARS = 2.0
GAP_BREACH_BARS = 10.0


class Mismatch(msgspec.Struct):
    """One symbol whose position differs: what we hold, and for how many cycles."""

    ours: Decimal
    cycles: int = 1


class PositionWatch:
    """Counts the cycles for which each symbol's mismatch has been standing."""

    __slots__ = ("_standing", "mismatches")

    def __init__(self) -> None:
        self._standing: dict[str, Mismatch] = {}
        self.mismatches = 0

    def on_record(self, body: object) -> bool:
        """Take one record; True when `severity` may have changed."""
        if type(body) is DiscrepancyFound and body.kind == POSITION_KIND:
            self.mismatches += 1
            self._standing.setdefault(body.subject, Mismatch(Decimal(body.ours)))
            return True
        if not self._standing:
            return False
        if type(body) is BrokerSnapshot and body.positions is not None:
            theirs = {record.symbol: record.quantity for record in body.positions}
            for symbol, mismatch in list(self._standing.items()):
                mismatch.cycles += 1
                if theirs.get(symbol, Decimal(0)) == mismatch.ours:
                    del self._standing[symbol]
            return True
        if type(body) is CorporateAction and body.symbol in self._standing:
            ratio = body.value if body.kind is ActionKind.SPLIT else Decimal(1)
            self._standing[body.symbol].ours *= ratio
        return False

    def on_booking(self, booking: Booking) -> None:
        """Follow an execution that was booked or reversed: our side of a mismatch moved."""
        fill, mismatch = booking.fill, self._standing.get(booking.fill.symbol)
        if mismatch is not None:
            side = fill.side.opposite if booking.is_reversal else fill.side
            mismatch.ours += side.sign * fill.quantity

    @property
    def cycles(self) -> int:
        """Cycles for which the oldest mismatch has been standing; 0 when there is none."""
        return max((mismatch.cycles for mismatch in self._standing.values()), default=0)

    @property
    def severity(self) -> Severity:
        """One cycle warns, two are a breach."""
        return (Severity.OK, Severity.WARN, Severity.BREACH)[min(self.cycles, 2)]


class GapWatch:
    """The worst hole in the data since the last evaluation, in bars, and over all."""

    __slots__ = ("_bar_ns", "gap_bars", "gap_ns_max", "gaps")

    def __init__(self, bar_ns: int) -> None:
        self._bar_ns = bar_ns
        self.gaps = 0
        self.gap_ns_max = 0
        self.gap_bars = 0.0

    def on_gap(self, gap: FeedGap) -> None:
        """Take one gap."""
        length_ns = gap.ts_to_ns - gap.ts_from_ns
        self.gaps += 1
        self.gap_ns_max = max(self.gap_ns_max, length_ns)
        self.gap_bars = max(self.gap_bars, length_ns / self._bar_ns)

    def reset(self) -> None:
        """Begin a new evaluation period."""
        self.gap_bars = 0.0

    @property
    def severity(self) -> Severity:
        """More than two missing bars warn; more than ten make the verdict unknown."""
        if self.gap_bars > GAP_BREACH_BARS:
            return Severity.BREACH
        return Severity.WARN if self.gap_bars > GAP_WARN_BARS else Severity.OK
