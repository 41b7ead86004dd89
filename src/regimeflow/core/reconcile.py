"""Comparing the books with what the broker lists: pure, two-way, and slow to accuse.

A difference counts only when two successive successful snapshots show the same one, and for as
long as the venue may need to catch up with itself: brokers are eventually consistent, and a
fill may be on its way. Whatever settles a difference waits for a list of fills that was made
since. A part that was not read compares nothing. The books are never
"corrected" from a snapshot; a break is reported and holds trading until it is resolved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec

from regimeflow.core.ledger import Ledger
from regimeflow.model.account import OrderRecord
from regimeflow.model.commands import DiscrepancyFound
from regimeflow.model.events import BrokerSnapshot
from regimeflow.model.ids import ClientOrderId
from regimeflow.model.order import ZERO, Order, OrderStatus

ACKNOWLEDGED = frozenset({OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED})

Difference = tuple[str, str, str, str]
"""kind, subject, ours, theirs"""
Key = tuple[str, str]
"""kind and subject of a difference"""
NOTHING_IGNORED: Mapping[Key, Decimal] = {}


def differences(
    snapshot: BrokerSnapshot, ledger: Ledger, ignored: Mapping[Key, Decimal] = NOTHING_IGNORED
) -> dict[str, list[Difference]]:
    """Per part that was read, every way in which the books and the broker differ.

    `ignored` holds what is left out by policy: by how much a position or the cash may differ,
    and orders that may be there.
    """
    found: dict[str, list[Difference]] = {}
    if snapshot.positions is not None:
        theirs = {record.symbol: record.quantity for record in snapshot.positions}
        ours = {symbol: p.quantity for symbol, p in ledger.portfolio.held.items()}
        found["positions"] = [
            ("position", symbol, str(ours.get(symbol, ZERO)), str(theirs.get(symbol, ZERO)))
            for symbol in sorted({*ours, *theirs, *_symbols(ignored)})
            if theirs.get(symbol, ZERO) - ours.get(symbol, ZERO)
            != ignored.get(("position", symbol), ZERO)
        ]
    if snapshot.account is not None:
        cash, listed_cash = ledger.portfolio.cash, snapshot.account.cash
        agrees = listed_cash - cash == ignored.get(("cash", "account"), ZERO)
        found["account"] = [] if agrees else [("cash", "account", str(cash), str(listed_cash))]
    if snapshot.orders is not None:
        found["orders"] = [
            difference
            for difference in _order_differences(snapshot.orders, ledger)
            if difference[:2] not in ignored
        ]
    return found


def terms_difference(order: Order, record: OrderRecord) -> Difference | None:
    """How the venue's terms of an order differ from ours; None where they agree.

    A price that the venue does not state is no difference.
    """
    differ = (order.symbol, order.side, order.quantity) != (
        record.symbol,
        record.side,
        record.quantity,
    ) or any(
        stated is not None and stated != own
        for stated, own in (
            (record.limit_price, order.limit_price),
            (record.stop_price, order.stop_price),
        )
    )
    if not differ:
        return None
    return ("order_terms", order.standing_id, _terms(order), _terms(record))


def _order_differences(records: tuple[OrderRecord, ...], ledger: Ledger) -> list[Difference]:
    listed = {record.client_order_id: record for record in records}
    missing: list[Difference] = []
    altered: list[Difference] = []
    for order in ledger.orders.open.values():
        if order.status not in ACKNOWLEDGED:
            continue
        if listed.keys().isdisjoint(order.client_order_ids):
            missing.append(
                ("order_missing_there", order.standing_id, order.status.value, "not listed")
            )
        # An older leg that works where, or although, a newer one stands here differs as well.
        for leg in filter(listed.__contains__, order.client_order_ids):
            difference = terms_difference(order, listed[leg])
            is_over = listed[leg].status.is_terminal
            altered += [] if is_over or difference is None else [difference]
    unknown: list[Difference] = [
        ("order_unknown_here", record.client_order_id, state, record.status.value)
        for record in records
        if not record.status.is_terminal
        and (state := _ours(ledger, record.client_order_id)) is not None
    ]
    return missing + altered + unknown


def _ours(ledger: Ledger, client_order_id: ClientOrderId) -> str | None:
    """Why an order that works there does not work here; None when it does."""
    order = ledger.orders.get(client_order_id)
    if order is None:
        return "no such order"
    return None if order.is_open else order.status.value


def _symbols(ignored: Mapping[Key, Decimal]) -> list[str]:
    return [subject for kind, subject in ignored if kind == "position"]


def _terms(order: Order | OrderRecord) -> str:
    text = f"{order.side} {order.quantity:f} {order.symbol}"
    if order.limit_price is not None:
        text += f" at {order.limit_price:f}"
    return text if order.stop_price is None else f"{text} stop {order.stop_price:f}"


class SavedReconciler(msgspec.Struct, frozen=True, array_like=True):
    """Differences by part since they are seen, breaks, what is left out, the last list and when.

    `fills_ns`: when, at the earliest, the last complete list of fills was made. `deferred`: breaks
    that wait for the next snapshot.
    """

    suspected: dict[str, list[tuple[str, str, str, int]]]
    breaks: list[Difference]
    ignored: list[tuple[str, str, Decimal]]
    listed: list[OrderRecord]
    listed_ns: int = 0
    fills_ns: int = 0
    deferred: list[Key] = []


class Reconciler:
    """Remembers since when differences are seen; one that stays becomes a break."""

    __slots__ = ("_suspected", "breaks", "deferred", "fills_ns", "ignored", "listed", "listed_ns")

    def __init__(self) -> None:
        self._suspected: dict[str, dict[tuple[str, str, str], int]] = {}
        self.breaks: dict[Key, Difference] = {}
        self.ignored: dict[Key, Decimal] = {}
        self.deferred: dict[Key, None] = {}
        self.listed: dict[ClientOrderId, OrderRecord] = {}
        self.listed_ns = 0
        self.fills_ns = 0

    def position_gap(self, symbol: str) -> Decimal:
        """By how much the broker's position differs from the books', while that is a break."""
        found = self.breaks.get(("position", symbol))
        return ZERO if found is None else Decimal(found[3]) - Decimal(found[2])

    def capture(self) -> SavedReconciler:
        """What a restored reconciler goes on from."""
        return SavedReconciler(
            {
                part: [(*suspicion, since_ns) for suspicion, since_ns in found.items()]
                for part, found in self._suspected.items()
            },
            list(self.breaks.values()),
            [(kind, subject, gap) for (kind, subject), gap in self.ignored.items()],
            list(self.listed.values()),
            self.listed_ns,
            self.fills_ns,
            list(self.deferred),
        )

    def restore(self, saved: SavedReconciler) -> None:
        """Suspect, hold and leave out what was."""
        self._suspected = {
            part: {(kind, subject, gap): since_ns for kind, subject, gap, since_ns in found}
            for part, found in saved.suspected.items()
        }
        self.breaks = {difference[:2]: difference for difference in saved.breaks}
        self.ignored = {(kind, subject): gap for kind, subject, gap in saved.ignored}
        self.listed = {record.client_order_id: record for record in saved.listed}
        self.listed_ns = saved.listed_ns
        self.fills_ns = saved.fills_ns
        self.deferred = dict.fromkeys(saved.deferred)

    def compare(
        self,
        ts_ns: int,
        snapshot: BrokerSnapshot,
        ledger: Ledger,
        *,
        grace_ns: int = 0,
        made_ns: int = 0,
        may_wait: Callable[[Difference], bool] = lambda _: False,
    ) -> list[DiscrepancyFound]:
        """New breaks shown by this snapshot; breaks that have healed are forgotten.

        A break was seen before, and for at least `grace_ns`; one that `may_wait` for the next
        snapshot does so once. `made_ns`: see `doubts`.
        """
        if snapshot.fills is not None:
            self.fills_ns = max(self.fills_ns, made_ns)
        elif snapshot.orders is not None:
            self.fills_ns = 0  # what this list counts as filled has not been read
        if snapshot.orders is not None:
            self.listed = {record.client_order_id: record for record in snapshot.orders}
            self.listed_ns = snapshot.ts_venue_ns
            self._forget_ended()
        new = []
        for part, found in differences(snapshot, ledger, self.ignored).items():
            before = self._suspected.get(part, {})
            now = {_suspicion(difference): difference for difference in found}
            since = self._suspected[part] = {s: before.get(s, ts_ns) for s in now}
            current = {difference[:2] for difference in found}
            for known in (self.breaks, self.deferred):
                for key in [k for k in known if k not in current and _part_of(k[0]) == part]:
                    del known[key]
            for suspicion, difference in now.items():
                key = difference[:2]
                is_lasting = suspicion in before and ts_ns - since[suspicion] >= grace_ns
                if key in self.breaks:
                    self.breaks[key] = difference  # as far apart as it is now
                elif is_lasting and key not in self.deferred and may_wait(difference):
                    self.deferred[key] = None
                elif is_lasting:
                    self.deferred.pop(key, None)
                    self.breaks[key] = difference
                    new.append(DiscrepancyFound(*difference, "seen in two successive snapshots"))
        return new

    def since_ns(self, difference: Difference) -> int | None:
        """Since when a difference is as it is now; None when it is not, or not any more."""
        return self._suspected.get(_part_of(difference[0]), {}).get(_suspicion(difference))

    def standing(self, snapshot: BrokerSnapshot) -> list[Difference]:
        """Breaks of the parts that were read in a snapshot that has been compared."""
        read = {
            "positions": snapshot.positions is not None,
            "account": snapshot.account is not None,
            "orders": snapshot.orders is not None,
        }
        return [found for key, found in self.breaks.items() if read[_part_of(key[0])]]

    def _forget_ended(self) -> None:
        """An ignored order that the broker no longer lists is over."""
        for key in [k for k in self.ignored if k[0] == "order_unknown_here"]:
            if key[1] not in self.listed:
                del self.ignored[key]


def _suspicion(difference: Difference) -> tuple[str, str, str]:
    """What makes two snapshots show the same: how far apart, for what trading itself moves."""
    kind, subject, ours, theirs = difference
    if kind in ("position", "cash"):
        return kind, subject, str(Decimal(theirs) - Decimal(ours))
    return kind, subject, f"{ours}|{theirs}"


def _part_of(kind: str) -> str:
    return {"position": "positions", "cash": "account"}.get(kind, "orders")
