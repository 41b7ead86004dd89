"""The fault matrix as a page: every way a venue, a disk or a process can fail, and its tests.

A row is "tested" where tests of that name exist (`test_f01_...` in `tests/faults/`), read from
their source; the suites run them. A row that cannot happen at a venue says why. Nothing is ever
a pass by default: an adapter that does not exist is not applicable, and `problems` is empty only
when each row of the simulated venue has either tests or a reason.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

from docs.source_reading import table

CHECKOUT = Path(__file__).resolve().parent.parent
TESTS = CHECKOUT / "tests" / "faults"
TEST_NAME = re.compile(r"test_(f\d\d)_\w+")
OTHER_VENUES = ("alpaca", "binance", "ib")
NO_ADAPTER = "not applicable until that adapter exists"

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Submit and acknowledge": {
        "F01": "timeout, order accepted",
        "F02": "timeout, never arrived",
        "F03": "timeout, accepted late, also after it was proved absent",
        "F04": "answers that prove nothing (server errors, codes nobody documented)",
        "F05": "connection reset before or after bytes were written",
        "F06": "answer cut in the middle, or not the protocol at all",
        "F07": "fill before the acknowledgement",
        "F08": "acknowledgement after the end",
        "F09": "acknowledgement that never comes",
        "F10": "rejection on the stream after an acceptance",
        "F11": "duplicate client id on the first send",
        "F12": "client ids across restarts",
        "F13": "price, lot and minimum filters",
        "F14": "insufficient funds, a race for the last money",
        "F15": "the venue alters an order",
    },
    "Fills": {
        "F16": "fill repeated after a reconnect",
        "F17": "fill lost with the connection",
        "F18": "fills out of order",
        "F19": "stream alive, fills left out",
        "F20": "fill of an unknown order",
        "F21": "execution annulled or corrected",
        "F22": "more filled than ordered",
        "F23": "fee in another asset, late commission",
        "F24": "partial fill, then the end",
        "F25": "fill without quantity or price",
        "F26": "only the cumulative quantity is known",
    },
    "Cancel and replace": {
        "F27": "cancel refused: already filled",
        "F28": "cancel of an order the venue does not know",
        "F29": "cancel without an answer",
        "F30": "partial fill crosses the cancel",
        "F31": "replacement under a new venue id",
        "F32": "replacement answered late, twice or never",
        "F33": "cancel-and-replace that half succeeds",
        "F34": "modification lost in an outage, two live orders",
        "F35": "fill during a modification",
        "F36": "request that is never answered",
    },
    "Session, venue, account": {
        "F37": "status or report nobody knows",
        "F38": "orders, positions and cash that nobody here ordered",
        "F39": "split overnight",
        "F40": "dividend, interest, fee",
        "F41": "deposit or withdrawal",
        "F42": "liquidation by the broker",
        "F43": "day order at the close",
        "F44": "order across the session's boundary",
        "F45": "trading halt, auction only",
        "F46": "summer time, half days, clock steps",
        "F47": "venue restarts its numbers",
        "F48": "next valid id jumps back; client id in use",
        "F49": "maintenance window",
        "F50": "clock skew rejected by signature",
        "F51": "rate limit, then a ban",
        "F52": "access revoked in the session",
        "F53": "snapshot older than the stream, or in part",
        "F54": "positions lag behind fills",
    },
    "Market data": {
        "F55": "socket up, feed silent",
        "F56": "heartbeats only",
        "F57": "stale, crossed or impossible quotes",
        "F58": "gap in a book of changes",
        "F59": "repeated or late bars",
        "F60": "burst, slow consumer",
        "F61": "reconnect storm",
    },
    "Process, disk, operator": {
        "F62": "crash between intent and send",
        "F63": "crash between send and acknowledgement",
        "F64": "torn tail of the journal",
        "F65": "damage in the middle of the journal",
        "F66": "disk full",
        "F67": "failed write or sync",
        "F68": "crash in a rotation",
        "F69": "crash in recovery, or in the kill switch",
        "F70": "two engines on one account",
        "F71": "restored backup",
        "F72": "changed configuration",
        "F73": "strategy raises or floods",
        "F74": "signals, pauses of the process",
        "F75": "bounds and exit codes",
        "F76": "races at the operator's switch",
        "F77": "journal of an older version",
        "F78": "a long month",
    },
}
NOT_AT_SIM: Mapping[str, str] = {
    "F23": "charges in the account's currency, with the fill",
    "F33": "has no such request: a replacement is one step",
    "F34": "knows each client id once, for ever",
    "F42": "does not liquidate; a fill of nobody's is F20",
    "F45": "does not halt trading",
    "F48": "gives out no ids that an engine would have to count",
    "F49": "has no maintenance window",
    "F50": "signs nothing; its clock is compared with ours all the same (F46)",
    "F58": "sends no book of changes",
}
"""Rows that cannot happen at the simulated venue: it ..."""


def fault_matrix() -> str:
    """Every row of the matrix with the tests that prove it."""
    tested = named_tests()
    parts = [
        "# Fault matrix",
        "Generated by `make docs` from the tests in `tests/faults/`; do not edit.",
        "Every way a venue, a disk or a process is known to fail, and the tests that hold the "
        "engine to its answer. `make test` runs them; `make mutants` plants known bugs and checks "
        "that the tests notice. A row is “tested” because the tests named exist, not because "
        "somebody says so.",
    ]
    venues = ("sim", *OTHER_VENUES)
    for title, rows in SECTIONS.items():
        lines = [
            f"| {row} | {what} | {' | '.join(_result(row, venue, tested) for venue in venues)} |"
            for row, what in rows.items()
        ]
        columns = ("row", "what happens", *(f"`{venue}`" for venue in venues))
        parts += [f"## {title}", table(*columns, rows=lines)]
    return "\n\n".join(parts) + "\n"


def named_tests() -> dict[str, list[str]]:
    """`F01` to the tests that name it, as `path::name`, in order of files and lines."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.glob("test_*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            named = TEST_NAME.fullmatch(node.name) if isinstance(node, ast.FunctionDef) else None
            if named is not None:
                test = f"{path.relative_to(CHECKOUT).as_posix()}::{named[0]}"
                found.setdefault(named[1].upper(), []).append(test)
    return found


def problems() -> list[str]:
    """Rows with neither tests nor a reason, with both, and tests of rows that do not exist."""
    tested = named_tests()
    rows = [row for section in SECTIONS.values() for row in section]
    neither = [row for row in rows if row not in tested and row not in NOT_AT_SIM]
    both = [row for row in rows if row in tested and row in NOT_AT_SIM]
    return [
        *(f"{row} has neither tests nor a reason" for row in neither),
        *(f"{row} has tests and a reason why it cannot happen" for row in both),
        *(f"{row} is no row of the matrix" for row in sorted(tested) if row not in rows),
    ]


def _result(row: str, venue: str, tested: Mapping[str, list[str]]) -> str:
    if venue in OTHER_VENUES:
        return NO_ADAPTER
    if row in NOT_AT_SIM:
        return f"not applicable: the simulated venue {NOT_AT_SIM[row]}"
    if row not in tested:
        return "not tested"
    return "tested: " + "<br>".join(f"`{test}`" for test in tested[row])
