"""Pushes numbered reports to clients, right or, where a fault strikes, wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from regimeflow.brokers.sim import messages as m
from regimeflow.brokers.sim.translate import body_from
from regimeflow.model import reports as r
from regimeflow.testing.venues.faults import FaultKind, VenueFaults
from regimeflow.testing.venues.replies import Replies
from regimeflow.testing.venues.report_store import Numbered

UNKNOWN_KIND = "HeldForReview"


class ReportOutlet:
    """The way a report takes from the books to the wire; `omitted` are the numbers left out."""

    def __init__(
        self,
        *,
        faults: VenueFaults,
        replies: Replies,
        broadcast: Callable[[m.Report], None],
        bust: Callable[[str], None],
    ) -> None:
        self._faults = faults
        self._replies = replies
        self._broadcast = broadcast
        self._bust = bust
        self._held: dict[str, list[Numbered]] = {}
        self.omitted: set[int] = set()

    def publish(self, numbered: Numbered) -> None:
        """Push a report and answer the request it settles."""
        strikes, report = self._faults.strikes, numbered.report
        if isinstance(report, r.OrderFilled):
            if strikes(FaultKind.OMITTED_FILL) is not None:
                self.omitted.add(numbered.report_seq)
                return
            delay_s = strikes(FaultKind.BUST)
            if delay_s is not None:
                self._later(delay_s, self._bust, report.execution_id)
        if isinstance(report, r.OrderAccepted):
            hold_s = strikes(FaultKind.FILL_BEFORE_ACK)
            if hold_s is not None:
                self._held.setdefault(report.client_order_id, []).append(numbered)
                self._later(hold_s, self._release, report.client_order_id)
                return
        self._send(numbered)
        if isinstance(report, r.OrderFilled):
            self._release(report.client_order_id)

    def message_of(self, numbered: Numbered) -> m.Report | None:
        """A report as it is repeated to who missed it; None for one that is left out."""
        if numbered.report_seq in self.omitted:
            return None
        return _push(numbered)

    def _send(self, numbered: Numbered) -> None:
        strikes = self._faults.strikes
        push = _push(numbered)
        if strikes(FaultKind.UNKNOWN_STATUS) is not None:
            push = m.Report(
                report_seq=push.report_seq,
                fill_seq=push.fill_seq,
                report={**push.report, "kind": UNKNOWN_KIND},
            )
            self._broadcast(push)
            return
        delay_s = strikes(FaultKind.REORDER)
        if delay_s is not None:
            self._later(delay_s, self._broadcast, push)
        else:
            self._broadcast(push)
        for _ in range(int(strikes(FaultKind.DUPLICATE_REPORT) or 0)):
            self._broadcast(push)
        self._replies.answer(numbered)

    def _release(self, client_order_id: str) -> None:
        for numbered in self._held.pop(client_order_id, []):
            self._send(numbered)

    @staticmethod
    def _later(delay_s: float, action: Callable[..., None], *arguments: object) -> None:
        asyncio.get_running_loop().call_later(delay_s, action, *arguments)


def _push(numbered: Numbered) -> m.Report:
    return m.Report(
        report_seq=numbered.report_seq,
        fill_seq=numbered.fill_seq,
        report=body_from(numbered.report),
    )
