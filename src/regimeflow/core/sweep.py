"""The sweep: what the broker lists and no stream delivered is booked, once, by its own id.

A live stream is not a complete stream. Every snapshot's fills, annulments and cash postings are
compared with what is booked; what is missing is booked as evidence (a notice in the journal),
and a later report of the same id is a repeat.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from regimeflow.core.resolutions import refusal_of
from regimeflow.model import events as e
from regimeflow.model.account import FillRecord
from regimeflow.model.commands import BustRecovered, CashRecovered, FillRecovered

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

EVIDENCE = "listed by the broker, delivered by no stream"


class Sweep:
    """Books what a snapshot lists and the books do not hold, for one engine."""

    __slots__ = ("_engine",)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, snapshot: e.BrokerSnapshot) -> None:
        """Compare annulments, fills and cash postings with the books, in this order.

        What takes the place of an annulled execution is no overfill once that is reversed.
        """
        for annulled in snapshot.annulled:
            self._recover_bust(annulled)
        for fill in snapshot.fills or ():
            self._recover(fill)
        self._recover_cash(snapshot.activities)

    def _recover_cash(self, activities: Iterable[e.CashPosted]) -> None:
        known = self._engine.ledger.portfolio.activities
        for posting in activities:
            is_news = posting.activity_id and posting.activity_id not in known
            if is_news and posting.amount.is_finite():
                self._engine.emit(CashRecovered(posting, EVIDENCE))

    def _recover_bust(self, record: FillRecord) -> None:
        engine, name = self._engine, record.execution_id
        executions = engine.ledger.orders.executions
        if name in executions.annulled and name not in executions.annulled_early:
            return
        was_booked, is_news = executions.is_booked(name), name not in executions.annulled
        fill = _as_report(record)
        if not was_booked and refusal_of(executions, fill) is not None:
            return  # it cannot be booked, so there is nothing to reverse
        notice = BustRecovered(fill, EVIDENCE)
        applied = engine.emit(notice)
        if is_news:
            engine.report_handler.settle_bust(applied, notice.bust, was_booked=was_booked)
        if not was_booked:
            engine.report_handler.settle_fill(applied, notice.fill)

    def _recover(self, record: FillRecord) -> None:
        engine, fill = self._engine, _as_report(record)
        executions = engine.ledger.orders.executions
        if executions.is_repeat(fill) or executions.is_past_horizon(fill):
            return
        refused = refusal_of(executions, fill)
        if refused is None:
            evidence = EVIDENCE
            engine.report_handler.settle_fill(engine.emit(FillRecovered(fill, evidence)), fill)
        elif not engine.discrepancies.is_quarantined(fill.execution_id):
            engine.report_handler.settle_fill(refused, fill)


def _as_report(record: FillRecord) -> e.OrderFilled:
    return e.OrderFilled(
        client_order_id=record.client_order_id,
        broker_order_id=record.broker_order_id,
        execution_id=record.execution_id,
        symbol=record.symbol,
        side=record.side,
        quantity=record.quantity,
        price=record.price,
        fee=record.fee,
        ts_venue_ns=record.ts_venue_ns,
    )
