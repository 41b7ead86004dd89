"""Reasons why entries wait although nothing is broken for good: a link down, books unproved.

A hold lifts by itself, and only by evidence: the link is up again *and* a complete snapshot
agreed with the books. After a pause of our own it has to be one that was asked for since: what
waited in a socket meanwhile is as old as the pause. A stream of reports that is silent may be
idle or dead: where neither a report nor a complete list of orders has come for `truth_limit_ns`,
the books are not proved any more. Exits and cancels are held only where nothing may be sent at
all (`suspension`), and leave first when it ends. Symbols are held after what
`core/difference_table.py` says, until an operator resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from regimeflow.core.doubts import request_id_of
from regimeflow.core.reconcile import differences
from regimeflow.core.timers import ENGINE
from regimeflow.model import events as e
from regimeflow.model.commands import (
    HealthChanged,
    HealthStatus,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
)
from regimeflow.model.ids import TimerId
from regimeflow.model.timestamps import NS_PER_S

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

RECONCILE = TimerId("reconcile")
RECONCILE_PREFIX = "reconcile-"
_LINK = "link "
_REQUESTS = f"{_LINK}{e.REQUESTS}"
PROOF_BACKOFF_MAX = 8
"""Proof is asked for at growing intervals, up to so many times the first."""


class SavedHolds(msgspec.Struct, frozen=True, array_like=True):
    """What holds entries, how many proofs were asked for, and which is the first that counts."""

    account: dict[str, str]
    symbols: dict[str, str]
    requests: int
    proofs_from: int
    asked: int = 0
    proved_ns: int = 0


class Holds:
    """What holds entries right now: `account` for all, `symbols` for one symbol each."""

    __slots__ = (
        "_asked",
        "_engine",
        "_proofs_from",
        "_proved_ns",
        "_requests",
        "account",
        "symbols",
    )

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._requests = 0
        self._proofs_from = 0
        self._asked = 0
        self._proved_ns = 0
        self.account: dict[str, str] = {}
        self.symbols: dict[str, str] = {}

    def capture(self) -> SavedHolds:
        """What holds entries now; to be encoded at once."""
        return SavedHolds(
            self.account,
            self.symbols,
            self._requests,
            self._proofs_from,
            self._asked,
            self._proved_ns,
        )

    def restore(self, saved: SavedHolds) -> None:
        """Hold what was held."""
        self.account, self.symbols = dict(saved.account), dict(saved.symbols)
        self._requests, self._proofs_from = saved.requests, saved.proofs_from
        self._asked, self._proved_ns = saved.asked, saved.proved_ns

    def on_started(self) -> None:
        """With a broker behind a link nothing enters before the books are proved."""
        if self._engine.setup.proves_books:
            self.account["reconcile"] = "the books are not proved yet"
        self.note_truth()

    def on_link_down(self, event: e.LinkDown) -> None:
        """Entries wait until the link is back and the books are proved again."""
        if self._engine.setup.proves_books:
            self.account[f"{_LINK}{event.link}"] = event.reason
            self.account["reconcile"] = f"link {event.link} was down"

    def on_link_up(self, event: e.LinkUp) -> None:
        """The link is back: send what must leave, then prove the books."""
        if self._engine.setup.proves_books:
            self.account.pop(f"{_LINK}{event.link}", None)
            # Getting out precedes everything else that waits, proof included.
            self._engine.desk.cancels.repeat(self._engine.now_ns)
            self._engine.desk.end_pauses(self._engine.now_ns)
            self._engine.desk.close_what_can(self._engine.now_ns)
            self._ask_anew()

    @property
    def suspension(self) -> str:
        """Why the broker takes no requests at all, so that exits and cancels wait too."""
        return self.account.get(_REQUESTS, "")

    @property
    def outage(self) -> str:
        """Why no request could get through: what must leave waits, and is not spent on trying."""
        down = (why or name for name, why in self.account.items() if name.startswith(_LINK))
        return self.suspension or next(down, "")

    def on_pause(self, reason: str) -> None:
        """We were away: nothing enters before a snapshot that was asked for from now on agrees."""
        if self._engine.setup.proves_books:
            self._proofs_from = self._requests + 1
            self._doubt_books(reason)

    def note_truth(self) -> None:
        """A report, or a complete list of orders: the venue's word reaches us."""
        self._proved_ns = self._engine.now_ns

    def on_time(self) -> None:
        """Entries wait where the venue's word has not reached us for too long."""
        engine = self._engine
        limit_ns, silent_ns = engine.setup.truth_limit_ns, engine.now_ns - self._proved_ns
        if 0 < limit_ns < silent_ns and not self.account:
            silent_s = silent_ns / NS_PER_S
            self._doubt_books(
                f"neither a report nor a complete list of orders for {silent_s:.0f} s"
            )

    def prove_books(self) -> None:
        """Ask for everything; ask again, ever later, while no clean answer has come.

        While a link is down nothing is asked: its return asks.
        """
        engine = self._engine
        if list(self.account) != ["reconcile"]:
            return
        self._requests += 1
        request_id = request_id_of(RECONCILE_PREFIX, engine.now_ns, self._requests)
        engine.emit(RequestSnapshot(request_id, SnapshotScope.ALL))
        wait_ns = engine.setup.query_interval_ns * min(2**self._asked, PROOF_BACKOFF_MAX)
        self._asked += 1
        engine.emit(SetTimer(RECONCILE, ENGINE, engine.now_ns + wait_ns))

    def on_snapshot(self, snapshot: e.BrokerSnapshot) -> None:
        """A complete snapshot that agrees lifts the hold; links that are down keep theirs."""
        if "reconcile" not in self.account or len(self.account) > 1:
            return
        if self._proofs_from and _number_of(snapshot.request_id) < self._proofs_from:
            return
        parts = (snapshot.orders, snapshot.fills, snapshot.positions, snapshot.account)
        if any(part is None for part in parts):
            return
        engine = self._engine
        ignored = engine.reconciler.ignored
        found = differences(snapshot, engine.ledger, ignored)
        if engine.order_truth.doubts or any(found.values()):
            return
        del self.account["reconcile"]
        self._proofs_from = 0
        engine.change_health(
            HealthChanged("books", HealthStatus.OK, "orders, fills, positions and cash agree")
        )

    def _doubt_books(self, reason: str) -> None:
        self.account["reconcile"] = reason
        detail = f"{reason}; entries wait until a complete snapshot agrees"
        self._engine.change_health(HealthChanged("books", HealthStatus.STALE, detail))
        self._ask_anew()

    def _ask_anew(self) -> None:
        self._asked = 0
        self.prove_books()

    def hold_symbol(self, symbol: str, reason: str) -> None:
        """Nothing enters `symbol` until an operator resumes."""
        self.symbols.setdefault(symbol, reason)

    def reason_for(self, symbol: str) -> str:
        """Why entries in `symbol` wait; empty when they do not."""
        if self.account:
            return "; ".join(f"{name}: {why}" for name, why in self.account.items())
        return self.symbols.get(symbol, "")


def _number_of(request_id: str) -> int:
    """Which of our requests for proof a snapshot answers; 0 for any other."""
    if not request_id.startswith(RECONCILE_PREFIX):
        return 0
    return int(request_id.rpartition("-")[2])
