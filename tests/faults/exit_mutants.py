"""Planted bugs around exits: positions that lose them, or are closed twice."""

from __future__ import annotations

from regimeflow.core import duties, ledger, protection
from regimeflow.core.closings import Closings
from regimeflow.core.duty_wait import DutyWait
from regimeflow.core.protection import Protection
from tests.faults.mutant import Mutant, nothing, replaced

UNPROTECTED, CLOSE = "test_unprotected.py", "test_close_position.py"
_hold_back = DutyWait.hold_back

EXIT_MUTANTS: dict[str, Mutant] = {
    "DYING": Mutant(
        "cuts exits to the room beside those whose sibling has filled",
        replaced(protection, "outlived", lambda books, leg: []),
        (f"{UNPROTECTED}::test_exits_of_a_fill_beside_a_dying_sibling",),
    ),
    "HALTED": Mutant(
        "drops the exits of a fill that crosses a halt",
        replaced(DutyWait, "hold_back", lambda self, *terms: _hold_back(self, *terms[:3])),
        (f"{UNPROTECTED}::test_exits_of_a_fill_that_crosses_a_halt",),
    ),
    "NAKED": Mutant(
        "tells nobody that an exit is gone",
        replaced(Protection, "_tell", nothing),
        ("test_ended_exits.py::test_f76_exit_that_the_venue_ends",),
    ),
    "ALARM": Mutant(
        "takes an exit that its filled sibling ended for a lost one",
        replaced(duties, "_is_taken_along", lambda desk, leg: False),
        ("test_ended_exits.py::test_f76_linked_exit",),
    ),
    "STUCK": Mutant(
        "waits for ever for what a close is to cancel",
        replaced(Closings, "_clear_way", nothing),
        (f"{CLOSE}::test_f76_close_whose_cancel_is_refused",),
    ),
    "LATE": Mutant(
        "closes hours after it was asked to",
        replaced(Closings, "_is_given_up", lambda self, *terms: False),
        (f"{CLOSE}::test_f76_close_that_waited_in_vain",),
    ),
    "SPLIT": Mutant(
        "places exits at the prices before a split",
        replaced(ledger, "restate_bracket", nothing),
        ("test_splits.py::test_f39",),
    ),
}
