"""Replay: run a journal's decisions again and compare, event by event.

The engine is built from the journal's manifest with today's code and strategies; the events
come from the journal. Equal fingerprints promise equal decisions; where a fingerprint differs,
the replay still runs, and a divergence is then a difference of code rather than a defect.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from regimeflow.core.ledger import Ledger
from regimeflow.core.ledger_state import ledger_digest
from regimeflow.errors import ConfigError
from regimeflow.journal.epochs import epoch_marks
from regimeflow.journal.reader import last_missing_seq, read_records
from regimeflow.journal.records import EpochOpened, Fingerprint, Record
from regimeflow.journal.verification import verify_chain
from regimeflow.run.folds import DecisionFold, Divergence, Parity
from regimeflow.run.linked_fold import PRUNED, begin_fold
from regimeflow.run.manifest import MANIFEST_NAME, plan_of, read_manifest
from regimeflow.run.plan import RunPlan
from regimeflow.run.starting_point import possible_starts

PROGRESS_EVERY_RECORDS = 20_000


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a replay. `digest` names the books at the end; `problems` are for people.

    Decisions were compared from record `verified_from_seq` on; what was before is proved by the
    hash chain alone. `events` and `outputs` count what was compared.
    """

    ok: bool
    epochs: int
    events: int
    outputs: int
    digest: str
    divergence: Divergence | None
    lost_market_before_seq: int | None
    problems: tuple[str, ...]
    verified_from_seq: int = 1


def find_journal(path: Path) -> Path:
    """The journal directory that `path` is or holds.

    Raises ConfigError when there is none.
    """
    for candidate in (path, path / "journal"):
        if (candidate / MANIFEST_NAME).is_file():
            return candidate
    raise ConfigError(
        f"{path}: no journal here (expected {MANIFEST_NAME} beside the segments); name a journal "
        "directory or a log_dir"
    )


def verify_journal(path: Path, progress: Callable[[int], None] | None = None) -> ReplayReport:
    """Replay a journal to its end or to the first divergence. It changes nothing on disk.

    Behind a link decisions are compared from the last rebuild on; where market data was pruned or
    lost, from the oldest saved state of the engine that has it all behind it. `progress` is called
    with the records read. Raises ConfigError when `path` holds no journal, JournalError when it
    cannot be read or is damaged.
    """
    directory = find_journal(path)
    plan = plan_of(read_manifest(directory))
    chain = verify_chain(directory)
    problems = [] if chain.is_intact else [f"the hash chain is broken: {chain.problem}"]
    current = plan.fingerprint()
    fold = _Linked(plan, directory) if plan.link is not None else _InProcess(plan)
    epochs = 0
    differing: set[str] = set()
    for count, record in enumerate(read_records(directory, market_from_seq=fold.from_seq)):
        if type(record.body) is EpochOpened:
            epochs += 1
            differing.update(_differences(record.body.fingerprint, current))
        if not fold.take(record):
            break
        if progress is not None and not count % PROGRESS_EVERY_RECORDS:
            progress(count)
    if differing:
        problems.append(
            f"made by another {', '.join(sorted(differing))}: equal decisions are not promised"
        )
    decisions = fold.decisions
    if decisions is None:
        return _unverifiable(epochs, fold.ledger, (*problems, fold.problem))
    parity = decisions.finish(is_last_cut=True)
    problems += _limits(decisions.from_seq, parity)
    return ReplayReport(
        ok=parity.divergence is None and chain.is_intact and parity.lost_market_before_seq is None,
        epochs=epochs,
        events=parity.events,
        outputs=parity.outputs,
        digest=ledger_digest(fold.ledger),
        divergence=parity.divergence,
        lost_market_before_seq=parity.lost_market_before_seq,
        problems=tuple(problems),
        verified_from_seq=decisions.from_seq,
    )


class _InProcess:
    """The decisions of a playback, from the first on, up to the first that differs."""

    from_seq = 0
    problem = ""

    def __init__(self, plan: RunPlan) -> None:
        self.decisions: DecisionFold | None = DecisionFold(plan.new_engine())

    @property
    def ledger(self) -> Ledger:
        """The books of the engine that decided again."""
        assert self.decisions is not None
        return self.decisions.engine.ledger

    def take(self, record: Record) -> bool:
        """Take a record; False where nothing more is to be compared."""
        assert self.decisions is not None
        self.decisions.take(record)
        return self.decisions.divergence is None


class _Linked:
    """The decisions of a run behind a link, from as early as they can be repeated."""

    def __init__(self, plan: RunPlan, directory: Path) -> None:
        marks = epoch_marks(directory)
        found = possible_starts(directory, marks)
        missing_seq = last_missing_seq(directory)
        whole = [start for start in found.starts if start.seq >= missing_seq]
        self._fold, _ = begin_fold(plan, whole or found.starts[-1:], marks)
        self._pruned_before = found.pruned_before
        self.from_seq = self._fold.start.seq + 1

    @property
    def decisions(self) -> DecisionFold | None:
        """What was compared; None where market data for it is missing."""
        decisions = self._fold.decisions
        return decisions if decisions and decisions.from_seq >= self._pruned_before else None

    @property
    def problem(self) -> str:
        """Why nothing could be compared."""
        return self._fold.problem or PRUNED

    @property
    def ledger(self) -> Ledger:
        """The books of the engine that decided again, or of the journal alone."""
        decisions = self.decisions
        return decisions.engine.ledger if decisions else self._fold.ledger

    def take(self, record: Record) -> bool:
        """Take a record; books go on behind a decision that differs."""
        self._fold.take(record)
        return True


def _unverifiable(epochs: int, ledger: Ledger, problems: tuple[str, ...]) -> ReplayReport:
    return ReplayReport(
        ok=False,
        epochs=epochs,
        events=0,
        outputs=0,
        digest=ledger_digest(ledger),
        divergence=None,
        lost_market_before_seq=None,
        problems=problems,
        verified_from_seq=0,
    )


def _limits(from_seq: int, parity: Parity) -> list[str]:
    """What the result does not cover, for people."""
    found = []
    if from_seq > 1:
        found.append(
            f"decisions are compared from record {from_seq} on; what was before it is proved by "
            "the hash chain alone"
        )
    if parity.lost_market_before_seq is not None:
        found.append(
            f"market data is missing before record {parity.lost_market_before_seq}: parity "
            "cannot be verified from there on"
        )
    return found


def _differences(then: Fingerprint, now: Fingerprint) -> list[str]:
    """Which parts of the fingerprint differ; the baseline decides nothing and is left out."""
    return [
        name
        for name in Fingerprint.__struct_fields__
        if name != "baseline" and getattr(then, name) != getattr(now, name)
    ]
