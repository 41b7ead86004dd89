"""What must hold after any faults: the venue's books against the journal and the engine's books.

Each check has the number under which the fault specification knows it. A check looks at
evidence only, never at the code that made it; its message says what was seen. Which ones are
watched while the run lasts (I4) is the witness's business; here they are judged.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from regimeflow.core.ledger_state import ledger_digest
from regimeflow.errors import ConfigError, JournalCorrupt, JournalError, StartRefused
from regimeflow.journal.verification import verify_chain
from regimeflow.model.timestamps import NS_PER_S
from regimeflow.run.replay import verify_journal
from regimeflow.testing.arrival_limits import MEANING as LIMITS_MEANING
from regimeflow.testing.cost_fold import costs_of
from regimeflow.testing.evidence import DISK, KILLED, Evidence, Failure
from regimeflow.testing.journal_reading import Reading, read_journal
from regimeflow.testing.open_orders import UNSETTLED, altered, astray

IN_FLIGHT_BOUND_NS = 10 * NS_PER_S
"""An order that left before a halt may still be on its way, or be taken late, for this long."""
SHOWN_MAX = 5
DEADLY = frozenset({DISK, KILLED, "engine kill", "engine power_cut"})
"""After these a journal may be unreadable or unwritable; nothing else excuses it."""
UNREACHABLE = ("cannot be reached", "no history of")
"""Why a start may be refused: the venue does not answer."""
FAILURES_MAX = 60
"""Starts that may fail in one run: a second apart, while disk or venue are away."""
COST_TOLERANCE = Fraction(1, 10**9)
"""Costs are rounded at the 28th digit of each part that is closed."""
UNWRITABLE = ("cannot be written", "cannot write")
"""What a refusal says about a dead disk, whichever file it was."""


@dataclass(frozen=True)
class Finding:
    """The verdict on one invariant: what was seen when it does not hold."""

    invariant: str
    meaning: str
    problems: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing spoke against it."""
        return not self.problems


def judge(evidence: Evidence) -> list[Finding]:
    """Every invariant, in order of its number; of a damaged journal, what can still be judged."""
    try:
        seen = read_journal(evidence.journal_dir)
    except JournalCorrupt as error:
        return [
            Finding(name, meaning, (str(error),) if name == "I9" else evidence.venue.exceeded)
            for name, meaning, _ in _CHECKS
            if name in ("I4", "I9")
        ]
    return [
        Finding(name, meaning, tuple(check(evidence, seen))[:SHOWN_MAX])
        for name, meaning, check in _CHECKS
    ]


# --- the invariants -------------------------------------------------------------------------


def _journaled_first(evidence: Evidence, seen: Reading) -> list[str]:
    strays = sorted(evidence.venue.taken.keys() - seen.ids)
    found = [f"{order_id} reached the venue and is in no journal" for order_id in strays]
    late = evidence.venue.undurable
    return found + [f"{order_id} reached the venue before it was durable" for order_id in late]


def _once(evidence: Evidence, seen: Reading) -> list[str]:
    taken = evidence.venue.taken
    found = [f"{order_id} arrived {count} times" for order_id, count in taken.items() if count > 1]
    intents = Counter(
        repr(order.intent_id) for order_id, order in seen.submits.items() if order_id in taken
    )
    return found + [f"{count} orders for {i}" for i, count in intents.items() if count > 1]


def _same_executions(evidence: Evidence, seen: Reading) -> list[str]:
    ours, theirs = seen.executions - seen.annulled, evidence.venue.executions
    return [f"execution {x} is not in the books" for x in sorted(theirs - ours)] + [
        f"execution {x} is in the books and not at the venue" for x in sorted(ours - theirs)
    ]


def _within_limits(evidence: Evidence, seen: Reading) -> list[str]:
    return [*evidence.venue.exceeded, *seen.too_fast]


def _same_books(evidence: Evidence, seen: Reading) -> list[str]:
    portfolio, venue = evidence.engine.ledger.portfolio, evidence.venue
    ours = {s: p.quantity for s, p in portfolio.positions.items() if p.quantity}
    theirs = {s: q for s, q in venue.positions.items() if q}
    found = [] if ours == theirs else [f"positions: ours {_told(ours)}, venue {_told(theirs)}"]
    if portfolio.cash != venue.cash:
        found.append(f"cash: ours {portfolio.cash}, venue {venue.cash}")
    if portfolio.fees != venue.fees:
        found.append(f"fees: ours {portfolio.fees}, venue {venue.fees}")
    costs = costs_of(venue.fills, seen.bookings)
    for symbol, position in portfolio.positions.items():
        cost = costs.get(symbol, Fraction(0)) * Fraction(position.multiplier)
        if abs(Fraction(position.cost) - cost) > COST_TOLERANCE:
            found.append(f"cost of {symbol}: ours {position.cost}, venue {float(cost)}")
    return found + altered(evidence.engine.ledger.orders.open.values(), venue.open_orders)


def _halts_hold(evidence: Evidence, seen: Reading) -> list[str]:
    venue = evidence.venue
    found = [f"{name} left {why}" for name, why in seen.holds.barred if name in venue.taken]
    found += [f"{name} left {why}" for name, why in seen.holds.held if name in venue.entries_ns]
    return found + [
        f"{order_id} arrived {(at_ns - start_ns) / NS_PER_S:.1f} s after a halt"
        for order_id, at_ns in evidence.venue.entries_ns.items()
        for start_ns, end_ns, under_way in seen.halts_ns
        if start_ns + IN_FLIGHT_BOUND_NS < at_ns < end_ns and order_id not in under_way
    ]


