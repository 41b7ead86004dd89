"""Every report of an epoch with its number, for whoever missed some.

Bound: the newest `REPORTS_KEPT_MAX` reports are kept whole, and of older ones the fills: every
fill of a run can be repeated for ever.
"""

from __future__ import annotations

import msgspec

from regimeflow.model.reports import BrokerReport, OrderFilled

REPORTS_KEPT_MAX = 200_000


class Numbered(msgspec.Struct, frozen=True):
    """A report with its number, and its number among fills if it is one."""

    report_seq: int
    fill_seq: int | None
    report: BrokerReport


class ReportStore:
    """Reports in order. `complete_after` is the number from which nothing has been dropped."""

    __slots__ = ("_kept", "complete_after", "epoch", "fill_seq", "kept_max", "report_seq")

    def __init__(self, kept_max: int = REPORTS_KEPT_MAX) -> None:
        self.kept_max = kept_max
        self.epoch = 1
        self._kept: list[Numbered] = []
        self.report_seq = 0
        self.fill_seq = 0
        self.complete_after = 0

    def add(self, report: BrokerReport) -> Numbered:
        """Number a report and keep it."""
        self.report_seq += 1
        fill_seq = None
        if isinstance(report, OrderFilled):
            self.fill_seq += 1
            fill_seq = self.fill_seq
        numbered = Numbered(self.report_seq, fill_seq, report)
        self._kept.append(numbered)
        if len(self._kept) > 2 * self.kept_max + self.fill_seq:
            self._drop_old()
        return numbered

    def after(self, report_seq: int) -> list[Numbered]:
        """The kept reports after a number; complete if that is not before `complete_after`."""
        return [numbered for numbered in self._kept if numbered.report_seq > report_seq]

    def fills_after(self, fill_seq: int) -> list[Numbered]:
        """The fills after a number among fills; always complete."""
        return [n for n in self._kept if n.fill_seq is not None and n.fill_seq > fill_seq]

    def newest(self, count: int) -> list[Numbered]:
        """The last reports."""
        return self._kept[-count:] if count else []

    def begin_epoch(self) -> None:
        """Forget everything and count from one again."""
        self.epoch += 1
        self._kept.clear()
        self.report_seq = self.fill_seq = self.complete_after = 0

    def _drop_old(self) -> None:
        old, recent = self._kept[: -self.kept_max], self._kept[-self.kept_max :]
        self.complete_after = old[-1].report_seq
        self._kept = [numbered for numbered in old if numbered.fill_seq is not None] + recent
