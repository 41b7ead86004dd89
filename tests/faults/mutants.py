"""Planted bugs, and the tests that have to kill each: a suite that kills none proves nothing.

M1 to M9 are the classic ways to lose or double an order; the others plant one bug in each
section of the fault matrix. `make mutants` runs every mutant against its tests and fails if one
survives (`run_mutants.py`). A name in `REGIMEFLOW_MUTANT` plants one by hand.
"""

from __future__ import annotations

from decimal import Decimal

from regimeflow.backtest.order_tally import OrderTally
from regimeflow.core.cancels import Cancels
from regimeflow.core.closings import Closings
from regimeflow.core.discrepancies import Discrepancies
from regimeflow.core.executions import Executions
from regimeflow.core.external import Externals
from regimeflow.core.ledger import Ledger
from regimeflow.core.on_operator import OperatorHandler
from regimeflow.core.on_report import ReportHandler
from regimeflow.core.on_session import SessionHandler
from regimeflow.core.order_truth import OrderTruth
from regimeflow.core.protection import Protection
from regimeflow.core.reconcile import Reconciler
from regimeflow.journal import walk
from regimeflow.journal.segments import FORMAT
from regimeflow.live import linked
from regimeflow.live.farewell import Farewell
from regimeflow.testing import SimDisk
from tests.faults import planted_bugs as bugs
from tests.faults.clock_mutants import CLOCK_MUTANTS
from tests.faults.exit_mutants import EXIT_MUTANTS
from tests.faults.mutant import Mutant, nothing, replaced
from tests.faults.state_mutants import STATE_MUTANTS

MUTANT_VARIABLE = "REGIMEFLOW_MUTANT"
"""Names the mutant to plant in a run of the tests."""


SUBMIT, FILLS, CANCEL = "test_submit.py", "test_fills.py", "test_cancel_replace.py"
SESSION, ACCOUNT, MARKET = "test_session.py", "test_account.py", "test_market_data.py"
JOURNAL, RESTART, PROCESS = "test_journal.py", "test_restart_process.py", "test_process.py"
SOAK, REFUSED = "test_soak.py", "test_refused_cancels.py"