def _all_settled(evidence: Evidence, seen: Reading) -> list[str]:
    orders = evidence.engine.ledger.orders.open
    found = [f"{root} is still {o.status}" for root, o in orders.items() if o.status in UNSETTLED]
    found += astray(orders.values(), evidence.venue.open_orders)
    found += seen.unheeded
    if not evidence.has_settled and not found:
        found.append("the engine did not come to rest within its bound")
    return found


def _nothing_unhandled(evidence: Evidence, _: Reading) -> list[str]:
    found = [
        f"{type(failure.error).__name__}: {failure.error}"
        for failure in evidence.failures
        if not _is_excused(failure)
    ]
    if len(evidence.failures) > FAILURES_MAX:
        found.append(f"{len(evidence.failures)} starts failed, at most {FAILURES_MAX} may")
    return found + list(evidence.unhandled)


def _is_excused(failure: Failure) -> bool:
    """Whether what was done to the engine before explains how it ended."""
    error, words = failure.error, str(failure.error)
    if isinstance(error, StartRefused):
        return bool(failure.before) and any(reason in words for reason in UNREACHABLE)
    if isinstance(error, JournalError) and not isinstance(error, JournalCorrupt):
        return bool(failure.before & DEADLY)
    is_dead_disk = isinstance(error, ConfigError) and any(part in words for part in UNWRITABLE)
    return is_dead_disk and DISK in failure.before


def _chain_holds(evidence: Evidence, _: Reading) -> list[str]:
    chain = verify_chain(evidence.journal_dir)
    return [] if chain.is_intact else [f"{chain.problem}"]


def _replays(evidence: Evidence, seen: Reading) -> list[str]:
    found = []
    if seen.digest != ledger_digest(evidence.engine.ledger):
        found.append("the journal alone gives other books than the engine had")
    report = verify_journal(evidence.journal_dir)
    differing = [] if report.divergence is None else [report.divergence.seq]
    differing += quarantined_at(evidence.quarantines, seen.rebuilt)
    unexplained = [seq for seq in differing if not _has_lost_market(seen, seq)]
    return found + [
        f"decisions differ after record {seq} and no data was lost" for seq in unexplained
    ]


def quarantined_at(reasons: Sequence[str], rebuilt: Sequence[int]) -> list[int]:
    """Up to which record each quarantine found decisions to differ.

    A reason that names none is about all up to the rebuild that it led to; where these cannot be
    told apart, it is about the journal's end, which excuses the least.
    """
    found = []
    for index, reason in enumerate(reasons):
        number = reason.rpartition(" ")[2]
        before = rebuilt[index] - 1 if len(rebuilt) == len(reasons) else 10**18
        found.append(int(number) if number.isdigit() else before)
    return found


def _has_lost_market(seen: Reading, seq: int) -> bool:
    """Whether market data is missing that decisions up to a record were made from.

    Outputs of an event that is lost itself stand behind the event before it, and count as its.
    """
    since = max((rebuilt for rebuilt in seen.rebuilt if rebuilt <= seq), default=0)
    later = bisect_right(seen.events, seq)
    until = seen.events[later] if later < len(seen.events) else seq + 1
    return any(since < gap < until for gap in seen.gaps)


def _legal_edges(_: Evidence, seen: Reading) -> list[str]:
    return seen.statuses.illegal + seen.returned


def _reasons(evidence: Evidence, seen: Reading) -> list[str]:
    venue = [f"{name} was rejected without a reason" for name in evidence.venue.nameless]
    return seen.nameless + venue


def _elsewhere(_: Evidence, __: Reading) -> list[str]:
    return []


def _told(positions: dict[str, Decimal]) -> str:
    return (
        ", ".join(f"{symbol} {quantity}" for symbol, quantity in sorted(positions.items())) or "-"
    )


_Check = Callable[[Evidence, Reading], Sequence[str]]
_CHECKS: tuple[tuple[str, str, _Check], ...] = (
    ("I1", "every order at the venue was durable before it arrived", _journaled_first),
    ("I2", "no wish became two orders", _once),
    ("I3", "the same executions at the venue and in the books", _same_executions),
    ("I4", LIMITS_MEANING, _within_limits),
    ("I5", "positions, cost, fees, cash and open orders equal the venue's", _same_books),
    ("I6", "no entry left after a halt or while the books were unproved", _halts_hold),
    ("I7", "no order left unsettled, no operator's command lost", _all_settled),
    ("I8", "no error unhandled", _nothing_unhandled),
    ("I9", "the hash chain of the journal verifies", _chain_holds),
    ("I10", "the journal alone rebuilds the books and the decisions", _replays),
    ("I11", "every step of an order is an edge of the order table", _legal_edges),
    ("I12", "memory, queues and files stay bounded (not judged here: the soak)", _elsewhere),
    ("I13", "backtest and live see the same (not judged here: same-path tests)", _elsewhere),
    ("I14", "no secret in a file (not judged here: this broker takes none)", _elsewhere),
    ("I15", "every denial, rejection and halt says why", _reasons),
)
