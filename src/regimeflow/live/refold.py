"""Write a run's files again from its journal, when one of them was lost or is not believed.

The journal is the truth; audit log, drift and performance files and the status document are
folds over it and hold nothing else, so a refold writes the bytes that the run wrote.
"""

from __future__ import annotations

from pathlib import Path

from regimeflow.errors import ConfigError, StartRefused
from regimeflow.journal.epochs import epoch_marks
from regimeflow.journal.reader import read_records
from regimeflow.live.lock import EngineLock
from regimeflow.live.observers import LiveObservers, load_baseline
from regimeflow.run.manifest import plan_of, read_manifest
from regimeflow.run.replay import find_journal
from regimeflow.run.starting_point import possible_starts


def refold(log_dir: Path) -> tuple[Path, ...]:
    """Replace the files beside the journal in `log_dir`; returns those written.

    An archived session is refolded in its own directory. Raises ConfigError when there is no
    journal or the baseline it was held to is gone, JournalError when the journal cannot be read
    or a file cannot be written, StartRefused while an engine runs there.
    """
    journal = find_journal(log_dir)
    if journal == log_dir:
        raise ConfigError(
            f"{log_dir} is a journal; name the log_dir that holds it, where the files belong"
        )
    with EngineLock(log_dir):
        plan = plan_of(read_manifest(journal))
        if plan.config.live is None:
            raise StartRefused(f"{log_dir}: a backtest wrote this journal; it has no such files")
        baseline = load_baseline(plan.config, plan)
        is_archived = plan.config.live.log_dir.resolve() != log_dir.resolve()
        metrics = log_dir if is_archived else plan.config.metrics_directory or log_dir
        for path in LiveObservers.paths(plan.config, log_dir, metrics):
            path.unlink(missing_ok=True)
        observers = LiveObservers(plan, log_dir, baseline, metrics_directory=metrics)
        for start in possible_starts(journal, epoch_marks(journal)).starts[:1]:
            if start.state is not None:
                observers.note_data(start.state.market)
        for record in read_records(journal):
            observers.on_record(record)
        observers.flush()
        written = LiveObservers.paths(plan.config, log_dir, metrics)
        return tuple(path for path in written if path.exists())
