"""What a simulated venue may do wrong, message by message, and when.

A policy is asked before each message whether a fault strikes; the venue carries it out. Faults
happen on the wire: the venue's own books are always right, which is what makes them evidence.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

from regimeflow.errors import ConfigError


class FaultKind(StrEnum):
    """Everything that can go wrong. `value` is what the number after the probability means."""

    LOST_REQUEST = "lost_request"
    """The request never arrives."""
    LOST_REPLY = "lost_reply"
    """The request is carried out, its answer is not sent; reports still are."""
    LATE_ACCEPT = "late_accept"
    """The request arrives `value` seconds late (default 1): until then, nobody knows it."""
    DISCONNECT = "disconnect"
    """The request is carried out and the connection is cut before anything is sent."""
    SERVER_ERROR = "server_error"
    """An error that proves nothing; carried out if `value` is not 0 (default 1)."""
    RATE_LIMIT = "rate_limit"
    """Refused; allowed again after `value` seconds (default 1)."""
    BAN = "ban"
    """Every request is refused for `value` seconds (default 5), which the refusals say."""
    REVOKED = "revoked"
    """Every request and greeting is refused for `value` seconds (default 5), untold how long."""
    DUPLICATE_REPORT = "duplicate_report"
    """The report is pushed `value` times more (default 2)."""
    REORDER = "reorder"
    """The report is pushed `value` seconds late (default 0.02), after its successors."""
    FILL_BEFORE_ACK = "fill_before_ack"
    """The acceptance waits for the order's first fill, at most `value` seconds (default 1)."""
    OMITTED_FILL = "omitted_fill"
    """The fill is never pushed nor repeated; only a snapshot tells."""
    UNKNOWN_STATUS = "unknown_status"
    """The report says something of a kind that does not exist."""
    BUST = "bust"
    """The fill is annulled `value` seconds after it was reported (default 0.05)."""
    LYING_STATUS = "lying_status"
    """A query's answer shows a finished order as new and unfilled."""
    STALE_SNAPSHOT = "stale_snapshot"
    """A snapshot repeats the one before, with its time."""
    PARTIAL_SNAPSHOT = "partial_snapshot"
    """A snapshot's lists are cut in half and marked as incomplete."""
    REPLAY = "replay"
    """A greeting is answered with the last `value` reports once more (default 10)."""
    NEW_EPOCH = "new_epoch"
    """A greeting finds a venue that numbers its reports from one again."""


DEFAULTS = {
    FaultKind.LATE_ACCEPT: 1.0,
    FaultKind.SERVER_ERROR: 1.0,
    FaultKind.RATE_LIMIT: 1.0,
    FaultKind.BAN: 5.0,
    FaultKind.REVOKED: 5.0,
    FaultKind.DUPLICATE_REPORT: 2.0,
    FaultKind.REORDER: 0.02,
    FaultKind.FILL_BEFORE_ACK: 1.0,
    FaultKind.BUST: 0.05,
    FaultKind.REPLAY: 10.0,
}
REQUEST_FAULTS = frozenset(
    {
        FaultKind.LOST_REQUEST,
        FaultKind.LOST_REPLY,
        FaultKind.LATE_ACCEPT,
        FaultKind.DISCONNECT,
        FaultKind.SERVER_ERROR,
        FaultKind.RATE_LIMIT,
        FaultKind.BAN,
        FaultKind.REVOKED,
    }
)
"""Faults that may be limited to one verb."""
VERBS = ("submit", "cancel", "replace", "query", "snapshot", "subscribe", "history", "time")


class VenueFaults(Protocol):
    """Decides which faults strike."""

    def strikes(self, kind: FaultKind, verb: str = "") -> float | None:
        """The fault's value if it strikes now, else None. Asked once for each chance."""
        ...


class NoFaults:
    """A venue that does nothing wrong."""

    def strikes(self, kind: FaultKind, verb: str = "") -> float | None:
        """Never."""
        return None


class ScriptedFaults:
    """Each planned fault strikes once, at its first chance; `plan` is what is still to come."""

    def __init__(self, *plan: tuple[FaultKind, str, float | None]) -> None:
        self.plan = list(plan)

    def add(self, kind: FaultKind, verb: str = "", value: float | None = None) -> None:
        """Plan another fault."""
        self.plan.append((kind, verb, value))

    def strikes(self, kind: FaultKind, verb: str = "") -> float | None:
        """Strike if planned; the plan's entry is used up."""
        for entry in self.plan:
            if entry[0] is kind and entry[1] in ("", verb):
                self.plan.remove(entry)
                return DEFAULTS.get(kind, 0.0) if entry[2] is None else entry[2]
        return None


class FaultSpec(msgspec.Struct, frozen=True):
    """One fault of the command line: `KIND[:VERB]:PROBABILITY[:VALUE]`."""

    kind: FaultKind
    verb: str
    probability: float
    value: float


class SeededFaults:
    """Faults by chance; draws come from `rng` alone, one for each chance a spec has."""

    def __init__(self, specs: Sequence[FaultSpec], rng: random.Random) -> None:
        self._specs = tuple(specs)
        self._rng = rng

    def strikes(self, kind: FaultKind, verb: str = "") -> float | None:
        """Draw for each spec of that kind and verb, in order; the first that strikes counts."""
        for spec in self._specs:
            is_meant = spec.kind is kind and spec.verb in ("", verb)
            if is_meant and self._rng.random() < spec.probability:
                return spec.value
        return None


def parse_fault(text: str) -> FaultSpec:
    """A fault as written on the command line, such as `lost_reply:submit:0.1`.

    Raises ConfigError naming what is wrong and what is allowed.
    """
    name, *rest = text.split(":")
    try:
        kind = FaultKind(name)
    except ValueError:
        raise ConfigError(
            f"--fault {text}: {name!r} is not a fault; use one of {', '.join(FaultKind)}"
        ) from None
    verb = ""
    if rest and not _is_number(rest[0]):
        verb = rest.pop(0)
        if kind not in REQUEST_FAULTS or verb not in VERBS:
            allowed = ", ".join(VERBS) if kind in REQUEST_FAULTS else "no verb"
            raise ConfigError(f"--fault {text}: {kind} takes {allowed}; got {verb!r}")
    if len(rest) > 2 or not all(_is_number(part) for part in rest):
        raise ConfigError(f"--fault {text}: write it as KIND[:VERB]:PROBABILITY[:VALUE]")
    probability = float(rest[0]) if rest else 1.0
    value = float(rest[1]) if len(rest) == 2 else DEFAULTS.get(kind, 0.0)
    if not 0.0 <= probability <= 1.0 or not 0.0 <= value <= 86_400.0:
        raise ConfigError(
            f"--fault {text}: the probability is from 0 to 1, the value from 0 to 86400"
        )
    return FaultSpec(kind, verb, probability, value)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