MUTANTS: dict[str, Mutant] = {
    "M1": Mutant("resends on a timeout", bugs.resend_on_timeout, (f"{SUBMIT}::test_f01",)),
    "M2": Mutant("sends before the sync", bugs.send_before_sync, (f"{JOURNAL}::test_f62",)),
    "M3": Mutant("no dedupe by execution", bugs.count_every_report, (f"{FILLS}::test_f16",)),
    "M4": Mutant(
        "what is in flight is no exposure", bugs.forget_what_is_in_flight, (f"{SUBMIT}::test_f14",)
    ),
    "M5": Mutant(
        "no sweep of fills", bugs.never_sweep, (f"{FILLS}::test_f17", f"{FILLS}::test_f19")
    ),
    "M6": Mutant(
        "resends what is not found", bugs.resend_what_is_not_found, (f"{SUBMIT}::test_f02",)
    ),
    "M7": Mutant(
        "drops a fill before the ack",
        bugs.drop_fills_before_the_acknowledgement,
        (f"{SUBMIT}::test_f07",),
    ),
    "M8": Mutant("resends at boot", bugs.resend_at_boot, (f"{RESTART}::test_f62",)),
    "M9": Mutant(
        "syncs again after EIO", bugs.sync_again_after_a_failure, (f"{JOURNAL}::test_f67",)
    ),
    "LATE": Mutant(
        "lets an order live that was proved absent",
        replaced(Discrepancies, "report_late", nothing),
        (f"{SUBMIT}::test_f03",),
    ),
    "BUST": Mutant("reverses an execution twice", bugs.annul_every_time, (f"{FILLS}::test_f21",)),
    "EARLY": Mutant(
        "forgets an annulment that came before its execution",
        replaced(Executions, "await_annulled", nothing),
        (f"{FILLS}::test_f21",),
    ),
    "QUARANTINE": Mutant(
        "forgets what a fill without an order asks for",
        replaced(Discrepancies, "take_unattributed", nothing),
        (f"{FILLS}::test_f20", f"{FILLS}::test_f25"),
    ),
    "REFUSAL": Mutant(
        "believes a refused cancel",
        replaced(ReportHandler, "_ask_after_refusal", nothing),
        (f"{CANCEL}::test_f27", f"{CANCEL}::test_f28"),
    ),
    "PERSIST": Mutant(
        "does not repeat a refused cancel",
        replaced(Cancels, "on_refused", nothing),
        (f"{REFUSED}::test_f76", f"{REFUSED}::test_f03", f"{REFUSED}::test_f38"),
    ),
    "STARVE": Mutant(
        "lets strategies keep an operator's flatten waiting",
        replaced(Closings, "denial", nothing),
        ("test_flatten.py::test_f76_strategy_that_goes_on",),
    ),
    "GIVEUP": Mutant(
        "forgets a flatten that the venue rejects",
        replaced(Closings, "take_back", nothing),
        ("test_flatten.py::test_f76_rejected", "test_flatten.py::test_f76_flatten_that_is_rej"),
    ),
    "BARE": Mutant(
        "forgets the exits that the venue rejects",
        replaced(Protection, "place_again", nothing),
        ("test_rejected_exits.py::test_f76_rejected", "test_rejected_exits.py::test_f76_exits"),
    ),
    "OVERSOLD": Mutant(
        "leaves exits working whose entry was annulled",
        replaced(Closings, "shrink", lambda self, symbol: []),
        ("test_rejected_exits.py::test_f21_exit_of", "test_rejected_exits.py::test_f21_flatten"),
    ),
    "REPLACE": Mutant(
        "gives a replacement up before its window",
        replaced(OrderTruth, "_may_still_be_replaced", lambda self, order, record: False),
        (f"{CANCEL}::test_f32",),
    ),
    "PAST": Mutant(
        "takes an old snapshot for a new one",
        replaced(ReportHandler, "_see", nothing),
        (f"{SESSION}::test_f53",),
    ),
    "EPOCH": Mutant(
        "drops a fill whose id was used before",
        replaced(Executions, "is_repeat", lambda self, fill: fill.execution_id in self.booked),
        (f"{SESSION}::test_f47",),
    ),
    "HASTY": Mutant(
        "accuses at first sight",
        bugs.accuse_at_first_sight,
        (f"{ACCOUNT}::test_f54", "test_reconciliation.py::test_difference_that_heals"),
    ),
    "PHANTOM": Mutant(
        "closes a position that only its own books hold",
        replaced(Reconciler, "position_gap", lambda self, symbol: Decimal(0)),
        ("test_reconciliation.py::test_exit_reduces",),
    ),
    "POLICY": Mutant(
        "ignores what the configuration says of others' positions",
        replaced(Externals, "resolve", lambda self, difference: "whatever"),
        (f"{ACCOUNT}::test_f38",),
    ),
    "CASH": Mutant("books an activity twice", bugs.cash_twice, (f"{ACCOUNT}::test_f40",)),
    "BAR": Mutant(
        "decides on a bar again",
        replaced(Ledger, "apply_bar", lambda self, bar: True),
        (f"{MARKET}::test_f59",),
    ),
    "FLOOD": Mutant("loses trades in a burst", bugs.conflate_everything, (f"{MARKET}::test_f60",)),
    "TAIL": Mutant(
        "syncs orders without their market data",
        bugs.sync_facts_alone,
        (f"{JOURNAL}::test_f64_power",),
    ),
    "MIDDLE": Mutant("trades on a damaged journal", bugs.cut_the_middle, (f"{JOURNAL}::test_f65",)),
    "MARK": Mutant(
        "takes any damage for a torn tail",
        replaced(walk, "frames_after", lambda content: iter(())),
        (f"{JOURNAL}::test_f65",),
    ),
    "HOLE": Mutant(
        "takes a power cut for damage",
        replaced(walk, "UNMARKED_FORMAT", FORMAT),
        (f"{JOURNAL}::test_f64",),
    ),
    "DROPPED": Mutant(
        "believes what it reads after a failed sync",
        replaced(SimDisk, "rewrite", nothing),
        (f"{JOURNAL}::test_f67",),
    ),
    "BACKUP": Mutant(
        "trades on an old backup",
        replaced(Externals, "note_own_id", nothing),
        (f"{RESTART}::test_f71",),
    ),
    "AGAIN": Mutant(
        "counts its starts by the journal alone",
        replaced(linked, "boot_number", lambda latest, now_ns: latest + 1),
        ("test_order_ids.py::test_f71",),
    ),
    "RACE": Mutant(
        "lets a resume win over a halt",
        replaced(OperatorHandler, "_why_not_resume", lambda self: ""),
        (f"{PROCESS}::test_f76",),
    ),
    "DEADLINK": Mutant(
        "lets the link die with the journal",
        replaced(Farewell, "guard", lambda self, deliver, on_death: deliver),
        ("test_disk_behind_link.py::test_f66",),
    ),
    "HOARD": Mutant(
        "forgets no order that has ended",
        replaced(OrderTally, "_close", nothing),
        (f"{SOAK}::test_f78_two_days",),
    ),
    "NIGHT": Mutant(
        "loses the end of a session",
        replaced(SessionHandler, "_end_session", nothing),
        (f"{SOAK}::test_f78_two_days",),
    ),
    **CLOCK_MUTANTS,
    **EXIT_MUTANTS,
    **STATE_MUTANTS,
}
