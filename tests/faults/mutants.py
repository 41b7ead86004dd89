"""Planted bugs, and the tests that have to kill each: a suite that kills none proves nothing.

M1 to M9 are the classic ways to lose or double an order; the others plant one bug in each
section of the fault matrix. `make mutants` runs every mutant against its tests and fails if one
survives (`run_mutants.py`). A name in `REGIMEFLOW_MUTANT` plants one by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from regimeflow.backtest.order_tally import OrderTally
from regimeflow.core.approved import Approved
from regimeflow.core.discrepancies import Discrepancies
from regimeflow.core.executions import Executions
from regimeflow.core.exposure import Exposure
from regimeflow.core.external import Externals
from regimeflow.core.ledger import Ledger
from regimeflow.core.on_operator import OperatorHandler
from regimeflow.core.on_report import ReportHandler
from regimeflow.core.on_session import SessionHandler
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

MUTANT_VARIABLE = "REGIMEFLOW_MUTANT"
"""Names the mutant to plant in a run of the tests."""
_UNPROVED = frozenset({OrderStatus.PENDING_NEW, OrderStatus.IN_DOUBT})


@dataclass(frozen=True)
class Mutant:
    """A bug that can be switched on: what it is, how it is planted, which tests kill it."""

    bug: str
    plant: Callable[[pytest.MonkeyPatch], None]
    killed_by: tuple[str, ...]


# --- M1 to M9 -------------------------------------------------------------------------------


def _resent(order: Order) -> Approved:
    fields = {name: getattr(order, name) for name in SubmitOrder.__struct_fields__}
    return Approved(SubmitOrder(**fields))


def _resend_on_timeout(patch: pytest.MonkeyPatch) -> None:
    begin = OrderTruth.begin_doubt

    def begin_and_resend(self: OrderTruth, order: Order) -> None:
        begin(self, order)
        if order.status is OrderStatus.IN_DOUBT:
            self._engine.emit(_resent(order))

    patch.setattr(OrderTruth, "begin_doubt", begin_and_resend)


def _send_before_sync(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(JournalWriter, "sync", lambda self: None)


def _count_every_report(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Executions, "is_repeat", lambda self, fill: False)
    patch.setattr(Executions, "is_other", lambda self, fill: False)


def _forget_what_is_in_flight(patch: pytest.MonkeyPatch) -> None:
    may_fill = Exposure._may_fill

    def proved_only(self: Exposure, order: Order, asked: Any) -> tuple[Decimal, Decimal]:
        if order.status in _UNPROVED:
            return Decimal(0), Decimal(0)
        return may_fill(self, order, asked)

    patch.setattr(Exposure, "_may_fill", proved_only)


def _never_sweep(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Sweep, "take", lambda self, snapshot: None)


def _resend_what_is_not_found(patch: pytest.MonkeyPatch) -> None:
    conclude = OrderTruth._conclude

    def conclude_and_resend(self: OrderTruth, order: Order, doubt: Any) -> None:
        conclude(self, order, doubt)
        if order.status is OrderStatus.NOT_FOUND:
            self._engine.emit(_resent(order))

    patch.setattr(OrderTruth, "_conclude", conclude_and_resend)


def _drop_fills_before_the_acknowledgement(patch: pytest.MonkeyPatch) -> None:
    on_fill = ReportHandler.on_fill

    def on_acknowledged_fill(self: ReportHandler, fill: OrderFilled) -> None:
        order = self._engine.ledger.orders.get(fill.client_order_id)
        if order is None or order.status is not OrderStatus.PENDING_NEW:
            on_fill(self, fill)

    patch.setattr(ReportHandler, "on_fill", on_acknowledged_fill)


def _resend_at_boot(patch: pytest.MonkeyPatch) -> None:
    settle = LinkedRun._settle_boot

    def settle_and_resend(self: LinkedRun, pump: Any, inbox: Any, booted: Any) -> None:
        settle(self, pump, inbox, booted)
        for order in list(pump.engine.ledger.orders.open.values()):
            if order.in_doubt:
                pump.router.dispatch(pump.ts_ns, _resent(order))

    patch.setattr(LinkedRun, "_settle_boot", settle_and_resend)


def _sync_again_after_a_failure(patch: pytest.MonkeyPatch) -> None:
    sync = JournalWriter.sync

    def sync_again(self: JournalWriter) -> None:
        try:
            sync(self)
        except JournalError:
            self._failure = ""

    patch.setattr(JournalWriter, "sync", sync_again)


# --- one and more in each section -------------------------------------------------------------


def _replace(owner: type, name: str, mutant: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(owner, name, mutant)


def _nothing(self: object, *arguments: object, **named: object) -> None:
    """A duty that is not done."""


def _annul_every_time(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Executions, "annul", lambda self, name: self.booked.get(name))


def _accuse_at_first_sight(patch: pytest.MonkeyPatch) -> None:
    compare = Reconciler.compare

    def hasty(self: Reconciler, ts_ns: int, snapshot: Any, ledger: Ledger, **named: int) -> Any:
        compare(self, ts_ns, snapshot, ledger, grace_ns=0)
        return compare(self, ts_ns, snapshot, ledger, grace_ns=0)

    patch.setattr(Reconciler, "compare", hasty)


def _conflate_everything(patch: pytest.MonkeyPatch) -> None:
    deliver = Inbox.deliver

    def lossy(self: Inbox, event: Any) -> None:
        if len(self._queue) <= 256:
            deliver(self, event)

    patch.setattr(Inbox, "deliver", lossy)


def _cut_the_middle(patch: pytest.MonkeyPatch) -> None:
    recover = recovery._recover_facts

    def forgiving(directory: Path, disk: Any, recovered: Any) -> int:
        try:
            return recover(directory, disk, recovered)
        except JournalError:
            return 0

    patch.setattr(recovery, "_recover_facts", forgiving)


def _cash_twice(patch: pytest.MonkeyPatch) -> None:
    apply_cash = Portfolio.apply_cash

    def forgetful(self: Portfolio, posting: Any) -> None:
        self.activities.clear()
        apply_cash(self, posting)

    patch.setattr(Portfolio, "apply_cash", forgetful)


SUBMIT, FILLS, CANCEL = "test_submit.py", "test_fills.py", "test_cancel_replace.py"
SESSION, ACCOUNT, MARKET = "test_session.py", "test_account.py", "test_market_data.py"
JOURNAL, RESTART, PROCESS = "test_journal.py", "test_restart_process.py", "test_process.py"
SOAK = "test_soak.py"

MUTANTS: dict[str, Mutant] = {
    "M1": Mutant("resends on a timeout", _resend_on_timeout, (f"{SUBMIT}::test_f01",)),
    "M2": Mutant("sends before the sync", _send_before_sync, (f"{JOURNAL}::test_f62",)),
    "M3": Mutant("no dedupe by execution", _count_every_report, (f"{FILLS}::test_f16",)),
    "M4": Mutant(
        "what is in flight is no exposure", _forget_what_is_in_flight, (f"{SUBMIT}::test_f14",)
    ),
    "M5": Mutant("no sweep of fills", _never_sweep, (f"{FILLS}::test_f17", f"{FILLS}::test_f19")),
    "M6": Mutant("resends what is not found", _resend_what_is_not_found, (f"{SUBMIT}::test_f02",)),
    "M7": Mutant(
        "drops a fill before the ack",
        _drop_fills_before_the_acknowledgement,
        (f"{SUBMIT}::test_f07",),
    ),
    "M8": Mutant("resends at boot", _resend_at_boot, (f"{RESTART}::test_f62",)),
    "M9": Mutant("syncs again after EIO", _sync_again_after_a_failure, (f"{JOURNAL}::test_f67",)),
    "LATE": Mutant(
        "lets an order live that was proved absent",
        _replace(Discrepancies, "report_late", _nothing),
        (f"{SUBMIT}::test_f03",),
    ),
    "BUST": Mutant("reverses an execution twice", _annul_every_time, (f"{FILLS}::test_f21",)),
    "QUARANTINE": Mutant(
        "forgets what a fill without an order asks for",
        _replace(Discrepancies, "take_unattributed", _nothing),
        (f"{FILLS}::test_f20", f"{FILLS}::test_f25"),
    ),
    "REFUSAL": Mutant(
        "believes a refused cancel",
        _replace(ReportHandler, "_ask_after_refusal", _nothing),
        (f"{CANCEL}::test_f27", f"{CANCEL}::test_f28"),
    ),
    "REPLACE": Mutant(
        "gives a replacement up before its window",
        _replace(OrderTruth, "_may_still_be_replaced", lambda self, order, record: False),
        (f"{CANCEL}::test_f32",),
    ),
    "PAST": Mutant(
        "takes an old snapshot for a new one",
        _replace(ReportHandler, "_see", _nothing),
        (f"{SESSION}::test_f53",),
    ),
    "EPOCH": Mutant(
        "drops a fill whose id was used before",
        _replace(Executions, "is_repeat", lambda self, fill: fill.execution_id in self.booked),
        (f"{SESSION}::test_f47",),
    ),
    "HASTY": Mutant(
        "accuses at first sight",
        _accuse_at_first_sight,
        (f"{ACCOUNT}::test_f54", "test_reconciliation.py::test_difference_that_heals"),
    ),
    "POLICY": Mutant(
        "ignores what the configuration says of others' positions",
        _replace(Externals, "resolve", lambda self, difference: "whatever"),
        (f"{ACCOUNT}::test_f38",),
    ),
    "CASH": Mutant("books an activity twice", _cash_twice, (f"{ACCOUNT}::test_f40",)),
    "BAR": Mutant(
        "decides on a bar again",
        _replace(Ledger, "apply_bar", lambda self, bar: True),
        (f"{MARKET}::test_f59",),
    ),
    "FLOOD": Mutant("loses trades in a burst", _conflate_everything, (f"{MARKET}::test_f60",)),
    "MIDDLE": Mutant("trades on a damaged journal", _cut_the_middle, (f"{JOURNAL}::test_f65",)),
    "BACKUP": Mutant(
        "trades on an old backup",
        _replace(Externals, "note_own_id", _nothing),
        (f"{RESTART}::test_f71",),
    ),
    "RACE": Mutant(
        "lets a resume win over a halt",
        _replace(OperatorHandler, "_why_not_resume", lambda self: ""),
        (f"{PROCESS}::test_f76",),
    ),
    "DEADLINK": Mutant(
        "lets the link die with the journal",
        _replace(LinkedRun, "_guarded", lambda self, deliver, stop: deliver),
        ("test_disk_behind_link.py::test_f66",),
    ),
    "HOARD": Mutant(
        "forgets no order that has ended",
        _replace(OrderTally, "_close", _nothing),
        (f"{SOAK}::test_f78_two_days",),
    ),
    "NIGHT": Mutant(
        "loses the end of a session",
        _replace(SessionHandler, "_end_session", _nothing),
        (f"{SOAK}::test_f78_two_days",),
    ),
}
