"""Boot behind a link: the ledger fold is the truth, the decision fold restores the strategies.

Books never depend on user code: they are folded from events, commands and notices alone. The
strategies are brought back by running their decisions again, from the newest saved state of the
engine on; where that repeats what the journal holds, the engine goes on as if it had never
stopped. Where it does not (other code, lost market data), the books stand, strategies take the
state saved at the last session roll, and they are halted until an operator resumes: cancels,
reconciliation and flattening go on. A new epoch is opened then, and later boots fold decisions
from there.

A saved state only saves time: without one the same boot begins at the journal's beginning, unless
the market data of that time was pruned. Then there is nothing to repeat decisions from, and they
are halted as above.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from regimeflow.core.ledger_state import ledger_digest, ledger_state
from regimeflow.journal.reader import read_records
from regimeflow.journal.recovery import Recovered, recover
from regimeflow.live.boot import Booted
from regimeflow.run.linked_fold import (
    PRUNED,
    REBUILD_PREFIX,
    LinkedFold,
    Restart,
    begin_fold,
)
from regimeflow.run.plan import RunPlan
from regimeflow.run.pump import Observer
from regimeflow.run.starting_point import possible_starts


def boot_linked(
    plan: RunPlan,
    journal_dir: Path,
    observers: Sequence[Observer],
    *,
    change: Restart | None = None,
) -> Booted:
    """Recover and fold the journal of a run with a broker behind a link.

    `change` accepts that strategies or configuration differ from the journal's, and says how
    they go on. Raises JournalCorrupt for damage before the end of facts: trading on it is
    refused.
    """
    recovered = recover(journal_dir)
    if recovered.next_seq == 1:
        return Booted(plan.new_engine(), None, recovered, False, 0, ())
    found = possible_starts(journal_dir, recovered.marks)
    fold, unmade = begin_fold(plan, found.starts[::-1], recovered.marks, decides=change is None)
    for record in read_records(journal_dir, market_from_seq=fold.start.seq + 1):
        fold.take(record)
        for observer in observers:
            observer(record)
    booted = _continued(fold, recovered, change, found.pruned_before)
    # Nothing is pruned behind states from which no engine could be made.
    states = () if unmade else found.states
    return booted._replace(from_seq=fold.start.seq, states=states, told=(*found.problems, *unmade))


def _continued(
    fold: LinkedFold, recovered: Recovered, change: Restart | None, pruned_before: int
) -> Booted:
    if change is not None:
        halt = "exits only, as accepted" if change is Restart.EXITS_ONLY else ""
        return _rebuilt(fold, recovered, change, halt)
    decisions = fold.decisions
    if decisions is None or decisions.from_seq < pruned_before:
        return _rebuilt(fold, recovered, Restart.QUARANTINE, fold.problem or PRUNED)
    unwritten = decisions.unwritten()
    parity = decisions.finish(is_last_cut=True)
    engine, problem = decisions.engine, ""
    if parity.divergence is not None:
        problem = f"decisions differ from the journal after record {parity.divergence.seq}"
    elif not unwritten and ledger_digest(fold.ledger) != ledger_digest(engine.ledger):
        problem = "the strategies' run leads to other books than the journal"
    if problem:
        return _rebuilt(fold, recovered, Restart.QUARANTINE, problem)
    return Booted(engine, None, recovered, True, fold.last_event_seq, unwritten)


def _rebuilt(fold: LinkedFold, recovered: Recovered, how: Restart, halt: str) -> Booted:
    engine = fold.rebuild(how, ledger_state(fold.ledger))
    reason = f"{REBUILD_PREFIX}{how.value}"
    return Booted(engine, None, recovered, True, fold.last_event_seq, (), halt, reason)
