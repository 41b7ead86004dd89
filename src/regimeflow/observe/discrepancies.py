"""How long the broker's positions have differed from the books, and holes in the data.

A reconciliation cycle is one snapshot that lists positions. A mismatch still reported in the
next cycle is unresolved; one that a whole cycle did not mention is resolved.
"""

from __future__ import annotations

from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import BrokerSnapshot, FeedGap
from regimeflow.observe.verdicts import Severity

POSITION_KIND = "position"
"""Discrepancies whose kind begins so are about positions."""
GAP_WARN_BARS = 2.0
GAP_BREACH_BARS = 10.0


class PositionWatch:
    """Counts the cycles for which each symbol's mismatch has been standing."""

    __slots__ = ("_cycles", "_mentioned", "mismatches")

    def __init__(self) -> None:
        self._cycles: dict[str, int] = {}
        self._mentioned: dict[str, None] = {}
        self.mismatches = 0

    def on_record(self, body: object) -> bool:
        """Take one record; True when a mismatch was reported."""
        if type(body) is BrokerSnapshot and body.positions is not None:
            self._cycles = {
                subject: cycles
                for subject, cycles in self._cycles.items()
                if subject in self._mentioned
            }
            self._mentioned = {}
        elif type(body) is DiscrepancyFound and body.kind.startswith(POSITION_KIND):
            self.mismatches += 1
            if body.subject not in self._mentioned:
                self._mentioned[body.subject] = None
                self._cycles[body.subject] = self._cycles.get(body.subject, 0) + 1
            return True
        return False

    @property
    def cycles(self) -> int:
        """Cycles for which the oldest standing mismatch has been reported; 0 when none."""
        return max(self._cycles.values(), default=0)

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
