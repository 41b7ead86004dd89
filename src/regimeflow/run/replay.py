"""Replay: run a journal's decisions again and compare, event by event.

The engine is built from the journal's manifest with today's code and strategies; the events
come from the journal. Equal fingerprints promise equal decisions; where a fingerprint differs,
the replay still runs, and a divergence is then a difference of code rather than a defect.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from regimeflow.core.ledger_state import ledger_digest
from regimeflow.errors import ConfigError
from regimeflow.journal.reader import read_records
from regimeflow.journal.records import EpochOpened, Fingerprint
from regimeflow.journal.verification import verify_chain
from regimeflow.run.folds import DecisionFold, Divergence
from regimeflow.run.linked_fold import LinkedFold
from regimeflow.run.manifest import MANIFEST_NAME, plan_of, read_manifest

PROGRESS_EVERY_RECORDS = 20_000


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a replay. `digest` names the books at the end; `problems` are for people."""

    ok: bool
    epochs: int
    events: int
    outputs: int
    digest: str
    divergence: Divergence | None
    lost_market_before_seq: int | None
    problems: tuple[str, ...]


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

    `progress` is called with the records read. Raises ConfigError when `path` holds no journal,
    JournalError when it cannot be read or is damaged.
    """
    directory = find_journal(path)
    plan = plan_of(read_manifest(directory))
    chain = verify_chain(directory)
    problems = [] if chain.is_intact else [f"the hash chain is broken: {chain.problem}"]
    current = plan.fingerprint()
    linked = LinkedFold(plan) if plan.link is not None else None
    fold = DecisionFold(plan.new_engine())
    epochs = 0
    differing: set[str] = set()
    for count, record in enumerate(read_records(directory)):
        if type(record.body) is EpochOpened:
            epochs += 1
            differing.update(_differences(record.body.fingerprint, current))
        if linked is not None:
            # An accepted change or a quarantine begins anew; what was before is history.
            linked.take(record)
            fold = linked.decisions
        else:
            fold.take(record)
            if fold.divergence is not None:
                break
        if progress is not None and not count % PROGRESS_EVERY_RECORDS:
            progress(count)
    parity = fold.finish(is_last_cut=True)
    if differing:
        problems.append(
            f"made by another {', '.join(sorted(differing))}: equal decisions are not promised"
        )
    if parity.lost_market_before_seq is not None:
        problems.append(
            f"market data is missing before record {parity.lost_market_before_seq}: parity "
            "cannot be verified from there on"
        )
    return ReplayReport(
        ok=parity.divergence is None and chain.is_intact and parity.lost_market_before_seq is None,
        epochs=epochs,
        events=parity.events,
        outputs=parity.outputs,
        digest=ledger_digest(fold.engine.ledger),
        divergence=parity.divergence,
        lost_market_before_seq=parity.lost_market_before_seq,
        problems=tuple(problems),
    )


def _differences(then: Fingerprint, now: Fingerprint) -> list[str]:
    """Which parts of the fingerprint differ; the baseline decides nothing and is left out."""
    return [
        name
        for name in Fingerprint.__struct_fields__
        if name != "baseline" and getattr(then, name) != getattr(now, name)
    ]
