"""How each known bug is planted: one function a bug, given a patch that undoes it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from regimeflow.core.approved import Approved
from regimeflow.core.executions import Executions
from regimeflow.core.exposure import Exposure
from regimeflow.core.ledger import Ledger
from regimeflow.core.on_report import ReportHandler
from regimeflow.core.order_truth import OrderTruth
from regimeflow.core.portfolio import Portfolio
from regimeflow.core.reconcile import Reconciler
from regimeflow.core.sweep import Sweep
from regimeflow.errors import JournalError
from regimeflow.journal import recovery
from regimeflow.journal.writer import JournalWriter
from regimeflow.live.inbox import Inbox
from regimeflow.live.linked import LinkedRun
from regimeflow.model.commands import SubmitOrder
from regimeflow.model.events import OrderFilled
from regimeflow.model.order import Order, OrderStatus

_UNPROVED = frozenset({OrderStatus.PENDING_NEW, OrderStatus.IN_DOUBT})


# --- M1 to M9 -------------------------------------------------------------------------------


def resent(order: Order) -> Approved:
    fields = {name: getattr(order, name) for name in SubmitOrder.__struct_fields__}
    return Approved(SubmitOrder(**fields))


def resend_on_timeout(patch: pytest.MonkeyPatch) -> None:
    begin = OrderTruth.begin_doubt

    def begin_and_resend(self: OrderTruth, order: Order) -> None:
        begin(self, order)
        if order.status is OrderStatus.IN_DOUBT:
            self._engine.emit(resent(order))

    patch.setattr(OrderTruth, "begin_doubt", begin_and_resend)


def send_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalWriter, "sync", lambda self: None)


def sync_facts_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalWriter, "_sync_files", lambda self: self._facts_file.sync())


def count_every_report(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Executions, "is_repeat", lambda self, fill: False)
    patch.setattr(Executions, "is_other", lambda self, fill: False)


def forget_what_is_in_flight(patch: pytest.MonkeyPatch) -> None:
    may_fill = Exposure._may_fill

    def proved_only(self: Exposure, order: Order, asked: Any) -> tuple[Decimal, Decimal]:
        if order.status in _UNPROVED:
            return Decimal(0), Decimal(0)
        return may_fill(self, order, asked)

    patch.setattr(Exposure, "_may_fill", proved_only)


def never_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sweep, "take", lambda self, snapshot: None)


def resend_what_is_not_found(patch: pytest.MonkeyPatch) -> None:
    conclude = OrderTruth._conclude

    def conclude_and_resend(self: OrderTruth, order: Order, doubt: Any) -> None:
        conclude(self, order, doubt)
        if order.status is OrderStatus.NOT_FOUND:
            self._engine.emit(resent(order))

    patch.setattr(OrderTruth, "_conclude", conclude_and_resend)


def drop_fills_before_the_acknowledgement(patch: pytest.MonkeyPatch) -> None:
    on_fill = ReportHandler.on_fill

    def on_acknowledged_fill(self: ReportHandler, fill: OrderFilled) -> None:
        order = self._engine.ledger.orders.get(fill.client_order_id)
        if order is None or order.status is not OrderStatus.PENDING_NEW:
            on_fill(self, fill)

    patch.setattr(ReportHandler, "on_fill", on_acknowledged_fill)


def resend_at_boot(patch: pytest.MonkeyPatch) -> None:
    settle = LinkedRun._settle_boot

    def settle_and_resend(self: LinkedRun, pump: Any, inbox: Any, booted: Any) -> None:
        settle(self, pump, inbox, booted)
        for order in list(pump.engine.ledger.orders.open.values()):
            if order.in_doubt:
                pump.router.dispatch(pump.ts_ns, resent(order))

    patch.setattr(LinkedRun, "_settle_boot", settle_and_resend)


def sync_again_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    sync = JournalWriter.sync

    def sync_again(self: JournalWriter) -> None:
        try:
            sync(self)
        except JournalError:
            self._failure = ""

    patch.setattr(JournalWriter, "sync", sync_again)


# --- one and more in each section -------------------------------------------------------------


def annul_every_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Executions, "annul", lambda self, name: self.booked.get(name))


def accuse_at_first_sight(patch: pytest.MonkeyPatch) -> None:
    compare = Reconciler.compare

    def hasty(self: Reconciler, ts_ns: int, snapshot: Any, ledger: Ledger, **named: int) -> Any:
        compare(self, ts_ns, snapshot, ledger, grace_ns=0)
        return compare(self, ts_ns, snapshot, ledger, grace_ns=0)

    patch.setattr(Reconciler, "compare", hasty)


def conflate_everything(patch: pytest.MonkeyPatch) -> None:
    deliver = Inbox.deliver

    def lossy(self: Inbox, event: Any) -> None:
        if len(self._queue) <= 256:
            deliver(self, event)

    patch.setattr(Inbox, "deliver", lossy)


def cut_the_middle(patch: pytest.MonkeyPatch) -> None:
    recover = recovery._recover_facts

    def forgiving(directory: Path, disk: Any, recovered: Any) -> int:
        try:
            return recover(directory, disk, recovered)
        except JournalError:
            return 0

    patch.setattr(recovery, "_recover_facts", forgiving)


def cash_twice(patch: pytest.MonkeyPatch) -> None:
    apply_cash = Portfolio.apply_cash

    def forgetful(self: Portfolio, posting: Any) -> None:
        self.activities.clear()
        apply_cash(self, posting)

    patch.setattr(Portfolio, "apply_cash", forgetful)
