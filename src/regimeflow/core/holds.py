"""Reasons why entries wait although nothing is broken for good: a link down, books unproved.

A hold lifts by itself, and only by evidence: the link is up again *and* a complete snapshot
agreed with the books. After a pause of our own it has to be one that was asked for since: what
waited in a socket meanwhile is as old as the pause. Exits and cancels are never held. Symbols
are held after a fill that no order of ours explains, until an operator resumes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from regimeflow.core.doubts import request_id_of
from regimeflow.core.reconcile import differences
from regimeflow.model import events as e
from regimeflow.model.commands import (
    HealthChanged,
    HealthStatus,
    RequestSnapshot,
    SetTimer,
    SnapshotScope,
)
from regimeflow.model.ids import TimerId

if TYPE_CHECKING:
    from regimeflow.core.engine import Engine

ENGINE = "engine"
RECONCILE = TimerId("reconcile")
RECONCILE_PREFIX = "reconcile-"


class SavedHolds(msgspec.Struct, frozen=True, array_like=True):
    """What holds entries, how many proofs were asked for, and which is the first that counts."""

    account: dict[str, str]
    symbols: dict[str, str]
    requests: int
    proofs_from: int


class Holds:
    """What holds entries right now: `account` for all, `symbols` for one symbol each."""

    __slots__ = ("_engine", "_proofs_from", "_requests", "account", "symbols")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._requests = 0
        self._proofs_from = 0
        self.account: dict[str, str] = {}
        self.symbols: dict[str, str] = {}

    def capture(self) -> SavedHolds:
        """What holds entries now; to be encoded at once."""
        return SavedHolds(self.account, self.symbols, self._requests, self._proofs_from)

    def restore(self, saved: SavedHolds) -> None:
        """Hold what was held."""
        self.account, self.symbols = dict(saved.account), dict(saved.symbols)
        self._requests, self._proofs_from = saved.requests, saved.proofs_from

    def on_started(self) -> None:
        """With a broker behind a link nothing enters before the books are proved."""
        if self._engine.setup.proves_books:
            self.account["reconcile"] = "the books are not proved yet"

    def on_link_down(self, event: e.LinkDown) -> None:
        """Entries wait until the link is back and the books are proved again."""
        if self._engine.setup.proves_books:
            self.account[f"link {event.link}"] = event.reason
            self.account["reconcile"] = f"link {event.link} was down"
            self._proofs_from = 0  # what was under way has died with the connection

    def on_link_up(self, event: e.LinkUp) -> None:
        """The link is back: prove the books."""
        if self._engine.setup.proves_books:
            self.account.pop(f"link {event.link}", None)
            self.prove_books()

    def on_pause(self, reason: str) -> None:
        """We were away: nothing enters before a snapshot that was asked for from now on agrees."""
        engine = self._engine
        if not engine.setup.proves_books:
            return
        self._proofs_from = self._requests + 1
        self.account["reconcile"] = reason
        detail = f"{reason}; entries wait until a complete snapshot agrees"
        engine.change_health(HealthChanged("books", HealthStatus.STALE, detail))
        self.prove_books()

    def prove_books(self) -> None:
        """Ask for everything; ask again in a while if no clean answer has come by then."""
        engine = self._engine
        if "reconcile" not in self.account:
            return
        self._requests += 1
        request_id = request_id_of(RECONCILE_PREFIX, engine.now_ns, self._requests)
        engine.emit(RequestSnapshot(request_id, SnapshotScope.ALL))
        engine.emit(SetTimer(RECONCILE, ENGINE, engine.now_ns + engine.setup.query_interval_ns))

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
